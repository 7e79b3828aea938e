"""Reading the versions themselves. All of this runs in a worker thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from eleanor_core.api import PrecedentCase, precedent_of
from eleanor_precedents_sqlite.blocks import Head
from eleanor_precedents_sqlite.faults import damaged
from eleanor_precedents_sqlite.session import Session, last_row

_KEPT: Final = 1000
"""Cases that are kept ready: those that were found last."""
PAGE: Final = 500
"""Versions that are read at once, so that no reading holds up the others for long."""


class Reading:
    """Reads versions from the file."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # A version never changes, so what was made of its line can be used again.
        self._case = lru_cache(_KEPT)(self._made)

    def read(self, rows: Sequence[int]) -> list[PrecedentCase]:
        """Return the versions in these rows, in order."""
        with self._session.reading() as connection:
            return self.read_on(connection, rows)

    def read_on(self, connection: sqlite3.Connection, rows: Sequence[int]) -> list[PrecedentCase]:
        """Return the versions in these rows, in order, as the transaction sees them."""
        query = "SELECT content FROM versions WHERE row = ?"
        return [self._case(connection.execute(query, (row,)).fetchone()[0]) for row in rows]

    def versions(self, case_id: str) -> list[PrecedentCase]:
        """Return every version of a case, oldest first."""
        query = "SELECT content FROM versions WHERE id = ? ORDER BY version"
        with self._session.reading() as connection:
            found = connection.execute(query, (case_id,)).fetchall()
        return [self._case(content) for (content,) in found]

    def newest_page(self, after: str) -> list[PrecedentCase]:
        """Return the newest versions of the next cases by id."""
        query = (
            "SELECT content FROM heads JOIN versions USING (row)"
            " WHERE heads.id > ? ORDER BY heads.id LIMIT ?"
        )
        with self._session.reading() as connection:
            found = connection.execute(query, (after, PAGE)).fetchall()
        return [self._case(content) for (content,) in found]

    def heads(self) -> list[Head]:
        """Return the cases in force, by id."""
        query = "SELECT id, row FROM heads WHERE in_force ORDER BY id"
        with self._session.reading() as connection:
            return list(map(Head._make, connection.execute(query)))

    def last_row(self) -> int:
        """Return the row that was written last, 0 if there is none."""
        with self._session.reading() as connection:
            return last_row(connection)

    def page(self, after: tuple[str, int], until: int) -> list[tuple[str, int, str]]:
        """Return id, version and line of the next versions, of those up to the row `until`."""
        query = (
            "SELECT id, version, content FROM versions"
            " WHERE (id, version) > (?, ?) AND row <= ? ORDER BY id, version LIMIT ?"
        )
        with self._session.reading() as connection:
            return connection.execute(query, (*after, until, PAGE)).fetchall()

    def _made(self, content: str) -> PrecedentCase:
        try:
            return precedent_of(content)
        except (TypeError, ValueError) as error:
            raise damaged(self._session.path, f"a version cannot be read: {error}") from error
