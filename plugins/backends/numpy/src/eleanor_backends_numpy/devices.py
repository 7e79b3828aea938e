"""For backends with a device of their own: what the host does before and after.

A device scans rows and returns its best few; it runs an encoder on padded tokens. Both in halves
where its memory does not suffice, and on the host where even one does not fit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from eleanor_backends_numpy.rows import (
    Floats,
    HostRows,
    Int8Rows,
    NumpyRows,
    Places,
    int8_error,
    scan_error,
    unit_rows,
)
from eleanor_core.api import (
    Array,
    BackendLedger,
    EmbeddingBlock,
    EncoderWeights,
    Storage,
    in_halves,
)

Ids = npt.NDArray[np.int32]

_BESIDE: Final = 32
"""How many rows beyond the best k a device returns at first: enough unless many are alike."""
_PADDED: Final = 64
"""Texts that are padded to one length together."""


class Fallback:
    """What to do when a device's memory runs out, and how it is said."""

    def __init__(
        self,
        ledger: BackendLedger,
        too_large: Callable[[Exception], bool],
        tell: Callable[[str], object],
    ) -> None:
        self.ledger = ledger
        self.too_large = too_large
        self._tell = tell

    def say(self, what: str) -> None:
        """Put `what` into the report, and tell it the first time."""
        if self.ledger.fell_back(what):
            self._tell(what)


Coded: TypeAlias = Floats | npt.NDArray[np.float16] | npt.NDArray[np.int8]
"""Rows, shape (rows, dim), in one of the types that are scanned."""


class Codes:
    """Rows as a device scans them: values of one type, and for int8 one scale each."""

    def __init__(self, unit: Floats, storage: Storage) -> None:
        self.scales: Floats | None = None
        self.error = scan_error(unit.shape[1], storage)
        self.values: Coded = unit
        if storage == "float16":
            self.values = unit.astype(np.float16)
        elif storage == "int8":
            coded = Int8Rows(unit)
            self.values, self.scales = coded.codes, coded.scales
            self.error = int8_error(coded.scales)


class DeviceRows(HostRows):
    """Rows of which a device returns the best few, with their scores."""

    def __init__(
        self, block: EmbeddingBlock, storage: Storage, fallback: Fallback, shards: int = 1
    ) -> None:
        super().__init__(block, storage, fallback.ledger)
        self._fallback = fallback
        self._storage: Storage = storage
        codes = Codes(unit_rows(self._given, block.encoder_id), storage)
        self._error = codes.error
        edges = [len(block) * shard // shards for shard in range(shards + 1)]
        for shard, (start, stop) in enumerate(pairwise(edges)):
            scales = None if codes.scales is None else codes.scales[start:stop]
            if stop > start:
                self.place(shard, start, codes.values[start:stop], scales)

    @abstractmethod
    def place(self, shard: int, start: int, values: Coded, scales: Floats | None) -> None:
        """Put rows from number `start` on on the device of this shard."""

    @abstractmethod
    def best(self, towards: Floats, pool: int) -> Sequence[tuple[Floats, Places]]:
        """Return scores and row numbers, shape (queries, at most `pool`), for each part scanned."""

    def candidates(self, towards: Floats, k: int) -> Sequence[Places]:
        """Return the rows whose score is not clearly below the k-th best."""
        return in_halves(
            lambda part: self._scanned(np.stack(part), k),
            list(towards),
            too_large=self._fallback.too_large,
            last_resort=lambda part: self._on_host(np.stack(part), k),
        )

    def _scanned(self, towards: Floats, k: int) -> list[Places]:
        found: list[Places] = [np.empty(0, dtype=np.intp)] * len(towards)
        left = np.arange(len(towards))
        pool = k + _BESIDE
        while left.size:
            # Powers of two: what compiles for each shape compiles seldom.
            pool = min(len(self), 1 << (pool - 1).bit_length())
            parts = self.best(towards[left], pool)
            scores = np.concatenate([scores for scores, _ in parts], axis=1)
            places = np.concatenate([places for _, places in parts], axis=1)
            more = []
            for at, query in enumerate(left):
                order = np.argsort(-scores[at], kind="stable")[:pool]
                ranked = scores[at][order]
                near = ranked >= ranked[k - 1] - self._error
                if near.all() and pool < len(self):
                    more.append(query)
                found[query] = np.sort(places[at][order][near]).astype(np.intp)
            left, pool = np.array(more, dtype=np.intp), 8 * pool
        return found

    def _on_host(self, towards: Floats, k: int) -> Sequence[Places]:
        self._fallback.say(
            "scanning rows: one query did not fit the device's memory, so the CPU scans them"
        )
        host = NumpyRows(self._block, "float32", BackendLedger("cpu"))
        return host.candidates(towards, k)


class PaddedEncoder(ABC):
    """An encoder that takes padded tokens. Texts of like length are padded together."""

    def __init__(
        self,
        weights: EncoderWeights,
        ledger: BackendLedger,
        asarray: Callable[[memoryview], Array],
    ) -> None:
        ledger.hold(self, sum(tensor.nbytes for tensor in weights.tensors.values()))
        self._weights = weights
        self._ledger = ledger
        self._asarray = asarray

    @abstractmethod
    def forward(self, ids: Ids, mask: Floats) -> Floats:
        """Return the mean states, shape (texts, dim), of tokens of shape (texts, length)."""

    def shape(self, texts: int, length: int) -> tuple[int, int]:
        """Return the shape to which texts up to this length are padded."""
        return texts, length

    def __call__(self, ids: Sequence[Sequence[int]], /) -> Array:
        """Return the mean state of each text's tokens. Raises ValueError for ids out of range."""
        self._weights.check_ids(ids)
        self._ledger.ran(len(ids))
        order = sorted(range(len(ids)), key=lambda text: len(ids[text]))
        out = np.empty((len(ids), self._weights.dim), dtype=np.float32)
        for start in range(0, len(ids), _PADDED):
            texts = order[start : start + _PADDED]
            out[texts] = self.means([ids[text] for text in texts])
        return self._asarray(out.data)

    def means(self, texts: Sequence[Sequence[int]]) -> Sequence[Floats]:
        """Return the mean states of texts that are padded together."""
        return self.padded(self.forward, texts)

    def padded(
        self, forward: Callable[[Ids, Floats], Floats], texts: Sequence[Sequence[int]]
    ) -> list[Floats]:
        """Return what `forward` says of the padded texts."""
        shape = self.shape(len(texts), max(map(len, texts)))
        ids, mask = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.float32)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1.0
        return list(forward(ids, mask)[: len(texts)])


class DeviceEncoder(PaddedEncoder):
    """An encoder on a device: in halves where memory does not suffice, at last on the host."""

    def __init__(
        self,
        weights: EncoderWeights,
        fallback: Fallback,
        asarray: Callable[[memoryview], Array],
    ) -> None:
        super().__init__(weights, fallback.ledger, asarray)
        self._fallback = fallback

    @abstractmethod
    def on_host(self, ids: Ids, mask: Floats) -> Floats:
        """Do what `forward` does on the CPU."""

    def means(self, texts: Sequence[Sequence[int]]) -> Sequence[Floats]:
        """Return the mean states of texts that are padded together."""
        return in_halves(
            super().means,
            texts,
            too_large=self._fallback.too_large,
            last_resort=self._last_resort,
        )

    def _last_resort(self, texts: Sequence[Sequence[int]]) -> list[Floats]:
        self._fallback.say(
            "encoding: one text did not fit the device's memory, so the CPU encodes it"
        )
        return [row for text in texts for row in self.padded(self.on_host, [text])]
