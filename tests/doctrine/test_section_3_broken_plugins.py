"""DESIGN 3: a broken plugin never makes a result more permissive, and every voice has provenance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from support.judging import TEXT, judge, rank, with_engine
from support.panels import Member, contexts, panel_plugins, panels

from eleanor_core.api import (
    AnyCritic,
    Case,
    CriticDeclaration,
    CriticResult,
    CriticViolation,
    DetectorDeclaration,
    DetectorResult,
    EmbedderDeclaration,
    Pattern,
    PluginSettings,
    PrecedentsDeclaration,
    Services,
    hookimpl,
)
from eleanor_core.engine import EleanorEngine
from eleanor_core.errors import DuplicatePluginError, RequiredPluginError
from eleanor_core.model import Abstention, Provenance
from eleanor_core.testing import critic_plugin, detector_plugin

CALM = Member(inline=True).plugin("calm")


@frozen(eq=False)
class Unready:
    """A plugin of four kinds, none of which can start."""

    def open(
        self, _settings: PluginSettings, _services: Services
    ) -> AbstractAsyncContextManager[object]:
        """Fail."""
        raise ConnectionError("nobody there")


class UnreadyCritic(Unready):
    """A critic that cannot start."""

    @hookimpl
    def eleanor_register_critics(self) -> Iterable[CriticDeclaration]:
        """Declare it."""
        yield CriticDeclaration(name="lost", factory=self.open, principle="risk", clauses=())


class UnreadyDetector(Unready):
    """A detector that cannot start."""

    @hookimpl
    def eleanor_register_detectors(self) -> Iterable[DetectorDeclaration]:
        """Declare it."""
        yield DetectorDeclaration(name="lost", factory=self.open)


class UnreadyStore(Unready):
    """A precedent store that cannot start."""

    @hookimpl
    def eleanor_register_precedents(self) -> Iterable[PrecedentsDeclaration]:
        """Declare it."""
        yield PrecedentsDeclaration(name="lost", factory=self.open)


class UnreadyEmbedder(Unready):
    """An embedder that cannot start."""

    @hookimpl
    def eleanor_register_embedders(self) -> Iterable[EmbedderDeclaration]:
        """Declare it."""
        yield EmbedderDeclaration(name="lost", factory=self.open)


def _well(case: Case, /) -> CriticResult:
    del case
    return CriticResult(critic="lost", score=0.02, confidence=0.9)


LOOK_AHEAD = (Pattern(id="look-ahead", regex="a(?=b)"),)
BROKEN: dict[str, tuple[object, str]] = {
    "critic at start": (UnreadyCritic(), "lost"),
    "detector at start": (UnreadyDetector(), "detector:lost"),
    "store at start": (UnreadyStore(), "recall"),
    "embedder at start": (UnreadyEmbedder(), "recall"),
    "critic's patterns": (critic_plugin("lost", _well, patterns=LOOK_AHEAD), "lost"),
    "critic without an embedder": (critic_plugin("lost", _well, needs_embedding=True), "lost"),
    "critic not installed": ("critics/lost", "lost"),
    "detector not installed": ("detectors/lost", "detector:lost"),
    "store not installed": ("precedents/lost", "recall"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_enabled_and_broken_stands_in_every_result(kind: str) -> None:
    plugin, voice = BROKEN[kind]

    async def twice(engine: EleanorEngine) -> None:
        for _ in range(2):
            assessment = await engine.run(text=TEXT)
            told = {"recall": assessment.precedent, **assessment.critics}
            told |= {f"detector:{name}": item for name, item in assessment.detectors.items()}
            outcome = told[voice]
            assert isinstance(outcome, Abstention)
            assert outcome.reason == "broken"
            assert (voice, "U1") in {(item.critic, item.clause) for item in assessment.escalations}
            assert assessment.decision == "review"

    with_engine([CALM, plugin], twice)


class Crashing:
    """A critic whose background work crashes after it started."""

    @hookimpl
    def eleanor_register_critics(self) -> Iterable[CriticDeclaration]:
        """Declare it."""
        yield CriticDeclaration(name="lost", factory=self.open, principle="risk", clauses=())

    @asynccontextmanager
    async def open(
        self, _settings: PluginSettings, _services: Services
    ) -> AsyncIterator[AnyCritic]:
        """Start, and crash a moment later."""

        async def crash() -> None:
            await anyio.sleep(0.01)
            raise ConnectionError("the server hung up")

        async def weigh(case: Case, /) -> CriticResult:
            return _well(case)

        async with anyio.create_task_group() as group:
            group.start_soon(crash)
            yield weigh


def test_what_breaks_while_it_runs_stands_in_every_result_from_then_on() -> None:
    async def later(engine: EleanorEngine) -> None:
        with anyio.fail_after(20):
            while not engine.broken:
                await anyio.sleep(0.01)
                assessment = await engine.run(text=TEXT)
        assessment = await engine.run(text=TEXT)
        outcome = assessment.critics["lost"]
        assert isinstance(outcome, Abstention)
        assert (outcome.reason, assessment.decision) == ("broken", "review")

    with_engine([CALM, Crashing()], later)


@given(panel=panels, kind=st.sampled_from(sorted(BROKEN)), context=contexts)
def test_a_broken_plugin_never_relaxes_the_outcome(
    panel: list[Member], kind: str, context: dict[str, str] | None
) -> None:
    plugins = panel_plugins(panel)
    before = rank(judge(plugins, context=context))
    assert rank(judge([*plugins, BROKEN[kind][0]], context=context)) >= max(before, (2, 2))


def test_with_nothing_but_broken_critics_a_human_is_asked() -> None:
    assessment = judge([UnreadyCritic()])
    assert assessment.decision == "review"
    assert not assessment.gate.open


def test_blocking_it_by_name_takes_the_fault_away() -> None:
    blocked = {"plugins": {"exact": ["critics/lost"], "block": ["critics/lost"]}}
    assert judge([CALM, "critics/lost"], settings=blocked).decision == "allow"


@pytest.mark.parametrize("plugin", [UnreadyCritic(), "critics/lost"], ids=["start", "missing"])
def test_a_required_plugin_that_is_broken_refuses_to_start(plugin: object) -> None:
    settings = {"plugins": {"exact": ["critics/lost"], "require": ["critics/lost"]}}
    with pytest.raises(RequiredPluginError, match="critics/lost"):
        judge([CALM, plugin], settings=settings)


def test_two_plugins_of_one_name_refuse_to_start() -> None:
    with pytest.raises(DuplicatePluginError, match="critics/calm"):
        judge([CALM, Member(score=0.9, inline=True).plugin("calm")])


def test_provenance_is_the_core_s_word_and_not_the_plugin_s() -> None:
    claimed = Provenance(
        plugin="critics/rights", dist="eleanor-critics-constitutional", version="9"
    )

    def critic(_case: Case, /) -> CriticResult:
        return CriticResult(critic="liar", score=0.02, confidence=0.9, provenance=claimed)

    def finder(_case: Case, /) -> CriticResult:
        found = CriticViolation(clause="D2", severity=1, rationale="r")
        return evolve(critic(_case), critic="finder", severity=1, violations=(found,))

    def detector(_case: Case, /) -> DetectorResult:
        return DetectorResult(detector="liar", score=0.02, provenance=claimed)

    faulty = Member(fault="raises", inline=True).plugin("faulty")
    finding = critic_plugin("finder", finder)
    liars = critic_plugin("liar", critic), detector_plugin("liar", detector)
    assessment = judge([*liars, finding, faulty])
    stamped = Provenance(plugin="critics/liar", dist="in-process", version="0")
    assert assessment.critics["liar"].provenance == stamped
    assert assessment.detectors["liar"].provenance == evolve(stamped, plugin="detectors/liar")
    assert assessment.critics["finder"].provenance == evolve(stamped, plugin="critics/finder")
    assert assessment.critics["faulty"].provenance == evolve(stamped, plugin="critics/faulty")
