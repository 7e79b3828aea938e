"""For the person concerned: plain words, and what they may do now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from eleanor_cli import words
from eleanor_cli.explain.ground import Ground, Item, Section
from eleanor_core.model import CLAUSES, AbstentionReason, DecisionValue, Requirement

_DECIDED: Final[Mapping[DecisionValue, str]] = MappingProxyType(
    {
        "allow": "It may go ahead as it is: nobody objects.",
        "constrain": "It may go ahead once it is changed.",
        "review": "It waits for a person.",
        "deny": "It is refused.",
    }
)

_UNRECORDED: Final = "Nothing: what the critics said could not be written down."

_GATE: Final[Mapping[Requirement, str]] = MappingProxyType(
    {
        "acknowledgement": (
            "Nothing may act on it before a named person has looked at it and said so."
        ),
        "determination": (
            "Nothing may act on it before a named person has decided: to let it go ahead, to have "
            "it changed, or to stop it."
        ),
        "prohibited": "Whoever runs this system has forbidden it, and nobody can allow it here.",
        "record": "It could not be written down, so nothing may act on it.",
    }
)

_FAILED: Final[Mapping[AbstentionReason, str]] = MappingProxyType(
    {
        "raised": "it failed",
        "deadline": "it took too long",
        "late": "it took too long",
        "malformed": "its answer could not be used",
        "broken": "it could not be started",
        "overload": "there was too much to do",
    }
)


def person(ground: Ground) -> Iterator[Section]:
    """Yield what was decided, why, what nobody looked at, and what to do now."""
    yield Section.of("What was decided", _decided(ground))
    yield Section.of("Why", _why(ground))
    yield Section.of("What was not looked at", _unseen(ground))
    yield Section.of("What you can do now", _now(ground))


def _decided(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    panel = words.count(len(assessment.critics), "critic")
    yield Item(_DECIDED[assessment.decision] if assessment.evidence else _UNRECORDED)
    yield Item(
        f"Asked: {panel}, each without knowing what the others think. A single objection is "
        "enough: none is outvoted."
    )
    if assessment.gate.requires is not None:
        yield Item(_GATE[assessment.gate.requires])


def _why(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    told: set[str] = set()
    for item in assessment.dissent:
        for violation in item.violations:
            told.add(violation.rationale)
            quote = ground.quote(violation.span)
            about = f", about {quote}" if quote else ""
            title = CLAUSES[violation.clause].title
            yield Item(f"{item.critic} objects{about}: {title}. It says: {violation.rationale}")
        if not item.violations:
            yield Item(f"{item.critic} objects. It says: {item.justification or 'nothing more.'}")
    for name, fault in ground.faults():
        who = name.partition("/")[2] or name
        yield Item(
            f"{who} gave no answer: {_FAILED[fault.reason]}. That counts as a reason to ask a "
            "person, never as agreement."
        )
    lost = {fault.voice for _, fault in ground.faults()}
    for escalation in assessment.escalations:
        if escalation.rationale not in told and escalation.critic not in lost:
            title = CLAUSES[escalation.clause].title
            yield Item(f"{escalation.critic} asks for a person: {title}. {escalation.rationale}")


def _unseen(ground: Ground) -> Iterator[Item]:
    for name, gap, meaning in ground.gaps():
        yield Item(f"{gap.concern}, by {name}: {meaning or gap.reason}.")


def _now(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    for item in assessment.constraints:
        yield Item(f"Have this changed: {item.text}")
    if assessment.gate.requires in ("acknowledgement", "determination"):
        yield Item("Ask whoever uses this system who that person is, and tell them your side.")
    elif assessment.gate.requires == "prohibited":
        yield Item("Ask whoever uses this system for the reason, or for another way.")
    if assessment.evidence is None:
        yield Item("Ask for it to be judged again: there is no record of it yet.")
        return
    yield Item(
        "If you think that this is wrong, say so to whoever uses this system, and name the record "
        f"{assessment.evidence.record_id}. It keeps every objection word for word, and a change "
        "to it can be found."
    )
