"""What the engine takes from a voice: bounded, declared, and its own copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from attrs import evolve

from eleanor_core.api import (
    Case,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    EscalationSignal,
    Gap,
)
from eleanor_core.model import Provenance
from eleanor_core.pipeline.accept import (
    MAX_CHARACTERS,
    MAX_FINDINGS,
    MalformedError,
    accept_critic,
    accept_detector,
)
from eleanor_core.pipeline.voice import Voice

CASE = Case(text="Take out the trash.")
CRITIC: Voice[CriticResult] = Voice(
    name="c",
    ref="critics/c",
    provenance=Provenance(plugin="critics/c", dist="d", version="1"),
    gaps=frozenset({"no-evidence"}),
)
DETECTOR: Voice[DetectorResult] = Voice(
    name="detector:d",
    ref="detectors/d",
    provenance=CRITIC.provenance,
    gaps=CRITIC.gaps,
    categories=frozenset({"thing"}),
)
CALM = CriticResult(critic="c", score=0.02, confidence=0.9)
QUIET = DetectorResult(detector="d", score=0.02)
VIOLATION = CriticViolation(clause="D2", severity=1, rationale="r")
ESCALATION = EscalationSignal(clause="U1", tier=2, rationale="r")
GAP = Gap(concern="all", reason="no-evidence")
SIGNAL = DetectorSignal(detector="d", category="thing")


@pytest.mark.parametrize(
    "said",
    [
        lambda count: evolve(CALM, severity=1, violations=(VIOLATION,) * count),
        lambda count: evolve(CALM, escalations=(ESCALATION,) * count),
        lambda count: evolve(CALM, not_assessed=(GAP,) * count),
    ],
)
def test_a_critic_s_findings_are_bounded(said: Callable[[int], CriticResult]) -> None:
    accept_critic(CRITIC, said(MAX_FINDINGS), CASE)
    with pytest.raises(MalformedError, match=f"limit is {MAX_FINDINGS}"):
        accept_critic(CRITIC, said(MAX_FINDINGS + 1), CASE)


@pytest.mark.parametrize(
    "said",
    [
        lambda count: evolve(QUIET, signals=(SIGNAL,) * count),
        lambda count: evolve(QUIET, not_assessed=(GAP,) * count),
    ],
)
def test_a_detector_s_findings_are_bounded(said: Callable[[int], DetectorResult]) -> None:
    accept_detector(DETECTOR, said(MAX_FINDINGS), CASE)
    with pytest.raises(MalformedError, match=f"limit is {MAX_FINDINGS}"):
        accept_detector(DETECTOR, said(MAX_FINDINGS + 1), CASE)


def test_words_are_bounded() -> None:
    half = "x" * (MAX_CHARACTERS // 2)
    said = evolve(CALM, justification=half, not_assessed=(Gap(concern=half, reason="no-evidence"),))
    assert accept_critic(CRITIC, said, CASE).justification == half
    with pytest.raises(MalformedError, match="characters of words"):
        accept_critic(CRITIC, evolve(said, justification=half + "x"), CASE)
    noted = evolve(QUIET, signals=(evolve(SIGNAL, note=half * 2 + "x"),))
    with pytest.raises(MalformedError, match="characters of words"):
        accept_detector(DETECTOR, noted, CASE)


def test_a_tuple_that_iterates_as_it_likes_is_refused() -> None:
    class Endless(tuple[CriticViolation, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[CriticViolation]:
            while True:
                yield VIOLATION

    forged = CriticResult(critic="c", score=0.02, confidence=0.9)
    object.__setattr__(forged, "violations", Endless())
    with pytest.raises(MalformedError, match="where a tuple belongs"):
        accept_critic(CRITIC, forged, CASE)


def test_a_category_that_was_not_declared_is_refused() -> None:
    made_up = evolve(QUIET, signals=(evolve(SIGNAL, category="Jane of Hill Road"),))
    with pytest.raises(MalformedError, match="not in its declaration"):
        accept_detector(DETECTOR, made_up, CASE)
    assert accept_detector(DETECTOR, evolve(QUIET, signals=(SIGNAL,)), CASE).signals == (SIGNAL,)
