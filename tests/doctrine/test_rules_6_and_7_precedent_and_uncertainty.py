"""DESIGN 5, rules 6 and 7: precedent and uncertainty add caution, never permission."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from support.judging import TEXT, judge, rank
from support.panels import Member, contexts, panel_plugins, panels
from support.stores import store_plugins

from eleanor_core.codec import to_json
from eleanor_core.model import (
    Abstention,
    CriticViolation,
    PrecedentAlignment,
    PrecedentCase,
    UncertaintyAnalysis,
)

texts = st.sampled_from((TEXT, "Take out the bins.", "Sign the treaty of Westphalia."))
histories = st.lists(
    st.builds(
        PrecedentCase,
        id=st.sampled_from(("p1", "p2", "p3")),
        text=texts,
        outcome=st.sampled_from(("allow", "constrain", "review", "deny")),
        authority=st.sampled_from(("adjudicated", "machine", "example")),
    ),
    max_size=4,
    unique_by=lambda case: case.id,
)


@given(panel=panels, history=histories, context=contexts)
def test_a_history_never_changes_a_critic_and_never_relaxes_its_own_escalations(
    panel: list[Member], history: Sequence[PrecedentCase], context: dict[str, str] | None
) -> None:
    plugins = panel_plugins(panel)
    without = judge(plugins, context=context)
    beside = judge([*plugins, *store_plugins(history)], context=context)
    assert {name: to_json(outcome) for name, outcome in beside.critics.items()} == {
        name: to_json(outcome) for name, outcome in without.critics.items()
    }
    critics = {f"c{number}" for number in range(len(panel))}
    raised = {item for item in without.escalations if item.critic in critics}
    assert raised <= set(beside.escalations)
    assert without.dissent == beside.dissent


@given(panel=panels, allowed=st.integers(1, 4), context=contexts)
def test_like_cases_that_were_allowed_add_no_permission(
    panel: list[Member], allowed: int, context: dict[str, str] | None
) -> None:
    history = [PrecedentCase(id=f"p{n}", text=TEXT, outcome="allow") for n in range(allowed)]
    plugins = panel_plugins(panel)
    without = judge(plugins, context=context)
    beside = judge([*plugins, *store_plugins(history)], context=context)
    told = {(item.critic, item.clause) for item in without.escalations}
    lost = told - {(item.critic, item.clause) for item in beside.escalations}
    # That nothing like it was decided before is no longer true; whatever else was said stands.
    assert lost <= {("recall", "PR1"), ("uncertainty", "U2")}
    assert (beside.decision == "deny") is (without.decision == "deny")
    assert beside.dissent == without.dissent
    if not lost:
        assert rank(beside) >= rank(without)


def test_a_denied_like_case_asks_for_a_human_though_nobody_objects() -> None:
    history = [PrecedentCase(id="p1", text=TEXT, outcome="deny", reason="it was not theirs")]
    assessment = judge([Member(inline=True).plugin("calm"), *store_plugins(history)])
    assert assessment.decision == "review"
    assert [(item.critic, item.clause) for item in assessment.escalations] == [("recall", "PR2")]
    assert isinstance(assessment.precedent, PrecedentAlignment)
    assert assessment.precedent.alignment < 0


def test_a_denied_like_case_supports_the_critic_who_objects() -> None:
    history = [PrecedentCase(id="p1", text=TEXT, outcome="deny", reason="it was not theirs")]
    alarm = Member(score=0.8, inline=True, violations=(_violation(2),)).plugin("alarm")
    assessment = judge([alarm, *store_plugins(history)])
    assert isinstance(assessment.precedent, PrecedentAlignment)
    assert assessment.precedent.alignment > 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_high_impact_with_high_uncertainty_is_u2(backend: str) -> None:
    faulty = [Member(fault="raises", inline=True)] * 2
    panel = panel_plugins([*faulty, Member(inline=True)])
    calm = judge(panel, backend=backend)
    assert "U2" not in {item.clause for item in calm.escalations}
    grave = judge(panel, context={"impact": "high"}, backend=backend)
    assert ("uncertainty", "U2", 3) in {
        (item.critic, item.clause, item.tier) for item in grave.escalations
    }
    assert isinstance(grave.uncertainty, UncertaintyAnalysis)
    assert isinstance(calm.uncertainty, UncertaintyAnalysis)
    assert grave.uncertainty.overall >= calm.uncertainty.overall


@given(domain=st.text(min_size=1, max_size=12))
def test_a_domain_outside_the_validated_set_is_u3(domain: str) -> None:
    assessment = judge(
        [Member(inline=True).plugin("calm")],
        context={"domain": domain},
        settings={"policy": {"validated_domains": ["general", "cooking"]}},
    )
    outside = domain not in ("general", "cooking")
    assert (("U3", 3) in {(i.clause, i.tier) for i in assessment.escalations}) is outside
    assert assessment.gate.open is not outside


def test_gaps_escalate_where_impact_is_high_or_the_policy_says_so() -> None:
    blind = [Member(gaps=1, inline=True).plugin("blind")]
    assert judge(blind).decision == "allow"
    assert judge(blind).critics["blind"].not_assessed  # type: ignore[union-attr] # it is a result
    for asked in (
        judge(blind, context={"impact": "high"}),
        judge(blind, settings={"policy": {"gaps": "escalate"}}),
        judge(blind, kind="action"),
    ):
        assert asked.decision == "review"
        assert "U1" in {item.clause for item in asked.escalations}


@given(score=st.sampled_from((0.5, 0.6, 0.95)))
def test_a_grave_objection_makes_impact_high(score: float) -> None:
    blind = Member(gaps=1, inline=True)
    grave = Member(score=score, violations=(_violation(3),), inline=True)
    minor = evolve(grave, violations=(_violation(1),))
    raised = judge(panel_plugins([blind, grave]))
    assert "U1" in {item.clause for item in raised.escalations}
    assert "U1" not in {item.clause for item in judge(panel_plugins([blind, minor])).escalations}


def test_a_fault_of_the_store_is_an_abstention_that_escalates() -> None:
    assessment = judge([Member(inline=True).plugin("calm"), *store_plugins([], broken=True)])
    assert isinstance(assessment.precedent, Abstention)
    assert ("recall", "U1") in {(item.critic, item.clause) for item in assessment.escalations}
    assert assessment.decision == "review"


def _violation(severity: int) -> CriticViolation:
    return CriticViolation(clause="K2", severity=severity, rationale="as asked")  # type: ignore[arg-type] # 1 to 3
