"""Hostile words in disguise: spaced letters, figures for letters, a letter lost or swapped, no gap.

Such spelling slips past a list of words and past nobody who reads. A word counts only if undoing
the disguise gives a word of `misspelt.yaml`, and only together with a group of people or, if it is
the group that hides, with open hostility: a typing error alone says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

from attrs import frozen
from pydantic import BaseModel, ConfigDict

from eleanor_critics_constitutional.rules import read_yaml

MOST: Final = 800
"""Code points at the beginning of a text that are looked at."""

SHORTEST: Final = 5
"""Letters of a word from which on a lost or swapped letter is undone: shorter ones are too near."""

Kind: TypeAlias = Literal["hostile", "group"]

_TOKEN = re.compile(r"(?:\w[ .*_-]){2,}\w(?!\w)|[\w@$!]*\w")
_FIGURES = str.maketrans("0134@$5!", "oieaassi")
_NO_LETTER = re.compile(r"[\W_]+")


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    hostile: frozenset[str]
    groups: frozenset[str]
    joiners: frozenset[str]
    honest: frozenset[str]


@frozen(kw_only=True)
class Disguise:
    """A word in disguise: which sort of word it hides, and where it stands."""

    kind: Kind
    word: str
    span: tuple[int, int]


class Reader:
    """Undoes disguises of the words that it was given."""

    def __init__(self, words: _Words) -> None:
        self._kinds: Mapping[str, Kind] = {
            **dict.fromkeys(words.groups, "group"),
            **dict.fromkeys(words.hostile, "hostile"),
        }
        near = {form: word for word in self._kinds for form in _near(word)}
        glued = {
            form: word
            for word in self._kinds
            for other in (*words.joiners, *self._kinds)
            for form in (word + other, other + word)
        }
        self._forms = {
            form: word
            for form, word in (glued | near).items()
            if form not in self._kinds and form not in words.honest
        }

    def read(self, text: str) -> Iterator[Disguise]:
        """Yield the words of `text` that hide one of the known words."""
        for token in _TOKEN.finditer(text[:MOST].lower()):
            said = token[0]
            word = None if said in self._kinds else self._hidden(said)
            if word is not None:
                yield Disguise(kind=self._kinds[word], word=word, span=token.span())

    def _hidden(self, said: str) -> str | None:
        if said.isalpha():
            return self._forms.get(said)
        plain = _NO_LETTER.sub("", said.translate(_FIGURES))
        return plain if plain in self._kinds else None


def load_reader() -> Reader:
    """Read the words and return what undoes their disguises."""
    return Reader(_Words.model_validate(read_yaml("misspelt.yaml")))


def _near(word: str) -> Iterable[str]:
    """Return `word` with one inner letter lost, and with two neighbours swapped."""
    if len(word) < SHORTEST:
        return ()
    lost = (word[:at] + word[at + 1 :] for at in range(1, len(word) - 1))
    swapped = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(1, len(word) - 1)
    )
    return {*lost, *swapped} - {word}
