"""A BERT encoder's forward pass, compiled for few shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np
from eleanor_backends_numpy.devices import DeviceEncoder, Fallback, Ids
from eleanor_backends_numpy.rows import Floats
from jax.lax import Precision

from eleanor_backends_jax.rows import few_sizes
from eleanor_core.api import Array, EncoderWeights

Tensors = Mapping[str, jax.Array]

_HIDDEN = -1e30
"""Added to the score of what is only padding."""


class JaxEncoder(DeviceEncoder):
    """The encoder with its weights on a device."""

    def __init__(
        self,
        weights: EncoderWeights,
        fallback: Fallback,
        asarray: Callable[[memoryview], Array],
        device: jax.Device,
    ) -> None:
        super().__init__(weights, fallback, asarray)
        self._device = device
        self._tensors = self._on(device)

    def shape(self, texts: int, length: int) -> tuple[int, int]:
        """Return few shapes: each one is compiled once."""
        return few_sizes(texts), min(few_sizes(max(length, 8)), self._weights.positions)

    def forward(self, ids: Ids, mask: Floats) -> Floats:
        """Return the mean states, shape (texts, dim)."""
        return self._pass(self._tensors, ids, mask, self._device)

    def on_host(self, ids: Ids, mask: Floats) -> Floats:
        """Do the same on the CPU."""
        return self._pass(self._host, ids, mask, jax.devices("cpu")[0])

    @cached_property
    def _host(self) -> Tensors:
        return self._on(jax.devices("cpu")[0])

    def _on(self, device: jax.Device) -> Tensors:
        return {
            name: jax.device_put(np.array(tensor), device)
            for name, tensor in self._weights.tensors.items()
        }

    def _pass(self, tensors: Tensors, ids: Ids, mask: Floats, device: jax.Device) -> Floats:
        states = encoded(
            tensors,
            jax.device_put(ids, device),
            jax.device_put(mask, device),
            heads=self._weights.heads,
            layers=self._weights.layers,
            eps=self._weights.eps,
        )
        host: Floats = np.asarray(states)
        return host


@partial(jax.jit, static_argnames=("heads", "layers", "eps"))
def encoded(
    tensors: Tensors, ids: jax.Array, mask: jax.Array, *, heads: int, layers: int, eps: float
) -> jax.Array:
    """Return the mean states of tokens `ids` where `mask` is 1; shape (texts, dim)."""
    texts, length = ids.shape

    def normed(states: jax.Array, name: str) -> jax.Array:
        centred = states - states.mean(axis=-1, keepdims=True)
        scale = jax.lax.rsqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)
        return centred * scale * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def dense(states: jax.Array, name: str) -> jax.Array:
        product = jnp.matmul(states, tensors[f"{name}.weight"].T, precision=Precision.HIGHEST)
        return product + tensors[f"{name}.bias"]

    def split(states: jax.Array) -> jax.Array:
        return states.reshape(texts, length, heads, -1).transpose(0, 2, 1, 3)

    states = tensors["embeddings.word_embeddings.weight"][ids]
    states = states + tensors["embeddings.position_embeddings.weight"][:length]
    states = states + tensors["embeddings.token_type_embeddings.weight"][0]
    states = normed(states, "embeddings.LayerNorm")
    hidden = jnp.where(mask[:, None, None, :] > 0.0, 0.0, _HIDDEN)
    for layer in range(layers):
        start = f"encoder.layer.{layer}"
        query, key, value = (
            split(dense(states, f"{start}.attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        scores = jnp.matmul(query, key.swapaxes(-1, -2), precision=Precision.HIGHEST)
        weights = jax.nn.softmax(scores * query.shape[-1] ** -0.5 + hidden, axis=-1)
        attended = jnp.matmul(weights, value, precision=Precision.HIGHEST)
        joined = attended.transpose(0, 2, 1, 3).reshape(texts, length, -1)
        joined = dense(joined, f"{start}.attention.output.dense")
        states = normed(joined + states, f"{start}.attention.output.LayerNorm")
        inner = jax.nn.gelu(dense(states, f"{start}.intermediate.dense"), approximate=False)
        states = normed(dense(inner, f"{start}.output.dense") + states, f"{start}.output.LayerNorm")
    sums = jnp.einsum("bt,btd->bd", mask, states, precision=Precision.HIGHEST)
    return sums / jnp.maximum(mask.sum(axis=1, keepdims=True), 1.0)
