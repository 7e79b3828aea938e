"""Hints: weak signs that raise a score a little, and never to an objection.

A rule says what is wrong; a hint says only that a careful reader would look twice. Hints of one
sentence add up, each after what stands around it (`context.py`), and the strongest sentence
counts. They give no violation, so nothing but the score shows them, and it stays below the
threshold of objection. A mere mention of people weighs nothing: it only says what another hint
stands beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Final, TypeAlias

from attrs import frozen

from eleanor_core.api import Case, Hit, View
from eleanor_critics_constitutional.context import Cue, Scope, sentence_start
from eleanor_critics_constitutional.needs import Need
from eleanor_critics_constitutional.rules import HINT, Hint

CEILING: Final = 0.45
"""Score that hints alone come near to, and never reach: below the threshold of objection."""

ADJACENT: Final = 0.6
"""Part of its weight that a hint keeps if what it must stand beside is in the next sentence."""

_Sentence: TypeAlias = dict[str, Hit]


@frozen(kw_only=True)
class Leaning:
    """What the hints of a text come to. `signs`: names of those that counted, in their order."""

    score: float = 0.0
    signs: tuple[str, ...] = ()


NONE: Final = Leaning()


class Hints:
    """The hints of one book. Holds no state between cases."""

    def __init__(
        self, hints: Mapping[str, Hint], cues: Mapping[str, Cue], needs: Mapping[str, Need]
    ) -> None:
        self._hints = {HINT + name: hint for name, hint in hints.items()}
        self._wanted = {
            HINT + name: frozenset(HINT + other for other in hint.beside)
            for name, hint in hints.items()
        }
        self._needs = {
            HINT + name: tuple(needs[need] for need in hint.needs) for name, hint in hints.items()
        }
        self._doubts = {HINT + name: 1 - max(hint.weight, 0.0) for name, hint in hints.items()}
        self._cues = cues

    def of(self, case: Case) -> Leaning:
        """Return what the strongest sentence of `case` gives."""
        found = [hit for hit in case.hits if hit.pattern in self._hints]
        names = {hit.pattern for hit in found}
        counting = {name for name in names if self._may_count(name, names)}
        best = NONE
        for view in case.views if counting else ():
            hits = [hit for hit in found if hit.view == view.name]
            best = self._of_view(case, view, hits, counting, best)
        return best

    def _may_count(self, name: str, names: set[str]) -> bool:
        wanted = self._wanted[name]
        return self._hints[name].weight > 0 and (not wanted or not wanted.isdisjoint(names))

    def _of_view(
        self, case: Case, view: View, hits: list[Hit], counting: set[str], best: Leaning
    ) -> Leaning:
        """Return the strongest sentence of `view`, or `best` if none is stronger.

        Sentences are read in the order of what they can come to at most, for as long as one can
        still be the strongest: a long text has many, and few of them matter. One without a hint
        that may count in this text comes to nothing.
        """
        sentences: dict[int, _Sentence] = {}
        for hit in hits:
            start = sentence_start(view.text, hit.view_span[0])
            sentences.setdefault(start, {}).setdefault(hit.pattern, hit)
        most = {start: self._at_most(here) for start, here in sentences.items()}
        before: dict[int, int] = {}  # made when it is first asked for
        for start in sorted(sentences, key=lambda start: (-most[start], start)):
            if most[start] <= best.score:
                break
            here = sentences[start]
            if counting.isdisjoint(here):
                continue
            lone = any(self._wanted[name].isdisjoint(here) for name in here if self._wanted[name])
            if lone and not before:
                before = {at: _start_before(view.text, at) for at in sentences}
            beside = _beside(start, sentences, before) if lone else frozenset[str]()
            leaning = self._of_sentence(case, view, here, beside)
            best = max(best, leaning, key=lambda row: row.score)
        return best

    def _at_most(self, names: Iterable[str]) -> float:
        doubt = prod(map(self._doubts.__getitem__, names))
        return round(CEILING * (1 - doubt), 3)

    def _of_sentence(
        self, case: Case, view: View, here: _Sentence, beside: frozenset[str]
    ) -> Leaning:
        doubt, eased = 1.0, 1.0
        signs: list[str] = []
        for name, hit in here.items():
            hint = self._hints[name]
            share = _share(self._wanted[name], here, beside)
            if not share or not hint.weight:
                continue
            scope = Scope.of(view, hit)
            if not all(need(case, scope) for need in self._needs[name]):
                continue
            signs.append(name.removeprefix(HINT))
            if hint.weight < 0:
                eased *= 1 + hint.weight
            else:
                doubt *= 1 - hint.weight * share * self._factor(hint, scope)
        return Leaning(score=round(CEILING * (1 - doubt) * eased, 3), signs=tuple(signs))

    def _factor(self, hint: Hint, scope: Scope) -> float:
        lowering = scope.lowering(self._cues, hint.unmoved_by, hint.moved_by)
        return 1.0 if lowering is None else lowering[1].factor


def _share(wanted: frozenset[str], here: _Sentence, beside: frozenset[str]) -> float:
    """Return the part of its weight that a hint has that must stand beside one of `wanted`."""
    if not wanted or not wanted.isdisjoint(here):
        return 1.0
    return 0.0 if wanted.isdisjoint(beside) else ADJACENT


def _start_before(text: str, start: int) -> int:
    """Return where the sentence before the one at `start` starts, -1 if there is none."""
    return sentence_start(text, start - 2) if start > 1 else -1


def _beside(
    start: int, sentences: Mapping[int, _Sentence], before: Mapping[int, int]
) -> frozenset[str]:
    """Return the hints in the sentence before the one at `start` and in the one after it."""
    names: set[str] = set()
    for other, hints in sentences.items():
        if other == before[start] or before[other] == start:
            names.update(hints)
    return frozenset(names)
