"""When impact is high, and that nothing that is added makes it low again."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import Thresholds
from eleanor_core.model import (
    Abstention,
    CaseKind,
    CriticOutcome,
    CriticResult,
    CriticViolation,
    JsonObject,
    JsonValue,
)
from eleanor_core.pipeline.impact import Impact, impact
from eleanor_core.settings.model import Policy

NONE = Impact(high=False, reasons=())


def result(score: float, *severities: int) -> CriticResult:
    return CriticResult(
        critic="risk",
        score=score,
        confidence=0.8,
        violations=tuple(
            CriticViolation(clause="K1", severity=severity, rationale="it could hurt")  # type: ignore[arg-type] # the strategies give 1 to 3
            for severity in severities
        ),
    )


def weigh(
    kind: CaseKind = "answer",
    context: JsonObject | None = None,
    domain: str = "general",
    critics: dict[str, CriticOutcome] | None = None,
    thresholds: dict[str, Thresholds] | None = None,
) -> Impact:
    return impact(kind, context or {}, domain, critics or {}, thresholds or {}, Policy())


def test_nothing_said_is_not_high() -> None:
    assert weigh() == NONE
    assert weigh("prompt") == NONE


@pytest.mark.parametrize("said", ["high", "HIGH", " High "])
def test_the_context_may_say_so(said: str) -> None:
    assert weigh(context={"impact": said}) == Impact(
        high=True, reasons=("the context says that impact is high",)
    )


@pytest.mark.parametrize("said", ["critical", "hgih", True, 3, ["high"], {"high": True}])
def test_what_is_no_level_counts_as_high(said: JsonValue) -> None:
    assert weigh(context={"impact": said}).high


@pytest.mark.parametrize("said", ["low", "Medium ", "moderate", "none", "", None])
def test_a_level_below_high_is_not_high(said: str) -> None:
    assert weigh(context={"impact": said}) == NONE


@pytest.mark.parametrize("domain", ["healthcare", "Healthcare", "law-enforcement"])
def test_a_domain_of_high_impact(domain: str) -> None:
    assert weigh(domain=domain).reasons == (f"the domain {domain!r} is one of high impact",)


@pytest.mark.parametrize("context", [{}, {"reversible": False}, {"reversible": "yes"}])
def test_an_action_not_declared_reversible(context: JsonObject) -> None:
    assert weigh("action", context).reasons == (
        "the case is an action that is not declared reversible",
    )
    assert weigh("answer", context) == NONE


def test_an_action_declared_reversible() -> None:
    assert weigh("action", {"reversible": True}) == NONE


def test_a_grave_objection() -> None:
    assert weigh(critics={"risk": result(0.5, 1, 3)}).reasons == ("risk objects with severity 3",)


@pytest.mark.parametrize(
    "outcome",
    [
        result(0.49, 3),
        result(0.9, 2),
        result(0.9),
        Abstention(voice="risk", reason="deadline", score=0.9),
    ],
)
def test_what_is_no_grave_objection(outcome: CriticOutcome) -> None:
    assert weigh(critics={"risk": outcome}) == NONE


def test_the_critics_own_threshold_counts() -> None:
    low, high = Thresholds(objection=0.1), Thresholds(objection=0.6, escalation=0.6)
    assert weigh(critics={"risk": result(0.2, 3)}, thresholds={"risk": low}).high
    assert not weigh(critics={"risk": result(0.55, 3)}, thresholds={"risk": high}).high


outcomes = st.one_of(
    st.builds(
        lambda score, severities: result(score, *severities),
        st.floats(0.0, 1.0),
        st.lists(st.sampled_from((1, 2, 3)), max_size=3),
    ),
    st.builds(Abstention, voice=st.just("risk"), reason=st.sampled_from(("raised", "deadline"))),
)
panels = st.dictionaries(st.sampled_from("abcdef"), outcomes, max_size=5)
cases = st.tuples(
    st.sampled_from(("prompt", "answer", "action")),
    st.sampled_from(({}, {"impact": "high"}, {"reversible": True})),
    st.sampled_from(("general", "housing", "cooking")),
)


@given(case=cases, panel=panels, added=panels)
def test_another_critic_only_adds(
    case: tuple[CaseKind, JsonObject, str],
    panel: dict[str, CriticOutcome],
    added: dict[str, CriticOutcome],
) -> None:
    before = impact(*case, panel, {}, Policy())
    after = impact(*case, {**added, **panel}, {}, Policy())
    assert set(before.reasons) <= set(after.reasons)
    assert after.high >= before.high
    assert before.high is bool(before.reasons)


@given(case=cases, score=st.floats(0.0, 1.0), own=st.lists(st.sampled_from((1, 2, 3)), max_size=3))
def test_another_violation_only_adds(
    case: tuple[CaseKind, JsonObject, str], score: float, own: list[int]
) -> None:
    one = result(score, *own)
    more = result(score, *own, 3)
    assert more == evolve(one, violations=more.violations, severity=3)
    before = impact(*case, {"risk": one}, {}, Policy())
    after = impact(*case, {"risk": more}, {}, Policy())
    assert set(before.reasons) <= set(after.reasons)
