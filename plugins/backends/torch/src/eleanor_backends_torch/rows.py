"""Rows on a device, or spread over several: all are asked before any is waited for."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from eleanor_backends_numpy.devices import DeviceRows, Fallback
from eleanor_backends_numpy.rows import Floats, Places

from eleanor_backends_torch.places import Place
from eleanor_core.api import EmbeddingBlock, Storage

_SCORES: Final = 2**26
"""Scores that a device holds at once: 256 MB."""


class _Shard(NamedTuple):
    place: Place
    start: int
    values: torch.Tensor
    scales: torch.Tensor | None


class TorchRows(DeviceRows):
    """Rows of one encoder in the storage's precision, each shard on its device."""

    def __init__(
        self, block: EmbeddingBlock, storage: Storage, fallback: Fallback, places: Sequence[Place]
    ) -> None:
        self._places = places
        self._shards: list[_Shard] = []
        super().__init__(block, storage, fallback, shards=len(places))

    def place(
        self, shard: int, start: int, values: npt.NDArray[np.generic], scales: Floats | None
    ) -> None:
        """Put rows on the device of the shard; on the CPU if its memory does not suffice."""
        place = self._places[shard]
        try:
            with place.on():
                held = _tensor(values).to(place.device)
                factors = None if scales is None else _tensor(scales).to(place.device)
        except Exception as error:
            if not self._fallback.too_large(error):
                raise
            self._fallback.say(
                f"loading rows: they did not fit the memory of {place.device}, so the CPU holds "
                "them; load them as float16 or int8, or over more devices"
            )
            place, held = Place("cpu"), _tensor(values)
            factors = None if scales is None else _tensor(scales)
        self._shards.append(_Shard(place, start, held, factors))

    def best(self, towards: Floats, pool: int) -> Sequence[tuple[Floats, Places]]:
        """Return the best of each shard."""
        asked = []
        for shard in self._shards:
            with shard.place.on():
                queries = torch.from_numpy(towards).to(shard.place.device)
                asked.append(best_of(shard.values, shard.scales, queries, pool))
        parts = []
        for shard, (scores, rows) in zip(self._shards, asked, strict=True):
            with shard.place.on():
                parts.append((scores.cpu().numpy(), rows.cpu().numpy() + shard.start))
        return parts


def best_of(
    values: torch.Tensor, scales: torch.Tensor | None, queries: torch.Tensor, pool: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the scores and numbers of each query's best `pool` rows, on their device.

    Rows are widened to float32 and scored a part at a time, and the best so far are carried on.
    """
    part = max(pool, _SCORES // max(len(queries), queries.shape[1]))
    best: tuple[torch.Tensor, torch.Tensor] | None = None
    for start in range(0, len(values), part):
        count = min(part, len(values) - start)
        scores = queries @ values.narrow(0, start, count).to(torch.float32).T
        if scales is not None:
            scores = scores * scales.narrow(0, start, count)
        top = torch.topk(scores, min(pool, count), dim=1)
        rows = top.indices + start
        if best is None:
            best = top.values, rows
        else:
            both = torch.cat((best[0], top.values), dim=1), torch.cat((best[1], rows), dim=1)
            kept = torch.topk(both[0], min(pool, both[0].shape[1]), dim=1)
            best = kept.values, both[1].gather(1, kept.indices)
    if best is None:
        msg = "a shard without rows"
        raise ValueError(msg)
    return best


def _tensor(values: npt.NDArray[np.generic]) -> torch.Tensor:
    """Return the values as a tensor on the CPU, without a copy."""
    if not values.flags.writeable:
        # torch warns of memory that may not be written, and has no tensor that says so. Nothing
        # writes to rows; and who made them keeps them, which this view does not.
        start = ctypes.cast(values.ctypes.data, ctypes.POINTER(ctypes.c_uint8))
        lent = np.ctypeslib.as_array(start, (values.nbytes,))
        values = lent.view(values.dtype).reshape(values.shape)
    return torch.from_numpy(values)
