"""How far it is, on standard error: a bar on a terminal, else a line for each set that is done."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from eleanor_cli.faults import say
from eleanor_cli.quality.run import Spent, Watch
from eleanor_cli.quality.sets import DataSet


@contextmanager
def watch(sets: Sequence[DataSet]) -> Iterator[Watch]:
    """Yield whom to tell."""
    if not sys.stderr.isatty():
        yield Watch(starting=lambda _: None, judged=lambda: None, ended=_line)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from eleanor_cli.screen import console

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    total = sum(sum(data.critics.values()) for data in sets)
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield Watch(
            starting=lambda data: bar.update(task, description=data.name),
            judged=lambda: bar.advance(task),
            ended=lambda _data, _spent: None,
        )


def _line(data: DataSet, spent: Spent) -> None:
    say(f"{data.name}: {spent.texts} texts in {spent.wall:.1f} s, {spent.cpu_ms:.2f} CPU ms a text")
