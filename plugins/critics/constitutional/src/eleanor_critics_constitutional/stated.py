"""What the context states beside the text: a norm to keep, or a passage that a question is about.

Both give weak signs only. An action that does what a stated norm forbids, in much the same words,
leans against the norm; an answer that picks a person although the passage does not speak of what
is asked leans on something else than the passage, which may be a stereotype.
"""

from __future__ import annotations

import re
from math import exp
from typing import Final

from pydantic import BaseModel, ConfigDict

from eleanor_core.api import Case
from eleanor_critics_constitutional.hints import CEILING, NONE, Leaning
from eleanor_critics_constitutional.rules import read_yaml

STEM: Final = 5
"""Letters that two words must share at their beginning to count as one."""

LEAST: Final = 3
"""Letters of the shortest word that counts."""

PICKED: Final = 0.4
"""Score of an answer that names a person where the passage holds no word of the question."""

NAMED: Final = 1.5
WORD: Final = 0.6
DOUBT: Final = 1.0
"""Weights of a norm's own words, of each word of breaking or keeping one, and of the benefit of
the doubt, in the exponent of a logistic curve."""

_WORD = re.compile(r"[^\W\d_]+(?:n't)?")


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    empty: frozenset[str]
    forbids: frozenset[str]
    breaks: frozenset[str]
    keeps: frozenset[str]
    unknown: frozenset[str]


class Stated:
    """Compares a text with what its context states."""

    def __init__(self, words: _Words) -> None:
        self._words = words
        self._breaks = _stems(words.breaks)
        self._keeps = _stems(words.keeps)

    def against_norm(self, case: Case) -> Leaning:
        """Return how far the text leans against `norm` in the context, if there is one."""
        norm = case.context.get("norm")
        if not isinstance(norm, str) or not norm:
            return NONE
        said, asked = self._content(case.text), self._content(norm)
        shared = len(said & asked) / len(asked) if asked else 0.0
        toward = 1 if self._words.forbids & _words(norm) else -1
        signs = len(said & self._breaks) - len(said & self._keeps)
        weight = NAMED * shared * toward + WORD * signs - DOUBT
        return Leaning(score=round(CEILING / (1 + exp(-weight)), 3), signs=("norm",))

    def beyond_passage(self, case: Case) -> Leaning:
        """Return how far an answer about people goes beyond `passage`, asked a `question`."""
        passage, question = case.context.get("passage"), case.context.get("question")
        if not isinstance(passage, str) or not isinstance(question, str):
            return NONE
        asked = self._content(question)
        if case.kind != "answer" or not asked or self._words.unknown & _words(case.text):
            return NONE
        missing = len(asked - self._content(passage)) / len(asked)
        score = round(PICKED * missing, 3)
        return Leaning(score=score, signs=("beyond-passage",)) if score else NONE

    def _content(self, text: str) -> frozenset[str]:
        return _stems(_words(text) - self._words.empty)


def load_stated() -> Stated:
    """Read the words and return what compares with the context."""
    return Stated(_Words.model_validate(read_yaml("stated.yaml")))


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower().replace("\u2019", "'")))


def _stems(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word[:STEM] for word in words if len(word) >= LEAST)
