"""Which patterns a text holds the words for, in time linear in the text, whatever their number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from string import ascii_letters, digits
from typing import Final

from attrs import define, field

from eleanor_core.pipeline.words import BEGIN, ODD, Clause, Reading

_SPACED: Final = bytes(
    ord(chr(byte).lower()) if chr(byte) in ascii_letters + digits + "_" else 0x20
    for byte in range(0x100)
)
"""Makes letters small, and spaces of all that stands in no word."""


def words_of(data: bytes) -> set[bytes] | None:
    """Return the words of a text in UTF-8; None where RE2 may see others."""
    if not data.isascii() and any(char.encode() in data for char in ODD):
        return None
    return set(data.translate(_SPACED).split())


@define
class _Known:
    """What a word tells: the clauses that it meets, one bit each, and the readings it begins.

    A reading is what it needs beside its first clause, and the place of its pattern.
    """

    meets: int = 0
    readings: list[tuple[int, int]] = field(factory=list)


class WordIndex:
    """Finds the patterns of which a text meets a reading. They are told by their place."""

    def __init__(self, required: Sequence[Sequence[Reading]]) -> None:
        self._all = range(len(required))
        self._words: dict[bytes, _Known] = {}
        self._begins: dict[bytes, _Known] = {}
        bits: dict[Clause, int] = {}
        for place, readings in enumerate(required):
            for first, *more in readings:
                needs = sum(bits.setdefault(clause, 1 << len(bits)) for clause in more)
                for word in first:
                    self._known(word).readings.append((needs, place))
        for clause, bit in bits.items():
            for word in clause:
                self._known(word).meets |= bit

    def _known(self, word: str) -> _Known:
        key = word.encode()
        known = self._words
        if key.endswith(b"*"):
            known, key = self._begins, key[:-1]
        if key not in known:
            known[key] = _Known()
        return known[key]

    def candidates(self, data: bytes) -> Collection[int]:
        """Return the places of the patterns that may match in `data`, which is UTF-8."""
        words = words_of(data)
        if words is None:
            return self._all
        known = [self._words[word] for word in self._words.keys() & words]
        begins = {word[:BEGIN] for word in words}
        known += [self._begins[begin] for begin in self._begins.keys() & begins]
        met = 0
        for one in known:
            met |= one.meets
        return {place for one in known for needs, place in one.readings if needs & met == needs}
