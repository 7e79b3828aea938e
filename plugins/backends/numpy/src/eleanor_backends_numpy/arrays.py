"""The backend itself: numpy's arrays, in main memory.

numpy is imported by the first call that needs it. It takes a twentieth of a cold start, and a store
without cases asks for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from eleanor_core.api import (
    Array,
    BackendLedger,
    BackendReport,
    Embedding,
    EmbeddingBlock,
    EmbeddingRows,
    Encoder,
    EncoderWeights,
    Storage,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers: TypeAlias = npt.NDArray[np.float32]


class NumpyBackend:
    """Works in main memory, on the CPU; any number of threads may use it."""

    name = "numpy"
    device = "cpu"

    def __init__(self, *, memory_limit: int | None = None) -> None:
        self._ledger = BackendLedger(self.device, memory_limit)

    def asarray(self, values: memoryview, /) -> Array:
        """Return the values as an array, without a copy."""
        import numpy as np

        return np.asarray(values)

    def to_host(self, array: Array, /) -> memoryview:
        """Return the array's values."""
        import numpy as np

        return np.ascontiguousarray(_ours(array)).data

    def matmul(self, one: Array, other: Array, /) -> Array:
        """Return the matrix product; leading axes are broadcast."""
        import numpy as np

        product: Numbers = np.matmul(_ours(one), _ours(other))
        return product

    def normalise(self, rows: Array, /) -> Array:
        """Scale the last axis to length 1; zeros stay zeros."""
        import numpy as np

        values = _ours(rows)
        lengths: Numbers = np.sqrt((values * values).sum(axis=-1, keepdims=True))
        lengths[lengths == 0.0] = 1.0
        return values / lengths

    def mean_pool(self, states: Array, mask: Array, /) -> Array:
        """Return the mean of each text's tokens where the mask is not 0; 0 where it has none."""
        import numpy as np

        weights = _ours(mask).astype(np.float32)
        counts = np.maximum(weights.sum(axis=1, keepdims=True), np.float32(1.0))
        means: Numbers = (weights[:, None, :] @ _ours(states))[:, 0, :] / counts
        return means

    def softmax(self, values: Array, /) -> Array:
        """Return exp(values) over their sum, along the last axis."""
        from eleanor_backends_numpy.encoder import softmax

        return softmax(_ours(values))

    def logsumexp(self, values: Array, /) -> Array:
        """Return the logarithm of the sum of exp(values), along the last axis."""
        import numpy as np

        given = _ours(values)
        top = given.max(axis=-1, keepdims=True)
        return np.asarray(np.log(np.exp(given - top).sum(axis=-1)) + top[..., 0])

    def encoder(self, weights: EncoderWeights, /) -> Encoder:
        """Return the encoder. Raises MemoryError if its weights do not fit the limit."""
        from eleanor_backends_numpy.encoder import NumpyEncoder

        return NumpyEncoder(weights, self._ledger)

    def load(
        self, rows: Sequence[Embedding] | EmbeddingBlock, /, *, storage: Storage = "float32"
    ) -> EmbeddingRows:
        """Return a block of `rows`.

        Raises ValueError if they differ in encoder or dimension or are not finite, and MemoryError
        beyond the limit.
        """
        from eleanor_backends_numpy.rows import NumpyRows

        return NumpyRows(EmbeddingBlock.of(rows), storage, self._ledger)

    def synchronise(self) -> None:
        """Return: every method returns when its work is done."""

    def report(self) -> BackendReport:
        """Return what is held, and the batches so far."""
        return self._ledger.report()


def _ours(array: Array) -> Numbers:
    import numpy as np

    if not isinstance(array, np.ndarray):
        msg = f"{type(array).__name__} is no array of the backend numpy: make it with asarray()"
        raise TypeError(msg)
    return array
