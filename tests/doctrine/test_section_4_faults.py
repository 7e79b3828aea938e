"""DESIGN 4: whose time it is, whose hits they are, and a voice that ends without a word."""

from __future__ import annotations

import time

import anyio
import pytest
from support.judging import TEXT, judge
from support.panels import Member

from eleanor_core.api import Case, CriticResult, DetectorResult, Pattern
from eleanor_core.model import Abstention
from eleanor_core.testing import critic_plugin, detector_plugin

BACKENDS = ["asyncio", "trio"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_voice_gets_more_than_the_judgement_has(backend: str) -> None:
    async def hangs(_case: Case, /) -> CriticResult:
        await anyio.sleep(60)
        raise AssertionError("it is cut off")

    started = time.monotonic()
    assessment = judge(
        [critic_plugin("slow", hangs, deadline=60.0), Member(inline=True).plugin("calm")],
        settings={"deadlines": {"request": 0.2}},
        backend=backend,
    )
    assert time.monotonic() - started < 30
    outcome = assessment.critics["slow"]
    assert isinstance(outcome, Abstention)
    assert outcome.reason == "deadline"
    assert assessment.decision == "review"


def test_a_voice_that_cancels_itself_is_a_fault() -> None:
    async def vanishes(_case: Case, /) -> CriticResult:
        await anyio.lowlevel.checkpoint()
        raise anyio.get_cancelled_exc_class()

    plugins = [critic_plugin("gone", vanishes), Member().plugin("calm")]
    # Of the two loops' exceptions only asyncio's can be made by a voice.
    assessment = judge(plugins, backend="asyncio")
    outcome = assessment.critics["gone"]
    assert isinstance(outcome, Abstention)
    assert (outcome.reason, outcome.detail) == ("raised", "ended without a result")
    assert isinstance(assessment.critics["calm"], CriticResult)
    assert assessment.decision == "review"


def test_a_voice_sees_its_own_hits_and_critics_alone_see_testimony() -> None:
    seen: dict[str, Case] = {}

    def critic(case: Case, /) -> CriticResult:
        seen["critic"] = case
        return CriticResult(critic="reader", score=0.02, confidence=0.9)

    def other(case: Case, /) -> CriticResult:
        seen["other"] = case
        return CriticResult(critic="other", score=0.02, confidence=0.9)

    def detector(case: Case, /) -> DetectorResult:
        seen["detector"] = case
        return DetectorResult(detector="witness", score=0.02)

    judge(
        [
            critic_plugin("reader", critic, patterns=(Pattern(id="trash", regex="trash"),)),
            critic_plugin("other", other, patterns=(Pattern(id="take", regex="Take"),)),
            detector_plugin("witness", detector, patterns=(Pattern(id="out", regex="out"),)),
        ]
    )
    assert {name: [hit.pattern for hit in case.hits] for name, case in seen.items()} == {
        "critic": ["trash"],
        "other": ["take"],
        "detector": ["out"],
    }
    assert seen["critic"].text == TEXT
