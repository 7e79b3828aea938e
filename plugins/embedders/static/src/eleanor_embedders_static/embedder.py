"""The mean of the vectors of a text's word pieces, each weighted by how rare it is.

The same text gives the same bytes in every process and on every machine: rows and weights are whole
numbers whose sums float64 holds exactly, and every step after that is rounded as IEEE 754 says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio.lowlevel
import anyio.to_thread

from eleanor_core.api import EleanorError, Embedding
from eleanor_embedders_static.wordpiece import WordPiece

if TYPE_CHECKING:
    from eleanor_embedders_static.table import Table

FOLDER: Final = Path(__file__).with_name("weights")
SHA256: Final = {
    "table.npy": "c888c7151a549b76964fd2d2708a1d416b0ccc0b54a6d06414e43ef4121bb39a",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
DIM: Final = 256
ENCODER_ID: Final = f"static-{DIM}-{SHA256['table.npy'][:12]}"
MAX_CHARS: Final = 100_000
_LONG: Final = 10_000
"""Longer texts are embedded in a thread: some take milliseconds."""


class TableError(EleanorError):
    """The table is not the one that this version was made with."""

    code = "weights"


class StaticEmbedder:
    """Embeds texts in time linear in their length; long ones in a thread."""

    encoder_id = ENCODER_ID
    dim = DIM

    def __init__(self) -> None:
        for name, wanted in SHA256.items():
            with FOLDER.joinpath(name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                    msg = (
                        f"embedders/static (eleanor-embedders-static): {FOLDER / name} is not the "
                        "file that this version came with; install the package again"
                    )
                    raise TableError(msg)

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]:
        """Return one embedding a text, in order; a text without a known word gives all zeros."""
        embeddings = []
        for text in texts:
            if len(text) > _LONG:
                data = await anyio.to_thread.run_sync(self.vector, text)
            else:
                await anyio.lowlevel.checkpoint()
                data = self.vector(text)
            embeddings.append(Embedding(encoder_id=ENCODER_ID, dim=DIM, data=data))
        return embeddings

    def vector(self, text: str) -> bytes:
        """Return the vector of `text`: 256 little-endian float32 values of length 1, or all zero.

        Of a longer text the first 100,000 characters count.
        """
        return self._table.mean(self._cut(text[:MAX_CHARS]))

    # Both are there from the first text on: a store without cases asks for none.

    @cached_property
    def _table(self) -> Table:
        from eleanor_embedders_static.table import Table  # noqa: PLC0415 -- numpy loads here

        return Table(FOLDER / "table.npy")

    @cached_property
    def _cut(self) -> WordPiece:
        return WordPiece(FOLDER.joinpath("vocab.txt").read_text("utf-8").split("\n")[:-1])
