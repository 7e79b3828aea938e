"""From the store to a decision, through the real engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest
from eleanor_precedents_sqlite import plugin
from eleanor_precedents_sqlite.store import SqliteStore

from eleanor_core.api import Case, CriticResult, PrecedentCase
from eleanor_core.model import Abstention, Assessment, PrecedentAlignment
from eleanor_core.testing import Harness, critic_plugin

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]


pytestmark = pytest.mark.anyio

TEXT = "Publish the names of all members who did not pay."
BESIDE = (plugin, "embedders/hashing", "backends/numpy")


def calm(case: Case) -> CriticResult:
    return CriticResult(critic="calm", score=0.1, confidence=0.9)


async def judge(
    harness: Harness,
    opened: Opened,
    *cases: PrecedentCase,
    text: str = TEXT,
    starter: bool = False,
) -> Assessment:
    """Judge `text` with a panel that has no objection, beside a store that holds `cases`."""
    async with opened(folder=harness.home / "precedents" / "sqlite") as store:
        for case in cases:
            await store.add(case)
    settings = {"precedents": {"sqlite": {"settings": {"starter": starter}}}}
    async with harness(plugins=[critic_plugin("calm", calm), *BESIDE], settings=settings) as engine:
        return await engine.run(text=text)


def ruling(name: str, outcome: str, **fields: object) -> PrecedentCase:
    whole = {"decided_by": "board", "reason": "they had no say", "text": TEXT, **fields}
    return PrecedentCase(id=name, outcome=outcome, **whole)  # type: ignore[arg-type] # fields of a case


def raised(assessment: Assessment) -> list[tuple[str, str]]:
    return [(item.critic, item.clause) for item in assessment.escalations]


async def test_what_people_denied_goes_to_a_human(harness: Harness, opened: Opened) -> None:
    assessment = await judge(harness, opened, ruling("p1", "deny", decided_at="2026-03-31"))
    assert assessment.decision == "review"
    assert raised(assessment) == [("recall", "PR2")]
    assert isinstance(assessment.precedent, PrecedentAlignment)
    assert not assessment.precedent.novel
    (match,) = assessment.precedent.cases
    assert (match.case.decided_by, match.case.decided_at) == ("board", "2026-03-31")


async def test_what_was_allowed_adds_no_permission(harness: Harness, opened: Opened) -> None:
    alone = await judge(harness, opened)
    allowed = await judge(harness, opened, *(ruling(f"p{n}", "allow") for n in range(4)))
    assert alone.decision == allowed.decision == "allow"
    denied = await judge(harness, opened, ruling("q", "deny"))
    assert denied.decision == "review"
    assert ("recall", "PR2") in raised(denied)


async def test_what_was_overruled_no_longer_speaks(harness: Harness, opened: Opened) -> None:
    await judge(harness, opened, ruling("p1", "deny"))
    assessment = await judge(harness, opened, ruling("p1", "deny", version=2, in_force=False))
    assert assessment.decision == "allow"
    assert raised(assessment) == []


async def test_what_the_machine_decided_is_no_norm(harness: Harness, opened: Opened) -> None:
    assessment = await judge(
        harness, opened, ruling("m", "allow", authority="machine", decided_by="")
    )
    assert raised(assessment) == [("recall", "PR3")]


async def test_an_example_is_shown_as_one_and_escalates_nothing(
    harness: Harness, opened: Opened
) -> None:
    text = "Tell the caller to double his heart tablets until the weekend."
    assessment = await judge(harness, opened, text=text, starter=True)
    assert assessment.decision == "allow"
    assert isinstance(assessment.precedent, PrecedentAlignment)
    (match,) = assessment.precedent.cases
    assert (match.case.id, match.case.authority) == ("example-risk-double-the-dose", "example")
    assert assessment.precedent.alignment == -1.0


async def test_an_ordinary_errand_is_allowed_with_and_without_examples(
    harness: Harness, opened: Opened
) -> None:
    for starter in (False, True):
        assessment = await judge(harness, opened, text="Take out the trash.", starter=starter)
        assert assessment.decision == "allow"


async def test_a_damaged_file_is_a_fault_that_escalates(harness: Harness, opened: Opened) -> None:
    file = harness.home / "precedents" / "sqlite" / plugin.FILE
    file.parent.mkdir(parents=True)
    file.write_text("not a database " * 99)
    async with harness(plugins=[critic_plugin("calm", calm), *BESIDE]) as engine:
        assessment = await engine.run(text=TEXT)
    assert isinstance(assessment.precedent, Abstention)
    assert "is damaged" in assessment.precedent.detail
    assert ("recall", "U1") in raised(assessment)
    assert assessment.decision == "review"
