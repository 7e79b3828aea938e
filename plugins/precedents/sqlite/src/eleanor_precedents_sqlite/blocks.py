"""What is searched: vectors on the backend, and what changed since they were loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from attrs import field, frozen

from eleanor_core.api import Embedding, EmbeddingRows


class Head(NamedTuple):
    """The newest version of a case, by the row in which it stands."""

    id: str
    row: int


class Near(NamedTuple):
    """A head and its cosine with the query, clipped to [0, 1]."""

    similarity: float
    head: Head


@frozen
class Block:
    """Heads in the order of their ids, and their vectors in that order."""

    heads: Sequence[Head]
    vectors: EmbeddingRows = field(repr=False)

    def nearest(self, query: Embedding, k: int) -> Iterable[Near]:
        """Return the at most `k` nearest heads."""
        return (
            # In this order a cosine that is not a number stays one, and is refused.
            Near(max(min(cosine, 1.0), 0.0), self.heads[at])
            for at, cosine in self.vectors.topk(query, k)
        )


@frozen(kw_only=True)
class Snapshot:
    """One state of the file. `main` is large and seldom made; `late` holds what came after it.

    `changes`: the file's change counter then. `gone`: rows of `main` that a later version replaced.
    `missing`: rows without a vector of this encoder; while there are any, nothing is searched.
    """

    changes: int
    main: Block = field(repr=False)
    late: Block = field(repr=False)
    gone: frozenset[int] = field(default=frozenset(), repr=False)
    missing: tuple[int, ...] = field(default=(), repr=False)
    # Up to this row `main` tells all.
    newest_row: int = 0

    @property
    def cases(self) -> int:
        """How many cases are in force."""
        return len(self.main.heads) - len(self.gone) + len(self.late.heads)

    @property
    def heads(self) -> Iterator[Head]:
        """The cases in force, by the block that they are in."""
        kept = (head for head in self.main.heads if head.row not in self.gone)
        return chain(kept, self.late.heads)

    def nearest(self, query: Embedding, k: int) -> list[Near]:
        """Return the at most `k` nearest cases in force, most similar first, ties by id."""
        if k <= 0:
            return []
        # Of the first k + gone rows at most `gone` fall away, so the best k are among them.
        kept = [
            near
            for near in self.main.nearest(query, k + len(self.gone))
            if near.head.row not in self.gone
        ]
        # Clipping makes equals of what the backend told apart.
        found = sorted(
            (*kept, *self.late.nearest(query, k)),
            key=lambda near: (-near.similarity, near.head.id),
        )
        return found[:k]
