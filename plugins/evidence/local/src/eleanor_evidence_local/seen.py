"""What a log holds of each id, told without holding all ids in memory.

Which records have one id, and which payloads are erased without a record that says so.
"""

from __future__ import annotations

import sqlite3
from typing import Final, Self

_SLICE: Final = 2000
_MOST: Final = 1000


class Seen:
    """Ids in a file of SQLite's own, which goes with it."""

    def __init__(self) -> None:
        """Begin with no ids."""
        self._waiting: list[tuple[str, int]] = []
        self._twice: list[tuple[int, str, int]] = []
        # Without a name, SQLite makes a file where the system keeps such, and deletes it.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA cache_size = -16384")
        for table in ("seen", "erased", "erasures"):
            self._connection.execute(
                f"CREATE TABLE {table} (id TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID"
            )
        self._connection.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, number: int, record_id: str) -> None:
        """Note the id of a record."""
        self._waiting.append((record_id, number))
        if len(self._waiting) >= _SLICE:
            self._store()

    def twice(self) -> list[tuple[int, str, int]]:
        """Return each record whose id another had before: its number, the id, the other's number.

        At most so many as anybody reads.
        """
        self._store()
        return self._twice

    def erased(self, number: int, record_id: str) -> None:
        """Note that a record has no payload any more."""
        self._connection.execute("INSERT OR IGNORE INTO erased VALUES (?, ?)", (record_id, number))

    def erasure(self, number: int, record_id: str) -> None:
        """Note that record `number` is the erasure of this one."""
        self._connection.execute(
            "INSERT OR IGNORE INTO erasures VALUES (?, ?)", (record_id, number)
        )

    def unsaid(self) -> list[tuple[int, str]]:
        """Return number and id of the records whose payload is erased, and no record says so.

        At most so many as anybody reads; so too below.
        """
        return self._connection.execute(
            "SELECT number, id FROM erased WHERE id NOT IN (SELECT id FROM erasures)"
            " ORDER BY number LIMIT ?",
            (_MOST,),
        ).fetchall()

    def undone(self) -> list[tuple[int, str, int]]:
        """Return number, id and number of the erasure of those that are said to be and are not."""
        self._store()
        return self._connection.execute(
            "SELECT seen.number, id, erasures.number FROM erasures JOIN seen USING (id)"
            " WHERE id NOT IN (SELECT id FROM erased) ORDER BY seen.number LIMIT ?",
            (_MOST,),
        ).fetchall()

    def _store(self) -> None:
        before = self._connection.total_changes
        self._connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", self._waiting)
        if self._connection.total_changes - before < len(self._waiting):
            found = "SELECT number FROM seen WHERE id = ?"
            for record_id, number in self._waiting:
                (earlier,) = self._connection.execute(found, (record_id,)).fetchone()
                if earlier != number and len(self._twice) < _MOST:
                    self._twice.append((number, record_id, earlier))
        self._waiting.clear()
