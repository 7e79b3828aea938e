"""The table of word vectors, and their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from eleanor_embedders_static.embedder import DIM

ROW: Final = np.dtype([("weight", "<i4"), ("values", "i1", (DIM,))])
"""A word piece in the table: its vector is `weight * values`, up to a factor that all share."""
_BLOCK: Final = 4096
"""Word pieces that are summed at once, so that no text takes much memory."""


class Table:
    """The table in a file, which is mapped, not read."""

    def __init__(self, path: Path) -> None:
        self._rows: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)

    def mean(self, places: Sequence[int]) -> bytes:
        """Return the weighted mean of these word pieces: little-endian float32, of length 1.

        All zeros where there are none.
        """
        pieces = np.array(places, dtype=np.intp)
        total = np.zeros(DIM)
        for start in range(0, len(pieces), _BLOCK):
            rows = self._rows[pieces[start : start + _BLOCK]]
            # 24 and 8 bits, 100,000 times at most: 53 bits hold the sum in whichever order.
            total += rows["weight"].astype(np.float64) @ rows["values"].astype(np.float64)
        length = math.sqrt(math.fsum((total * total).tolist())) or 1.0
        return (total / length).astype("<f4").tobytes()
