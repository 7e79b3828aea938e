"""Reading: the nearest cases, and the versions themselves. All of this runs in a worker thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from attrs import evolve

from eleanor_core.api import Backend, Embedder, Embedding, PrecedentCase, PrecedentMatch
from eleanor_precedents_sqlite.blocks import Block, Head, Near, Snapshot
from eleanor_precedents_sqlite.faults import damaged
from eleanor_precedents_sqlite.lines import case_of
from eleanor_precedents_sqlite.session import Session, changes

LATE: Final = 1000
"""From so many changes on, everything is loaded anew."""
_KEPT: Final = 1000
"""Cases that are kept ready: those that were found last."""
PAGE: Final = 500
"""Versions that are read at once, so that no reading holds up the others for long."""


class Search:
    """Finds cases in the file as it stands now, whoever wrote to it."""

    def __init__(self, session: Session, *, backend: Backend, embedder: Embedder) -> None:
        self._session = session
        self._backend = backend
        self._encoder_id = embedder.encoder_id
        self._dim = embedder.dim
        self._loading = threading.Lock()
        # A version never changes, so what was made of its line can be used again.
        self._case = lru_cache(_KEPT)(self._made)
        self._nothing = Block((), backend.load(()))
        self._snapshot = Snapshot(changes=-1, main=self._nothing, late=self._nothing)

    @property
    def snapshot(self) -> Snapshot:
        """The state of the file when it was last looked at."""
        return self._snapshot

    def refresh(self) -> Snapshot:
        """Return the state of the file now; loaded again only if anybody has changed it."""
        with self._loading:
            if self._session.changes() != self._snapshot.changes:
                with self._session.reading() as connection:
                    self._snapshot = self._load(connection)
            return self._snapshot

    def nearest(self, query: Embedding, k: int) -> list[PrecedentMatch] | None:
        """Return the at most `k` nearest cases in force; None while vectors are missing.

        Raises ValueError if `query` is of another encoder than the cases.
        """
        snapshot = self.refresh()
        if snapshot.missing:
            return None
        found = snapshot.nearest(query, k)
        cases = self.read([near.head.row for near in found])
        return [
            PrecedentMatch(case=case, similarity=near.similarity)
            for case, near in zip(cases, found, strict=True)
        ]

    def neighbours(self, heads: Sequence[Head], k: int) -> list[list[Near]]:
        """Return for each head its at most `k` nearest, itself most likely among them."""
        with self._session.reading() as connection:
            vectors = [self._vectors(connection, head.row - 1, head.row) for head in heads]
        return [
            self._snapshot.nearest(self._embedding(vector[head.row]), k)
            for head, vector in zip(heads, vectors, strict=True)
        ]

    def read(self, rows: Sequence[int]) -> list[PrecedentCase]:
        """Return the versions in these rows, in order."""
        with self._session.reading() as connection:
            found = [
                connection.execute("SELECT content FROM versions WHERE row = ?", (row,)).fetchone()
                for row in rows
            ]
        return [self._case(content) for (content,) in found]

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

    def last_row(self) -> int:
        """Return the row that was written last, 0 if there is none."""
        with self._session.reading() as connection:
            return _last_row(connection)

    def page(self, after: tuple[str, int], until: int) -> list[tuple[str, int, str]]:
        """Return id, version and line of the next versions, of those up to the row `until`."""
        query = (
            "SELECT id, version, content FROM versions"
            " WHERE (id, version) > (?, ?) AND row <= ? ORDER BY id, version LIMIT ?"
        )
        with self._session.reading() as connection:
            return connection.execute(query, (*after, until, PAGE)).fetchall()

    def _load(self, connection: sqlite3.Connection) -> Snapshot:
        """Return what stands in the file, built on the last snapshot where little has changed."""
        counter = changes(connection)
        base = self._snapshot
        if base.newest_row:
            query = "SELECT id, row, in_force FROM heads WHERE row > ? ORDER BY id"
            changed = connection.execute(query, (base.newest_row,)).fetchall()
            if len(changed) <= LATE:
                heads = [Head(name, row) for name, row, in_force in changed if in_force]
                late, missing = self._block(connection, heads, base.newest_row)
                names = {name for name, *_ in changed}
                gone = frozenset(head.row for head in base.main.heads if head.id in names)
                return evolve(base, changes=counter, late=late, gone=gone, missing=missing)
        query = "SELECT id, row FROM heads WHERE in_force ORDER BY id"
        main, missing = self._block(connection, list(map(Head._make, connection.execute(query))), 0)
        return Snapshot(
            changes=counter,
            main=main,
            late=self._nothing,
            missing=missing,
            # A block that lacks vectors is none to build on.
            newest_row=0 if missing else _last_row(connection),
        )

    def _block(
        self, connection: sqlite3.Connection, heads: list[Head], after: int
    ) -> tuple[Block, tuple[int, ...]]:
        """Return the block of `heads`, all in rows beyond `after`, and rows that lack a vector."""
        vectors = self._vectors(connection, after, _last_row(connection))
        missing = tuple(head.row for head in heads if head.row not in vectors)
        if missing:
            return Block(heads, self._nothing.vectors), missing
        rows = [self._embedding(vectors[head.row]) for head in heads]
        return Block(heads, self._backend.load(rows)), ()

    def _vectors(self, connection: sqlite3.Connection, after: int, until: int) -> dict[int, bytes]:
        """Return the vectors of this encoder by row; one of a wrong length does not count."""
        return dict(
            connection.execute(
                "SELECT row, data FROM vectors WHERE encoder ="
                " (SELECT number FROM encoders WHERE encoder_id = ?)"
                " AND row > ? AND row <= ? AND length(data) = ?",
                (self._encoder_id, after, until, 4 * self._dim),
            )
        )

    def _embedding(self, data: bytes) -> Embedding:
        return Embedding(encoder_id=self._encoder_id, dim=self._dim, data=data)

    def _made(self, content: str) -> PrecedentCase:
        try:
            return case_of(content)
        except (TypeError, ValueError) as error:
            raise damaged(self._session.path, f"a version cannot be read: {error}") from error


def _last_row(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(row), 0) FROM versions").fetchone()[0])
