"""Sentences as claims: their words, figures, names and polarity, with their place in the text.

A claim is what a sentence says, reduced to what rules can compare: `support.py` weighs claims
against evidence, and `checkable` says which sentences state a fact that somebody could look up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Final

from attrs import define, field

from eleanor_core.api import Case
from eleanor_critics_constitutional.context import WRAPPED
from eleanor_critics_constitutional.quantities import NUMBERS, Quantity, quantities

SENTENCES_AT_MOST: Final = 40
LENGTH_AT_MOST: Final = 8_000
"""Sentences, and code points, of the text and of the evidence that are read; more is a gap."""

_LINES = rf"(?:{WRAPPED}[^.!?\n]+)*"
_SENTENCE = re.compile(rf"[^.!?\n]+{_LINES}(?:[.!?](?=[^\s\"”)])[^.!?\n]*{_LINES})*[.!?]*")
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_NAME = re.compile(r"(?<![.!?:] )(?<=[ (\"“-])[A-Z][^\W\d_]*[a-z][^\W_]*")
_REPLY = re.compile(
    r"(?i)(?:no|yes|yeah|not (?:really|much|at all|yet)|never)\b(?:[,.;:!]| but\b)\s*"
)

_REPLIES: Final = frozenset("nNyY")
_SIGNS: Final = ("not", "n't", "never", "no ", "neither", "nobody", "without")
"""Letters of which some stand in every sentence that negates; most others hold none."""

LENGTH_OF_NEGATION: Final = 10
"""Code points, at most, by which a negation makes a sentence longer."""

WORDS_AT_LEAST: Final = 3
"""Words that two sentences must share to be about one thing."""

NEGATORS: Final = frozenset((
    "not", "never", "no", "cannot", "neither", "nor", "none", "nobody", "nothing", "without",
    "fail", "fails", "failed", "unable", "lack", "lacks", "lacked", "hardly", "barely",
))  # fmt: skip
EMPTY: Final = frozenset((
    "a", "an", "the", "of", "in", "on", "at", "to", "for", "and", "or", "that", "this", "these",
    "those", "is", "are", "was", "were", "be", "been", "being", "am", "it", "its", "by", "with",
    "as", "has", "have", "had", "do", "does", "did", "can", "could", "will", "would", "may",
    "might", "shall", "should", "must", "so", "than", "then", "there", "their", "they", "them",
    "he", "she", "his", "her", "hers", "him", "you", "your", "if", "but", "from", "into", "about",
    "also", "just", "very", "which", "who", "whom", "whose", "what", "when", "where", "why", "how",
    "such", "each", "own", "s", "t", "per", "well", "ok", "okay", "yes", "yeah", "oh", "really",
    "actually", "some", "any", "now", "while", "during", "because", "due", "too", "both",
))  # fmt: skip
_SILENT: Final = EMPTY | NEGATORS
_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "s": ("ations", "ings", "ies", "es", "s"),
    "n": ("ation",),
    "g": ("ing",),
    "d": ("ied", "ed"),
    "y": ("ingly", "edly", "ly"),
    "e": ("e",),
}
"""Endings of forms by their last letter, the longest first."""
_STEM_AT_LEAST: Final = 3
_DOUBLED: Final = frozenset("bgmnprt")


def stem(word: str) -> str:
    """Return `word` (lower case) without the ending of its form, at least three letters of it."""
    for suffix in _SUFFIXES.get(word[-1], ()):
        if word.endswith(suffix) and len(word) - len(suffix) >= _STEM_AT_LEAST:
            return _single(word[: -len(suffix)])
    return word


def _single(word: str) -> str:
    """Return `word` without the doubling of its last letter: "bann" is of "ban"."""
    return word[:-1] if word[-1] == word[-2] and word[-1] in _DOUBLED else word


@define(slots=False)  # a cached property of a class with slots is slower by far
class Claim:
    """One sentence, as it stands and in parts. Parts are made when they are first asked for."""

    text: str
    span: tuple[int, int]
    folded: str = field(init=False)
    """It in lower case, with straight apostrophes."""

    def __attrs_post_init__(self) -> None:
        self.folded = self.text.lower().replace("\u2019", "'")

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Its words and figures in lower case, in their order."""
        return tuple(_TOKEN.findall(self.folded))

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """The stem of each word that says something, "" for the others and for figures."""
        return tuple(map(_meaning, self.tokens))

    @cached_property
    def words(self) -> frozenset[str]:
        """The stems of the words that say something, without figures, units and negations."""
        measures = {
            stem(word) for row in self.quantities for word in f"{row.near} {row.unit}".split()
        }
        return frozenset(self.stems) - measures - {""}

    @cached_property
    def bare(self) -> frozenset[str]:
        """Its words, whole, without negations and empty ones."""
        return frozenset([token.removesuffix("n't") for token in self.tokens]) - _SILENT

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Its figures with their units."""
        return tuple(quantities(self.text)) if NUMBERS.search(self.text) else ()

    @cached_property
    def names(self) -> frozenset[str]:
        """The stems of words with a capital inside the sentence: names, as a rule."""
        return frozenset(_meaning(name.lower()) for name in _NAME.findall(self.text)) - {"", "i"}

    def said(self, words: AbstractSet[str]) -> str:
        """Return the tokens whose stems are `words`, as the sentence says them."""
        pairs = zip(self.tokens, self.stems, strict=True)
        return ", ".join(token for token, word in pairs if word in words)

    def negations(self, first: int = 0, last: int | None = None) -> int:
        """Return how many words between two places, in tokens, negate."""
        stretch = self.tokens[first : None if last is None else last + 1]
        return sum(word in NEGATORS or word.endswith("n't") for word in stretch)

    def reach(self, words: frozenset[str]) -> tuple[int, int]:
        """Return the first and the last place, in tokens, of any of `words`."""
        places = [place for place, word in enumerate(self.stems) if word in words]
        return (places[0], places[-1]) if places else (0, 0)


def _meaning(token: str) -> str:
    if token in _SILENT or not token[0].isalpha():
        return ""
    return "" if token.endswith("n't") else stem(token.removesuffix("'s"))


def sentences(text: str) -> Iterator[Claim]:
    """Yield the sentences of `text` that hold a letter or a digit, in their order.

    A short reply at the beginning ("no, ...") belongs to what was asked, not to the sentence.
    """
    for found in _SENTENCE.finditer(text):
        part = found[0].rstrip()
        said = part.lstrip()
        if not (said[:1].isalnum() or _TOKEN.search(said)):
            continue
        start = found.start() + len(part) - len(said)
        reply = _REPLY.match(said) if said[0] in _REPLIES else None
        if reply and reply.end() < len(said):
            start += reply.end()
            said = said[reply.end() :]
        yield Claim(text=said, span=(start, start + len(said)))


def claims_of(texts: Iterable[str]) -> tuple[list[Claim], bool]:
    """Return the sentences of all `texts`, and whether they are all of them."""
    claims: list[Claim] = []
    room = LENGTH_AT_MOST
    for text in texts:
        for claim in sentences(text[:room]):
            if len(claims) == SENTENCES_AT_MOST:
                return claims, False
            claims.append(claim)
        room -= len(text)
        if room < 0:
            return claims, False
    return claims, True


def evidence_of(case: Case) -> tuple[str, ...]:
    """Return the texts under `evidence` in the context.

    They may be a string, an object that holds one under `text`, or a list of either.
    """
    given = case.context.get("evidence")
    rows = given if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    texts = (row.get("text") if isinstance(row, Mapping) else row for row in rows)
    return tuple(text for text in texts if isinstance(text, str) and text.strip())


def denials(said: Sequence[Claim]) -> Iterator[tuple[int, int]]:
    """Yield the places of sentences that deny, in the same words, what another one states.

    Questions state nothing, and of lines of a dialogue different people speak.
    """
    stated = [claim for claim in said if claim.text[-1] != "?" and ":" not in claim.text]
    for claim in stated:
        if not any(map(claim.folded.__contains__, _SIGNS)) or len(claim.bare) < WORDS_AT_LEAST:
            continue
        length, longest = len(claim.text), max(claim.bare, key=len)
        for other in stated:
            near = abs(length - len(other.text)) <= LENGTH_OF_NEGATION
            # One of its words tells most of the others off without a look at theirs.
            if near and longest in other.folded and other is not claim and _denies(claim, other):
                yield max(claim.span, other.span)
                break


def _denies(claim: Claim, other: Claim) -> bool:
    return claim.bare == other.bare and (claim.negations() - other.negations()) % 2 == 1
