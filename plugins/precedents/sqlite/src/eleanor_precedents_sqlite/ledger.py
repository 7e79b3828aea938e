"""Writing: versions are added, never changed or deleted. All of this runs in a worker thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from eleanor_core.api import Embedding, PrecedentCase
from eleanor_precedents_sqlite.faults import RefusedError, damaged
from eleanor_precedents_sqlite.lines import case_of, line_of
from eleanor_precedents_sqlite.rules import objection
from eleanor_precedents_sqlite.session import Session

_ADD: Final = "INSERT INTO versions (id, version, content) VALUES (?, ?, ?)"
_LEAD: Final = """INSERT INTO heads (id, row, in_force) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET row = excluded.row, in_force = excluded.in_force"""
_VERSION: Final = "SELECT content FROM versions WHERE id = ? AND version = ?"
_NEWEST: Final = "SELECT content FROM versions JOIN heads USING (row) WHERE heads.id = ?"


class Ledger:
    """Adds versions and vectors to the file."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def unknown(self, cases: Sequence[PrecedentCase]) -> list[int]:
        """Return the places of the versions that are new. Raises RefusedError as `add` does."""
        with self._session.reading() as connection:
            return _Admission(self._session, connection).admit(cases)

    def add(self, cases: Sequence[PrecedentCase], vectors: Mapping[str, Embedding]) -> int:
        """Add all versions that are not there yet, or none, and return how many they were.

        `vectors`: of the newest versions, by id; one that is missing is computed later. Raises
        RefusedError for the first version that cannot follow what is there.
        """
        with self._session.writing() as connection:
            new = _Admission(self._session, connection).admit(cases)
            rows: dict[str, int] = {}
            for case in (cases[place] for place in new):
                added = connection.execute(_ADD, (case.id, case.version, line_of(case)))
                rows[case.id] = int(added.lastrowid or 0)
                connection.execute(_LEAD, (case.id, rows[case.id], case.in_force))
            # Only the newest version is searched, so only its row needs the vector.
            _put(connection, [(rows[name], vectors[name]) for name in rows if name in vectors])
            return len(new)

    def put(self, vectors: Sequence[tuple[int, Embedding]]) -> None:
        """Keep the vectors of versions, given by row."""
        with self._session.writing() as connection:
            _put(connection, vectors)


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

    def admit(self, cases: Sequence[PrecedentCase]) -> list[int]:
        new = [place for place, case in enumerate(cases) if self._is_new(place, case)]
        for place in new:
            self._check_successor(place, cases[place].overruled_by)
        return new

    def _is_new(self, place: int, case: PrecedentCase) -> bool:
        key = (case.id, case.version)
        held = self._taken.get(key) or self._stored(_VERSION, *key)
        if held == case:
            return False
        why = (
            f"version {case.version} is there already, with another content"
            if held
            else objection(case, self._newest_of(case.id))
        )
        if why:
            raise RefusedError(place, f"precedent {case.id!r} is refused: {why}")
        self._taken[key] = self._newest[case.id] = case
        return True

    def _check_successor(self, place: int, successor: str) -> None:
        if successor and self._newest_of(successor) is None:
            raise RefusedError(place, f"overruled_by names {successor!r}, which is not there")

    def _newest_of(self, case_id: str) -> PrecedentCase | None:
        return self._newest.get(case_id) or self._stored(_NEWEST, case_id)

    def _stored(self, query: str, *parameters: str | int) -> PrecedentCase | None:
        found = self._connection.execute(query, parameters).fetchone()
        if found is None:
            return None
        try:
            return case_of(found[0])
        except (TypeError, ValueError) as error:
            raise damaged(self._path, f"a version of {parameters[0]!r}: {error}") from error
