"""DESIGN 5: the four decisions, at their thresholds to the last digit, and what nobody opens."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.judging import judge
from support.panels import Member, contexts, members, panel_plugins, unit

from eleanor_core.api import Thresholds
from eleanor_core.model import (
    Abstention,
    Assessment,
    Constraint,
    CriticOutcome,
    CriticViolation,
    Decision,
    FrozenMap,
    UncertaintyAnalysis,
)
from eleanor_core.model.decision import DecisionValue
from eleanor_core.model.signals import Severity
from eleanor_core.pipeline.aggregate import Heard, Seat, aggregate, speaking
from eleanor_core.pipeline.impact import impact
from eleanor_core.pipeline.recall import unprecedented
from eleanor_core.pipeline.uncertainty import analyse
from eleanor_core.settings import Settings

FORBIDDEN = {"policy": {"prohibited_clauses": ["K2"]}}
thresholds = st.lists(unit, min_size=3, max_size=3).map(
    lambda values: Thresholds(
        **dict(zip(("objection", "escalation", "deny"), sorted(values), strict=True))
    )
)


def _violation(severity: Severity, clause: str = "K2") -> CriticViolation:
    return CriticViolation(clause=clause, severity=severity, rationale=f"{clause} as asked")


def _judge(member: Member, **options: object) -> Assessment:
    return judge([member.plugin("alarm")], **options)  # type: ignore[arg-type] # keywords of judge


@given(
    own=thresholds,
    severity=st.sampled_from((1, 2, 3)),
    at=st.sampled_from(("objection", "deny", "below", "anywhere")),
    anywhere=unit,
)
def test_the_decision_follows_from_score_severity_and_thresholds(
    own: Thresholds, severity: Severity, at: str, anywhere: float
) -> None:
    below = max(0.0, own.objection - 0.001)
    score = {"objection": own.objection, "deny": own.deny, "below": below}.get(at, anywhere)
    member = Member(score=score, violations=(_violation(severity),), inline=True, thresholds=own)
    assessment = _judge(member)
    objects = score >= own.objection
    if severity == 3 and score >= own.deny:
        expected = "deny"
    elif severity == 3 and objects:
        # Impact is high then, and nothing like it was decided before.
        expected = "review"
    else:
        expected = "constrain" if objects else "allow"
    assert assessment.decision == expected
    assert bool(assessment.dissent) is objects
    assert assessment.gate.open is (expected in ("allow", "constrain"))


@given(severities=st.permutations((1, 2, 3)), others=st.lists(st.sampled_from((1, 2)), max_size=3))
def test_the_gravest_violation_counts_whatever_stands_beside_it(
    severities: list[Severity], others: list[Severity]
) -> None:
    violations = tuple(map(_violation, (*others, *severities)))
    assessment = _judge(Member(score=0.95, violations=violations, inline=True))
    assert assessment.critics["alarm"].severity == 3  # type: ignore[union-attr] # it is a result
    assert assessment.decision == "deny"


def test_an_objection_without_an_escalation_says_what_to_change() -> None:
    member = Member(score=0.6, violations=(_violation(1), _violation(2, "K4")), inline=True)
    vague = Member(score=0.7, inline=True)
    assessment = judge([member.plugin("alarm"), vague.plugin("vague")])
    assert assessment.decision == "constrain"
    assert assessment.constraints == (
        Constraint(critic="alarm", clause="K2", text="K2 as asked"),
        Constraint(critic="alarm", clause="K4", text="K4 as asked"),
        Constraint(critic="vague", clause=None, text="vague weighed it: 0.7"),
    )


def test_nothing_is_said_against_an_ordinary_sentence() -> None:
    assessment = judge([Member(inline=True).plugin("calm")])
    assert (assessment.decision, assessment.gate.open) == ("allow", True)
    assert (assessment.dissent, assessment.escalations, assessment.constraints) == ((), (), ())


@pytest.mark.parametrize(
    "member",
    [
        Member(score=0.5, violations=(_violation(1),), inline=True),
        Member(score=0.0, escalates=("K2",), inline=True),
        Member(score=0.99, violations=(_violation(3),), escalates=("K2",), inline=True),
    ],
    ids=["objection", "escalation", "both"],
)
def test_what_is_prohibited_is_denied_and_no_human_opens_it(member: Member) -> None:
    assessment = _judge(member, settings=FORBIDDEN)
    assert assessment.decision == "deny"
    assert assessment.gate.requires == "prohibited"
    assert not assessment.gate.open
    assert "No human action opens this" in assessment.summary


def test_what_is_prohibited_must_be_objected_to() -> None:
    unsaid = Member(score=0.49, violations=(_violation(2),), inline=True)
    assert _judge(unsaid, settings=FORBIDDEN).decision == "allow"
    other = Member(score=0.5, violations=(_violation(2, "K4"),), inline=True)
    assert _judge(other, settings=FORBIDDEN).decision == "constrain"


def test_a_grave_denial_waits_for_a_determination_and_gives_its_reasons() -> None:
    member = Member(score=0.95, violations=(_violation(3),), inline=True)
    assessment = _judge(member)
    assert assessment.decision == "deny"
    assert (assessment.gate.tier, assessment.gate.requires) == (3, "determination")
    (dissent,) = assessment.dissent
    assert dissent.justification == member.result("alarm").justification
    assert dissent.violations == member.violations


@pytest.mark.parametrize(
    ("score", "severity", "decision"),
    [
        (0.499, 1, "allow"),
        (0.5, 1, "constrain"),
        (0.899, 3, "review"),
        (0.9, 3, "deny"),
        (1.0, 2, "constrain"),
    ],
)
def test_the_thresholds_themselves_count(
    score: float, severity: Severity, decision: DecisionValue
) -> None:
    member = Member(score=score, violations=(_violation(severity),), inline=True)
    assert _judge(member).decision == decision


@given(others=st.lists(members, max_size=3))
@example(others=[])
@example(others=[Member(inline=True)] * 3)
def test_nobody_talks_a_prohibition_away(others: list[Member]) -> None:
    alarm = Member(principle="pragmatics", score=0.5, violations=(_violation(1),), inline=True)
    panel = [*panel_plugins(others), alarm.plugin("alarm")]
    assessment = judge(panel, settings=FORBIDDEN)
    assert (assessment.decision, assessment.gate.requires) == ("deny", "prohibited")


def _outcome(member: Member, name: str) -> CriticOutcome:
    return Abstention(voice=name, reason="raised") if member.fault else member.result(name)


def _decided(
    critics: dict[str, CriticOutcome], seats: dict[str, Seat], context: dict[str, str] | None
) -> tuple[Decision, UncertaintyAnalysis]:
    settings = Settings()
    stated = FrozenMap(context)
    domain = str(stated.get("domain", "general"))
    limits = {name: seat.thresholds for name, seat in seats.items()}
    weight = impact("answer", stated, domain, critics, limits, settings.policy)
    precedent = unprecedented(weight)
    uncertainty = analyse(
        critics,
        {},
        precedent,
        domain=domain,
        impact=weight,
        policy=settings.policy,
        settings=settings.uncertainty,
        undecoded=(),
    )
    heard = Heard(critics=critics, detectors={}, precedent=precedent, uncertainty=uncertainty)
    return aggregate(heard, seats), uncertainty


@given(panel=st.lists(st.tuples(members, thresholds), max_size=5), context=contexts)
@example(panel=[(Member(gaps=1), Thresholds())], context={"impact": "high"})
@example(panel=[(Member(escalates=("A2",)), Thresholds())], context=None)
def test_nothing_follows_from_who_found_nothing(
    panel: list[tuple[Member, Thresholds]], context: dict[str, str] | None
) -> None:
    named = {f"c{number}": item for number, item in enumerate(panel)}
    critics = {name: _outcome(member, name) for name, (member, _) in named.items()}
    seats = {
        name: Seat(principle=member.principle, thresholds=own)
        for name, (member, own) in named.items()
    }
    assert _decided(speaking(critics, seats), seats, context) == _decided(critics, seats, context)
