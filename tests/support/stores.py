"""A precedent store for tests, small and real: exact search in plain Python."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from eleanor_core.api import (
    Embedding,
    PrecedentCase,
    PrecedentMatch,
    PrecedentsDeclaration,
    hookimpl,
)
from eleanor_core.testing import LetterEmbedder
from eleanor_core.testing.makers import Ready


class ListStore:
    """Holds cases in a list, and a plugin that carries it. `broken`: every search fails."""

    def __init__(self, cases: Iterable[PrecedentCase], *, broken: bool) -> None:
        self._cases = list(cases)
        self._broken = broken
        self._embedder = LetterEmbedder()

    @hookimpl
    def eleanor_register_precedents(self) -> Iterable[PrecedentsDeclaration]:
        """Declare this very object as the store."""
        yield PrecedentsDeclaration(name="list", factory=Ready(self))

    async def count(self) -> int:
        """Return how many cases there are; one that is broken does not know."""
        return len(self._cases) or int(self._broken)

    async def add(self, case: PrecedentCase, /) -> None:
        """Add a case."""
        self._cases.append(case)

    async def nearest(self, query: Embedding, k: int, /) -> Sequence[PrecedentMatch]:
        """Return the nearest by cosine."""
        if self._broken:
            raise ConnectionError("the store is gone")
        matches = [
            PrecedentMatch(case=case, similarity=self._cosine(case, query)) for case in self._cases
        ]
        return sorted(matches, key=lambda match: (-match.similarity, match.case.id))[:k]

    def _cosine(self, case: PrecedentCase, query: Embedding) -> float:
        own = struct.unpack("<27f", self._embedder.vector(case.text).data)
        other = struct.unpack("<27f", query.data)
        return min(1.0, max(0.0, sum(a * b for a, b in zip(own, other, strict=True))))


def store_plugins(cases: Iterable[PrecedentCase], *, broken: bool = False) -> list[object]:
    """Return a store that holds `cases`, and the embedder that it needs."""
    return [LetterEmbedder(), ListStore(cases, broken=broken)]
