"""What people see of a run: a bar while it goes on, and one line at the end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from eleanor_cli import words
from eleanor_cli.batching.judge import ERROR
from eleanor_cli.batching.place import Place
from eleanor_cli.faults import say

Step = Callable[[Iterable[str]], None]
_SPEED_OVER: Final = 10.0
"""Seconds over which the bar's speed is taken."""


class Tally:
    """How many lines ended how, those of earlier runs too (`resumed`)."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.of: Counter[str] = Counter()
        self.resumed = 0
        self._started = time.monotonic()

    def resume(self, of: Mapping[str, int]) -> None:
        """Count what an earlier run left."""
        self.of.update(of)
        self.resumed = self.written

    @property
    def written(self) -> int:
        """Lines of the output."""
        return self.of.total()

    def __str__(self) -> str:
        names = (*words.DECISIONS, ERROR)
        return "  ".join(f"{name} {self.of[name]}" for name in names if self.of[name])

    def conclude(self, place: Place) -> None:
        """Say how the run ended: one line, and a second one where something is left to do."""
        seconds = time.monotonic() - self._started
        judged = self.written - self.resumed
        lines = words.count(self.total, "line")
        if self.written < self.total:
            say(f"{self.written} of {lines} written to {place.lines}")
            if self.written:
                say("to judge the rest, give the same command again with --resume")
            return
        speed = f"; {judged} in {seconds:.1f} s, {judged / seconds:.0f} texts/s" if judged else ""
        say(f"{lines}: {self}{speed}" if self.total else f"{lines}: nothing to judge")
        if self.of[ERROR]:
            bad = words.count(self.of[ERROR], "line")
            say(f'{bad} of {self.total} not judged; each says why under "error" in {place.target}')


@contextmanager
def progress(tally: Tally) -> Iterator[Step]:
    """Yield what takes the verdicts of each piece of work. No bar without a terminal."""
    if not sys.stderr.isatty():
        yield tally.of.update
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    from eleanor_cli.screen import console

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:.0f} texts/s")

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(
        *columns, console=console(sys.stderr), transient=True, speed_estimate_period=_SPEED_OVER
    ) as bar:
        task = bar.add_task(str(tally), total=tally.total, completed=tally.written)

        def step(verdicts: Iterable[str]) -> None:
            tally.of.update(verdicts)
            bar.update(task, completed=tally.written, description=str(tally))

        yield step
