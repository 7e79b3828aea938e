"""DESIGN 5, rules 4 and 5: objections stand word for word, and one escalation gates."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from support.judging import judge
from support.panels import Member, members, panel_plugins, panels

from eleanor_core.codec import to_json
from eleanor_core.model import CLAUSES, Abstention


@given(panel=panels)
def test_every_objection_stands_byte_for_byte(panel: list[Member]) -> None:
    dissent = {item.critic: item for item in judge(panel_plugins(panel)).dissent}
    for number, member in enumerate(panel):
        name = f"c{number}"
        if member.fault is None and member.score >= member.thresholds.objection:
            said = member.result(name)
            assert dissent[name].justification.encode() == said.justification.encode()
            assert dissent[name].violations == said.violations


@given(panel=panels)
def test_nobody_dissents_who_neither_objects_nor_escalates(panel: list[Member]) -> None:
    assessment = judge(panel_plugins(panel))
    for number, member in enumerate(panel):
        heard = any(item.critic == f"c{number}" for item in assessment.dissent)
        speaks = member.score >= member.thresholds.objection or bool(member.escalates)
        assert heard is (member.fault is None and speaks)


@given(calm=st.lists(members, max_size=3), clause=st.sampled_from(sorted(CLAUSES)))
def test_one_escalation_closes_the_gate_whatever_the_others_say(
    calm: list[Member], clause: str
) -> None:
    alarm = Member(score=0.0, escalates=(clause,), inline=True)
    assessment = judge([*panel_plugins(calm), alarm.plugin("alarm")])
    assert assessment.decision in ("review", "deny")
    assert not assessment.gate.open
    assert assessment.gate.tier >= CLAUSES[clause].tier
    (raised,) = [item for item in assessment.escalations if item.critic == "alarm"]
    assert (raised.clause, raised.tier) == (clause, CLAUSES[clause].tier)
    assert raised.rationale == f"{clause}, says alarm"


@given(panel=panels)
def test_the_highest_tier_wins(panel: list[Member]) -> None:
    assessment = judge(panel_plugins(panel))
    highest = max((item.tier for item in assessment.escalations), default=0)
    if assessment.decision == "deny":
        highest = 3
    assert assessment.gate.tier == highest
    if highest:
        needed = {2: "acknowledgement", 3: "determination"}[highest]
        assert assessment.gate.requires == needed


@given(panel=panels, clause=st.sampled_from(sorted(CLAUSES)))
def test_texts_are_the_same_with_and_without_an_escalation(
    panel: list[Member], clause: str
) -> None:
    plugins = panel_plugins(panel)
    alarm = Member(score=0.0, escalates=(clause,), inline=True).plugin("alarm")
    without, beside = judge(plugins), judge([*plugins, alarm])
    for name, outcome in without.critics.items():
        assert to_json(beside.critics[name]) == to_json(outcome)


@given(panel=panels, silenced=members)
def test_every_critic_is_heard_or_shown_as_a_fault(panel: list[Member], silenced: Member) -> None:
    broken = evolve(silenced, fault="raises")
    assessment = judge([*panel_plugins(panel), broken.plugin("silenced")])
    assert set(assessment.critics) == {f"c{number}" for number in range(len(panel))} | {"silenced"}
    assert isinstance(assessment.critics["silenced"], Abstention)
    assert ("silenced", "U1") in {(item.critic, item.clause) for item in assessment.escalations}
