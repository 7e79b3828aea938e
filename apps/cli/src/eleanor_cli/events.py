"""A judgement in progress: one line for each event, every one of them marked provisional."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from eleanor_cli import words
from eleanor_cli.escape import prose
from eleanor_cli.screen import DIM
from eleanor_cli.show import decision
from eleanor_cli.voices import outcome_line
from eleanor_core.model import (
    Abstention,
    CaseAccepted,
    CriticReported,
    DecisionMade,
    DetectorReported,
    Event,
    PrecedentAlignment,
    PrecedentRecalled,
    TextScanned,
    UncertaintyAnalysed,
    UncertaintyAnalysis,
)


def line(event: Event) -> Table:
    """Return an event as one line."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for width in (12, 11, 16):
        grid.add_column(width=width, no_wrap=True, overflow="ellipsis")
    grid.add_column(overflow="fold")
    mark = "provisional" if event.provisional else "final"
    grid.add_row(Text(mark, style=DIM), Text(event.type), *_said(event))
    return grid


def _said(event: Event) -> tuple[Text, Text]:
    match event:
        case CaseAccepted():
            return Text("case"), Text(prose(event.trace_id))
        case TextScanned():
            unread = f"; not decoded: {', '.join(event.undecoded)}" if event.undecoded else ""
            return Text("text"), Text(prose(f"read as {', '.join(event.views)}{unread}"))
        case CriticReported() | DetectorReported():
            return Text(prose(event.name)), outcome_line(event.outcome)
        case DecisionMade():
            return Text("panel"), decision(event.assessment)
        case PrecedentRecalled() | UncertaintyAnalysed():
            return Text("stage"), _stage(event.outcome)


def _stage(outcome: PrecedentAlignment | UncertaintyAnalysis | Abstention) -> Text:
    match outcome:
        case Abstention():
            return outcome_line(outcome)
        case PrecedentAlignment():
            return Text(words.count(len(outcome.cases), "like case"))
        case UncertaintyAnalysis():
            return Text(f"{outcome.overall:.2f}")
