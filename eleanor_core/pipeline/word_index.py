"""Which patterns a text holds the words for, in time linear in the text, whatever their number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from string import ascii_letters, digits
from typing import Final

from eleanor_core.pipeline.words import BEGIN, ODD, Clause, Reading

_SPACED: Final = bytes(
    ord(chr(byte).lower()) if chr(byte) in ascii_letters + digits + "_" else 0x20
    for byte in range(0x100)
)
"""Makes letters small, and spaces of all that stands in no word."""


def words_of(data: bytes) -> set[bytes] | None:
    """Return the words of a text in UTF-8 and their begins; None where RE2 may see others."""
    if not data.isascii() and any(char.encode() in data for char in ODD):
        return None
    words = set(data.translate(_SPACED).split())
    return words | {word[:BEGIN] + b"*" for word in words}


class WordIndex:
    """Finds the patterns of which a text meets a reading. They are told by their place."""

    def __init__(self, required: Sequence[Sequence[Reading]]) -> None:
        self._all = range(len(required))
        # Each clause is a bit. A reading is what it needs beside its first clause.
        bits: dict[Clause, int] = {}
        self._readings: dict[bytes, list[tuple[int, int]]] = {}
        for place, readings in enumerate(required):
            for first, *more in readings:
                needs = sum(bits.setdefault(clause, 1 << len(bits)) for clause in more)
                for word in first:
                    self._readings.setdefault(word.encode(), []).append((needs, place))
        self._meets: dict[bytes, int] = {}
        for clause, bit in bits.items():
            for word in clause:
                self._meets[word.encode()] = self._meets.get(word.encode(), 0) | bit

    def candidates(self, data: bytes) -> Collection[int]:
        """Return the places of the patterns that may match in `data`, which is UTF-8."""
        words = words_of(data)
        if words is None:
            return self._all
        met = 0
        for word in self._meets.keys() & words:
            met |= self._meets[word]
        return {
            place
            for word in self._readings.keys() & words
            for needs, place in self._readings[word]
            if needs & met == needs
        }
