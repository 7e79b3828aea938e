"""A BERT encoder as an ONNX graph: what onnxruntime runs.

The graph is like the one that PyTorch's exporter writes for such a model, in the operators of opset
20, so that onnxruntime's own rewriting finds what it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from eleanor_core.api import EncoderWeights

_OPSET = 20
Attribute: TypeAlias = int | float | Sequence[int]


class _Graph:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.constants[name] = numpy_helper.from_array(value, name)
        return name

    def op(self, kind: str, *inputs: str, out: str = "", **attributes: Attribute) -> str:
        out = out or f"{kind}_{len(self.nodes)}"
        node = helper.make_node(kind, inputs, [out], name=out)
        node.attribute.extend(helper.make_attribute(key, to) for key, to in attributes.items())
        self.nodes.append(node)
        return out


def encoder_graph(weights: EncoderWeights) -> bytes:
    """Return a model with inputs `ids` (int64) and `mask` (float32), and output `means`."""
    graph = _Graph()
    tensors = {name: np.asarray(value) for name, value in weights.tensors.items()}
    dim, heads = weights.dim, weights.heads

    def of(name: str) -> str:
        return name if name in graph.constants else graph.constant(name, tensors[name])

    def ints(name: str, *values: int) -> str:
        return graph.constant(name, np.array(values, dtype=np.int64))

    def normed(states: str, name: str) -> str:
        scale, bias = of(f"{name}.weight"), of(f"{name}.bias")
        return graph.op("LayerNormalization", states, scale, bias, axis=-1, epsilon=weights.eps)

    def dense(states: str, name: str) -> str:
        matrix = graph.constant(f"{name}.T", np.ascontiguousarray(tensors[f"{name}.weight"].T))
        return graph.op("Add", of(f"{name}.bias"), graph.op("MatMul", states, matrix))

    def split(states: str, order: Sequence[int]) -> str:
        return graph.op("Transpose", graph.op("Reshape", states, by_head), perm=list(order))

    by_head = ints("by_head", 0, 0, heads, dim // heads)
    joined = ints("joined", 0, 0, dim)
    root = graph.constant("root", np.array((dim // heads) ** 0.5, dtype=np.float32))
    length = graph.op("Shape", "ids", start=1, end=2)
    zero, one = ints("zero", 0), ints("one", 1)
    places = graph.op("Slice", of("embeddings.position_embeddings.weight"), zero, length, zero, one)
    states = graph.op("Gather", of("embeddings.word_embeddings.weight"), "ids")
    kind = graph.constant("kind", tensors["embeddings.token_type_embeddings.weight"][0])
    states = normed(graph.op("Add", graph.op("Add", states, kind), places), "embeddings.LayerNorm")
    seen = graph.op("Unsqueeze", "mask", ints("over_heads", 1, 2))
    unseen = graph.op("Sub", graph.constant("shown", np.array(1, dtype=np.float32)), seen)
    lowest = graph.constant("lowest", np.array(np.finfo(np.float32).min, dtype=np.float32))
    hidden = graph.op("Mul", unseen, lowest)
    for layer in range(weights.layers):
        start = f"encoder.layer.{layer}"
        query, key, value = (
            split(dense(states, f"{start}.attention.self.{part}"), order)
            for part, order in (
                ("query", (0, 2, 1, 3)),
                ("key", (0, 2, 3, 1)),
                ("value", (0, 2, 1, 3)),
            )
        )
        scores = graph.op("Add", graph.op("Div", graph.op("MatMul", query, key), root), hidden)
        attended = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), value)
        attended = graph.op("Transpose", attended, perm=[0, 2, 1, 3])
        attended = graph.op("Reshape", attended, joined)
        attended = dense(attended, f"{start}.attention.output.dense")
        states = normed(graph.op("Add", attended, states), f"{start}.attention.output.LayerNorm")
        inner = graph.op("Gelu", dense(states, f"{start}.intermediate.dense"))
        out = graph.op("Add", dense(inner, f"{start}.output.dense"), states)
        states = normed(out, f"{start}.output.LayerNorm")
    last = ints("last", 2)
    kept = graph.op("Mul", states, graph.op("Unsqueeze", "mask", last))
    sums = graph.op("ReduceSum", kept, one, keepdims=0)
    graph.op("Div", sums, graph.op("ReduceSum", "mask", one, keepdims=1), out="means")
    made = helper.make_graph(
        graph.nodes,
        "encoder",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "tokens"]),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["texts", "tokens"]),
        ],
        [helper.make_tensor_value_info("means", TensorProto.FLOAT, ["texts", dim])],
        list(graph.constants.values()),
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
