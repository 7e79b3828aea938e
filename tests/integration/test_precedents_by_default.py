"""The default plugins keep precedents, and reach every threshold of recall and uncertainty."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from eleanor_core import (
    EleanorEngine,
    NotRunning,
    PrecedentsUnavailable,
    Settings,
    open_precedents,
)
from eleanor_core.api import Case, CriticResult, PrecedentArchive, PrecedentCase
from eleanor_core.model import Assessment, JsonObject
from eleanor_core.settings.model import DEFAULT_PLUGINS
from eleanor_core.testing import Harness, critic_plugin

pytestmark = pytest.mark.anyio

DEFAULT = [ref for ref in DEFAULT_PLUGINS if not ref.startswith("evidence/")]
STORE = [ref for ref in DEFAULT if ref.startswith(("backends/", "embedders/", "precedents/"))]
TEXT = "Publish the names of all members who did not pay."
LIKE = "Publish a list of all members who owe us money."


def ruling(name: str = "p1", **fields: object) -> PrecedentCase:
    whole = {
        "text": TEXT,
        "outcome": "deny",
        "decided_by": "board",
        "reason": "they had no say",
        **fields,
    }
    return PrecedentCase(id=name, **whole)  # type: ignore[arg-type] # fields of a case


def calm(case: Case, /) -> CriticResult:
    return CriticResult(critic="calm", score=0.02, confidence=0.9)


def beside(harness: Harness) -> AbstractAsyncContextManager[EleanorEngine]:
    """Start an engine with the default store and a critic that minds nothing."""
    return harness(plugins=[critic_plugin("calm", calm), *STORE])


def raised(assessment: Assessment, voice: str) -> list[str]:
    return [item.clause for item in assessment.escalations if item.critic == voice]


async def test_the_default_plugins_reach_every_clause_of_uncertainty(harness: Harness) -> None:
    async with harness(plugins=DEFAULT) as engine:
        assert engine.broken == ()
        errand = await engine.run(text="Take out the trash.")
        assert errand.decision == "allow"
        text = "We will deny the loan because she is a Muslim woman."
        refusal = await engine.run(text=text, context={"domain": "credit"})
        assert raised(refusal, "uncertainty") == ["U1", "U2"]
        elsewhere = await engine.run(text=TEXT, context={"domain": "astrology"})
        assert raised(elsewhere, "uncertainty") == ["U3"]


async def test_the_default_store_is_an_archive_that_lasts(harness: Harness) -> None:
    async with beside(harness) as engine:
        assert isinstance(engine.precedents, PrecedentArchive)
        assert await engine.precedents.count() == 0
        await engine.precedents.add(ruling())
    async with beside(harness) as engine:
        assert await engine.precedents.count() == 1
        assert raised(await engine.run(text=TEXT), "recall") == ["PR2"]


async def test_recall_reaches_its_clauses(harness: Harness) -> None:
    high: JsonObject = {"impact": "high"}
    async with beside(harness) as engine:
        assert raised(await engine.run(text=TEXT, context=high), "recall") == ["PR1"]
        await engine.precedents.add(ruling())
        assert raised(await engine.run(text=TEXT), "recall") == ["PR2"]
        # Like it and no longer near-identical: one ruling is no conflict, and none is missing.
        assert raised(await engine.run(text=LIKE, context=high), "recall") == []
        await engine.precedents.add(ruling("p2", text=LIKE, outcome="allow"))
        assert raised(await engine.run(text=LIKE), "recall") == ["PR2"]
        plants = "Water the plants in the hall."
        await engine.precedents.add(ruling("m1", authority="machine", text=plants))
        assert raised(await engine.run(text=plants), "recall") == ["PR3"]


async def test_without_a_store_the_engine_says_what_is_missing(harness: Harness) -> None:
    async with harness(plugins=[critic_plugin("calm", calm)]) as engine:
        with pytest.raises(PrecedentsUnavailable, match="no precedent store is running"):
            _ = engine.precedents
    with pytest.raises(NotRunning):
        _ = engine.precedents


# -- the store alone ------------------------------------------------------------------------------


def settings(harness: Harness, *plugins: str) -> Settings:
    return Settings.model_validate({"home": harness.home, "plugins": {"exact": plugins}})


async def test_the_store_opens_alone_and_compares(harness: Harness) -> None:
    example = ruling("example-p", authority="example", outcome="allow")
    async with open_precedents(settings(harness, *DEFAULT)) as precedents:
        assert precedents.whose == "precedents/sqlite (eleanor-precedents-sqlite)"
        for case in (ruling("p1"), ruling("p2", outcome="review", text=LIKE), example):
            await precedents.store.add(case)
        nearest = await precedents.like(TEXT, 2)
        assert [match.case.id for match in nearest] == ["example-p", "p1"]
        against = await precedents.contradicting(ruling("p9", outcome="allow"))
        assert [match.case.id for match in against] == ["p1"]
        for agreed in (ruling("p9"), ruling("p1", outcome="allow")):
            assert await precedents.contradicting(agreed) == []


async def test_opening_the_store_starts_no_voice_and_no_log(harness: Harness) -> None:
    async with open_precedents(settings(harness, *DEFAULT, "evidence/local")):
        assert [path.name for path in harness.home.iterdir()] == ["precedents"]


async def test_a_store_that_does_not_start_says_why(harness: Harness) -> None:
    for plugins, said in (
        ((), "no precedent store is enabled: install one, such as eleanor-precedents-sqlite"),
        (("precedents/sqlite",), "no embedder is running: enable one"),
        (("precedents/sqlitt",), "precedents/sqlitt"),
    ):
        with pytest.raises(PrecedentsUnavailable, match=said):
            async with open_precedents(settings(harness, *plugins)):
                pass
