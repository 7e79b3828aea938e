"""DESIGN 5: every threshold of recall and uncertainty can be reached, through the engine, as set.

A threshold that no case can reach is a rule that is not there. So each part of the uncertainty is
driven over the limit alone, beside a history that makes all other parts zero; and what recall
compares is moved across each of its limits.
"""

from __future__ import annotations

import pytest
from attrs import evolve
from support.judging import TEXT, judge
from support.panels import Member
from support.stores import store_plugins

from eleanor_core.model import (
    Assessment,
    CriticViolation,
    DecisionValue,
    JsonObject,
    PrecedentAlignment,
    PrecedentCase,
    UncertaintyAnalysis,
)
from eleanor_core.settings.model import RecallSettings, UncertaintySettings

HIGH: JsonObject = {"impact": "high"}
LIMIT = UncertaintySettings().high
CONCERN = CriticViolation(clause="K2", severity=1, rationale="as asked")
CALM = Member(inline=True)
PARTS = ("coverage", "doubt", "ambiguity", "conflict", "novelty")


def ruling(outcome: DecisionValue, number: int = 0, text: str = TEXT) -> PrecedentCase:
    return PrecedentCase(id=f"p{number}", text=text, outcome=outcome)


KNOWN = (ruling("allow"),)


def weigh(
    *members: Member,
    history: tuple[PrecedentCase, ...] = KNOWN,
    context: JsonObject | None = HIGH,
    settings: JsonObject | None = None,
) -> Assessment:
    panel = [member.plugin(f"c{number}") for number, member in enumerate(members)]
    return judge([*panel, *store_plugins(history)], context=context, settings=settings)


def uncertainty(assessment: Assessment) -> UncertaintyAnalysis:
    assert isinstance(assessment.uncertainty, UncertaintyAnalysis)
    return assessment.uncertainty


def precedent(assessment: Assessment) -> PrecedentAlignment:
    assert isinstance(assessment.precedent, PrecedentAlignment)
    return assessment.precedent


def clauses(assessment: Assessment, voice: str) -> list[str]:
    return [item.clause for item in assessment.escalations if item.critic == voice]


# -- uncertainty ----------------------------------------------------------------------------------

ALONE = {
    "coverage by gaps": ("coverage", (evolve(CALM, gaps=7),), KNOWN),
    "coverage by faults": ("coverage", (CALM, *(evolve(CALM, fault="raises"),) * 2), KNOWN),
    "doubt": ("doubt", (evolve(CALM, score=1.0, confidence=0.0, violations=(CONCERN,)),), KNOWN),
    "doubt without a violation": ("doubt", (evolve(CALM, score=1.0, confidence=0.0),), KNOWN),
    "ambiguity": (
        "ambiguity",
        (evolve(CALM, score=0.5, confidence=1.0, violations=(CONCERN,)),),
        KNOWN,
    ),
    "ambiguity without a violation": (
        "ambiguity",
        (evolve(CALM, score=0.5, confidence=1.0),),
        KNOWN,
    ),
    "conflict": ("conflict", (CALM,), (ruling("allow", 1), ruling("deny", 2))),
}


@pytest.mark.parametrize(("part", "panel", "history"), ALONE.values(), ids=ALONE)
def test_each_part_alone_reaches_the_limit(
    part: str, panel: tuple[Member, ...], history: tuple[PrecedentCase, ...]
) -> None:
    assessment = weigh(*panel, history=history)
    found = uncertainty(assessment)
    assert found.overall >= LIMIT
    assert "U2" in clauses(assessment, "uncertainty")
    raised = {name for name in PARTS if float(str(found.parts[name])) > 1e-9}
    assert raised == {part}
    # Where impact is not high, the same panel is shown as uncertain and asks nobody.
    calm = weigh(*panel, history=history, context=None)
    assert uncertainty(calm).overall == found.overall
    assert "U2" not in clauses(calm, "uncertainty")


def test_novelty_tips_what_is_doubted() -> None:
    doubting = evolve(CALM, score=1.0, confidence=0.4, violations=(CONCERN,))
    known, novel = weigh(doubting), weigh(doubting, history=())
    assert "U2" not in clauses(known, "uncertainty")
    assert "U2" in clauses(novel, "uncertainty")
    assert uncertainty(novel).parts["novelty"] == 1.0
    # Novelty alone stays below the limit: that nothing like it was decided is PR1, already tier 3.
    alone = weigh(CALM, history=())
    assert clauses(alone, "uncertainty") == []
    assert clauses(alone, "recall") == ["PR1"]


def test_the_limit_is_the_setting() -> None:
    blind = evolve(CALM, gaps=1)
    assert clauses(weigh(blind), "uncertainty") == ["U1"]
    lower: JsonObject = {"uncertainty": {"high": 0.05}}
    assert clauses(weigh(blind, settings=lower), "uncertainty") == ["U1", "U2"]


def test_every_part_is_in_the_result_and_named_among_the_reasons() -> None:
    assessment = weigh(
        evolve(CALM, score=0.7, confidence=0.5, gaps=1, violations=(CONCERN,)),
        history=(ruling("allow", 1), ruling("deny", 2, "Take out the bins.")),
    )
    found = uncertainty(assessment)
    assert set(found.parts) == {"gaps", "faults", *PARTS}
    said = " ".join(found.reasons)
    for words in ("did not assess", "doubts its own score", "scored either way", "differently"):
        assert words in said


# -- recall ---------------------------------------------------------------------------------------


def similarity(text: str) -> float:
    """Return how like the case the store finds a case of this text."""
    everything: JsonObject = {"recall": {"similarity": 0.0}}
    (match,) = precedent(
        weigh(CALM, history=(ruling("allow", 1, text),), settings=everything)
    ).cases
    return match.similarity


def test_a_case_is_like_from_the_similarity_on() -> None:
    text = "Bring the bins out."
    near = similarity(text)
    assert RecallSettings().similarity < near < 0.9
    for limit, novel in ((near - 0.01, False), (near + 0.01, True)):
        settings: JsonObject = {"recall": {"similarity": limit}}
        assessment = weigh(CALM, history=(ruling("allow", 1, text),), settings=settings)
        assert precedent(assessment).novel is novel
        assert clauses(assessment, "recall") == (["PR1"] if novel else [])


def test_a_conflict_counts_from_the_conflict_on() -> None:
    for denied, told in ((1, ["PR2"]), (0, [])):
        history = [ruling("allow", number) for number in range(4)]
        history += [ruling("constrain", 9 - number) for number in range(denied)]
        assessment = weigh(CALM, history=tuple(history), context=None)
        assert (precedent(assessment).conflict >= RecallSettings().conflict) is bool(told)
        assert clauses(assessment, "recall") == told


def test_the_figures_of_a_history_are_in_the_result() -> None:
    history = (
        evolve(ruling("allow", 1), decided_at="2024-05-01"),
        evolve(ruling("deny", 2), decided_at="2026-05-01"),
    )
    found = precedent(weigh(CALM, history=history))
    assert (found.drift, found.alignment) == (1.0, 0.0)
    assert found.support == pytest.approx(2.0)
    assert found.conflict == pytest.approx(1.0)
