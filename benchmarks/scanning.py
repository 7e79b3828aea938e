"""The shared scan, and all rule voices of the default install on a text of 1 KB.

`python benchmarks/scanning.py 9` prints the rows as JSON; `run.py` calls it. The rows of the
scanner are ratios, taken within one round: over one `bytes.find`, or over the typical text.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, cast

import anyio
import structlog
from corpus import Text, corpus
from lexicon import HITS, SIZE, hostile, patterns, typical
from measure import Benchmark, Row, in_rounds

from eleanor_core import EleanorEngine
from eleanor_core._panel import Panel
from eleanor_core.model import EMPTY_MAP, Abstention, CriticOutcome, DetectorResult
from eleanor_core.pipeline.deliberate import Bench, testimony
from eleanor_core.pipeline.patterns import Patterns
from eleanor_core.pipeline.scan import Scanner
from eleanor_core.pipeline.validate import ValidInput
from eleanor_core.settings import Settings

NEEDLE: Final = b"flumwickwise"
"""12 bytes that stand in none of the texts."""
TURNS: Final = 5
KILOBYTE: Final = range(900, 1_101)
"""Bytes of the texts of the corpus that stand for a text of 1 KB."""


def scanner_rows(rounds: int) -> list[Row]:
    """Return the rows of 2,400 patterns: which hit, with spans, and on hostile texts."""
    declared = patterns()
    ids, scanner = Patterns({"critics/a": declared}), Scanner({"critics/a": declared})
    text, texts = typical(), hostile()
    data = text.encode()
    if data.find(NEEDLE) >= 0 or len(_ids(ids, data)) != len(HITS):
        raise AssertionError("the typical text holds other hits than were planted")
    timed: dict[str, Callable[[], object]] = {
        "find": partial(data.find, NEEDLE),
        "ids": partial(_ids, ids, data),
        "spans": partial(scanner.scan, text),
    }
    for name, other in texts.items():
        timed[f"ids: {name}"] = partial(_ids, ids, other.encode())
        timed[f"spans: {name}"] = partial(scanner.scan, other)
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for number in range(rounds + 1):
        for name, run in timed.items():
            one = _milliseconds(run, 20 * TURNS if name == "find" else TURNS)
            if number:
                taken[name].append(one)
    find = statistics.median(taken["find"])
    about = f"one find takes {find * 1e3:.0f} us, {SIZE / find / 1e6:.1f} GB/s"
    return [
        _ratio("2,400 patterns over 100 KB: which hit", taken, "ids", "find", 25.0, about),
        _ratio("2,400 patterns over 100 KB: all spans, in all views", taken, "spans", "find", 60.0),
        _worst("slowest hostile text: which hit", taken, "ids", texts, 1.5),
        _worst("slowest hostile text: all spans, in all views", taken, "spans", texts, 1.5),
    ]


def _ids(declared: Patterns, data: bytes) -> list[object]:
    return list(declared.possible(data))


def _milliseconds(run: Callable[[], object], turns: int) -> float:
    started = time.process_time()
    for _ in range(turns):
        run()
    return (time.process_time() - started) * 1e3 / turns


def _ratio(
    name: str,
    taken: dict[str, list[float]],
    what: str,
    over: str,
    goal: float | None,
    note: str = "",
) -> Row:
    """Return the row of the median over the rounds of `what` over `over`."""
    ratios = [one / other for one, other in zip(taken[what], taken[over], strict=True)]
    took = f"{statistics.median(taken[what]):.3g} ms"
    return Row(
        name=name,
        unit="x",
        value=statistics.median(ratios),
        least=min(ratios),
        goal=goal,
        note="; ".join(filter(None, (f"times {over}", took, note))),
    )


def _worst(
    name: str, taken: dict[str, list[float]], what: str, texts: Iterable[str], goal: float
) -> Row:
    worst = max(texts, key=lambda text: statistics.median(taken[f"{what}: {text}"]))
    return _ratio(name, taken, f"{what}: {worst}", what, goal, worst)


class Voices:
    """Scans texts and asks every critic and detector, as the engine does, and nothing else."""

    def __init__(self, engine: EleanorEngine, texts: Sequence[Text]) -> None:
        self._panel = cast("Panel", engine._panel)  # noqa: SLF001 -- what is measured here
        self._texts = texts

    async def __call__(self) -> int:
        for item in self._texts:
            await self._judge(item.text)
        return len(self._texts)

    async def _judge(self, text: str) -> None:
        panel = self._panel
        given = ValidInput(text=text, context=EMPTY_MAP, kind="answer", trace_id="0")
        scan = panel.scanner.scan(text)
        bench = Bench(given=given, views=scan.views, hits=scan.hits)
        said: dict[str, DetectorResult | Abstention] = {}
        await panel.detectors.ask(bench.case_for, said.__setitem__, time_left=lambda: 60.0)
        bench.add(testimony(said), None)
        heard: dict[str, CriticOutcome] = {}
        await panel.critics.ask(bench.case_for, heard.__setitem__, time_left=lambda: 60.0)
        faults = [one for one in (*said.values(), *heard.values()) if isinstance(one, Abstention)]
        if faults:
            raise AssertionError(faults)


async def voices_row(home: Path, rounds: int) -> list[Row]:
    """Return the row of all critics and detectors of the default install."""
    texts = [item for item in corpus() if item.size in KILOBYTE]
    async with EleanorEngine(Settings(home=home)) as engine:
        loaded = engine.registry.loaded
        benchmark = Benchmark(
            name="all critics and detectors, a text of 1 KB, scan included",
            run=Voices(engine, texts * 5),
            goal=1.0,
            note=f"{len(loaded['critics'])} critics, {len(loaded['detectors'])} detectors, "
            f"{len(texts)} texts",
        )
        return await in_rounds([benchmark], rounds)


def main(rounds: int) -> None:
    """Print the rows as JSON. What the engine logs goes to standard error."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    rows = scanner_rows(rounds)
    with tempfile.TemporaryDirectory() as home:
        rows += anyio.run(voices_row, Path(home), rounds)
    print(json.dumps([row.as_json() for row in rows]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
