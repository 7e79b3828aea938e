"""What is searched: blocks of vectors on the backend, and the few that no file holds yet."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from heapq import nlargest
from itertools import compress, count
from operator import itemgetter
from typing import Final, NamedTuple

from attrs import field, frozen

from eleanor_core.api import Embedding, EmbeddingRows
from eleanor_precedents_sqlite.files import Rows

_PART: Final = 4096
"""Vectors that are compared at once among chosen cases: as float64 they take some megabytes."""
_SHARE: Final = 10
"""Of more than one case in so many, the nearest are likely among the nearest of all."""


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

    def among(self, rows: AbstractSet[int], query: Embedding, k: int) -> list[Near]:
        """Return the at most `k` nearest of these rows, most similar first, ties by id."""
        wanted = rows - self.gone
        if len(wanted) * _SHARE > len(self.rows):
            # Twice as many of all as should hold enough of them, in a scan that is quicker by far.
            found = self.vectors.topk(query, 2 * k * len(self.rows) // len(wanted))
            best = [pair for pair in found if self.rows[pair[0]] in wanted]
            if len(best) >= k:
                return self._kept(best[:k])
        places = list(compress(count(), map(wanted.__contains__, self.rows))) if wanted else []
        best = []
        for start in range(0, len(places), _PART):
            part = places[start : start + _PART]
            best += zip(part, self.vectors.cosines(query, part), strict=True)
            # Of equals it takes the first.
            best = nlargest(k, best, key=itemgetter(1))
        return self._kept(best)

    def _kept(self, pairs: Sequence[tuple[int, float]]) -> list[Near]:
        found = ((cosine, self.rows[place]) for place, cosine in pairs)
        # In this order a cosine that is not a number stays one, and is refused.
        return [
            Near(max(min(cosine, 1.0), 0.0), row) for cosine, row in found if row not in self.gone
        ]


@frozen(kw_only=True)
class Snapshot:
    """One state of the file. `blocks` come from files; `late` is what they do not hold, if any.

    `changes`: the file's change counter then. `lacking`: cases in force that cannot be searched
    yet, since they have no vector of this encoder or are too many to be held in memory; while there
    are any, nothing is searched.
    """

    changes: int
    blocks: tuple[Block, ...] = field(default=(), repr=False)
    late: Block | None = field(default=None, repr=False)
    lacking: int = 0

    @property
    def all(self) -> tuple[Block, ...]:
        """All blocks. Of an empty file there are none, so that its backend need not load."""
        return self.blocks if self.late is None else (*self.blocks, self.late)

    @property
    def cases(self) -> int:
        """How many cases are in force."""
        return sum(map(len, self.all)) + self.lacking

    @property
    def end(self) -> int:
        """Up to this row the files tell all."""
        return self.blocks[-1].until if self.blocks else 0

    def nearest(self, queries: Sequence[Embedding], k: int) -> list[list[Near]]:
        """Return for each query cases in force, among them the `k` nearest."""
        if k <= 0:
            return [[] for _ in queries]
        found = [block.nearest(queries, k) for block in self.all]
        return [
            [near for of_block in found for near in of_block[place]]
            for place in range(len(queries))
        ]

    def among(self, rows: AbstractSet[int], query: Embedding, k: int) -> list[Near]:
        """Return cases in force that stand in these rows, among them the `k` nearest."""
        return [near for block in self.all for near in block.among(rows, query, k)]
