"""Finding cases by their words: BM25, as SQLite's FTS5 computes it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from eleanor_precedents_sqlite.blocks import Head

_COMMON: Final = 20_000
"""A word in more versions than these tells cases apart too little for the time that it costs."""
_WORDS: Final = 64
"""Different words of a query that are sought: its first ones."""
_WORD: Final = re.compile(r"\w+")

_CHOSEN: Final = "SELECT row FROM versions WHERE {}"
_WORDED: Final = """SELECT heads.id, heads.row FROM words JOIN heads ON heads.row = words.rowid
    JOIN versions ON versions.row = words.rowid
    WHERE words MATCH :sought AND heads.in_force AND {} ORDER BY bm25(words), heads.id LIMIT :k"""


@frozen(kw_only=True)
class Filter:
    """Which cases are meant; None: all."""

    clause: str | None = None
    domain: str | None = None
    outcome: str | None = None

    @property
    def everything(self) -> bool:
        """Whether it leaves nothing out."""
        return self.clause is self.domain is self.outcome is None

    @property
    def sql(self) -> str:
        """The condition on `versions`."""
        return " AND ".join(self._conditions()) or "TRUE"

    def _conditions(self) -> Iterator[str]:
        if self.clause is not None:
            yield "versions.row IN (SELECT row FROM turned_on WHERE clause = :clause)"
        if self.domain is not None:
            yield "json_extract(content, '$.domain') = :domain"
        if self.outcome is not None:
            yield "json_extract(content, '$.outcome') = :outcome"

    @property
    def parameters(self) -> dict[str, str | None]:
        """What stands for the names in `sql`."""
        return {"clause": self.clause, "domain": self.domain, "outcome": self.outcome}


def rows_with(connection: sqlite3.Connection, chosen: Filter) -> set[int]:
    """Return the versions that `chosen` means, those that were replaced or retired too."""
    query = _CHOSEN.format(chosen.sql)
    return {row for (row,) in connection.execute(query, chosen.parameters)}


def heads_worded(connection: sqlite3.Connection, text: str, chosen: Filter, k: int) -> list[Head]:
    """Return at most `k` cases that share a word with `text`, best first, ties by id."""
    sought = _sought(connection, text)
    if not sought:
        return []
    query = _WORDED.format(chosen.sql)
    parameters = {**chosen.parameters, "sought": " OR ".join(sought), "k": k}
    return list(map(Head._make, connection.execute(query, parameters)))


def _sought(connection: sqlite3.Connection, text: str) -> list[str]:
    """Return the words of `text` that are sought, quoted, without those that are everywhere."""
    # A NUL ends a query.
    words = dict.fromkeys(f'"{word}"' for word in _WORD.findall(text.replace("\0", " ").lower()))
    counts = {word: _count(connection, word) for word in list(words)[:_WORDS]}
    telling = [word for word, count in counts.items() if 0 < count <= _COMMON]
    return telling or sorted((word for word in counts if counts[word]), key=counts.__getitem__)[:1]


def _count(connection: sqlite3.Connection, word: str) -> int:
    query = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
    return int(connection.execute(query, (word, _COMMON + 1)).fetchone()[0])
