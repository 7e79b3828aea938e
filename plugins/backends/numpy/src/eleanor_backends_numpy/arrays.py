"""Blocks of vectors as numpy arrays. Everything that needs numpy stands here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eleanor_core.api import Embedding, EmbeddingRows

Floats = npt.NDArray[np.float32]


class NumpyBackend:
    """Keeps rows in main memory. It holds no state, so any number of threads may use it."""

    name = "numpy"
    device = "cpu"

    def load(self, rows: Sequence[Embedding], /) -> EmbeddingRows:
        """Return a block of `rows`. Raises ValueError if they differ in encoder or dimension."""
        for row in rows:
            _check_like(row, rows[0])
        return NumpyRows(rows[0] if rows else None, _unit(rows))


class NumpyRows:
    """Vectors of one encoder: float32, shape (rows, dim), each of length 1 or all zero."""

    def __init__(self, like: Embedding | None, unit: Floats) -> None:
        self._like = like
        self._unit = unit

    def __len__(self) -> int:
        return len(self._unit)

    def topk(self, query: Embedding, k: int, /) -> Sequence[tuple[int, float]]:
        """Return the at most `k` nearest rows and their cosines, best first, ties by row number.

        The cosine with an all-zero vector is 0. Raises ValueError if the query is of another
        encoder or dimension than the rows, or not finite.
        """
        if self._like is None or k <= 0:
            return []
        _check_like(query, self._like)
        towards = _unit([query])[0]
        near = self._candidates(towards, min(k, len(self)))
        # Two equal rows must tie. A BLAS product does not promise that: it sums a row by another
        # path depending on where the row stands. A row-wise sum in float64 does.
        products = self._unit[near].astype(np.float64) * towards.astype(np.float64)
        cosines = np.clip(products.sum(axis=1), -1.0, 1.0)
        order = np.lexsort((near, -cosines))[:k]
        return [(int(near[at]), float(cosines[at])) for at in order]

    def _candidates(self, towards: Floats, k: int) -> npt.NDArray[np.intp]:
        """Return the rows that may be among the best `k`, given the error of a float32 product.

        A dot product of unit vectors in any order errs by about dim * u at most, u = eps / 2
        (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). Two are compared.
        """
        rough = self._unit @ towards
        kth = np.partition(rough, len(rough) - k)[len(rough) - k]
        return np.flatnonzero(rough >= kth - len(towards) * np.finfo(np.float32).eps)


def _check_like(row: Embedding, other: Embedding) -> None:
    if (row.encoder_id, row.dim) != (other.encoder_id, other.dim):
        msg = (
            f"embeddings of {row.encoder_id!r} ({row.dim} values) and {other.encoder_id!r} "
            f"({other.dim} values) do not compare: embed all texts with one encoder"
        )
        raise ValueError(msg)


def _unit(rows: Sequence[Embedding]) -> Floats:
    dim = rows[0].dim if rows else 1
    given = np.frombuffer(b"".join(row.data for row in rows), dtype="<f4").reshape(-1, dim)
    if not np.isfinite(given).all():
        msg = f"an embedding of {rows[0].encoder_id!r} holds values that are not finite"
        raise ValueError(msg)
    lengths = np.sqrt(np.einsum("ij,ij->i", given, given, dtype=np.float64))
    lengths[lengths == 0.0] = 1.0
    unit = np.empty(given.shape, dtype=np.float32)
    np.divide(given, lengths[:, None], out=unit, casting="same_kind")
    return unit
