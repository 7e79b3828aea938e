"""Finding cases, by their vectors and by their words. All of this runs in a worker thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from typing import Final

from eleanor_core.api import (
    Backend,
    Embedder,
    Embedding,
    EmbeddingBlock,
    PrecedentMatch,
    PrecedentQuery,
    fused,
)
from eleanor_precedents_sqlite.blocks import Block, Head, Near, Snapshot
from eleanor_precedents_sqlite.files import rows_of
from eleanor_precedents_sqlite.index import Index
from eleanor_precedents_sqlite.reading import Reading
from eleanor_precedents_sqlite.session import Session, changes
from eleanor_precedents_sqlite.words import Filter, heads_worded, rows_with

MOST: Final = 16_384
"""More cases than these are searched only once they are in a file."""
DEPTH: Final = 100
"""Places of each ranking that count."""


class Search:
    """Finds cases in the file as it stands now, whoever wrote to it."""

    def __init__(
        self,
        session: Session,
        index: Index,
        reading: Reading,
        *,
        backend: Backend,
        embedder: Embedder,
    ) -> None:
        self._session = session
        self._index = index
        self._reading = reading
        self._backend = backend
        self._encoder_id = embedder.encoder_id
        self._dim = embedder.dim
        self._loading = threading.Lock()
        self._snapshot = Snapshot(changes=-1)

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

    def nearest(
        self, questions: Sequence[tuple[Embedding, int]]
    ) -> list[list[PrecedentMatch] | None]:
        """Return for each query and k the at most k nearest cases in force, in one pass over all.

        None while some cannot be searched. Raises ValueError if a query is of another encoder than
        the cases.
        """
        snapshot = self.refresh()
        if snapshot.lacking:
            return [None] * len(questions)
        most = max(k for _, k in questions)
        found = snapshot.nearest([query for query, _ in questions], most)
        with self._session.reading() as connection:
            return [
                self._matches(connection, _in_order(connection, near)[: max(k, 0)])
                for near, (_, k) in zip(found, questions, strict=True)
            ]

    def search(
        self, wanted: PrecedentQuery, query: Embedding, k: int
    ) -> list[PrecedentMatch] | None:
        """Return the at most `k` best cases among those wanted; None as `nearest` does."""
        snapshot = self.refresh()
        if snapshot.lacking:
            return None
        chosen = Filter(clause=wanted.clause, domain=wanted.domain, outcome=wanted.outcome)
        depth = max(k, DEPTH)
        with self._session.reading() as connection:
            near: list[Near] = []
            if wanted.by != "words":
                if chosen.everything:
                    (near,) = snapshot.nearest([query], depth)
                else:
                    near = snapshot.among(rows_with(connection, chosen), query, depth)
            ordered = _in_order(connection, near)[:depth]
            worded: list[Head] = []
            if wanted.by != "vectors":
                worded = heads_worded(connection, wanted.text, chosen, depth)
            best = fused([[head for _, head in ordered], worded])[: max(k, 0)]
            # What only the words have found needs its cosine, too.
            cosines = {row: cosine for cosine, row in self._compared(connection, best, query)}
            return self._matches(connection, [(cosines[head.row], head) for head in best])

    def neighbours(self, heads: Sequence[Head], k: int) -> list[list[Near]]:
        """Return for each head the nearest cases, itself most likely among them, at least `k`."""
        with self._session.reading() as connection:
            vectors = self._vectors(connection, [head.row for head in heads])
        return self._snapshot.nearest([self._embedding(data) for data in vectors if data], k)

    def missing(self) -> list[int]:
        """Return the rows of cases in force without a vector of this encoder."""
        query = """SELECT heads.row FROM heads WHERE in_force AND heads.row > ? AND NOT EXISTS (
            SELECT 1 FROM vectors WHERE vectors.row = heads.row AND length(data) = ? AND encoder =
            (SELECT number FROM encoders WHERE encoder_id = ?))"""
        parameters = (self.refresh().end, 4 * self._dim, self._encoder_id)
        with self._session.reading() as connection:
            return [row for (row,) in connection.execute(query, parameters)]

    # -- how --------------------------------------------------------------------------------------

    def _load(self, connection: sqlite3.Connection) -> Snapshot:
        counter = changes(connection)
        blocks = self._index.blocks(connection)
        late, lacking = self._late(connection, blocks[-1].until if blocks else 0)
        return Snapshot(changes=counter, blocks=blocks, late=late, lacking=lacking)

    def _late(self, connection: sqlite3.Connection, end: int) -> tuple[Block | None, int]:
        """Return the cases in force beyond the row `end`, and how many cannot be searched yet."""
        query = "SELECT count(*) FROM heads WHERE in_force AND row > ?"
        (count,) = connection.execute(query, (end,)).fetchone()
        if count > MOST:
            return None, count
        query = "SELECT row FROM heads WHERE in_force AND row > ? ORDER BY +id"
        rows = [row for (row,) in connection.execute(query, (end,))]
        vectors = self._vectors(connection, rows)
        if lacking := vectors.count(None):
            return None, lacking
        return self._block(rows, filter(None, vectors)) if rows else None, 0

    def _compared(
        self, connection: sqlite3.Connection, heads: Sequence[Head], query: Embedding
    ) -> list[Near]:
        """Return those of these cases that have a vector, with their cosines."""
        rows = [head.row for head in heads]
        vectors = self._vectors(connection, rows)
        held = [row for row, vector in zip(rows, vectors, strict=True) if vector]
        (near,) = self._block(held, filter(None, vectors)).nearest([query], len(held))
        return near

    def _matches(
        self, connection: sqlite3.Connection, best: Sequence[tuple[float, Head]]
    ) -> list[PrecedentMatch]:
        cases = self._reading.read_on(connection, [head.row for _, head in best])
        return [
            PrecedentMatch(case=case, similarity=similarity)
            for case, (similarity, _) in zip(cases, best, strict=True)
        ]

    def _block(self, rows: Sequence[int], vectors: Iterable[bytes]) -> Block:
        data = memoryview(b"".join(vectors))
        block = EmbeddingBlock(encoder_id=self._encoder_id, dim=self._dim, data=data)
        return Block(rows=rows_of(rows), vectors=self._backend.load(block))

    def _vectors(self, connection: sqlite3.Connection, rows: Iterable[int]) -> list[bytes | None]:
        """Return the vectors of this encoder, in order; one of a wrong length does not count."""
        query = """SELECT data FROM vectors WHERE row = ? AND length(data) = ? AND encoder =
            (SELECT number FROM encoders WHERE encoder_id = ?)"""
        found = (
            connection.execute(query, (row, 4 * self._dim, self._encoder_id)).fetchone()
            for row in rows
        )
        return [data and data[0] for data in found]

    def _embedding(self, data: bytes) -> Embedding:
        return Embedding(encoder_id=self._encoder_id, dim=self._dim, data=data)


def _in_order(connection: sqlite3.Connection, found: Iterable[Near]) -> list[tuple[float, Head]]:
    """Return what several blocks found with its cosines, most similar first, ties by id.

    Clipping made equals of what the backend told apart, and blocks know nothing of each other.
    """
    query = "SELECT id, row FROM versions WHERE row = ?"
    heads = [
        (near.similarity, Head._make(connection.execute(query, (near.row,)).fetchone()))
        for near in found
    ]
    return sorted(heads, key=lambda item: (-item[0], item[1]))
