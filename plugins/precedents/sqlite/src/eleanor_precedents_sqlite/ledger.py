"""Writing: versions are added, never changed or deleted. All of this runs in a worker thread."""

from __future__ import annotations

import sqlite3
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
from eleanor_precedents_sqlite.faults import RefusedError, damaged
from eleanor_precedents_sqlite.session import Session

Numbered: TypeAlias = tuple[int, PrecedentCase]
"""A version, and the number of its line; 0 if it came in none."""

_AT_A_TIME: Final = 1000
_ADD: Final = "INSERT INTO versions (id, version, content) VALUES (?, ?, ?)"
_LEAD: Final = """INSERT INTO heads (id, row, in_force) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET row = excluded.row, in_force = excluded.in_force"""
_VERSION: Final = "SELECT content FROM versions WHERE id = ? AND version = ?"
_NEWEST: Final = "SELECT content FROM versions JOIN heads USING (row) WHERE heads.id = ?"


class Ledger:
    """Adds versions and vectors to the file."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def unknown(self, cases: Sequence[Numbered]) -> list[PrecedentCase]:
        """Return the versions that are new. Raises RefusedError as `add` does."""
        with self._session.reading() as connection:
            admission = _Admission(self._session, connection)
            new = admission.admit(cases)
            admission.check_successors()
            return new

    def add(self, cases: Sequence[Numbered], vectors: Mapping[str, Embedding]) -> int:
        """Add all versions that are not there yet, or none, and return how many they were.

        `vectors`: of the newest versions, by id; one that is missing is computed later. Raises
        RefusedError for the first version that cannot follow what is there.
        """
        with self._session.writing() as connection:
            admission = _Admission(self._session, connection)
            rows = _insert(connection, new := admission.admit(cases))
            admission.check_successors()
            # Only the newest version is searched, so only its row needs the vector.
            _put(connection, [(rows[name], vectors[name]) for name in rows if name in vectors])
            return len(new)

    def add_stream(self, cases: Iterable[Numbered]) -> PrecedentImport:
        """Add all versions, or none, however many come; their vectors are computed later.

        Memory: `_AT_A_TIME` versions, and the names of successors that are still to come. Others
        can write once the last one has come. Raises as `add` does.
        """
        added = known = 0
        source = iter(cases)
        with self._session.writing() as connection:
            admission = _Admission(self._session, connection)
            while batch := list(islice(source, _AT_A_TIME)):
                new = admission.admit(batch)
                _insert(connection, new)
                admission.settled()
                added, known = added + len(new), known + len(batch) - len(new)
            admission.check_successors()
        return PrecedentImport(added=added, known=known)

    def put(self, vectors: Sequence[tuple[int, Embedding]]) -> None:
        """Keep the vectors of versions, given by row."""
        with self._session.writing() as connection:
            _put(connection, vectors)


def _insert(connection: sqlite3.Connection, cases: Iterable[PrecedentCase]) -> dict[str, int]:
    """Add versions, and return the row of each case's newest."""
    rows: dict[str, int] = {}
    for case in cases:
        added = connection.execute(_ADD, (case.id, case.version, precedent_line(case)))
        rows[case.id] = int(added.lastrowid or 0)
        connection.execute(_LEAD, (case.id, rows[case.id], case.in_force))
    return rows


def _put(connection: sqlite3.Connection, vectors: Sequence[tuple[int, Embedding]]) -> None:
    for encoder_id in {vector.encoder_id for _, vector in vectors}:
        connection.execute("INSERT OR IGNORE INTO encoders (encoder_id) VALUES (?)", (encoder_id,))
    connection.executemany(
        "INSERT OR REPLACE INTO vectors (encoder, row, data)"
        " SELECT number, ?, ? FROM encoders WHERE encoder_id = ?",
        ((row, vector.data, vector.encoder_id) for row, vector in vectors),
    )


class _Admission:
    """Decides over versions in order, each one beside what the file and those before it hold."""

    def __init__(self, session: Session, connection: sqlite3.Connection) -> None:
        self._path = session.path
        self._connection = connection
        self._taken: dict[tuple[str, int], PrecedentCase] = {}
        self._newest: dict[str, PrecedentCase] = {}
        self._successors: dict[str, int] = {}

    def admit(self, cases: Sequence[Numbered]) -> list[PrecedentCase]:
        """Return the versions that are new."""
        return [case for number, case in cases if self._is_new(number, case)]

    def settled(self) -> None:
        """Take note that what was admitted stands in the file by now."""
        self._taken.clear()
        self._newest.clear()

    def check_successors(self) -> None:
        """Raise RefusedError for the first version whose successor has not come."""
        for successor, number in self._successors.items():
            if self._newest_of(successor) is None:
                why = f"overruled_by names {successor!r}, which is not there"
                raise RefusedError(number, why)

    def _is_new(self, number: int, case: PrecedentCase) -> bool:
        key = (case.id, case.version)
        held = self._taken.get(key) or self._stored(_VERSION, *key)
        if held == case:
            return False
        why = (
            f"version {case.version} is there already, with another content"
            if held
            else precedent_objection(case, self._newest_of(case.id))
        )
        if why:
            raise RefusedError(number, f"precedent {case.id!r} is refused: {why}")
        self._taken[key] = self._newest[case.id] = case
        if case.overruled_by:
            self._successors.setdefault(case.overruled_by, number)
        return True

    def _newest_of(self, case_id: str) -> PrecedentCase | None:
        return self._newest.get(case_id) or self._stored(_NEWEST, case_id)

    def _stored(self, query: str, *parameters: str | int) -> PrecedentCase | None:
        found = self._connection.execute(query, parameters).fetchone()
        if found is None:
            return None
        try:
            return precedent_of(found[0])
        except (TypeError, ValueError) as error:
            raise damaged(self._path, f"a version of {parameters[0]!r}: {error}") from error
