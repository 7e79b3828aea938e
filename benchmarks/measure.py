"""How a figure is taken: CPU time of the process, beside a loop that says how fast the machine is.

A shared machine makes wall times worthless and CPU times some tens of percent unsteady. So every
figure is the median of rounds that take turns with those of the other benchmarks, and each round
runs the calibration loop first: the ratio of the two is what a slower machine leaves as it is.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeAlias

from attrs import asdict, field, fields_dict, frozen

CALIBRATION_MS: Final = 1.0
"""CPU milliseconds of the calibration loop where the goals hold as they are written."""
HEADROOM: Final = 1.25
"""How far `--check` lets a figure pass its goal: what a shared machine may add."""


class BenchmarkFailed(Exception):  # noqa: N818 -- what happened, in words
    """A benchmark ran, and did not do what it was to measure."""


Pass: TypeAlias = Callable[[], Awaitable[int]]
"""One round of a benchmark; returns how many operations it did."""


def calibrate() -> float:
    """Return the CPU milliseconds of the calibration loop.

    It makes 8 records of 40 fields, writes each as JSON with sorted keys, hashes it and reads it
    back: calls, small objects, strings and a little C, in the proportion of a judgement.
    """
    started = time.process_time()
    for turn in range(8):
        record = {
            f"field {number * 7 % 40}": [number, str(number * turn), {"share": number / 7}]
            for number in range(40)
        }
        text = json.dumps(record, sort_keys=True)
        hashlib.sha256(text.encode()).hexdigest()
        json.loads(text)
    return (time.process_time() - started) * 1e3


@frozen(kw_only=True)
class Row:
    """One line of the table.

    `value`: in `unit`; None if it was not run, and `note` says why then. `least`: that of the best
    round, which holds the least of what the neighbours add. `ratio`: `value` over the calibration
    loop's time in the same rounds, None where the figure is no time. `wall`: the same figure in
    wall time.
    """

    name: str
    unit: str
    value: float | None
    goal: float | None = None
    least: float | None = None
    ratio: float | None = None
    wall: float | None = None
    note: str = ""
    failed: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal is met as measured; None if there is none."""
        if self.goal is None:
            return None
        return self.value is not None and self.value <= self.goal

    @property
    def acceptable(self) -> bool:
        """Whether the goal is met within the headroom, on a machine of any speed."""
        if self.failed or self.goal is None:
            return not self.failed
        if self.ratio is None:
            return self.value is not None and self.value <= self.goal * HEADROOM
        scale = {"ms": 1.0, "s": 1e3}[self.unit]
        return self.ratio <= self.goal * scale / CALIBRATION_MS * HEADROOM

    def as_json(self) -> dict[str, object]:
        """Return the row for the JSON file."""
        return {**asdict(self), "met": self.met, "acceptable": self.acceptable}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Row:
        """Return the row that `as_json` wrote."""
        return cls(**{name: data[name] for name in fields_dict(cls)})


@frozen(kw_only=True)
class Benchmark:
    """Something that is timed in rounds.

    `prepare`: called before each round, and not timed. `check`: called after all rounds; returns a
    note, or raises BenchmarkFailed if it did not work.
    """

    name: str
    run: Pass
    goal: float | None = None
    note: str = ""
    prepare: Callable[[], None] = field(default=lambda: None, repr=False)
    check: Callable[[], str] = field(default=lambda: "", repr=False)


@frozen(kw_only=True)
class Round:
    """One round's milliseconds for one operation, and those of the calibration loop before it."""

    cpu: float
    wall: float
    calibration: float


async def in_rounds(benchmarks: Iterable[Benchmark], rounds: int) -> list[Row]:
    """Run all benchmarks in turn, `rounds` times, after one round that does not count."""
    taken: dict[str, list[Round]] = {}
    listed = list(benchmarks)
    for number in range(rounds + 1):
        for benchmark in listed:
            one = await _round(benchmark)
            if number:
                taken.setdefault(benchmark.name, []).append(one)
    return [_row(benchmark, taken[benchmark.name]) for benchmark in listed]


async def _round(benchmark: Benchmark) -> Round:
    benchmark.prepare()
    calibration = min(calibrate() for _ in range(3))
    cpu, wall = time.process_time(), time.perf_counter()
    operations = await benchmark.run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Round(cpu=cpu / operations * 1e3, wall=wall / operations * 1e3, calibration=calibration)


def _row(benchmark: Benchmark, taken: list[Round]) -> Row:
    failed = False
    try:
        seen = benchmark.check()
    except BenchmarkFailed as error:
        seen, failed = str(error), True
    return Row(
        name=benchmark.name,
        unit="ms",
        value=statistics.median(item.cpu for item in taken),
        goal=benchmark.goal,
        least=min(item.cpu for item in taken),
        ratio=statistics.median(item.cpu / item.calibration for item in taken),
        wall=statistics.median(item.wall for item in taken),
        note="; ".join(part for part in (benchmark.note, seen) if part),
        failed=failed,
    )
