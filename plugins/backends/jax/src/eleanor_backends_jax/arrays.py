"""The backend itself: JAX's arrays on one device, or rows on several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from eleanor_backends_numpy.devices import Fallback
from jax.lax import Precision

from eleanor_backends_jax.encoder import JaxEncoder
from eleanor_backends_jax.rows import JaxRows
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


class JaxBackend:
    """Works on one device; any number of threads may use it. No setting of jax is touched.

    `shards`: devices that rows are spread over. `tell` is called when something did not run where
    it was meant to. Raises RuntimeError if JAX cannot use a device.
    """

    name = "jax"

    def __init__(
        self,
        device: str = "cpu",
        *,
        shards: Sequence[str] = (),
        memory_limit: int | None = None,
        tell: Callable[[str], object] = lambda _what: None,
    ) -> None:
        self.device = device
        self._place = _opened(device)
        self._shards = [_opened(name) for name in shards] or [self._place]
        self._ledger = BackendLedger(device, memory_limit)
        self._fallback = Fallback(self._ledger, lacks_memory, tell)

    def asarray(self, values: memoryview, /) -> Array:
        """Return the values on the device."""
        placed: jax.Array = jax.device_put(np.asarray(values), self._place)
        return placed

    def to_host(self, array: Array, /) -> memoryview:
        """Return the array's values, when they are there."""
        return np.ascontiguousarray(np.asarray(_ours(array))).data

    def matmul(self, one: Array, other: Array, /) -> Array:
        """Return the matrix product; leading axes are broadcast."""
        # By default a GPU may shorten float32 to 10 bits.
        return jnp.matmul(_ours(one), _ours(other), precision=Precision.HIGHEST)

    def normalise(self, rows: Array, /) -> Array:
        """Scale the last axis to length 1; zeros stay zeros."""
        values = _ours(rows)
        lengths = jnp.linalg.norm(values, axis=-1, keepdims=True)
        unit: jax.Array = values / jnp.where(lengths == 0.0, 1.0, lengths)
        return unit

    def mean_pool(self, states: Array, mask: Array, /) -> Array:
        """Return the mean of each text's tokens where the mask is not 0; 0 where it has none."""
        weights = _ours(mask).astype(jnp.float32)
        counts = jnp.maximum(weights.sum(axis=1, keepdims=True), 1.0)
        sums = jnp.einsum("bt,btd->bd", weights, _ours(states), precision=Precision.HIGHEST)
        return sums / counts

    def softmax(self, values: Array, /) -> Array:
        """Return exp(values) over their sum, along the last axis."""
        return jax.nn.softmax(_ours(values), axis=-1)

    def logsumexp(self, values: Array, /) -> Array:
        """Return the logarithm of the sum of exp(values), along the last axis."""
        return jax.nn.logsumexp(_ours(values), axis=-1)

    def encoder(self, weights: EncoderWeights, /) -> Encoder:
        """Return the encoder. Raises MemoryError if its weights do not fit the limit."""
        return JaxEncoder(weights, self._fallback, self.asarray, self._place)

    def load(
        self, rows: Sequence[Embedding] | EmbeddingBlock, /, *, storage: Storage = "float32"
    ) -> EmbeddingRows:
        """Return a block of `rows`, spread over the shards.

        Raises ValueError if they differ in encoder or dimension or are not finite, and MemoryError
        beyond the limit.
        """
        return JaxRows(EmbeddingBlock.of(rows), storage, self._fallback, self._shards)

    def synchronise(self) -> None:
        """Wait until the devices have done all that was asked of them before."""
        # Work on a device is done in order, so what is asked last is done last.
        for place in (self._place, *self._shards):
            jax.device_put(np.zeros(1, dtype=np.float32), place).block_until_ready()

    def report(self) -> BackendReport:
        """Return what is held, the batches so far, and what ran on the CPU instead."""
        return self._ledger.report()


def lacks_memory(error: Exception) -> bool:
    """Return whether the error says that a device's memory does not suffice."""
    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)


def _opened(device: str) -> jax.Device:
    """Return the device, tried with a small sum. Raises RuntimeError if JAX cannot use it."""
    kind, _, number = device.partition(":")
    try:
        found = jax.devices(kind)[int(number or 0)]
        jax.device_put(np.ones(1, dtype=np.float32), found).sum().block_until_ready()
    except (RuntimeError, IndexError, ValueError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"jax {jax.__version__} cannot use {device}: {said}"
        raise RuntimeError(msg) from error
    return found


def _ours(array: Array) -> jax.Array:
    if not isinstance(array, jax.Array):
        msg = f"{type(array).__name__} is no array of the backend jax: make it with asarray()"
        raise TypeError(msg)
    return array
