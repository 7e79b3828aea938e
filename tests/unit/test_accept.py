"""What the engine takes from a voice: bounded, declared, and its own copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from attrs import asdict, evolve
from hypothesis import given
from hypothesis import strategies as st

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


NUMBERS = st.sampled_from([0.0, -0.0, 0.3, 1.0, 1.5, -0.1, float("nan"), 0, 1, True, "0.3", None])
WORDS = st.sampled_from(["", "Nothing of note.", "für", "\ud800", b"", None])
LISTS = st.sampled_from([(), [], None, ""])


@given(
    st.fixed_dictionaries(
        {
            "score": NUMBERS,
            "confidence": NUMBERS,
            "justification": WORDS,
            "violations": LISTS,
            "escalations": LISTS,
            "not_assessed": LISTS,
            "severity": st.sampled_from([0, 0.0, False, 1, None]),
        }
    )
)
def test_a_result_that_found_nothing_is_copied_as_its_class_makes_it(
    forced: dict[str, object],
) -> None:
    said = evolve(CALM)
    for name, value in forced.items():
        object.__setattr__(said, name, value)
    try:
        remade = evolve(
            said,
            score=float(said.score),
            confidence=float(said.confidence),
            provenance=CRITIC.provenance,
        )
    except (TypeError, ValueError):
        with pytest.raises(MalformedError):
            accept_critic(CRITIC, said, CASE)
        return
    own = accept_critic(CRITIC, said, CASE)
    assert own is not said
    assert repr(asdict(own)) == repr(asdict(remade))


def test_a_result_that_lacks_a_field_is_refused() -> None:
    with pytest.raises(MalformedError):
        accept_critic(CRITIC, _bare(), CASE)


def _bare() -> CriticResult:
    bare: CriticResult = object.__new__(CriticResult)
    object.__setattr__(bare, "critic", "c")
    return bare
