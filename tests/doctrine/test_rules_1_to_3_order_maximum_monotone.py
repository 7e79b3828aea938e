"""DESIGN 5, rules 1 to 3: the order of principles, the maximum, and that nothing added relaxes.

Checked on the real engine with generated plugins.
"""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from support.judging import judge, rank
from support.panels import (
    Member,
    contexts,
    detector_results,
    failing_detector,
    members,
    panel_plugins,
    panels,
    signalling,
    violations,
)

from eleanor_core.model import CLAUSES, PRINCIPLES, CriticViolation

GRAVE = CriticViolation(clause="D2", severity=3, rationale="degrading")


@given(panel=panels, context=contexts)
def test_no_principle_is_offset_by_the_others(
    panel: list[Member], context: dict[str, str] | None
) -> None:
    whole = rank(judge(panel_plugins(panel), context=context))
    for principle in PRINCIPLES:
        alone = [member for member in panel if member.principle == principle]
        if alone:
            assert rank(judge(panel_plugins(alone), context=context)) <= whole


@given(lower=st.lists(members, max_size=3))
def test_rights_deny_whatever_every_lower_principle_says(lower: list[Member]) -> None:
    rights = Member(principle="rights", score=0.95, violations=(GRAVE,), inline=True)
    others = [evolve(member, principle="pragmatics") for member in lower]
    assert judge(panel_plugins([rights, *others])).decision == "deny"


@given(panel=panels)
def test_dissent_and_escalations_stand_in_the_order_of_principles(panel: list[Member]) -> None:
    assessment = judge(panel_plugins(panel))
    order = {f"c{number}": member.principle for number, member in enumerate(panel)}
    for named in (assessment.dissent, assessment.escalations):
        ranks = [PRINCIPLES.index(order[item.critic]) for item in named if item.critic in order]
        assert ranks == sorted(ranks)


@given(crowd=st.integers(0, 5), score=st.sampled_from((0.5, 0.7, 0.9, 1.0)))
def test_a_calm_crowd_of_the_same_principle_changes_nothing(crowd: int, score: float) -> None:
    alarm = Member(principle="fairness", score=score, violations=(GRAVE,), inline=True)
    calm = [Member(principle="fairness", inline=True)] * crowd
    assert rank(judge(panel_plugins([alarm, *calm]))) == rank(judge(panel_plugins([alarm])))


@given(panel=panels, extra=members, context=contexts)
def test_adding_a_critic(
    panel: list[Member], extra: Member, context: dict[str, str] | None
) -> None:
    before = judge(panel_plugins(panel), context=context)
    after = judge(panel_plugins([*panel, extra]), context=context)
    assert rank(after) >= rank(before)
    assert set(before.escalations) <= set(after.escalations) or _only_stages_differ(before, after)


def _only_stages_differ(before: object, after: object) -> bool:
    """A stage's rationale may name the new critic; its clause must still stand."""
    stages = ("recall", "uncertainty")
    kept = {(item.critic, item.clause) for item in after.escalations}  # type: ignore[attr-defined] # assessments
    lost = set(before.escalations) - set(after.escalations)  # type: ignore[attr-defined] # assessments
    return all(item.critic in stages and (item.critic, item.clause) in kept for item in lost)


@given(panel=panels, result=detector_results, context=contexts)
def test_adding_a_detector_or_its_signals(
    panel: list[Member], result: object, context: dict[str, str] | None
) -> None:
    plugins = panel_plugins(panel)
    calm = evolve(result, signals=(), not_assessed=())  # type: ignore[type-var] # a DetectorResult
    none, silent, loud = (
        rank(judge([*plugins, *beside], context=context))
        for beside in ([], [signalling("d", calm)], [signalling("d", result)])  # type: ignore[arg-type] # a DetectorResult
    )
    assert none <= silent <= loud


@given(panel=panels, index=st.integers(0, 3), added=violations, context=contexts)
def test_adding_a_violation(
    panel: list[Member], index: int, added: CriticViolation, context: dict[str, str] | None
) -> None:
    changed = list(panel)
    member = changed[index % len(panel)]
    changed[index % len(panel)] = evolve(member, violations=(*member.violations, added))
    before, after = (
        rank(judge(panel_plugins(panel), context=context)),
        rank(judge(panel_plugins(changed), context=context)),
    )
    assert after >= before


@given(
    panel=panels, index=st.integers(0, 3), clause=st.sampled_from(sorted(CLAUSES)), context=contexts
)
def test_adding_an_escalation(
    panel: list[Member], index: int, clause: str, context: dict[str, str] | None
) -> None:
    changed = list(panel)
    member = changed[index % len(panel)]
    changed[index % len(panel)] = evolve(member, escalates=(*member.escalates, clause))
    before, after = (
        rank(judge(panel_plugins(panel), context=context)),
        rank(judge(panel_plugins(changed), context=context)),
    )
    assert after >= before


@given(panel=panels, context=contexts)
def test_adding_a_fault_or_a_gap(panel: list[Member], context: dict[str, str] | None) -> None:
    plugins = panel_plugins(panel)
    before = rank(judge(plugins, context=context))
    fault = Member(fault="raises", inline=True).plugin("faulty")
    assert rank(judge([*plugins, fault], context=context)) >= max(before, (2, 2))
    assert rank(judge([*plugins, failing_detector("d")], context=context)) >= max(before, (2, 2))
    gap = Member(gaps=1, inline=True).plugin("blind")
    assert rank(judge([*plugins, gap], context=context)) >= before
