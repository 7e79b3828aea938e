"""The weights, as they lie in this package: checked, and widened from int8 to float32."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from eleanor_core.api import EleanorError, EncoderWeights

Tensor: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.int8]

FOLDER: Final = Path(__file__).with_name("weights")
SHA256: Final = {
    "model.safetensors": "096a04d519cf036969a66b477a48fac337293e768dccff78303700359dab45ef",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
ENCODER_ID: Final = f"minilm-l6-int8-{SHA256['model.safetensors'][:12]}"
HEADS: Final = 12
SCALE: Final = ".scale"
"""A tensor of int8 has one of this suffix beside it: factors of equal parts of each row."""
_TYPES: Final[Mapping[str, np.dtype[np.float32] | np.dtype[np.int8]]] = {
    "F32": np.dtype(np.float32),
    "I8": np.dtype(np.int8),
}


class WeightsError(EleanorError):
    """The weights are not those that this version was made with."""

    code = "weights"


def encoder_weights() -> EncoderWeights:
    """Return the encoder's weights, float32. Raises WeightsError if they were altered."""
    tensors = read_tensors(_checked("model.safetensors"))
    wide = {
        name: _widened(tensor, tensors[name + SCALE]) if name + SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }
    return EncoderWeights(heads=HEADS, tensors={name: tensor.data for name, tensor in wide.items()})


def vocabulary() -> Sequence[str]:
    """Return the tokens by number. Raises WeightsError if they were altered."""
    return _checked("vocab.txt").decode("utf-8").split("\n")[:-1]


def read_tensors(data: bytes) -> Mapping[str, Tensor]:
    """Return the arrays of a safetensors file, as views; those of other types are left out.

    The format: the header's length in 8 bytes, the header in JSON, then the arrays, little-endian.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    tensors: dict[str, Tensor] = {}
    for name, about in header.items():
        kind = _TYPES.get(about.get("dtype"))
        if kind is not None:
            count, place = math.prod(about["shape"]), start + about["data_offsets"][0]
            tensors[name] = np.frombuffer(data, kind, count, place).reshape(about["shape"])
    return tensors


def _widened(tensor: Tensor, scale: Tensor) -> Tensor:
    groups = tensor.reshape(*scale.shape, -1).astype(np.float32)
    return (groups * scale[..., None]).reshape(tensor.shape)


def _checked(name: str) -> bytes:
    data = FOLDER.joinpath(name).read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        msg = (
            f"embedders/minilm (eleanor-embedders-minilm): {FOLDER / name} is not the file that "
            "this version came with; install the package again"
        )
        raise WeightsError(msg)
    return data
