"""Feature hashing (Weinberger et al. 2009): each feature adds or takes its weight in one slot.

It finds texts that share words, not texts that share a meaning. The same text gives the same bytes
in every process and on every machine, give or take the last bit of the C library's logarithm.
"""

from __future__ import annotations

import math
import re
import struct
import unicodedata
from collections import Counter
from collections.abc import Sequence
from operator import sub
from typing import Final
from zlib import crc32

import anyio.lowlevel

from eleanor_core.api import Embedding

DIM: Final = 256
ENCODER_ID: Final = f"hashing-{DIM}-v1"
"""Goes up with anything that changes a vector: stored vectors then no longer compare."""
MAX_CHARS: Final = 100_000

# Scripts that write without spaces: Thai and Lao, kana, Chinese characters. There a letter counts
# as a word, and pairs of letters carry what words carry elsewhere.
_UNSPACED = r"\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
# CRC-32 is linear: where two words collide in its low bits, so do their pairs with a third word. A
# remainder by a prime breaks that up; 509 is the largest one that fits into the slots.
_PRIME = 509
_PACK = struct.Struct(f"<{DIM}f")


class HashingEmbedder:
    """Embeds texts on the calling thread, in time linear in their length."""

    encoder_id = ENCODER_ID
    dim = DIM

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]:
        """Return one embedding a text, in order; a text without a word gives the zero vector."""
        embeddings = []
        for text in texts:
            await anyio.lowlevel.checkpoint()
            embeddings.append(Embedding(encoder_id=ENCODER_ID, dim=DIM, data=vector(text)))
        return embeddings


def vector(text: str) -> bytes:
    """Return the vector of `text`: 256 little-endian float32 values of length 1, or all zero.

    A feature that stands n times weighs 1 + ln(n). Of a longer text the first 100,000 characters
    count.
    """
    slots = [0.0] * (2 * DIM)
    for code, times in Counter(_features(text[:MAX_CHARS])).items():
        slots[code % _PRIME] += 1.0 if times == 1 else 1.0 + math.log(times)
    # Half of the slots are for a minus sign: slot i + 256 counts against slot i.
    signed = list(map(sub, slots[:DIM], slots[DIM:]))
    length = math.hypot(*signed) or 1.0
    return _PACK.pack(*[slot / length for slot in signed])


def _features(text: str) -> list[int]:
    """Return the CRC-32 of every word and of every two words in a row, each word with its end."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    lines = "\n".join([*_WORD.findall(folded), ""])
    words = lines.encode("utf-8", "surrogatepass").splitlines(keepends=True)
    codes = list(map(crc32, words))
    # A CRC goes on from where another ended, so a pair costs only its second word.
    return [*codes, *map(crc32, words[1:], codes)]
