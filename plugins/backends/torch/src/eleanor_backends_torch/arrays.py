"""The backend itself: torch's tensors on one device, or rows on several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from eleanor_backends_numpy.devices import Fallback

from eleanor_backends_torch.encoder import TorchEncoder
from eleanor_backends_torch.places import lacks_memory, opened
from eleanor_backends_torch.rows import TorchRows
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


class TorchBackend:
    """Works on one device; any number of threads may use it. No setting of torch is touched.

    `shards`: devices that rows are spread over. `tell` is called when something did not run where
    it was meant to. Raises RuntimeError if torch cannot use a device.
    """

    name = "torch"

    def __init__(
        self,
        device: str = "cpu",
        *,
        shards: Sequence[str] = (),
        memory_limit: int | None = None,
        tell: Callable[[str], object] = lambda _what: None,
    ) -> None:
        self.device = device
        self._place = opened(device)
        self._shards = [opened(name) for name in shards] or [self._place]
        self._ledger = BackendLedger(device, memory_limit)
        self._fallback = Fallback(self._ledger, lacks_memory, tell)

    def asarray(self, values: memoryview, /) -> Array:
        """Return the values on the device; on the CPU without a copy where they may be written."""
        given = np.asarray(values)
        with self._place.on():
            return torch.from_numpy(given if given.flags.writeable else given.copy()).to(
                self._place.device
            )

    def to_host(self, array: Array, /) -> memoryview:
        """Return the array's values, when they are there."""
        with self._place.on():
            host: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
            host = _ours(array).detach().cpu().contiguous().numpy()
            return host.data

    def matmul(self, one: Array, other: Array, /) -> Array:
        """Return the matrix product; leading axes are broadcast."""
        with self._place.on():
            return torch.matmul(_ours(one), _ours(other))

    def normalise(self, rows: Array, /) -> Array:
        """Scale the last axis to length 1; zeros stay zeros."""
        with self._place.on():
            values = _ours(rows)
            lengths = values.norm(dim=-1, keepdim=True)
            return values / torch.where(lengths == 0.0, torch.ones_like(lengths), lengths)

    def mean_pool(self, states: Array, mask: Array, /) -> Array:
        """Return the mean of each text's tokens where the mask is not 0; 0 where it has none."""
        with self._place.on():
            weights = _ours(mask).to(torch.float32)
            counts = weights.sum(dim=1, keepdim=True).clamp(min=1.0)
            return torch.bmm(weights[:, None, :], _ours(states))[:, 0, :] / counts

    def softmax(self, values: Array, /) -> Array:
        """Return exp(values) over their sum, along the last axis."""
        with self._place.on():
            return torch.softmax(_ours(values), dim=-1)

    def logsumexp(self, values: Array, /) -> Array:
        """Return the logarithm of the sum of exp(values), along the last axis."""
        with self._place.on():
            return torch.logsumexp(_ours(values), dim=-1)

    def encoder(self, weights: EncoderWeights, /) -> Encoder:
        """Return the encoder. Raises MemoryError if its weights do not fit the limit."""
        return TorchEncoder(weights, self._fallback, self.asarray, self._place)

    def load(
        self, rows: Sequence[Embedding] | EmbeddingBlock, /, *, storage: Storage = "float32"
    ) -> EmbeddingRows:
        """Return a block of `rows`, spread over the shards.

        Raises ValueError if they differ in encoder or dimension or are not finite, and MemoryError
        beyond the limit.
        """
        return TorchRows(EmbeddingBlock.of(rows), storage, self._fallback, self._shards)

    def synchronise(self) -> None:
        """Wait until the devices have done all that was asked of them."""
        for place in (self._place, *self._shards):
            place.synchronise()

    def report(self) -> BackendReport:
        """Return what is held, the batches so far, and what ran on the CPU instead."""
        return self._ledger.report()


def _ours(array: Array) -> torch.Tensor:
    if not isinstance(array, torch.Tensor):
        msg = f"{type(array).__name__} is no array of the backend torch: make it with asarray()"
        raise TypeError(msg)
    return array
