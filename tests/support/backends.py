"""Backends that break one rule each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_backends_numpy.rows import NumpyRows

from eleanor_core.api import (
    Array,
    BackendDeclaration,
    BackendReport,
    Embedding,
    EmbeddingBlock,
    EmbeddingRows,
    Storage,
    hookimpl,
)
from eleanor_core.testing.arithmetic import cosine
from eleanor_core.testing.makers import Ready


class Bad(NumpyBackend):
    """A backend with one fault."""

    @hookimpl
    def eleanor_register_backends(self) -> Iterable[BackendDeclaration]:
        yield BackendDeclaration(name="bad", factory=Ready(self))


class Unchecked:
    """Rows of any encoders, the worst first."""

    def __init__(self, rows: Sequence[Embedding]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def topk(self, query: Embedding, k: int, /) -> Sequence[tuple[int, float]]:
        pairs = enumerate(self.cosines(query, range(len(self))))
        return sorted(pairs, key=lambda pair: pair[1])[:k]

    def topk_many(
        self, queries: Sequence[Embedding], k: int, /
    ) -> Sequence[Sequence[tuple[int, float]]]:
        return [self.topk(query, k) for query in queries]

    def cosines(self, query: Embedding, rows: Sequence[int], /) -> Sequence[float]:
        return [cosine(self.rows[row], query) for row in rows]


class WorstFirst(Bad):
    """Puts the worst first, and takes whatever it is given."""

    def load(
        self, rows: Sequence[Embedding] | EmbeddingBlock, /, *, storage: Storage = "float32"
    ) -> EmbeddingRows:
        return Unchecked(list(rows))


class Skewed(Bad):
    """Its softmax does not add up to 1."""

    def softmax(self, values: Array, /) -> Array:
        return self.asarray(memoryview(2.0 * super().softmax(values)))


class Renamed(Bad):
    """Its matrix product takes a keyword that nobody passes."""

    def matmul(self, one: Array, other: Array, /, *, transpose: bool = False) -> Array:
        return super().matmul(one, other)


class CrossedRows(NumpyRows):
    """Gives every caller of a batch the answer of another."""

    def topk_many(
        self, queries: Sequence[Embedding], k: int, /
    ) -> Sequence[Sequence[tuple[int, float]]]:
        return super().topk_many(queries, k)[::-1]


class Crossed(Bad):
    """Mixes up the callers."""

    def load(
        self, rows: Sequence[Embedding] | EmbeddingBlock, /, *, storage: Storage = "float32"
    ) -> EmbeddingRows:
        return CrossedRows(EmbeddingBlock.of(rows), storage, self._ledger)


class Uncounted(Bad):
    """Keeps no account."""

    def report(self) -> BackendReport:
        return BackendReport(device=self.device)
