"""Rows on a device, or spread over several: all are asked before any is waited for.

What is compiled is compiled for one shape, so rows, queries and pools are rounded up to few sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from eleanor_backends_numpy.devices import DeviceRows, Fallback
from eleanor_backends_numpy.rows import Floats, Places
from jax.lax import Precision

from eleanor_core.api import EmbeddingBlock, Storage

_PART: Final = 2**20
"""Rows that are scored at once."""
_QUERIES: Final = 64
"""Queries that are scored at once."""


class _Part(NamedTuple):
    start: int
    rows: int
    values: jax.Array
    scales: jax.Array | None


class JaxRows(DeviceRows):
    """Rows of one encoder in the storage's precision, each shard on its device."""

    def __init__(
        self,
        block: EmbeddingBlock,
        storage: Storage,
        fallback: Fallback,
        devices: Sequence[jax.Device],
    ) -> None:
        self._devices = devices
        self._parts: list[_Part] = []
        super().__init__(block, storage, fallback, shards=len(devices))

    def place(
        self, shard: int, start: int, values: npt.NDArray[np.generic], scales: Floats | None
    ) -> None:
        """Put rows on the device of the shard; on the CPU if its memory does not suffice."""
        for at in range(0, len(values), _PART):
            part = values[at : at + _PART], None if scales is None else scales[at : at + _PART]
            try:
                placed = _placed(start + at, *part, self._devices[shard])
            except Exception as error:
                if not self._fallback.too_large(error):
                    raise
                self._fallback.say(
                    f"loading rows: they did not fit the memory of {self._devices[shard]}, so the "
                    "CPU holds them; load them as float16 or int8, or over more devices"
                )
                placed = _placed(start + at, *part, jax.devices("cpu")[0])
            self._parts.append(placed)

    def best(self, towards: Floats, pool: int) -> Sequence[tuple[Floats, Places]]:
        """Return the best of each part."""
        asked = []
        for part in self._parts:
            top = []
            for at in range(0, len(towards), _QUERIES):
                some = towards[at : at + _QUERIES]
                queries = np.zeros((few_sizes(len(some)), some.shape[1]), dtype=np.float32)
                queries[: len(some)] = some
                wanted = min(few_sizes(pool), len(part.values))
                scores, rows = best_of(
                    part.values,
                    part.scales,
                    jax.device_put(queries, part.values.device),
                    part.rows,
                    pool=wanted,
                )
                top.append((scores, rows, len(some)))
            asked.append((part.start, top))
        return [
            (
                np.concatenate([np.asarray(scores)[:count] for scores, _, count in top]),
                np.concatenate([np.asarray(rows)[:count] for _, rows, count in top]) + start,
            )
            for start, top in asked
        ]


@partial(jax.jit, static_argnames="pool")
def best_of(
    values: jax.Array, scales: jax.Array | None, queries: jax.Array, rows: int, *, pool: int
) -> tuple[jax.Array, jax.Array]:
    """Return the scores and numbers of each query's best among the first `rows` of `values`."""
    wide = values.astype(jnp.float32)
    scores = jnp.matmul(queries, wide.T, precision=Precision.HIGHEST)
    if scales is not None:
        scores = scores * scales
    scores = jnp.where(jnp.arange(values.shape[0]) < rows, scores, -jnp.inf)
    top, places = jax.lax.top_k(scores, pool)
    return top, places


def few_sizes(count: int) -> int:
    """Return the next number that has at most three bits set at its top: at most 25 % more."""
    step = 1 << max(0, count.bit_length() - 3)
    return -(-count // step) * step


def _placed(
    start: int, values: npt.NDArray[np.generic], scales: Floats | None, device: jax.Device
) -> _Part:
    beyond = few_sizes(len(values)) - len(values)
    held = jax.device_put(np.pad(values, ((0, beyond), (0, 0))), device)
    factors = None if scales is None else jax.device_put(np.pad(scales, (0, beyond)), device)
    return _Part(start, len(values), held.block_until_ready(), factors)
