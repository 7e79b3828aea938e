"""The report on a terminal: two tables, what the judges were, and what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from eleanor_cli.escape import safe
from eleanor_cli.quality.baseline import Change, Verdict
from eleanor_cli.quality.figures import FEW, FIGURES
from eleanor_cli.quality.report import Report, Row, Value
from eleanor_cli.screen import DIM

Column = tuple[str, Callable[[Row], str]]

NONE: Final = "n/a"
MARKS: Final[Mapping[Verdict, str]] = {"better": "+", "worse": "-", "different": "~"}


def show(report: Report, changes: Sequence[Change], caveats: Sequence[str], on: Console) -> None:
    """Print the report. `changes` are marked in the tables and listed below them."""
    marks = {(change.row, change.key): MARKS[change.verdict] for change in changes}
    on.print(_title("How well the scores tell label 1 from label 0"))
    on.print(_table(report.rows, _ranking(marks)))
    on.print(_title("\nAt the judge's own threshold, and what the decision is"))
    on.print(_table(report.rows, _deciding(marks)))
    for line in _notes(report):
        on.print(Text(line, style=DIM))
    if caveats:
        on.print(_title("\nBefore you compare"))
        for caveat in caveats:
            on.print(Text(f"  {safe(caveat)}"))
    if changes:
        on.print(_title("\nDifferences beyond the intervals: + better, - worse, ~ different"))
        on.print(_changed(changes))


def number(value: float | None, *, few: bool = False) -> str:
    """Return a figure as shown; `few` marks one that rests on too few texts."""
    return NONE if value is None else f"{value:.3f}{'*' if few else ''}"


def span(value: Value) -> str:
    """Return a figure's interval as shown, empty without one."""
    return "" if value.interval is None else f"{value.interval.low:.3f}-{value.interval.high:.3f}"


def _ranking(marks: Mapping[tuple[str, str], str]) -> Sequence[Column]:
    return (
        ("texts", lambda row: str(row.tally.texts)),
        ("label 1", lambda row: str(row.tally.labelled(1))),
        _figure("auroc", marks),
        ("95 %", lambda row: span(row.values["auroc"])),
        *(
            _figure(key, marks)
            for key in ("average_precision", "recall_at_1_fpr", "recall_at_5_fpr", "pairwise")
        ),
        _figure("ece", marks),
        _figure("brier", marks),
    )


def _deciding(marks: Mapping[tuple[str, str], str]) -> Sequence[Column]:
    return (
        *(_figure(key, marks) for key in ("precision", "recall", "f1")),
        _figure("false_alarms", marks, "alarms"),
        _figure("stopped_0", marks, "stop 0"),
        _figure("stopped_1", marks, "stop 1"),
        _figure("coverage", marks, "cover"),
        ("CPU ms", lambda row: f"{row.spent.cpu_ms:.2f}"),
        ("texts/s", lambda row: f"{row.spent.texts_per_s:.0f}"),
    )


def _figure(key: str, marks: Mapping[tuple[str, str], str], head: str = "") -> Column:
    def shown(row: Row) -> str:
        few = key == "ece" and row.few
        return number(row.values[key].value, few=few) + marks.get((row.name, key), "")

    return head or FIGURES[key].title, shown


def _table(rows: Iterable[Row], columns: Sequence[Column]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style=DIM)
    table.add_column("set", overflow="fold")
    for head, _ in columns:
        table.add_column(head, justify="right", no_wrap=True)
    measures = ""
    for row in rows:
        if row.measures != measures:
            measures = row.measures
            table.add_row(_title(f"{safe(measures)}: {safe(row.judge.title)}"))
        name = Text(f"  {safe(row.name)}", style="bold" if row.scope == "all" else "")
        cells: list[RenderableType] = [_cell(shown(row)) for _, shown in columns]
        table.add_row(name, *cells)
    return table


def _cell(text: str) -> Text:
    return Text(text, style=DIM if text == NONE else "")


def _title(text: str) -> Text:
    return Text(text, style="bold")


def _notes(report: Report) -> Iterable[str]:
    yield "\nn/a: cannot be computed, as with one label only. 95 %: bootstrap over texts."
    yield "R@1%: recall at 1 % false positives. alarms: label 0 objected to."
    yield "stop 0, stop 1: texts of that label that end in review or deny."
    yield "all critics: the highest of their scores; it objects if any of them does."
    if any(row.few and row.values["ece"].value is not None for row in report.rows):
        yield f"*: fewer than {FEW} texts, so the calibration error says little."
    for note in sorted({row.judge.note for row in report.rows if row.judge.note}):
        yield f"{safe(note)}: measured by the highest score of all critics."
    versions = sorted(set(report.plugins.values()))
    yield f"{report.date}, kind {report.kind}, {', '.join(map(safe, versions))}."
    spent = report.spent
    yield f"{spent.texts} texts in {spent.wall:.0f} s, {spent.cpu_ms:.2f} CPU ms a text."


def _changed(changes: Iterable[Change]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=DIM)
    for head in ("", "set", "figure", "before", "now"):
        table.add_column(head, overflow="fold")
    for change in changes:
        shown = [
            f"{number(value.value)} ({span(value)})" for value in (change.before, change.after)
        ]
        title = FIGURES[change.key].title
        table.add_row(MARKS[change.verdict], safe(change.row), title, *shown)
    return table
