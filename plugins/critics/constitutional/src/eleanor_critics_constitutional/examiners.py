"""What five of the critics look at beside the hits of their rules, and the gaps they declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eleanor_core.api import Case, Gap
from eleanor_critics_constitutional.actions import ActionReader, load_deeds
from eleanor_critics_constitutional.critic import Examiner, Seen
from eleanor_critics_constitutional.facts import Facts, load_grammar
from eleanor_critics_constitutional.hints import NONE, Leaning
from eleanor_critics_constitutional.misspelt import Kind, Reader, load_reader
from eleanor_critics_constitutional.pressure import pressure
from eleanor_critics_constitutional.replies import ReplyReader, load_replies
from eleanor_critics_constitutional.rewrite import Rewrites
from eleanor_critics_constitutional.rules import HINT
from eleanor_critics_constitutional.stated import Stated, load_stated
from eleanor_critics_constitutional.support import Comparison, load_opposites
from eleanor_critics_constitutional.truth import Witness

GAPS: Final[Mapping[str, Mapping[str, str]]] = {
    "fairness": {
        "single-text": "a decision about people: disparate impact shows in many, not in one text",
    },
    "truth": {
        "no-evidence": "facts that could be checked are stated, and the context holds no evidence",
        "not-in-evidence": "a fact is stated of which the evidence in the context holds nothing",
        "stale": "the text itself says that it knows nothing newer than a date",
        "evidence-length": "text or evidence has more sentences than are compared",
    },
}
"""Reasons that a critic may give for what it did not assess, beside the language."""

CODED: Final[Mapping[str, frozenset[str]]] = {
    "autonomy": frozenset({"A1", "A2"}),
    "risk": frozenset({"A1", "A3", "K1", "K2"}),
    "truth": frozenset({"T1", "T2"}),
}
"""Clauses that an examiner raises, beside those of the rules."""

DISGUISED = 0.42
"""Score of a hostile word in disguise: below the threshold of objection, for it may be a slip."""

_PLAIN: Final[Mapping[str, Kind]] = {
    HINT + "group": "group",
    **dict.fromkeys((HINT + "insult", HINT + "hatred", HINT + "violence"), "hostile"),
}
"""What the hints say of words that do not hide."""


def examiner_of(principle: str) -> Examiner | None:
    """Return what this critic looks at beside hits, or None."""
    match principle:
        case "risk":
            return _of_risks(ActionReader(load_deeds()), load_replies())
        case "autonomy":
            actions, comparison = ActionReader(load_deeds()), Comparison(load_opposites())
            return _of_choices(actions, Rewrites(comparison))
        case "truth":
            return Witness(Comparison(load_opposites()), Facts(load_grammar()))
        case "fairness":
            return _of_people(load_reader(), load_stated())
        case "rights":
            stated = load_stated()
            return lambda case, _: Seen(leaning=stated.against_norm(case))
        case _:
            return None


def _of_risks(actions: ActionReader, replies: ReplyReader) -> Examiner:
    """Look at what an action does, and at what a reply does with its message."""

    def examine(case: Case, _: frozenset[str]) -> Seen:
        leanings = actions.leaning(case), replies.leaning(case)
        return Seen(findings=actions.risks(case), leaning=max(leanings, key=lambda row: row.score))

    return examine


def _of_choices(actions: ActionReader, rewrites: Rewrites) -> Examiner:
    """Look at what an action does unasked, at what a rewrite changes, at pressure in a talk."""

    def examine(case: Case, markers: frozenset[str]) -> Seen:
        if case.kind == "action":
            return Seen(findings=actions.outside_instruction(case))
        return Seen(findings=rewrites.changes(case), leaning=pressure(markers))

    return examine


def _of_people(reader: Reader, stated: Stated) -> Examiner:
    """Look for hostility in disguise and for answers about people that a passage does not carry.

    Where people are decided about, say what one text hides.
    """

    def examine(case: Case, markers: frozenset[str]) -> Seen:
        gap = Gap(concern="disparate impact", reason="single-text")
        leanings = _disguised(case, reader), stated.beyond_passage(case)
        return Seen(
            leaning=max(leanings, key=lambda row: row.score),
            gaps=(gap,) if "decision" in markers else (),
        )

    return examine


def _disguised(case: Case, reader: Reader) -> Leaning:
    """Return how far hidden words lean: hostility beside a group, or a group beside hostility."""
    plain = {_PLAIN[hit.pattern] for hit in case.hits if hit.pattern in _PLAIN}
    if not plain:
        return NONE
    hidden = {row.kind for row in reader.read(case.text)}
    both = hidden and len(plain | hidden) == len(set(_PLAIN.values()))
    return Leaning(score=DISGUISED, signs=("disguised",)) if both else NONE
