"""Blocks of vectors: a scan in any precision, and answers that do not depend on it.

`HostRows` is for every backend: it keeps the vectors given on the host and answers from them; what
a device adds is `candidates`, the scan.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from eleanor_core.api import BackendLedger, Embedding, EmbeddingBlock, Storage

Floats: TypeAlias = npt.NDArray[np.float32]
Nearest: TypeAlias = Sequence[tuple[int, float]]
Exact: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.intp]

BYTES: Final[Mapping[Storage, int]] = {"float32": 4, "float16": 2, "int8": 1}
"""Bytes that a component takes in each storage."""
_CHUNK: Final = 8192
"""Rows that are looked at together where all are read."""
_PART: Final = 4096
"""Rows that are scored together, at least."""
_OFF_UNIT: Final = 5e-6
"""How far from 1 a length may be that counts as 1."""
_SIGMAS: Final = 8.0


class HostRows(ABC):
    """Vectors of one encoder on the host, float32, shape (rows, dim), as they were given."""

    def __init__(self, block: EmbeddingBlock, storage: Storage, ledger: BackendLedger) -> None:
        ledger.hold(self, len(block) * (block.dim * BYTES[storage] + 4 * (storage == "int8")))
        self._ledger = ledger
        self._block = block
        self._given: Floats = np.frombuffer(block.data, dtype="<f4").reshape(-1, block.dim)

    def __len__(self) -> int:
        return len(self._block)

    def topk(self, query: Embedding, k: int, /) -> Nearest:
        """Return the at most `k` nearest rows and their cosines, best first, ties by row number.

        The cosine with an all-zero vector is 0. Raises ValueError if the query is of another
        encoder or dimension than the rows, or not finite.
        """
        (best,) = self.topk_many([query], k)
        return best

    def topk_many(self, queries: Sequence[Embedding], k: int, /) -> Sequence[Nearest]:
        """Return what `topk` returns for each query."""
        k = min(k, len(self))
        if k <= 0 or not queries:
            return [[] for _ in queries]
        self._ledger.ran(len(queries))
        towards = self._directions(queries)
        scanned = self.candidates(towards.astype(np.float32), k)
        return [self._best(near, to, k) for near, to in zip(scanned, towards, strict=True)]

    def cosines(self, query: Embedding, rows: Sequence[int], /) -> Sequence[float]:
        """Return the cosines of these rows with the query. Raises IndexError beyond the rows."""
        if not len(rows):
            return []
        (towards,) = self._directions([query])
        places = np.asarray(rows, dtype=np.intp)
        if places.min() < 0 or places.max() >= len(self):
            msg = f"rows must be in [0, {len(self)}), got {places.min()} to {places.max()}"
            raise IndexError(msg)
        return [float(cosine) for cosine in self._cosines(places, towards)]

    @abstractmethod
    def candidates(self, towards: Floats, k: int) -> Sequence[Places]:
        """Return for each query the rows that may be among its best `k`, given the scan's error.

        `towards` has shape (queries, dim), each of length 1 or all zero; 0 < k <= number of rows.
        """

    def _best(self, near: Places, towards: Exact, k: int) -> Nearest:
        cosines = self._cosines(near, towards)
        order = np.lexsort((near, -cosines))[:k]
        return [(int(near[at]), float(cosines[at])) for at in order]

    def _cosines(self, places: Places, towards: Exact) -> Exact:
        # Two equal rows must tie, in two blocks as in one. A BLAS product does not promise that: it
        # sums a row by another path depending on where the row stands. A row-wise sum does.
        rows = self._given[places].astype(np.float64)
        lengths = np.sqrt((rows * rows).sum(axis=1))
        products = (rows * towards).sum(axis=1)
        cosines = np.divide(products, lengths, out=np.zeros(len(rows)), where=lengths > 0.0)
        exact: Exact = np.clip(cosines, -1.0, 1.0)
        return exact

    def _directions(self, queries: Sequence[Embedding]) -> Exact:
        self._block.check_like(queries)
        given = np.frombuffer(b"".join(query.data for query in queries), dtype="<f4")
        return directions(given.reshape(len(queries), -1), self._block.encoder_id)


class NumpyRows(HostRows):
    """Rows that numpy scans, a part at a time, with a threshold that rises as it goes."""

    def __init__(self, block: EmbeddingBlock, storage: Storage, ledger: BackendLedger) -> None:
        super().__init__(block, storage, ledger)
        unit = unit_rows(self._given, block.encoder_id)
        self._scanned = scanned_as(unit, storage)

    def candidates(self, towards: Floats, k: int) -> Sequence[Places]:
        """Return the rows whose score is not clearly below the k-th best."""
        part = max(_PART, self._scanned.most_scores // len(towards))
        found = _Found(len(towards), k, self._scanned.error)
        for start in range(0, len(self), part):
            scores = self._scanned.scores(towards, start, min(start + part, len(self)))
            if start == 0:
                found.raise_floors(_kth_at_least(scores, k))
            # Of one axis, numpy passes over what is False at a stride.
            places = np.flatnonzero(scores >= found.floors)
            near, whose = np.divmod(places, len(towards))
            found.add(near + start, whose, scores.reshape(-1)[places])
        return found.rows()


class _Found:
    """What may be among each query's best `k` so far: rows that reach its floor."""

    def __init__(self, queries: int, k: int, error: float) -> None:
        self.floors = np.full(queries, -np.inf, dtype=np.float32)
        self._k = k
        self._error = np.float32(error)
        self._rows: list[Places] = []
        self._whose: list[Places] = []
        self._scores: list[Floats] = []
        self._fresh = 0

    def raise_floors(self, kth: Floats) -> None:
        """Take scores that `k` rows of each query are known to reach."""
        np.maximum(self.floors, kth - self._error, out=self.floors)

    def add(self, rows: Places, whose: Places, scores: Floats) -> None:
        """Add rows, each with its query and score."""
        self._rows.append(rows)
        self._whose.append(whose)
        self._scores.append(scores)
        self._fresh += len(rows)
        # Seldom, because it costs more than a floor that is a little too low.
        if self._fresh > 4 * self._k * len(self.floors):
            self._sift()

    def rows(self) -> Sequence[Places]:
        """Return the rows of each query."""
        self._sift()
        edges = np.searchsorted(self._whose[0], np.arange(1, len(self.floors)))
        return np.split(self._rows[0], edges)

    def _sift(self) -> None:
        """Sort by query and score, raise the floors, and drop what is below them."""
        rows, whose = np.concatenate(self._rows), np.concatenate(self._whose)
        scores = np.concatenate(self._scores)
        order = np.lexsort((-scores, whose))
        rows, whose, scores = rows[order], whose[order], scores[order]
        edges = np.searchsorted(whose, np.arange(len(self.floors) + 1))
        enough = edges[1:] - edges[:-1] >= self._k
        last = np.where(enough, edges[:-1] + self._k - 1, 0)
        self.raise_floors(np.where(enough, scores[last], np.float32(-np.inf)))
        kept = scores >= self.floors[whose]
        self._rows, self._whose, self._scores = [rows[kept]], [whose[kept]], [scores[kept]]
        self._fresh = 0


def _kth_at_least(scores: Floats, k: int) -> Floats:
    """Return for each query a score that at least `k` of these reach; -inf if there are fewer.

    Of groups' maxima the k-th best is such a one, and costs one pass instead of a selection.
    """
    rows, queries = scores.shape
    if rows < k:
        return np.full(queries, -np.inf, dtype=np.float32)
    if rows >= 32 * k:
        whole = rows - rows % 16
        scores = scores[:whole].reshape(16, -1, queries).max(axis=0)
    place = len(scores) - k
    kth: Floats = np.partition(scores, place, axis=0)[place]
    return kth


class FloatRows:
    """Rows as float32, or as float16 that are widened a part at a time."""

    def __init__(self, rows: Floats | npt.NDArray[np.float16], error: float) -> None:
        self._rows = rows
        self.error = error
        # Widened rows should stay in the cache; if there are none, their scores should.
        self.most_scores = 2**19 if rows.dtype == np.float32 else _PART

    def __len__(self) -> int:
        return len(self._rows)

    def scores(self, towards: Floats, start: int, stop: int) -> Floats:
        """Return cosines up to `error`, shape (stop - start, queries)."""
        return self._rows[start:stop].astype(np.float32, copy=False) @ towards.T


class Int8Rows:
    """Rows as int8 with one scale each: a component is code * scale."""

    def __init__(self, unit: Floats) -> None:
        self.codes = np.empty(unit.shape, dtype=np.int8)
        self.scales = np.empty(len(unit), dtype=np.float32)
        for start in range(0, len(unit), _CHUNK):
            part = unit[start : start + _CHUNK]
            scales = np.abs(part).max(axis=1, initial=0.0) / 127.0
            self.scales[start : start + _CHUNK] = scales
            scales[scales == 0.0] = 1.0
            self.codes[start : start + _CHUNK] = np.rint(part / scales[:, None])
        self.error = int8_error(self.scales)
        self.most_scores = _PART

    def __len__(self) -> int:
        return len(self.codes)

    def scores(self, towards: Floats, start: int, stop: int) -> Floats:
        """Return cosines up to the rounding of the codes, shape (stop - start, queries)."""
        rough = self.codes[start:stop].astype(np.float32) @ towards.T
        rough *= self.scales[start:stop, None]
        return rough


def scanned_as(unit: Floats, storage: Storage) -> FloatRows | Int8Rows:
    """Return rows to scan, in the precision named."""
    if storage == "int8":
        return Int8Rows(unit)
    if storage == "float16":
        return FloatRows(unit.astype(np.float16), scan_error(unit.shape[1], storage))
    return FloatRows(unit, scan_error(unit.shape[1], storage))


def scan_error(dim: int, storage: Storage) -> float:
    """Return by how much the difference of two scores may be off: float32, or float16 rows.

    A dot product of unit vectors in any order errs by about dim * u at most, u = eps / 2 (Higham,
    Accuracy and Stability of Numerical Algorithms, section 3.1); rounding rows to float16 adds u of
    that type; and lengths are 1 only nearly.
    """
    rounding = float(np.finfo(np.float16).eps) if storage == "float16" else 0.0
    return dim * float(np.finfo(np.float32).eps) + rounding + 2.0 * _OFF_UNIT


def int8_error(scales: Floats) -> float:
    """Return by how much the difference of two scores of codes may be off, in all likelihood.

    A code errs by a uniform amount of standard deviation scale / sqrt(12); a unit query weighs the
    components so that the sum has the same one. The bound that always holds is 30 times as wide.
    """
    return _SIGMAS * float(scales.max(initial=0.0)) * math.sqrt(2.0 / 12.0) + 2.0 * _OFF_UNIT


def unit_rows(given: Floats, encoder_id: str) -> Floats:
    """Return the rows with length 1 (zeros stay zeros); the same array if they have it already.

    Raises ValueError if a value is not finite.
    """
    out = given
    for start in range(0, len(given), _CHUNK):
        part = given[start : start + _CHUNK]
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("ij,ij->i", part, part)
        off = np.flatnonzero(~(np.abs(squares - 1.0) <= 2.0 * _OFF_UNIT))
        if off.size and part[off].any():
            out = given.copy() if out is given else out
            out[start + off] = directions(part[off], encoder_id)
    return out


def directions(rows: Floats, encoder_id: str) -> Exact:
    """Return the rows in float64 with length 1; zeros stay zeros. Raises ValueError: not finite."""
    if not np.isfinite(rows).all():
        msg = f"an embedding of {encoder_id!r} holds values that are not finite"
        raise ValueError(msg)
    wide = rows.astype(np.float64)
    lengths = np.sqrt((wide * wide).sum(axis=1))
    lengths[lengths == 0.0] = 1.0
    unit: Exact = wide / lengths[:, None]
    return unit
