"""The report on a terminal: one table, a set under a set."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eleanor_cli.escape import safe
from eleanor_cli.quality.table import number, span
from eleanor_cli.retrieval.measures import Reach, Row
from eleanor_cli.retrieval.report import Report
from eleanor_cli.screen import DIM

_HEADS = ("by", "R@1", "R@10", "nDCG@10", "MRR", "95 %", "- words", "95 %")


def show(report: Report, on: Console) -> None:
    """Print the report."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style=DIM)
    for place, head in enumerate(_HEADS):
        table.add_column(head, justify="right" if place else "left", no_wrap=True)
    for name, rows in groupby(report.rows, key=lambda row: row.name):
        table.add_row(Text(safe(name), style="bold"))
        for row in rows:
            table.add_row(*map(Text, _cells(row)))
    on.print(table)
    for reach in report.reaches:
        on.print(Text(f"{safe(reach.name)}: {_said(reach)}"))
    for line in (
        "\nR@k: share of the like candidates among the first k. Not found counts 0.",
        "95 %: bootstrap over queries. - words: MRR less that of words, paired.",
        f"{report.date}, {safe(report.store)}, encoder {safe(report.encoder_id)}.",
    ):
        on.print(Text(line, style=DIM))


def _said(reach: Reach) -> str:
    right = "" if reach.right is None else f", and is right in {reach.right:.0%}"
    return (
        f"a similarity of {reach.threshold:.2f} is reached by {reach.like:.0%} of what is like and "
        f"{reach.unlike:.1%} of what is not; the nearest reaches it {reach.reached} times{right}"
    )


def _cells(row: Row) -> list[str]:
    figures = [
        number(row.values[key].value) for key in ("recall_at_1", "recall_at_10", "ndcg_at_10")
    ]
    mrr = row.values["mrr"]
    over = ("", "") if row.by == "words" else (number(row.over_words.value), span(row.over_words))
    return [f"  {row.by}", *figures, number(mrr.value), span(mrr), *over]
