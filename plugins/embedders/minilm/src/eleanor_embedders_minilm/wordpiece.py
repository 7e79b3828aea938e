"""WordPiece: text to token ids, as BERT's uncased tokenizer has them, in plain Python.

What a text says is text: a literal `[CLS]` in it is a bracket, three letters and a bracket, never
the special token. Characters that Unicode took in after version 8 may be told apart otherwise than
by the reference, which has older tables.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

_LONGEST: Final = 100
"""A longer word is unknown as a whole."""
_KEPT: Final = 20_000
"""Words, and characters, whose parts are kept: no text makes more than that stay in memory."""
_IDEOGRAPHS: Final = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
"""Scripts written without spaces: each character is a word. The bounds are the reference's."""


class WordPiece:
    """Cuts texts by one vocabulary, whose token ids are the places in it."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        # No word holds a "#" beside other characters, so none is taken for a piece's name.
        self._words = {token: place for place, token in enumerate(vocabulary)}
        self._pieces = {
            token[2:]: place
            for place, token in enumerate(vocabulary)
            if token.startswith("##") and len(token) > 2
        }
        self._unknown = self._words["[UNK]"]
        self._reach = _reach(self._words), _reach(self._pieces)
        self._parts = lru_cache(_KEPT)(self._cut)

    def __call__(self, text: str) -> list[int]:
        """Return the ids of `text`, without special tokens at its ends."""
        ids: list[int] = []
        known = self._words.get
        for word in text.translate(_CHARACTERS).split(" "):
            if word:
                place = known(word)
                if place is None:
                    ids += self._parts(word)
                else:
                    ids.append(place)
        return ids

    def _cut(self, word: str) -> tuple[int, ...]:
        """Return the longest pieces from the left on; one unknown token if any part is unknown."""
        if len(word) > _LONGEST:
            return (self._unknown,)
        parts: list[int] = []
        known, (reach, further), start = self._words, self._reach, 0
        while start < len(word):
            for end in range(start + reach.get(word[start : start + 2], 1), start, -1):
                place = known.get(word[start:end])
                if place is not None:
                    break
            else:
                return (self._unknown,)
            parts.append(place)
            known, reach = self._pieces, further
            # A slice may have ended before `end`, at the end of the word.
            start = end
        return tuple(parts)


def _reach(tokens: Iterable[str]) -> dict[str, int]:
    """Return for the first two characters of tokens how long the longest such token is."""
    reach: dict[str, int] = {}
    for token in tokens:
        reach[token[:2]] = max(len(token), reach.get(token[:2], 1))
    return reach


class _Characters(dict[int, str]):
    """What each character becomes; worked out when it is met."""

    def __missing__(self, code: int) -> str:
        made = _made(chr(code))
        if len(self) < _KEPT:
            self[code] = made
        return made


def _made(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r" or category.startswith("Z"):
        return " "
    # Control and format characters, lone surrogates, private use; not what is unassigned.
    if character == "\ufffd" or category in {"Cc", "Cf", "Cs", "Co"}:
        return ""
    if any(first <= ord(character) <= last for first, last in _IDEOGRAPHS):
        return f" {unicodedata.normalize('NFD', character)} "
    letters = [
        part
        for part in unicodedata.normalize("NFD", character)
        if unicodedata.category(part) != "Mn"
    ]
    return "".join(f" {part} " if _punctuation(part) else part.lower() for part in letters)


def _punctuation(character: str) -> bool:
    if character.isascii():
        return not character.isalnum()
    return unicodedata.category(character).startswith("P")


_CHARACTERS: Final = _Characters()
