"""The embedded evidence log alone: what a durable append costs, and how fast a log is verified.

`python benchmarks/appending.py 9` prints the rows as JSON; `run.py` calls it.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import anyio
import structlog
from corpus import corpus
from measure import Benchmark, BenchmarkFailed, Row, in_rounds
from redacting import known

from eleanor_core import EleanorEngine, Redaction, open_evidence
from eleanor_core._redaction import Cleaner
from eleanor_core.api import Case, CriticResult, EvidenceSink, EvidenceVerifier, SealedRecord
from eleanor_core.evidence import seal
from eleanor_core.evidence.facts import CaseFacts, assessment_facts
from eleanor_core.model import Assessment
from eleanor_core.settings import Settings
from eleanor_core.testing import MemoryLog, critic_plugin

CALLERS: Final = 64
EACH: Final = 100
"""Records that each of them appends in a round."""
SIZE: Final = 2048
"""Bytes of a record: leaf and payload together."""
WORDS: Final = 300
"""Characters of a text whose judgement by one critic makes a record of about as many bytes."""
VERIFIED: Final = 20_000
_SECOND_GOAL: Final = 0.4
"""Share of a raw loop of write and sync that is enough where the disk allows no more."""


def records(count: int) -> list[SealedRecord]:
    """Return sealed records of `SIZE` bytes."""
    small = seal("assessment", trace_id="0", facts={"pad": ""}, payload={"case": {"text": ""}})
    missing = SIZE - len(small.leaf) - len(small.payload)
    facts, payload = {"pad": "p" * (missing // 3)}, {"case": {"text": "t" * (missing * 2 // 3)}}
    return [
        seal("assessment", trace_id=str(number), facts=facts, payload=payload)
        for number in range(count)
    ]


class OneCaller:
    """Appends one record after the other."""

    def __init__(self, log: EvidenceSink) -> None:
        self._log = log
        self._records: Iterator[SealedRecord] = iter(())

    def prepare(self) -> None:
        """Make the records of the next round."""
        self._records = iter(records(EACH))

    async def __call__(self) -> int:
        for record in self._records:
            await self._log.append(record)
        return EACH


async def one_caller(log: EvidenceSink, rounds: int) -> list[Row]:
    """Return the CPU time of one append, with nobody else beside."""
    run = OneCaller(log)
    return await in_rounds(
        [Benchmark(name="append, durable, one caller", run=run, prepare=run.prepare)], rounds
    )


async def many_callers(log: EvidenceSink, folder: Path, rounds: int) -> Row:
    """Return the wall time of a record with many callers, beside that of a raw loop in turn."""
    ours: list[float] = []
    raw: list[float] = []
    cpu: list[float] = []
    waits: list[float] = []
    for _ in range(rounds + 1):
        raw.append(_raw(folder / "raw"))
        todo = iter(records(CALLERS * EACH))

        async def caller(todo: Iterator[SealedRecord] = todo) -> None:
            for record in todo:
                started = time.perf_counter()
                await log.append(record)
                waits.append((time.perf_counter() - started) * 1e3)

        started, busy = time.perf_counter(), time.process_time()
        async with anyio.create_task_group() as group:
            for _ in range(CALLERS):
                group.start_soon(caller)
        ours.append((time.perf_counter() - started) * 1e3 / (CALLERS * EACH))
        cpu.append((time.process_time() - busy) * 1e3 / (CALLERS * EACH))
    each, floor = statistics.median(ours[1:]), statistics.median(raw[1:])
    hundredths = statistics.quantiles(waits, n=100)
    return Row(
        name=f"append, durable, {CALLERS} callers: wall time of a record",
        unit="ms",
        value=each,
        least=min(ours[1:]),
        wall=each,
        goal=max(0.1, floor / _SECOND_GOAL),
        note=f"{1e3 / each:.0f} records of 2 KB a second, {floor / each:.0%} of a raw write and "
        f"fdatasync of {CALLERS} at a time ({1e3 / floor:.0f} a second); CPU "
        f"{statistics.median(cpu) * 1e3:.0f} us a record; waits p50 {hundredths[49]:.1f} ms, p99 "
        f"{hundredths[98]:.1f} ms",
    )


def _raw(path: Path) -> float:
    """Return the wall milliseconds of a record for a loop that batches, writes and syncs."""
    batch = b"r" * SIZE * CALLERS
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sync = getattr(os, "fdatasync", os.fsync)
    started = time.perf_counter()
    for _ in range(EACH):
        os.write(descriptor, batch)
        sync(descriptor)
    taken = time.perf_counter() - started
    os.close(descriptor)
    return taken * 1e3 / (CALLERS * EACH)


async def judged(home: Path, redaction: Redaction) -> list[tuple[str, Assessment]]:
    """Return short texts, each with its judgement by one critic, who says words of its own."""

    def judge(case: Case, /) -> CriticResult:
        said = f"read {len(case.text)} characters, from {case.text[:40]!r} on"
        return CriticResult(critic="reader", score=0.1, confidence=0.9, justification=said)

    settings = Settings.model_validate({"home": home, "plugins": {"exact": []}})
    parts = [critic_plugin("reader", judge), MemoryLog()]
    async with EleanorEngine(settings, plugins=parts, redaction=redaction) as engine:
        texts = [item.text[:WORDS] for item in corpus() if len(item.text) > WORDS]
        return [(text, await engine.run(text=text)) for text in texts]


class WholePath:
    """Makes each record of a judgement that is done, and appends it."""

    def __init__(
        self, log: EvidenceSink, redaction: Redaction, done: list[tuple[str, Assessment]]
    ) -> None:
        self._log = log
        self._redaction = redaction
        self._done = done
        self.size = statistics.mean(
            len(record.leaf) + len(record.payload)
            for record in map(self.record, *zip(*done, strict=True))
        )

    def record(self, text: str, assessment: Assessment) -> SealedRecord:
        """Return the record, as `Judgement` makes it: redacted, salted, in canonical form."""
        cleaner = Cleaner(self._redaction)
        for outcome in assessment.critics.values():
            if cleaner.outcome(outcome) is not outcome:
                raise BenchmarkFailed(f"this was to hold nothing to mask: {outcome}")
        case = {"text": cleaner.text(text), "context": {}, "kind": "output"}
        return seal(
            "assessment",
            trace_id=assessment.trace_id,
            facts=assessment_facts(assessment, CaseFacts("answer", len(text), "0" * 64)),
            payload={"case": case, "result": assessment},
        )

    async def __call__(self) -> int:
        todo = islice(cycle(self._done), CALLERS * EACH)

        async def caller() -> None:
            for text, assessment in todo:
                await self._log.append(self.record(text, assessment))

        async with anyio.create_task_group() as group:
            for _ in range(CALLERS):
                group.start_soon(caller)
        return CALLERS * EACH


async def whole_path(log: EvidenceSink, home: Path, rounds: int) -> Row:
    """Return the wall time of a record with many callers, from the judgement to the disk."""
    redaction = known()
    run = WholePath(log, redaction, await judged(home, redaction))
    name = f"redact, seal and append, durable, {CALLERS} callers: wall time of a record"
    (taken,) = await in_rounds([Benchmark(name=name, run=run)], rounds)
    return Row(
        name=name,
        unit="ms",
        value=taken.wall,
        wall=taken.wall,
        goal=0.5,
        note=f"{1e3 / taken.wall:.0f} records of {run.size:.0f} bytes a second; CPU "
        f"{taken.value * 1e3:.0f} us a record, {taken.ratio:.3f} of the calibration loop",
    )


async def verified(log: EvidenceSink, rounds: int) -> list[Row]:
    """Return what it costs to verify one of many records."""
    if not isinstance(log, EvidenceVerifier):
        raise TypeError(f"{log} cannot verify its own storage")
    while (missing := VERIFIED - await log.count()) > 0:
        async with anyio.create_task_group() as group:
            for record in records(min(missing, 4096)):
                group.start_soon(log.append, record)

    async def run() -> int:
        report = await log.verify()
        if not report.sound:
            raise AssertionError(report.findings)
        return report.records

    goal = "1,000,000 records in a minute"
    benchmark = Benchmark(name="verify, a record", run=run, goal=0.06, note=goal)
    return await in_rounds([benchmark], rounds)


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[EvidenceSink]:
    """Open the embedded log by itself."""
    settings = Settings.model_validate({"home": home, "plugins": {"exact": ["evidence/local"]}})
    async with open_evidence(settings) as sinks:
        yield sinks["local"]


async def measure(home: Path, rounds: int) -> list[Row]:
    """Return all rows."""
    async with opened(home / "one") as log:
        rows = await one_caller(log, rounds)
    async with opened(home / "many") as log:
        rows.append(await many_callers(log, home, rounds))
        rows.append(await whole_path(log, home / "judged", rounds))
        return rows + await verified(log, min(rounds, 3))


def main(rounds: int) -> None:
    """Print the rows as JSON. What the log says goes to standard error."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory() as home:
        rows = anyio.run(measure, Path(home), rounds)
    print(json.dumps([row.as_json() for row in rows]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
