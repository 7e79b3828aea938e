"""The engine's life: nothing leaks over many starts, stops and cancellations, and stop is orderly."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from support.judging import TEXT
from support.panels import Member

from eleanor_core.api import (
    AnyCritic,
    Case,
    CriticDeclaration,
    CriticResult,
    PluginSettings,
    Services,
    hookimpl,
)
from eleanor_core.engine import EleanorEngine
from eleanor_core.errors import NotRunning
from eleanor_core.model import Abstention
from eleanor_core.testing import Harness, MemoryLog

pytestmark = pytest.mark.anyio


class Lived:
    """A critic whose factory opens a task group, and that writes down what happens to it."""

    def __init__(self, name: str, diary: list[str], *, fails_at: str = "") -> None:
        self.name, self.diary, self.fails_at = name, diary, fails_at

    @hookimpl
    def eleanor_register_critics(self) -> Iterable[CriticDeclaration]:
        """Declare the critic."""
        yield CriticDeclaration(
            name=self.name,
            factory=self.factory,
            principle="risk",
            clauses=(),
            execution="inline",
        )

    def factory(
        self, _settings: PluginSettings, _services: Services
    ) -> AbstractAsyncContextManager[AnyCritic]:
        """Open and close."""
        return self._live()

    @asynccontextmanager
    async def _live(self) -> AsyncIterator[AnyCritic]:
        if self.fails_at == "start":
            raise ConnectionError("nobody there")
        self.diary.append(f"+{self.name}")
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            yield self.weigh
            group.cancel_scope.cancel()
        self.diary.append(f"-{self.name}")
        if self.fails_at == "stop":
            raise ConnectionError("it would not close")

    def weigh(self, _case: Case, /) -> CriticResult:
        """Find nothing."""
        return CriticResult(critic=self.name, score=0.02, confidence=0.9)


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208 -- a count is all


@pytest.mark.parametrize("cycles", [40, pytest.param(1000, marks=pytest.mark.long)])
async def test_nothing_leaks_over_many_lives(tmp_path: Path, cycles: int) -> None:
    settings = {"home": str(tmp_path), "plugins": {"exact": []}}
    diary: list[str] = []

    async def live(number: int) -> None:
        plugins = [Lived("a", diary), Member(fault="hangs").plugin("slow"), MemoryLog()]
        async with EleanorEngine(settings, plugins=plugins) as engine:
            with anyio.move_on_after(0.0005 if number % 2 else 0.002):
                await engine.run(text=TEXT)

    for number in range(20):
        await live(number)
    threads, files = threading.active_count(), _open_files()
    for number in range(cycles):
        await live(number)
    assert threading.active_count() <= threads
    assert _open_files() <= files
    assert diary.count("+a") == diary.count("-a")


async def test_plugins_stop_in_reverse_and_one_that_fails_stops_none(harness: Harness) -> None:
    diary: list[str] = []
    plugins = [Lived("a", diary), Lived("b", diary, fails_at="stop"), Lived("c", diary)]
    async with harness(plugins=plugins):
        assert diary == ["+a", "+b", "+c"]
    assert diary == ["+a", "+b", "+c", "-c", "-b", "-a"]


async def test_a_critic_that_fails_to_start_stands_as_a_fault_in_every_result(
    harness: Harness,
) -> None:
    diary: list[str] = []
    async with harness(plugins=[Lived("a", diary), Lived("b", diary, fails_at="start")]) as engine:
        assert [(item.ref, item.stage) for item in engine.broken] == [("critics/b", "start")]
        for _ in range(2):
            assessment = await engine.run(text=TEXT)
            outcome = assessment.critics["b"]
            assert isinstance(outcome, Abstention)
            assert outcome.reason == "broken"
            assert "nobody there" in outcome.detail
            assert assessment.decision == "review"


@pytest.mark.parametrize("delay", [0, 0.002, 0.02])
async def test_an_engine_that_is_cancelled_while_it_starts_ends(
    tmp_path: Path, delay: float
) -> None:
    diary: list[str] = []
    with anyio.fail_after(30), anyio.move_on_after(delay):
        async with EleanorEngine(
            {"home": str(tmp_path)}, plugins=[Lived("a", diary), Lived("b", diary)]
        ):
            await anyio.sleep_forever()
    assert sorted(step[1:] for step in diary if step[0] == "+") == sorted(
        step[1:] for step in diary if step[0] == "-"
    )


async def test_shutdown_waits_for_what_is_under_way(harness: Harness) -> None:
    log = MemoryLog()
    done: list[str] = []

    async def judge(engine: EleanorEngine) -> None:
        assessment = await engine.run(text=TEXT)
        done.append(assessment.decision)

    async with harness(plugins=[Member(fault="hangs").plugin("slow"), log]) as engine:
        async with anyio.create_task_group() as group:
            group.start_soon(judge, engine)
            await anyio.sleep(0.01)
            await engine.shutdown()
            assert len(log.records) == 2
        with pytest.raises(NotRunning):
            await engine.run(text=TEXT)
    assert done == ["review"]


async def test_shutdown_from_another_task_and_twice(harness: Harness) -> None:
    diary: list[str] = []
    async with harness(plugins=[Lived("a", diary)]) as engine:
        async with anyio.create_task_group() as group:
            group.start_soon(engine.shutdown)
        with pytest.raises(NotRunning):
            await engine.run(text=TEXT)
        assert diary == ["+a", "-a"]
        await engine.shutdown()
    assert diary == ["+a", "-a"]


async def test_an_engine_that_was_never_started_says_so(tmp_path: Path) -> None:
    settings = {"home": str(tmp_path), "plugins": {"exact": []}}
    engine = EleanorEngine(settings)
    with pytest.raises(NotRunning, match="async with"):
        await engine.run(text=TEXT)
    await engine.shutdown()
    async with engine:
        pass
    with pytest.raises(NotRunning, match="starts once"):
        await engine.__aenter__()


async def test_many_cases_at_once_do_not_mix(harness: Harness) -> None:
    async with harness(
        plugins=[Member().plugin("calm"), Member(fault="raises").plugin("bad")]
    ) as engine:
        seen: dict[str, str] = {}

        async def judge(number: int) -> None:
            assessment = await engine.run(text=f"case {number}", trace_id=str(number))
            assert assessment.trace_id == str(number)
            assert assessment.evidence is not None
            seen[str(number)] = assessment.evidence.record_id

        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(judge, number)
        assert len(set(seen.values())) == 200
