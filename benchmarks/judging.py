"""The benchmarks of the engine itself, in one process for each event loop.

`python benchmarks/judging.py asyncio 9` prints their rows as JSON; `run.py` calls it.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
import structlog
from checks import as_plugins, with_re
from corpus import PLANTED, Text, corpus
from measure import Benchmark, BenchmarkFailed, Row, calibrate, in_rounds

from eleanor_core import EleanorEngine
from eleanor_core.api import Case, CriticResult
from eleanor_core.model import CriticResult as Result
from eleanor_core.registry import discover
from eleanor_core.settings import Settings
from eleanor_core.testing import Harness, MemoryLog, critic_plugin

SHORT_TEXT: Final = "Take out the trash."
CALLS: Final = 100
"""Judgements in one round of a benchmark of one short text."""
CALLERS: Final = 64
LOCAL_LOG: Final = "evidence/local"


def no_op_critics(*, tasks: bool) -> list[object]:
    """Return six critics that do nothing, inline or as tasks."""

    def plugin(name: str) -> object:
        def judge(_case: Case, /) -> CriticResult:
            return CriticResult(critic=name, score=0.0, confidence=1.0)

        async def judge_in_task(_case: Case, /) -> CriticResult:
            return judge(_case)

        return critic_plugin(name, judge_in_task if tasks else judge)

    return [plugin(f"critic-{number}") for number in range(6)]


class Repeated:
    """Judges one short text again and again, with a log that is emptied each time."""

    def __init__(self, engine: EleanorEngine, log: MemoryLog | None) -> None:
        self._engine = engine
        self._log = log

    async def __call__(self) -> int:
        for _ in range(CALLS):
            await self._engine.run(text=SHORT_TEXT)
            if self._log is not None:
                # The kit's log looks through all its records at each append.
                self._log.records.clear()
        return CALLS


class OverCorpus:
    """Judges every text of the corpus, one after the other, and keeps what was found."""

    def __init__(self, engine: EleanorEngine, texts: Sequence[Text]) -> None:
        self._engine = engine
        self._texts = texts
        self._objecting: list[set[str]] = []

    async def __call__(self) -> int:
        self._objecting.clear()
        for item in self._texts:
            assessment = await self._engine.run(text=item.text)
            self._objecting.append(
                {
                    name
                    for name, outcome in assessment.critics.items()
                    if isinstance(outcome, Result) and outcome.violations
                }
            )
        return len(self._texts)

    def found(self) -> str:
        """Return the planted hits that were found. Raises BenchmarkFailed if one was missed."""
        return hits_in_words(self._texts, self._objecting)


def hits_in_words(texts: Sequence[Text], objecting: Sequence[set[str]]) -> str:
    """Count the planted hits that were found, and the clean texts that were flagged."""
    found = {
        kind: sum(
            item.planted == kind and kind in said
            for item, said in zip(texts, objecting, strict=True)
        )
        for kind in PLANTED
    }
    clean = sum(
        item.planted is None and bool(said) for item, said in zip(texts, objecting, strict=True)
    )
    counts = "/".join(map(str, found.values()))
    if found != dict(PLANTED):
        raise BenchmarkFailed(
            f"planted hits missed: {counts} of {'/'.join(map(str, PLANTED.values()))}"
        )
    return f"planted hits found {counts}, clean texts flagged {clean}"


class WithRe:
    """The same six checks with `re` alone."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts
        self._objecting: list[set[str]] = []

    async def __call__(self) -> int:
        self._objecting = [with_re(item.text) for item in self._texts]
        return len(self._texts)

    def found(self) -> str:
        """As `OverCorpus.found`."""
        return hits_in_words(self._texts, self._objecting)


class Streamed:
    """Judges one short text as a stream; the operation that is counted is the event."""

    def __init__(self, engine: EleanorEngine, log: MemoryLog) -> None:
        self._engine = engine
        self._log = log
        self._first: list[float] = []

    async def __call__(self) -> int:
        events = 0
        for _ in range(CALLS):
            started = time.perf_counter()
            before = events
            async for _event in self._engine.stream(text=SHORT_TEXT):
                if events == before:
                    self._first.append(time.perf_counter() - started)
                events += 1
            self._log.records.clear()
        return events

    def first(self) -> str:
        """Return how long the first event took."""
        return f"first event after {statistics.median(self._first) * 1e3:.2f} ms of wall time"


def installed() -> set[str]:
    """Return the refs of the plugins that are installed."""
    return {found.ref for found in discover()}


@asynccontextmanager
async def default_engine(home: Path) -> AsyncIterator[EleanorEngine]:
    """Start the engine as it is after an installation, with no settings but its home."""
    async with EleanorEngine(Settings(home=home)) as engine:
        yield engine


async def judge_all(home: Path, backend: str, rounds: int) -> list[Row]:
    """Return the rows of one event loop."""
    texts = corpus()
    plugins = installed()
    async with AsyncExitStack() as stack:

        async def engine(name: str, *parts: object) -> EleanorEngine:
            return await stack.enter_async_context(Harness(home / name)(plugins=parts))

        log = MemoryLog()
        inline = Repeated(await engine("inline", *no_op_critics(tasks=False), log), log)
        tasks = Repeated(await engine("tasks", *no_op_critics(tasks=True), log), log)
        goals = backend == "asyncio"
        benchmarks = [
            Benchmark(
                name=f"six no-op critics, inline ({backend})",
                run=inline,
                goal=0.2 if goals else None,
            ),
            Benchmark(
                name=f"six no-op critics, as tasks ({backend})",
                run=tasks,
                goal=0.5 if goals else None,
            ),
        ]
        if not goals:
            return await in_rounds(benchmarks, rounds)

        streamed = Streamed(await engine("stream", *no_op_critics(tasks=False), log), log)
        alone = WithRe(texts)
        benchmarks += [
            Benchmark(name="one event of a stream", run=streamed, check=streamed.first),
            Benchmark(name="six checks with re alone, a text", run=alone, check=alone.found),
        ]
        rows: list[Row] = []
        if LOCAL_LOG in plugins:
            durable = await engine("durable", *no_op_critics(tasks=False), LOCAL_LOG)
            checks = await engine("checks", *as_plugins(), LOCAL_LOG)
            panel = await stack.enter_async_context(default_engine(home / "default"))
            own = OverCorpus(checks, texts)
            seated = len(panel.registry.loaded["critics"]), len(panel.registry.loaded["detectors"])
            benchmarks += [
                Benchmark(
                    name="six no-op critics, inline, durable",
                    run=Repeated(durable, None),
                    goal=0.45,
                ),
                Benchmark(
                    name="six checks of one's own, durable, a text",
                    run=own,
                    goal=0.9,
                    check=own.found,
                ),
                Benchmark(
                    name="default panel, durable, a text",
                    run=OverCorpus(panel, texts),
                    note=f"{seated[0]} critics, {seated[1]} detectors",
                ),
            ]
            rows = await in_rounds(benchmarks, rounds)
            rows.append(await concurrent(checks, texts, 2 if rounds < 9 else 6))
        else:
            rows = await in_rounds(benchmarks, rounds)
            rows.append(
                Row(
                    name="everything with a durable record",
                    unit="ms",
                    value=None,
                    failed=True,
                    note=f"{LOCAL_LOG} is not installed: pip install ./plugins/evidence/local",
                )
            )
        return rows


async def concurrent(engine: EleanorEngine, texts: Sequence[Text], passes: int) -> Row:
    """Judge the corpus with many callers at once; wall times of each call."""
    waits: list[float] = []
    queue = iter([item.text for _ in range(passes) for item in texts])

    async def caller() -> None:
        for text in queue:
            started = time.perf_counter()
            await engine.run(text=text)
            waits.append((time.perf_counter() - started) * 1e3)

    calibration = min(calibrate() for _ in range(3))
    cpu, wall = time.process_time(), time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(CALLERS):
            group.start_soon(caller)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    hundredths = statistics.quantiles(waits, n=100)
    each = cpu / len(waits) * 1e3
    return Row(
        name=f"six checks, durable, {CALLERS} callers, a text",
        unit="ms",
        value=each,
        ratio=each / calibration,
        wall=wall / len(waits) * 1e3,
        note=f"{len(waits) / wall:.0f} a second of wall time; waits p50 {hundredths[49]:.0f} ms, "
        f"p99 {hundredths[98]:.0f} ms",
    )


def main(backend: str, rounds: int) -> None:
    """Print the rows as JSON. What the engine logs goes to standard error."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory() as home:
        rows = anyio.run(judge_all, Path(home), backend, rounds, backend=backend)
    print(json.dumps([row.as_json() for row in rows]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
