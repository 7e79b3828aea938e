"""A BERT encoder's forward pass with torch's own functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from eleanor_backends_numpy.devices import DeviceEncoder, Fallback, Ids
from eleanor_backends_numpy.rows import Floats

from eleanor_backends_torch.places import Place
from eleanor_core.api import Array, EncoderWeights

Tensors = Mapping[str, torch.Tensor]


class TorchEncoder(DeviceEncoder):
    """The encoder with its weights on a device."""

    def __init__(
        self,
        weights: EncoderWeights,
        fallback: Fallback,
        asarray: Callable[[memoryview], Array],
        place: Place,
    ) -> None:
        super().__init__(weights, fallback, asarray)
        self._place = place
        with place.on():
            self._tensors = _on(place.device, weights)

    def forward(self, ids: Ids, mask: Floats) -> Floats:
        """Return the mean states, shape (texts, dim)."""
        with self._place.on(), torch.inference_mode():
            return self._pass(self._tensors, ids, mask, self._place.device)

    def on_host(self, ids: Ids, mask: Floats) -> Floats:
        """Do the same on the CPU."""
        with torch.inference_mode():
            return self._pass(self._host, ids, mask, torch.device("cpu"))

    @cached_property
    def _host(self) -> Tensors:
        return _on(torch.device("cpu"), self._weights)

    def _pass(self, tensors: Tensors, ids: Ids, mask: Floats, device: torch.device) -> Floats:
        tokens = torch.from_numpy(ids).to(device)
        shown = torch.from_numpy(mask).to(device)
        states = encoded(self._weights, tensors, tokens, shown)
        host: Floats = states.cpu().numpy()
        return host


def encoded(
    weights: EncoderWeights, tensors: Tensors, ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Return the mean states of tokens `ids` where `mask` is 1; shape (texts, dim)."""
    (texts, length), heads, dim = ids.shape, weights.heads, weights.dim

    def normed(states: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(
            states, (dim,), tensors[f"{name}.weight"], tensors[f"{name}.bias"], weights.eps
        )

    def dense(states: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(states, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def split(states: torch.Tensor) -> torch.Tensor:
        return states.view(texts, length, heads, -1).transpose(1, 2)

    states = F.embedding(ids, tensors["embeddings.word_embeddings.weight"])
    states = states + tensors["embeddings.position_embeddings.weight"].narrow(0, 0, length)
    states = states + tensors["embeddings.token_type_embeddings.weight"].select(0, 0)
    states = normed(states, "embeddings.LayerNorm")
    seen = mask.bool().unsqueeze(1).unsqueeze(1)
    for layer in range(weights.layers):
        start = f"encoder.layer.{layer}"
        query, key, value = (
            split(dense(states, f"{start}.attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        joined = attended.transpose(1, 2).reshape(texts, length, dim)
        joined = dense(joined, f"{start}.attention.output.dense")
        states = normed(joined + states, f"{start}.attention.output.LayerNorm")
        inner = F.gelu(dense(states, f"{start}.intermediate.dense"))
        states = normed(dense(inner, f"{start}.output.dense") + states, f"{start}.output.LayerNorm")
    sums = torch.bmm(mask.unsqueeze(1), states).squeeze(1)
    return sums / mask.sum(dim=1, keepdim=True).clamp(min=1.0)


def _on(device: torch.device, weights: EncoderWeights) -> Tensors:
    return {
        name: torch.from_numpy(np.array(tensor)).to(device)
        for name, tensor in weights.tensors.items()
    }
