"""Whether the evidence that came with the case contradicts the text, in two closed forms.

1. The same sentence with another figure ("rose by 12 %" against "rose by 20 %").
2. The same sentence with and without a negation ("is safe" against "is not safe").

Two sentences count as the same when nearly all of their other words are. Everything else
(paraphrase, inference, world knowledge) is not judged here, and counts as not contradicted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from eleanor_core.api import Case

SENTENCES_AT_MOST = 40
"""Sentences of the text, and of the evidence, that are compared; more is a gap."""

ALIKE = 0.8
"""Least share of common words (Jaccard) for two sentences to say the same apart from the figure."""

WORDS_AT_LEAST = 3

_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?=\S)[^.!?\n]*)*")
_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?")
_NEGATORS = frozenset({"not", "never", "no", "cannot", "neither", "without"})
_EMPTY = frozenset((
    "a", "an", "the", "of", "in", "on", "at", "to", "for", "and", "or", "that", "this", "is",
    "are", "was", "were", "be", "been", "it", "its", "by", "with", "as", "has", "have", "had",
    "do", "does", "did", "can", "could", "will", "would", "s",
))  # fmt: skip


@frozen
class Claim:
    """A sentence as words, figures and polarity, with its span in the text."""

    span: tuple[int, int]
    words: frozenset[str]
    figures: tuple[str, ...]
    negated: bool

    def contradicted_by(self, other: Claim) -> str | None:
        """Return what differs where the two are the same sentence otherwise."""
        if min(len(self.words), len(other.words)) < WORDS_AT_LEAST:
            return None
        common = len(self.words & other.words)
        if common < ALIKE * len(self.words | other.words):
            return None
        if self.figures != other.figures and len(self.figures) == len(other.figures):
            return f"it says {', '.join(self.figures)}, the evidence {', '.join(other.figures)}"
        if self.figures == other.figures and self.negated != other.negated:
            return "one of the two negates what the other states"
        return None


@frozen
class Contradiction:
    """A sentence of the text that a sentence of the evidence contradicts."""

    span: tuple[int, int]
    difference: str


def evidence_of(case: Case) -> tuple[str, ...]:
    """Return the texts under `evidence` in the context (a string, or a list of strings)."""
    given = case.context.get("evidence")
    if isinstance(given, str):
        return (given,) if given.strip() else ()
    if isinstance(given, Sequence):
        return tuple(text for text in given if isinstance(text, str) and text.strip())
    return ()


def contradictions(text: str, evidence: Sequence[str]) -> tuple[tuple[Contradiction, ...], bool]:
    """Return the contradicted sentences, and whether all sentences could be compared."""
    said, all_said = _claims((text,))
    known, all_known = _claims(evidence)
    found = tuple(_contradicted(said, known))
    return found, all_said and all_known


def _contradicted(said: Sequence[Claim], known: Sequence[Claim]) -> Iterator[Contradiction]:
    for claim in said:
        # Where the evidence also holds the same sentence, it supports the claim.
        if any(claim.words == other.words and _agree(claim, other) for other in known):
            continue
        differences = (claim.contradicted_by(other) for other in known)
        difference = next((said for said in differences if said), None)
        if difference:
            yield Contradiction(claim.span, difference)


def _agree(claim: Claim, other: Claim) -> bool:
    return claim.figures == other.figures and claim.negated == other.negated


def _claims(texts: Sequence[str]) -> tuple[list[Claim], bool]:
    claims: list[Claim] = []
    for text in texts:
        for found in _SENTENCE.finditer(text):
            if len(claims) == SENTENCES_AT_MOST:
                return claims, False
            claims.append(_claim(found[0], found.span()))
    return claims, True


def _claim(sentence: str, span: tuple[int, int]) -> Claim:
    tokens = _TOKEN.findall(sentence.lower().replace("\u2019", "'"))
    figures = tuple(token.replace(",", "") for token in tokens if token[0].isdigit())
    words = [token for token in tokens if not token[0].isdigit()]
    negations = sum(word in _NEGATORS or word.endswith("n't") for word in words)
    bare = (word.removesuffix("n't") for word in words if word not in _NEGATORS)
    return Claim(
        span=span,
        words=frozenset(word for word in bare if word not in _EMPTY),
        figures=figures,
        negated=bool(negations % 2),
    )
