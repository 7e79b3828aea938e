"""The store: every version of every case, and a block of the newest ones on the backend."""

from __future__ import annotations

from collections.abc import Sequence

from eleanor_core.api import (
    Backend,
    Embedder,
    Embedding,
    EmbeddingRows,
    PrecedentCase,
    PrecedentMatch,
)


class MemoryStore:
    """Holds cases in the order of their ids, so that equal similarities go by id.

    Adding is cheap; the block on the backend is made again at the first question after it.
    """

    def __init__(self, *, embedder: Embedder, backend: Backend) -> None:
        self._embedder = embedder
        self._backend = backend
        self._versions: dict[str, list[PrecedentCase]] = {}
        self._embeddings: dict[str, Embedding] = {}
        self._ids: list[str] = []
        self._rows: EmbeddingRows | None = None

    async def count(self) -> int:
        """Return how many cases there are; the versions of one case count once."""
        return len(self._versions)

    async def add(self, case: PrecedentCase, /) -> None:
        """Add a case, or a newer version of one; the older stays in `history` alone.

        Raises ValueError if that version is not newer than the one that is there.
        """
        await self.extend([case])

    async def extend(self, cases: Sequence[PrecedentCase]) -> None:
        """Add `cases` in order, embedded in one batch; all of them, or none if one is refused."""
        embeddings = await self._embedder.embed([case.text for case in cases])
        newest = {case_id: versions[-1].version for case_id, versions in self._versions.items()}
        for case in cases:
            held = newest.get(case.id, 0)
            if case.version <= held:
                msg = (
                    f"precedent {case.id!r} needs a version above {held}, got {case.version}: "
                    "a change is a new version, never an edit"
                )
                raise ValueError(msg)
            newest[case.id] = case.version
        for case, embedding in zip(cases, embeddings, strict=True):
            self._versions.setdefault(case.id, []).append(case)
            self._embeddings[case.id] = embedding
        self._rows = None

    def history(self, case_id: str) -> tuple[PrecedentCase, ...]:
        """Return every version of a case, oldest first; empty if there is no such case."""
        return tuple(self._versions.get(case_id, ()))

    async def nearest(self, query: Embedding, k: int, /) -> Sequence[PrecedentMatch]:
        """Return the at most `k` nearest cases in their newest version.

        Raises ValueError if `query` is of another encoder than the store's.
        """
        if self._rows is None:
            self._ids = sorted(self._versions)
            self._rows = self._backend.load([self._embeddings[case_id] for case_id in self._ids])
        matches = [
            PrecedentMatch(
                case=self._versions[self._ids[row]][-1],
                # In this order a cosine that is not a number stays one, and is refused.
                similarity=max(min(cosine, 1.0), 0.0),
            )
            for row, cosine in self._rows.topk(query, k)
        ]
        # Clipping makes equals of what the backend told apart.
        return sorted(matches, key=lambda match: (-match.similarity, match.case.id))
