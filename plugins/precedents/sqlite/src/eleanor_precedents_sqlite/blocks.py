"""What is searched: blocks of vectors on the backend, and the few that no file holds yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from attrs import field, frozen

from eleanor_core.api import Embedding, EmbeddingRows
from eleanor_precedents_sqlite.files import Rows


class Head(NamedTuple):
    """The newest version of a case, by the row in which it stands."""

    id: str
    row: int


class Near(NamedTuple):
    """A version and its cosine with the query, clipped to [0, 1]."""

    similarity: float
    row: int


@frozen(kw_only=True)
class Block:
    """Cases in the order of their ids, and their vectors in that order.

    `gone`: rows of it that a later version replaced. `until`: up to this row it tells all.
    """

    rows: Rows = field(repr=False)
    vectors: EmbeddingRows = field(repr=False)
    gone: frozenset[int] = field(default=frozenset(), repr=False)
    until: int = 0

    def __len__(self) -> int:
        return len(self.rows) - len(self.gone)

    def nearest(self, queries: Sequence[Embedding], k: int) -> list[list[Near]]:
        """Return for each query the at most `k` nearest, most similar first, ties by id."""
        # Of the first k + gone rows at most `gone` fall away, so the best k are among them.
        sought = k + len(self.gone)
        if len(queries) == 1:
            found = [self.vectors.topk(queries[0], sought)]
        else:
            found = list(self.vectors.topk_many(queries, sought))
        return [self._kept(pairs)[:k] for pairs in found]

    def _kept(self, pairs: Sequence[tuple[int, float]]) -> list[Near]:
        found = ((cosine, self.rows[place]) for place, cosine in pairs)
        # In this order a cosine that is not a number stays one, and is refused.
        return [
            Near(max(min(cosine, 1.0), 0.0), row) for cosine, row in found if row not in self.gone
        ]


@frozen(kw_only=True)
class Snapshot:
    """One state of the file. `blocks` come from files; `late` is what they do not hold.

    `changes`: the file's change counter then. `lacking`: cases in force that cannot be searched
    yet, since they have no vector of this encoder or are too many to be held in memory; while there
    are any, nothing is searched.
    """

    changes: int
    blocks: tuple[Block, ...] = field(default=(), repr=False)
    late: Block = field(repr=False)
    lacking: int = 0

    @property
    def cases(self) -> int:
        """How many cases are in force."""
        return sum(map(len, self.blocks)) + len(self.late) + self.lacking

    @property
    def end(self) -> int:
        """Up to this row the files tell all."""
        return self.blocks[-1].until if self.blocks else 0

    def nearest(self, queries: Sequence[Embedding], k: int) -> list[list[Near]]:
        """Return for each query cases in force, among them the `k` nearest."""
        if k <= 0:
            return [[] for _ in queries]
        found = [block.nearest(queries, k) for block in (*self.blocks, self.late)]
        return [
            [near for of_block in of_query for near in of_block]
            for of_query in zip(*found, strict=True)
        ]
