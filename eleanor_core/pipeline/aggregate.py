"""Stage 7: what follows from the panel. A pure function, in which nothing is ever averaged.

The aggregate infers no escalation. It collects those that voices declared: critics in their
results, faults by being faults, and the stages `recall` and `uncertainty` in their own names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from attrs import frozen

from eleanor_core.api import Thresholds
from eleanor_core.model import (
    CLAUSES,
    PRINCIPLES,
    Abstention,
    Constraint,
    CriticOutcome,
    CriticResult,
    Decision,
    DecisionValue,
    DetectorResult,
    Dissent,
    Escalation,
    EscalationSignal,
    Gate,
    PrecedentAlignment,
    Principle,
    Requirement,
    UncertaintyAnalysis,
)

_RANK: Final = {principle: rank for rank, principle in enumerate(PRINCIPLES)}
EVEN: Final = 0.50
"""Score from which a reader is as likely to object as not, so that something was found."""
_UNOPPOSED: Final = Decision(value="allow", summary="No critic objects.", gate=Gate(open=True))
"""What follows where nobody objects and nobody asks for a human: most cases."""


@frozen(kw_only=True)
class Seat:
    """What the aggregate must know of a critic beside its words."""

    principle: Principle
    thresholds: Thresholds = Thresholds()


@frozen(kw_only=True)
class Heard:
    """All that was said about one case. `others`: escalations that the engine itself declares."""

    critics: Mapping[str, CriticOutcome]
    detectors: Mapping[str, DetectorResult | Abstention]
    precedent: PrecedentAlignment | Abstention
    uncertainty: UncertaintyAnalysis | Abstention
    others: tuple[Escalation, ...] = ()


def objects(result: CriticOutcome, thresholds: Thresholds) -> bool:
    """Return whether a result counts as an objection: its score reaches the critic's threshold."""
    return isinstance(result, CriticResult) and result.score >= thresholds.objection


def speaking(
    critics: Mapping[str, CriticOutcome], seats: Mapping[str, Seat]
) -> dict[str, CriticOutcome]:
    """Return the outcomes that anything follows from: all but those of critics who found nothing.

    Impact, recall, uncertainty and the decision are the same with the others and without them.
    """
    return {
        name: outcome
        for name, outcome in critics.items()
        if not isinstance(outcome, CriticResult)
        or outcome.violations
        or outcome.escalations
        or outcome.not_assessed
        or outcome.score >= EVEN
        or outcome.score >= seats[name].thresholds.objection
    }


def aggregate(
    heard: Heard, seats: Mapping[str, Seat], prohibited: frozenset[str] = frozenset()
) -> Decision:
    """Decide. `seats` holds every critic of `heard`; `prohibited` are clauses no human opens."""
    order = _order(heard.critics, seats)
    escalations = _escalations(heard, order)
    if not order and not escalations:
        return _UNOPPOSED
    ranked = [outcome for name in order if isinstance(outcome := heard.critics[name], CriticResult)]
    objecting = [result for result in ranked if objects(result, seats[result.critic].thresholds)]
    forbidden = sorted(_named(objecting, escalations) & prohibited)
    denying = [
        result
        for result in objecting
        if result.severity == 3 and result.score >= seats[result.critic].thresholds.deny
    ]
    value = _value(denied=bool(forbidden or denying), escalated=bool(escalations))
    return Decision(
        value=value,
        summary=_summary(value, objecting, escalations, forbidden),
        gate=_gate(value, escalations, forbidden),
        constraints=_constraints(objecting) if value == "constrain" else (),
        dissent=_dissent(ranked, objecting),
        escalations=escalations,
    )


def _order(critics: Mapping[str, CriticOutcome], seats: Mapping[str, Seat]) -> list[str]:
    """Return who objects or escalates, by principle, then by name.

    The others say nothing that a decision could rest on.
    """
    names: list[str] = []
    for name, outcome in critics.items():
        if outcome.escalations or objects(outcome, seats[name].thresholds):
            names.append(name)
    names.sort(key=lambda name: (_RANK[seats[name].principle], name))
    return names


def _escalations(heard: Heard, order: list[str]) -> tuple[Escalation, ...]:
    collected: list[Escalation] = []
    for name in order:
        collected += _in_name_of(name, heard.critics[name].escalations)
    for name in sorted(heard.detectors):
        outcome = heard.detectors[name]
        if isinstance(outcome, Abstention):
            collected += _in_name_of(outcome.voice, outcome.escalations)
    collected += _in_name_of("recall", heard.precedent.escalations)
    collected += _in_name_of("uncertainty", heard.uncertainty.escalations)
    return (*collected, *heard.others)


def _in_name_of(voice: str, signals: tuple[EscalationSignal, ...]) -> Iterable[Escalation]:
    if not signals:
        return ()
    return [
        Escalation(critic=voice, clause=item.clause, tier=item.tier, rationale=item.rationale)
        for item in signals
    ]


def _named(objecting: list[CriticResult], escalations: tuple[Escalation, ...]) -> set[str]:
    clauses = {item.clause for item in escalations}
    return clauses | {item.clause for result in objecting for item in result.violations}


def _value(*, denied: bool, escalated: bool) -> DecisionValue:
    """Return what follows where somebody objects or escalates."""
    if denied:
        return "deny"
    return "review" if escalated else "constrain"


def _gate(value: DecisionValue, escalations: tuple[Escalation, ...], forbidden: list[str]) -> Gate:
    if value in ("allow", "constrain"):
        return Gate(open=True)
    tiers: list[Literal[2, 3]] = [item.tier for item in escalations]
    if value == "deny":
        tiers.append(3)
    tier = max(tiers)
    requires: Requirement = "determination" if tier == 3 else "acknowledgement"
    return Gate(open=False, tier=tier, requires="prohibited" if forbidden else requires)


def _dissent(ranked: list[CriticResult], objecting: list[CriticResult]) -> tuple[Dissent, ...]:
    heard = {result.critic for result in objecting}
    return tuple(
        Dissent(
            critic=result.critic,
            justification=result.justification,
            violations=result.violations,
        )
        for result in ranked
        # Who escalates dissents, whatever the score: the demand must stand with its reasons.
        if result.critic in heard or result.escalations
    )


def _constraints(objecting: list[CriticResult]) -> tuple[Constraint, ...]:
    return tuple(
        constraint
        for result in objecting
        for constraint in (
            [
                Constraint(critic=result.critic, clause=item.clause, text=item.rationale)
                for item in result.violations
            ]
            or [Constraint(critic=result.critic, clause=None, text=result.justification)]
        )
    )


def _summary(
    value: DecisionValue,
    objecting: list[CriticResult],
    escalations: tuple[Escalation, ...],
    forbidden: list[str],
) -> str:
    if forbidden:
        return f"Forbidden by policy: {_clauses(forbidden)}. No human action opens this."
    said = "; ".join(
        f"{result.critic} objects ({_clauses(item.clause for item in result.violations)})"
        if result.violations
        else f"{result.critic} objects"
        for result in objecting
    )
    if value == "constrain":
        return f"May go ahead once changed: {said}."
    others = sorted({item.critic for item in escalations} - {item.critic for item in objecting})
    asked = (
        f"{', '.join(others)} {'asks' if len(others) == 1 else 'ask'} for a human" if others else ""
    )
    return f"{'; '.join(part for part in (said, asked) if part)}."


def _clauses(codes: Iterable[str]) -> str:
    return ", ".join(f"{code} {CLAUSES[code].title}" for code in dict.fromkeys(codes))
