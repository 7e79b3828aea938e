"""A BERT encoder's forward pass. Texts are not padded: tokens of all texts go through together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from eleanor_core.api import BackendLedger, EncoderWeights

Floats = npt.NDArray[np.float32]

# A rational approximation of erf on [-4, 4], good to float32's last digits: the one of Eigen and
# XLA, lowest power first, odd and even powers of x.
_ERF_UPPER: Final = tuple(
    np.float32(value)
    for value in (
        -1.60960333262415e-02, -2.95459980854025e-03, -7.34990630326855e-04,
        -5.69250639462346e-05, -2.10102402082508e-06, 2.77068142495902e-08, -2.72614225801306e-10,
    )
)  # fmt: skip
_ERF_LOWER: Final = tuple(
    np.float32(value)
    for value in (
        -1.42647390514189e-02, -7.37332916720468e-03, -1.68282697438203e-03,
        -2.13374055278905e-04, -1.45660718464996e-05,
    )
)  # fmt: skip
_CACHED: Final = 2**15
"""Values that go through all steps of an activation while they are in the cache."""


class NumpyEncoder:
    """The encoder with its weights in the form that matrix products want."""

    def __init__(self, weights: EncoderWeights, ledger: BackendLedger) -> None:
        ledger.hold(self, sum(tensor.nbytes for tensor in weights.tensors.values()))
        self._ledger = ledger
        self._weights = weights
        self._tensors = {name: np.asarray(tensor) for name, tensor in weights.tensors.items()}
        self._layers = [
            _Layer(weights, self._tensors, f"encoder.layer.{layer}.")
            for layer in range(weights.layers)
        ]

    def __call__(self, ids: Sequence[Sequence[int]], /) -> Floats:
        """Return the mean state of each text's tokens. Raises ValueError for ids out of range."""
        self._weights.check_ids(ids)
        self._ledger.ran(len(ids))
        if not ids:
            return np.empty((0, self._weights.dim), dtype=np.float32)
        lengths = np.array([len(text) for text in ids])
        # Texts of one length stand together, so that attention takes them together.
        order = np.argsort(lengths, kind="stable")
        groups = defaultdict[int, int](int)
        for length in lengths[order]:
            groups[int(length)] += 1
        states = self._embedded([ids[at] for at in order])
        for layer in self._layers:
            states = layer(states, groups)
        starts = np.concatenate(([0], np.cumsum(lengths[order])[:-1]))
        means: Floats = np.add.reduceat(states, starts, axis=0)
        means /= lengths[order, None]
        out = np.empty_like(means)
        out[order] = means
        return out

    def _embedded(self, ids: Sequence[Sequence[int]]) -> Floats:
        tensors = self._tensors
        tokens = np.concatenate([np.asarray(text, dtype=np.intp) for text in ids])
        places = np.concatenate([np.arange(len(text)) for text in ids])
        states: Floats = tensors["embeddings.word_embeddings.weight"][tokens]
        states += tensors["embeddings.position_embeddings.weight"][places]
        states += tensors["embeddings.token_type_embeddings.weight"][0]
        return layer_norm(
            states,
            tensors["embeddings.LayerNorm.weight"],
            tensors["embeddings.LayerNorm.bias"],
            self._weights.eps,
        )


class _Layer:
    """Attention and the two dense layers. Query, key and value come from one product."""

    def __init__(self, weights: EncoderWeights, tensors: Mapping[str, Floats], start: str) -> None:
        parts = ("query", "key", "value")
        self._heads = weights.heads
        self._eps = weights.eps
        self._qkv = np.concatenate(
            [tensors[f"{start}attention.self.{part}.weight"] for part in parts]
        ).T.copy()
        self._qkv_bias = np.concatenate(
            [tensors[f"{start}attention.self.{part}.bias"] for part in parts]
        )
        # Scores are divided by the root of a head's width: here, once and for all.
        scale = np.float32((weights.dim // weights.heads) ** -0.5)
        self._qkv[:, : weights.dim] *= scale
        self._qkv_bias[: weights.dim] *= scale
        self._own = {
            name.removeprefix(start): tensor.T.copy() if tensor.ndim == 2 else tensor
            for name, tensor in tensors.items()
            if name.startswith(start) and ".self." not in name
        }

    def __call__(self, states: Floats, groups: Mapping[int, int]) -> Floats:
        own = self._own
        attended = self._attended(states, groups) @ own["attention.output.dense.weight"]
        attended += own["attention.output.dense.bias"]
        attended += states
        states = self._normed(attended, "attention.output.LayerNorm")
        inner = states @ own["intermediate.dense.weight"]
        inner += own["intermediate.dense.bias"]
        out: Floats = gelu(inner) @ own["output.dense.weight"]
        out += own["output.dense.bias"]
        out += states
        return self._normed(out, "output.LayerNorm")

    def _attended(self, states: Floats, groups: Mapping[int, int]) -> Floats:
        dim = states.shape[1]
        qkv = states @ self._qkv
        qkv += self._qkv_bias
        out = np.empty_like(states)
        start = 0
        for length, texts in groups.items():
            stop = start + length * texts
            shape = (texts, length, 3, self._heads, dim // self._heads)
            query, key, value = qkv[start:stop].reshape(shape).transpose(2, 0, 3, 1, 4)
            weights = softmax(query @ key.swapaxes(-1, -2))
            out[start:stop] = (weights @ value).swapaxes(1, 2).reshape(-1, dim)
            start = stop
        return out

    def _normed(self, states: Floats, name: str) -> Floats:
        return layer_norm(states, self._own[f"{name}.weight"], self._own[f"{name}.bias"], self._eps)


def layer_norm(states: Floats, weight: Floats, bias: Floats, eps: float) -> Floats:
    """Normalise the last axis to mean 0 and variance 1, in place; then scale and shift it."""
    states -= states.mean(axis=-1, keepdims=True)
    variance = np.einsum("ij,ij->i", states, states)[:, None] / np.float32(states.shape[-1])
    states /= np.sqrt(variance + np.float32(eps))
    states *= weight
    states += bias
    return states


def softmax(values: Floats) -> Floats:
    """Return exp(values) over their sum along the last axis, without overflow."""
    out: Floats = np.exp(values - values.max(axis=-1, keepdims=True))
    out /= out.sum(axis=-1, keepdims=True)
    return out


def gelu(values: Floats) -> Floats:
    """Apply x * (1 + erf(x / sqrt 2)) / 2 in place; `values` must be contiguous."""
    flat = values.reshape(-1)
    half, root = np.float32(0.5), np.float32(0.5**0.5)
    for start in range(0, flat.size, _CACHED):
        part = flat[start : start + _CACHED]
        weight = erf(part * root)
        weight += np.float32(1.0)
        weight *= half
        part *= weight
    return values


def erf(values: Floats) -> Floats:
    """Return the error function, within 3e-7."""
    values = np.clip(values, np.float32(-4.0), np.float32(4.0))
    squares = values * values
    values *= _polynomial(squares, _ERF_UPPER)
    values /= _polynomial(squares, _ERF_LOWER)
    return values


def _polynomial(values: Floats, coefficients: Sequence[np.float32]) -> Floats:
    *lower, highest = coefficients
    out = values * highest
    for coefficient in reversed(lower[1:]):
        out += coefficient
        out *= values
    out += lower[0]
    return out
