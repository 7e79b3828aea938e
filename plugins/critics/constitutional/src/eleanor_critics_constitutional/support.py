"""How far the evidence that came with a case bears out its text, and where it says otherwise.

A sentence of the text is laid beside the sentence of the evidence with which it shares most. Where
nearly all of its other words are the same, a difference in one thing is a contradiction:

1. another figure of the same kind ("rose by 12 %" against "rose by 20 %");
2. a negation on one side ("is safe" against "is not safe");
3. opposites ("rose" against "fell"), from `opposites.yaml`;
4. another name ("the capital of Peru" against "the capital of Chile").

Short of that, the share of words, figures and names that the evidence holds orders the texts.
Paraphrase and inference are beyond rules: what they carry counts as not borne out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from attrs import frozen

from eleanor_critics_constitutional.claims import Claim, claims_of, stem
from eleanor_critics_constitutional.quantities import BARE, Quantity
from eleanor_critics_constitutional.rules import RuleFileError, read_yaml

FIGURE, NEGATION, OPPOSITE, NAME = 0.8, 0.74, 0.7, 0.58
"""Scores of the four contradictions: how often a careful reader would agree."""

COVERED: Final = 0.75
"""Least share of a sentence's other words that the evidence's sentence must hold."""
ALIKE: Final = 0.6
"""Share of common words (Jaccard) from which the two surely speak of one thing."""
LOOSE: Final = 0.8
"""Part of its score that a contradiction keeps where they only likely do."""
SHARED: Final = 2
SHARED_MORE: Final = 3
NEGATION_REACH: Final = 3
"""Words before the first shared one in which a negation still concerns it."""

WEIGHT: Final = 2.0
"""What a figure or a name counts for, beside a word."""
UNBORNE: Final = 0.31
NEGATED: Final = 0.07
OPPOSED: Final = 0.07
"""What raises the score below an objection: nothing of it in the evidence; a negation on one side
only; opposites. Together they stay below the threshold of objection.
"""


@frozen
class Contradiction:
    """A sentence of the text that a sentence of the evidence contradicts."""

    span: tuple[int, int]
    score: float
    difference: str


@frozen
class Weighed:
    """A text beside its evidence.

    `doubt` in [0, 0.45]: what the evidence leaves unsaid, as a score. `silent`: the sentences of
    which it holds nothing.
    """

    contradictions: tuple[Contradiction, ...]
    doubt: float
    silent: tuple[Claim, ...]
    complete: bool


class Comparison:
    """Compares texts with evidence. Holds no state but its table of opposites."""

    def __init__(self, opposites: Mapping[str, frozenset[str]]) -> None:
        self._opposites = opposites

    def weigh(self, text: str, evidence: Sequence[str]) -> Weighed:
        """Return what the evidence says of the text. Questions state nothing and are left out."""
        said, all_said = claims_of((text,))
        known, all_known = claims_of(evidence)
        everything = _everything(known)
        stated = [claim for claim in said if not claim.text.endswith("?")]
        missing = [_unborne(claim, everything) for claim in stated]
        doubt = UNBORNE * _mean(missing)
        doubt += NEGATED * any(_polar(claim, known) for claim in stated)
        doubt += OPPOSED * any(self._opposed(claim, everything.words) for claim in stated)
        return Weighed(
            contradictions=tuple(
                Contradiction(claim.span, *difference)
                for claim in stated
                if (difference := self._difference(claim, known, everything)) is not None
            ),
            doubt=round(doubt, 3),
            silent=tuple(
                claim for claim, (share, _) in zip(stated, missing, strict=True) if share == 1.0
            ),
            complete=all_said and all_known,
        )

    def _difference(
        self, claim: Claim, known: Sequence[Claim], everything: _Everything
    ) -> tuple[float, str] | None:
        """Return the first contradiction, the surest kind first."""
        near = _nearest(claim, known)
        return next(self._differences(claim, near, everything), None) if near else None

    def _differences(
        self, claim: Claim, near: Claim, everything: _Everything
    ) -> Iterator[tuple[float, str]]:
        shared = claim.words & near.words
        if len(shared) < SHARED:
            return
        alike = _alike(claim, near)
        flipped = _flipped(claim, near, shared)
        opposed = self._opposed(claim, near.words)
        if len(shared) >= COVERED * len(claim.words):
            trust = 1.0 if alike >= ALIKE else LOOSE
            yield from ((FIGURE * trust, said) for said in _other_figure(claim, near, everything))
            if flipped and not opposed and alike >= ALIKE and len(shared) >= SHARED_MORE:
                yield NEGATION, "one of the two negates what the other states"
        if opposed and not flipped and len(shared) >= COVERED * (len(claim.words) - len(opposed)):
            trust = 1.0 if _alike(claim, near, {*opposed[0]}) >= ALIKE else LOOSE
            one, other = claim.said({opposed[0][0]}), near.said({opposed[0][1]})
            yield OPPOSITE * trust, f"it says {one!r}, the evidence {other!r}"
        names, others = claim.names - everything.words, near.names - claim.names
        sure = len(shared) >= COVERED * len(claim.words - names)
        if names and others and sure and _alike(claim, near, {*names, *others}) >= ALIKE:
            yield NAME, f"it names {claim.said(names)!r}, the evidence {near.said(others)!r}"

    def _opposed(self, claim: Claim, words: frozenset[str]) -> list[tuple[str, str]]:
        """Return the words of `claim` whose opposite, and not they, stand in `words`."""
        return [
            (word, other)
            for word in sorted(claim.words - words)
            for other in sorted(self._opposites.get(word, frozenset()) & words - claim.words)
        ]


def load_opposites() -> Mapping[str, frozenset[str]]:
    """Read the pairs of opposites, by stem, in both directions."""
    rows = read_yaml("opposites.yaml")
    if not isinstance(rows, list):
        raise RuleFileError("eleanor-critics-constitutional, opposites.yaml: not a list")
    table: dict[str, set[str]] = {}
    for row in rows:
        one, other = ([stem(word) for word in str(side).split()] for side in row)
        for word in one:
            table.setdefault(word, set()).update(other)
        for word in other:
            table.setdefault(word, set()).update(one)
    return {word: frozenset(others) for word, others in table.items()}


@frozen
class _Everything:
    """All words and figures of the evidence."""

    words: frozenset[str]
    figures: tuple[Quantity, ...]

    def bears_out(self, figure: Quantity) -> bool:
        """Return whether a figure of the evidence says the same."""
        return any(row.kind == figure.kind and figure.agrees(row) for row in self.figures)


def _everything(known: Iterable[Claim]) -> _Everything:
    claims = tuple(known)
    return _Everything(
        words=frozenset().union(*(claim.words for claim in claims)),
        figures=tuple(row for claim in claims for row in claim.quantities),
    )


def _nearest(claim: Claim, known: Sequence[Claim]) -> Claim | None:
    """Return the sentence of the evidence that shares most words, the shortest of several."""
    shared = Counter({place: len(claim.words & other.words) for place, other in enumerate(known)})
    best = max(shared, key=lambda place: (shared[place], -len(known[place].words)), default=None)
    return known[best] if best is not None and shared[best] else None


def _alike(claim: Claim, near: Claim, without: AbstractSet[str] = frozenset()) -> float:
    """Return the share of common words among all of both but those that tell them apart."""
    every = (claim.words | near.words) - without
    return len(claim.words & near.words) / len(every) if every else 0.0


def _other_figure(claim: Claim, near: Claim, everything: _Everything) -> Iterator[str]:
    for figure in claim.quantities:
        if figure.kind == BARE and len(claim.quantities) != len(near.quantities):
            continue
        same = [row for row in near.quantities if row.kind == figure.kind]
        if same and not everything.bears_out(figure):
            yield f"it says {figure.said!r}, the evidence {same[0].said!r}"


def _flipped(claim: Claim, near: Claim, shared: frozenset[str]) -> bool:
    """Return whether one of the two, and not the other, negates what they share."""
    first, last = near.reach(shared)
    negations = near.negations(max(first - NEGATION_REACH, 0), last)
    return bool(shared) and (claim.negations() - negations) % 2 == 1


def _unborne(claim: Claim, evidence: _Everything) -> tuple[float, float]:
    """Return the share of the sentence that the evidence does not hold, and its weight."""
    missing = weight = 0.0
    for word in claim.words:
        one = WEIGHT if word in claim.names else 1.0
        weight += one
        missing += 0.0 if word in evidence.words else one
    for row in claim.quantities:
        weight += WEIGHT
        missing += 0.0 if evidence.bears_out(row) else WEIGHT
    return (missing / weight if weight else 0.0), weight


def _polar(claim: Claim, known: Iterable[Claim]) -> bool:
    """Return whether the sentence is negated and no sentence on the same matter is, or reversed."""
    related = [other for other in known if not claim.words.isdisjoint(other.words)]
    negated = any(other.negations() for other in related)
    return bool(related) and bool(claim.negations()) != negated


def _mean(shares: Sequence[tuple[float, float]]) -> float:
    """Return the mean of shares by their weights, 0 without any."""
    whole = sum(weight for _, weight in shares)
    return sum(share * weight for share, weight in shares) / whole if whole else 0.0
