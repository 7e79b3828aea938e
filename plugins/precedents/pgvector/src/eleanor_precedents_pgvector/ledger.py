"""Writing: versions are added, never changed or deleted. All of this runs in a worker thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, TypeAlias

from eleanor_core.api import (
    Embedding,
    PrecedentCase,
    PrecedentImport,
    precedent_line,
    precedent_objection,
    precedent_of,
)
from eleanor_precedents_pgvector.faults import RefusedError
from eleanor_precedents_pgvector.search import vector_text
from eleanor_precedents_pgvector.server import Connection, one_state, writing

Numbered: TypeAlias = tuple[int, PrecedentCase]
"""A version, and the number of its line; 0 if it came in none."""

_AT_A_TIME: Final = 1000
_WORDED: Final = 200_000
"""Characters of a text whose words are sought: PostgreSQL holds no more than 1 MB of them."""

_ADD: Final = """INSERT INTO versions (id, version, content, outcome, domain, clauses, words)
    VALUES (%s, %s, %s, %s, %s, %s, to_tsvector('english', %s))"""
_OUTDATE: Final = """DELETE FROM vectors USING heads
    WHERE vectors.row = heads.row AND heads.id = ANY(%s)"""
_LEAD: Final = """INSERT INTO heads (id, row, in_force) SELECT id, row, in_force FROM versions
    JOIN unnest(%s::text[], %s::bigint[], %s::boolean[]) AS newest (id, version, in_force)
    USING (id, version)
    ON CONFLICT (id) DO UPDATE SET row = excluded.row, in_force = excluded.in_force
    RETURNING id, row"""
_PUT: Final = """INSERT INTO vectors (encoder, row, data)
    SELECT %s, row, %s::vector FROM heads WHERE row = %s AND in_force
    ON CONFLICT (encoder, row) DO UPDATE SET data = excluded.data"""
_VERSIONS: Final = """SELECT content FROM versions
    JOIN unnest(%s::text[], %s::bigint[]) AS asked (id, version) USING (id, version)"""
_NEWEST: Final = "SELECT content FROM heads JOIN versions USING (row) WHERE heads.id = ANY(%s)"
_THERE: Final = "SELECT id FROM heads WHERE id = ANY(%s)"


def unknown(connection: Connection, cases: Sequence[Numbered]) -> list[PrecedentCase]:
    """Return the versions that are new. Raises RefusedError as `add` does."""
    with one_state(connection):
        admission = _Admission(connection)
        new = admission.admit(cases)
        admission.check_successors()
        return new


def add(
    connection: Connection,
    cases: Sequence[Numbered],
    encoder: int,
    vectors: Mapping[str, Embedding],
) -> int:
    """Add all versions that are not there yet, or none, and return how many they were.

    `vectors`: of the newest versions, by id; one that is missing is computed later. Raises
    RefusedError for the first version that cannot follow what is there.
    """
    with writing(connection):
        admission = _Admission(connection)
        rows = _insert(connection, new := admission.admit(cases))
        admission.check_successors()
        held = [(rows[name], vectors[name]) for name in rows if name in vectors]
        put_locked(connection, encoder, held)
        return len(new)


def add_stream(connection: Connection, cases: Iterable[Numbered]) -> PrecedentImport:
    """Add all versions, or none, however many come; their vectors are computed later.

    Memory: `_AT_A_TIME` versions, and the names of successors that are still to come. Others can
    write once the last one has come. Raises as `add` does.
    """
    added = known = 0
    source = iter(cases)
    with writing(connection):
        admission = _Admission(connection)
        while batch := list(islice(source, _AT_A_TIME)):
            new = admission.admit(batch)
            _insert(connection, new)
            added, known = added + len(new), known + len(batch) - len(new)
        admission.check_successors()
    return PrecedentImport(added=added, known=known)


def put(connection: Connection, encoder: int, vectors: Sequence[tuple[int, Embedding]]) -> None:
    """Keep the vectors of versions, given by row, of those that are still the newest."""
    with writing(connection):
        put_locked(connection, encoder, vectors)


def put_locked(
    connection: Connection, encoder: int, vectors: Sequence[tuple[int, Embedding]]
) -> None:
    """As `put`, in a transaction that has begun."""
    with connection.cursor() as cursor:
        cursor.executemany(_PUT, [(encoder, vector_text(vector), row) for row, vector in vectors])


def _insert(connection: Connection, cases: Sequence[PrecedentCase]) -> dict[str, int]:
    """Add versions, and return the row of each case's newest."""
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, map(_values, cases))
    newest = {case.id: case for case in cases}
    leading = [(case.id, case.version, case.in_force) for case in newest.values()]
    connection.execute(_OUTDATE, ([*newest],))
    columns = [list(column) for column in zip(*leading, strict=True)] or [[], [], []]
    return dict(connection.execute(_LEAD, columns).fetchall())


def _values(case: PrecedentCase) -> tuple[object, ...]:
    words = case.text[:_WORDED].replace("\0", " ")
    said = (precedent_line(case), case.outcome, case.domain, list(case.clauses), words)
    return (case.id, case.version, *said)


class _Admission:
    """Decides over versions in order, each one beside what is there and those before it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: dict[tuple[str, int], PrecedentCase] = {}
        self._newest: dict[str, PrecedentCase] = {}
        self._successors: dict[str, int] = {}

    def admit(self, cases: Sequence[Numbered]) -> list[PrecedentCase]:
        """Return the versions that are new. Those that were admitted before stand in the tables."""
        for number, case in cases:
            for name in ("id", "domain", "overruled_by"):
                if "\0" in getattr(case, name):
                    raise RefusedError(number, f"{name} holds a NUL, which PostgreSQL cannot keep")
        ids, versions = [case.id for _, case in cases], [case.version for _, case in cases]
        held = self._read(_VERSIONS, ids, versions)
        self._held = {(case.id, case.version): case for case in held}
        self._newest = {case.id: case for case in self._read(_NEWEST, ids)}
        return [case for number, case in cases if self._is_new(number, case)]

    def check_successors(self) -> None:
        """Raise RefusedError for the first version whose successor has not come."""
        names = [name for name in self._successors if name not in self._newest]
        there = {name for (name,) in self._connection.execute(_THERE, (names,))}
        for name in names:
            if name not in there:
                why = f"overruled_by names {name!r}, which is not there"
                raise RefusedError(self._successors[name], why)

    def _is_new(self, number: int, case: PrecedentCase) -> bool:
        key = (case.id, case.version)
        held = self._held.get(key)
        if held == case:
            return False
        why = (
            f"version {case.version} is there already, with another content"
            if held
            else precedent_objection(case, self._newest.get(case.id))
        )
        if why:
            raise RefusedError(number, f"precedent {case.id!r} is refused: {why}")
        self._held[key] = self._newest[case.id] = case
        if case.overruled_by:
            self._successors.setdefault(case.overruled_by, number)
        return True

    def _read(self, query: str, *columns: Sequence[object]) -> list[PrecedentCase]:
        found = self._connection.execute(query, [list(column) for column in columns])
        return [precedent_of(content) for (content,) in found]
