"""DESIGN 4 and 5: the stages are voices too, and what one of them lost is not taken for nothing."""

from __future__ import annotations

import base64

import pytest
from support.judging import TEXT, judge
from support.panels import Member
from support.stores import store_plugins

from eleanor_core.model import Abstention, Assessment, PrecedentCase, UncertaintyAnalysis
from eleanor_core.model.decision import DecisionValue
from eleanor_core.model.precedent import Authority
from eleanor_core.pipeline.scan import Scanner

CALM = Member(inline=True).plugin("calm")


def _raised(assessment: Assessment) -> set[tuple[str, str, int]]:
    return {(item.critic, item.clause, item.tier) for item in assessment.escalations}


def _like(
    number: int, outcome: DecisionValue, authority: Authority = "adjudicated"
) -> PrecedentCase:
    return PrecedentCase(id=f"p{number}", text=TEXT, outcome=outcome, authority=authority)


def test_high_impact_without_a_like_case_needs_a_determination() -> None:
    for asked in (
        judge([CALM], context={"impact": "high"}),
        judge([CALM], context={"domain": "healthcare"}),
        judge([CALM], context={"domain": "Healthcare"}),
        judge([CALM], kind="action"),
        judge([CALM, *store_plugins([])], kind="action", context={"reversible": False}),
    ):
        assert ("recall", "PR1", 3) in _raised(asked)
        assert (asked.decision, asked.gate.tier) == ("review", 3)
    told = judge([CALM, *store_plugins([_like(1, "allow")])], context={"impact": "high"})
    assert "PR1" not in {item.clause for item in told.escalations}
    reversible = judge([CALM], kind="action", context={"reversible": True})
    assert reversible.decision == "allow"


def test_like_cases_that_were_decided_differently_conflict() -> None:
    history = [_like(1, "allow", "machine"), _like(2, "deny", "machine")]
    assert ("recall", "PR2", 2) in _raised(judge([CALM, *store_plugins(history)]))
    assert ("recall", "PR2", 2) not in _raised(judge([CALM, *store_plugins(history[:1])]))


def test_what_nobody_decided_is_no_precedent() -> None:
    examples = store_plugins([_like(1, "allow", "example"), _like(2, "deny", "example")])
    assert not _raised(judge([CALM, *examples]))
    grave = judge([CALM, *examples], context={"impact": "high"})
    assert ("recall", "PR1", 3) in _raised(grave)


def test_a_norm_that_the_machine_made_alone_needs_a_determination() -> None:
    history = [_like(1, "allow", "machine")]
    assert ("recall", "PR3", 3) in _raised(judge([CALM, *store_plugins(history)]))


def test_what_the_scan_could_not_read_is_a_gap() -> None:
    text = "Take out the trash on the way home."
    for _ in range(4):
        text = base64.b64encode(text.encode()).decode()
    calm = judge([CALM], text=text)
    assert calm.decision == "allow"
    assert isinstance(calm.uncertainty, UncertaintyAnalysis)
    assert any("scan did not assess" in reason for reason in calm.uncertainty.reasons)
    grave = judge([CALM], text=text, context={"impact": "high"})
    assert ("uncertainty", "U1", 2) in _raised(grave)


def test_a_text_that_cannot_be_scanned_is_not_taken_for_clean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_self: Scanner, _text: str) -> object:
        raise MemoryError("the automaton is too large")

    monkeypatch.setattr(Scanner, "scan", fail)
    assessment = judge([CALM])
    assert ("scan", "U1", 2) in _raised(assessment)
    assert assessment.decision == "review"


def test_a_defect_of_the_uncertainty_stage_is_not_taken_for_certainty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> object:
        raise ArithmeticError("a share of nothing")

    monkeypatch.setattr("eleanor_core._judgement.analyse", fail)
    assessment = judge([CALM])
    assert isinstance(assessment.uncertainty, Abstention)
    assert ("uncertainty", "U1", 2) in _raised(assessment)
    assert assessment.decision == "review"


def test_a_store_without_an_embedder_is_a_fault() -> None:
    _, store = store_plugins([_like(1, "allow")])
    assessment = judge([CALM, store])
    assert isinstance(assessment.precedent, Abstention)
    assert ("recall", "U1", 2) in _raised(assessment)
