"""What backends are held to: the same operations in plain Python, one number after the other."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from eleanor_core.api import Embedding, EncoderWeights

Row: TypeAlias = Sequence[float]
Matrix: TypeAlias = Sequence[Row]
Tensors: TypeAlias = Mapping[str, Matrix]


def components(vector: Embedding) -> tuple[float, ...]:
    """Return the numbers of an embedding."""
    return struct.unpack(f"<{vector.dim}f", vector.data)


def pack(numbers: Sequence[float], encoder_id: str = "kit/plain") -> Embedding:
    """Return an embedding of these numbers, scaled to length 1 unless all are zero."""
    length = math.hypot(*numbers) or 1.0
    data = struct.pack(f"<{len(numbers)}f", *(number / length for number in numbers))
    return Embedding(encoder_id=encoder_id, dim=len(numbers), data=data)


def cosine(one: Embedding, other: Embedding) -> float:
    """Return the inner product of two embeddings, summed without loss."""
    return math.fsum(a * b for a, b in zip(components(one), components(other), strict=True))


def floats(values: Sequence[float], *shape: int) -> memoryview:
    """Return the values as float32 of this shape."""
    data = struct.pack(f"<{len(values)}f", *values)
    return memoryview(data).cast("f", shape)  # type: ignore[return-value] # it stands for integers


def matrix(rows: Matrix) -> memoryview:
    """Return the rows as float32."""
    return floats([number for row in rows for number in row], len(rows), len(rows[0]))


def product(one: Matrix, other: Matrix) -> list[list[float]]:
    """Return the matrix product."""
    columns = list(zip(*other, strict=True))
    return [[dot(row, column) for column in columns] for row in one]


def dot(one: Row, other: Row) -> float:
    """Return the inner product, summed without loss."""
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def normalised(row: Row) -> list[float]:
    """Return the row with length 1, or as it is if all are zero."""
    length = math.hypot(*row) or 1.0
    return [number / length for number in row]


def logsumexp(row: Row) -> float:
    """Return the logarithm of the sum of exp."""
    top = max(row)
    return top + math.log(math.fsum(math.exp(number - top) for number in row))


def softmax(row: Row) -> list[float]:
    """Return exp over its sum."""
    whole = logsumexp(row)
    return [math.exp(number - whole) for number in row]


def mean(rows: Matrix) -> list[float]:
    """Return the mean of the rows, component by component."""
    return [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]


def encoded(weights: EncoderWeights, ids: Sequence[int]) -> list[float]:
    """Return the mean state of a text's tokens: the encoder of `EncoderWeights`, term by term."""
    tensors = {name: _rows(tensor) for name, tensor in weights.tensors.items()}
    (kind, *_) = tensors["embeddings.token_type_embeddings.weight"]
    states = [
        _sum(
            tensors["embeddings.word_embeddings.weight"][token],
            tensors["embeddings.position_embeddings.weight"][place],
            kind,
        )
        for place, token in enumerate(ids)
    ]
    states = _normed(states, tensors, "embeddings.LayerNorm", weights.eps)
    for layer in range(weights.layers):
        start = f"encoder.layer.{layer}."
        attended = _dense(
            _attended(states, tensors, start, weights.heads),
            tensors,
            f"{start}attention.output.dense",
        )
        both = list(map(_sum, attended, states))
        states = _normed(both, tensors, f"{start}attention.output.LayerNorm", weights.eps)
        inner = [
            [0.5 * x * (1.0 + math.erf(x / math.sqrt(2.0))) for x in row]
            for row in _dense(states, tensors, f"{start}intermediate.dense")
        ]
        both = list(map(_sum, _dense(inner, tensors, f"{start}output.dense"), states))
        states = _normed(both, tensors, f"{start}output.LayerNorm", weights.eps)
    return mean(states)


def _rows(tensor: memoryview) -> list[list[float]]:
    flat: list[float] = [*tensor.cast("B").cast("f")]
    width = tensor.shape[-1] if tensor.shape else 1
    return [flat[at : at + width] for at in range(0, len(flat), width)]


def _attended(states: Matrix, tensors: Tensors, start: str, heads: int) -> Matrix:
    query, key, value = (
        _dense(states, tensors, f"{start}attention.self.{part}")
        for part in ("query", "key", "value")
    )
    width = len(states[0]) // heads
    out: list[list[float]] = [[] for _ in states]
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        for place, row in enumerate(query):
            scores = [dot(row[part], other[part]) / math.sqrt(width) for other in key]
            (seen,) = product([softmax(scores)], [other[part] for other in value])
            out[place] += seen
    return out


def _dense(states: Matrix, tensors: Tensors, name: str) -> list[list[float]]:
    (bias,) = tensors[f"{name}.bias"]
    return [
        [
            dot(state, row) + shift
            for row, shift in zip(tensors[f"{name}.weight"], bias, strict=True)
        ]
        for state in states
    ]


def _normed(states: Matrix, tensors: Tensors, name: str, eps: float) -> list[list[float]]:
    (weight,), (bias,) = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    out = []
    for state in states:
        middle = math.fsum(state) / len(state)
        spread = math.sqrt(math.fsum((x - middle) ** 2 for x in state) / len(state) + eps)
        out.append(
            [(x - middle) / spread * w + b for x, w, b in zip(state, weight, bias, strict=True)]
        )
    return out


def _sum(*rows: Row) -> list[float]:
    return [math.fsum(column) for column in zip(*rows, strict=True)]
