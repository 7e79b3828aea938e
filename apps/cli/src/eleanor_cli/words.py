"""What the values are called when people read them. Every state has a word and a sign of its own.

Nothing is told by colour alone: colour is added on terminals to what already stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from eleanor_core.model import CLAUSES, Assessment, DecisionValue, Requirement


class Sign(NamedTuple):
    """A state as shown: `mark` is one column wide, `style` is a rich style."""

    mark: str
    word: str
    style: str


DECISIONS: Final[Mapping[DecisionValue, Sign]] = MappingProxyType(
    {
        "allow": Sign("✓", "ALLOW", "bold green"),
        "constrain": Sign("±", "CONSTRAIN", "bold yellow"),
        "review": Sign("!", "REVIEW", "bold magenta"),
        "deny": Sign("✗", "DENY", "bold red"),
    }
)

SEVERITIES: Final = (
    Sign("·", "none", "green"),
    Sign("▂", "concern", "yellow"),
    Sign("▅", "violation", "dark_orange"),
    Sign("█", "grave", "bold red"),
)

ABSTAINED: Final = Sign("?", "abstained", "bold magenta")

_GATES: Final[Mapping[Requirement, str]] = MappingProxyType(
    {
        "acknowledgement": "closed (tier 2). To proceed, a named person must acknowledge it.",
        "determination": (
            "closed (tier 3). To proceed, a named person must decide: proceed, modify or halt."
        ),
        "prohibited": "closed. The policy forbids this: no human action opens it.",
        "record": (
            "closed. No evidence log acknowledged the record: judge again once it can be written."
        ),
    }
)


def clause(code: str) -> str:
    """Return a clause with its title, `D2 degradation`."""
    known = CLAUSES.get(code)
    return f"{code} {known.title}" if known else code


def gate(assessment: Assessment) -> str:
    """Return whether anything may run, and what it takes to proceed."""
    requires = assessment.gate.requires
    if requires is None:
        changed = assessment.decision == "constrain"
        return "open, once changed as below." if changed else "open."
    return _GATES[requires]


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun, `1 record`, `2 records`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def bar(score: float, cells: int = 5) -> tuple[str, str]:
    """Return the filled and the empty part of a bar for a score in [0, 1]."""
    filled = min(cells, round(score * cells))
    return "━" * filled, "╌" * (cells - filled)
