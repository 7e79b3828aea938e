"""Judgements and reviews, for people."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final, cast

from rich.text import Text

from eleanor_cli.escape import prose
from eleanor_cli.screen import Barred, console, label, listing, sheet
from eleanor_core import Reviewed
from eleanor_core.model import JsonObject, JsonValue, Review

_STATES: Final = {
    "waits": Text("? WAITS", style="bold magenta"),
    "open": Text("✓ OPEN", style="bold green"),
    "halted": Text("✗ HALTED", style="bold red"),
    "prohibited": Text("✗ PROHIBITED", style="bold red"),
}


def show_list(found: Sequence[Reviewed]) -> None:
    """Print one line a judgement."""
    screen = console(sys.stdout)
    if not found:
        screen.print(Text("no gate waits for a person"))
        return
    rows = (
        (
            _STATES[item.state],
            Text(item.judgement.decision),
            Text(item.judgement.gate.requires or ""),
            Text(" ".join(sorted({covered.clause for covered in item.judgement.escalations}))),
            Text(item.judgement.record_id),
        )
        for item in found
    )
    screen.print(listing(("gate", "decision", "requires", "clauses", "record"), rows))


def show_one(found: Reviewed, payload: Mapping[str, JsonValue] | None) -> None:
    """Print a judgement: how its gate stands, the case, every escalation, every review."""
    screen = console(sys.stdout)
    judgement = found.judgement
    grid = sheet()
    needs = " or ".join((*judgement.choices, "halt")) if found.state == "waits" else ""
    grid.add_row(
        _STATES[found.state],
        Text(f"requires {judgement.gate.requires}: {needs}" if needs else judgement.decision),
    )
    grid.add_row(label("record"), Text(judgement.record_id))
    grid.add_row(label("leaf hash"), Text(judgement.leaf_hash))
    grid.add_row(label("executed"), Text(found.outcome or "no"))
    screen.print(grid)
    if payload is None:
        screen.print(Text("\nThe words of this case were erased."))
    else:
        case, result = (cast("JsonObject", payload[part]) for part in ("case", "result"))
        screen.print(Text(f"\n{case['kind']}", style="bold"))
        screen.print(Barred([Text(prose(str(case["text"])))]))
        for item in cast("list[JsonObject]", result["escalations"]):
            head = f"{item['clause']} (tier {item['tier']}), {item['critic']}"
            screen.print(Text(f"\n{prose(head)}", style="bold"))
            screen.print(Text(prose(str(item["rationale"]))))
    for review in found.reviews:
        screen.print()
        show_review(review)


def show_review(review: Review) -> None:
    """Print who chose what, and why."""
    screen = console(sys.stdout)
    grid = sheet()
    statement = review.statement
    grid.add_row(label(statement.choice), Text(f"{review.person}, {statement.time}"))
    grid.add_row(label("reason"), Text(prose(review.reason or "(erased)")))
    grid.add_row(label("review"), Text(review.review_id))
    screen.print(grid)
