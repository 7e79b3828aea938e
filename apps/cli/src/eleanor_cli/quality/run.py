"""Every record through the engine, several at once; of each result only what counts is kept."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import anyio

from eleanor_cli.quality.judges import Judge, Panel
from eleanor_cli.quality.sets import DataSet, Label, Record
from eleanor_cli.quality.tally import Cell
from eleanor_core.engine import EleanorEngine
from eleanor_core.model import Assessment, CaseKind

IN_FLIGHT: Final = 32
"""Texts judged at once. More gain nothing on one event loop and cost memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What judging took: texts, seconds of this process's CPU, seconds on the clock."""

    texts: int
    cpu: float
    wall: float

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds for one text."""
        return 1e3 * self.cpu / self.texts

    @property
    def texts_per_s(self) -> float:
        """Texts in one second on the clock, several under way at once."""
        return self.texts / self.wall


@dataclass(slots=True, kw_only=True)
class Sample:
    """The judged texts of a set that measure one thing.

    `pairs`: scores and labels of the texts of each pair. `objections`: how many texts of a label
    each voice objects to. `spent` is that of the whole file, which the texts share evenly.
    """

    name: str
    measures: str
    judge: Judge
    cells: Counter[Cell] = field(default_factory=Counter)
    pairs: defaultdict[str, list[tuple[float, Label]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    objections: Counter[tuple[str, Label]] = field(default_factory=Counter)
    spent: Spent = Spent(texts=0, cpu=0.0, wall=0.0)

    def add(self, record: Record, assessment: Assessment, panel: Panel) -> None:
        """Take in one result."""
        cell = self.judge.cell(assessment, record.label)
        self.cells[cell] += 1
        if record.pair is not None:
            self.pairs[record.pair].append((cell.score, record.label))
        self.objections.update((ref, record.label) for ref in panel.objecting(assessment))


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how far it is: before each set, after each text, and after each set."""

    starting: Callable[[DataSet], None]
    judged: Callable[[], None]
    ended: Callable[[DataSet, Spent], None]


async def judge_set(
    engine: EleanorEngine, data: DataSet, kind: CaseKind, panel: Panel, judged: Callable[[], None]
) -> tuple[Sample, ...]:
    """Judge the chosen records of one file; one sample for each thing that it measures."""
    samples = _samples(data, panel)

    slots = anyio.Semaphore(IN_FLIGHT)

    async def judge(record: Record) -> None:
        # Neither id nor meta: a trace id is seen by every critic, and an id can tell the label.
        assessment = await engine.run(text=record.text, context=record.context, kind=kind)
        samples[record.critic].add(record, assessment, panel)
        judged()
        slots.release()

    cpu, wall = time.process_time(), time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for record in data.read(kind, engine.settings.limits):
            await slots.acquire()
            tasks.start_soon(judge, record)
    spent = Spent(
        texts=sum(data.critics.values()),
        cpu=time.process_time() - cpu,
        wall=time.perf_counter() - wall,
    )
    for sample in samples.values():
        sample.spent = spent
    return tuple(samples.values())


async def judge_sets(
    engine: EleanorEngine, sets: Iterable[DataSet], kind: CaseKind, panel: Panel, watch: Watch
) -> tuple[Sample, ...]:
    """Judge one set after the other."""
    samples: list[Sample] = []
    for data in sets:
        watch.starting(data)
        found = await judge_set(engine, data, kind, panel, watch.judged)
        watch.ended(data, found[0].spent)
        samples += found
    return tuple(samples)


def _samples(data: DataSet, panel: Panel) -> Mapping[str, Sample]:
    several = len(data.critics) > 1
    return {
        name: Sample(
            name=f"{data.name} ({name})" if several else data.name,
            measures=name,
            judge=panel.judge(name),
        )
        for name in sorted(data.critics)
    }
