"""What the values are called when people read them. Every state has a word and a sign of its own.

Nothing is told by colour alone: colour is added on terminals to what already stands here. The
colours are those of Okabe and Ito, which colour-blind people tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from eleanor_core.model import CLAUSES, Assessment, DecisionValue, Requirement

GREEN: Final = "#009e73"
ORANGE: Final = "#e69f00"
PURPLE: Final = "#cc79a7"
VERMILION: Final = "#d55e00"
BLUE: Final = "#56b4e9"


class Sign(NamedTuple):
    """A state as shown: `mark` is one column wide, `style` is a rich style."""

    mark: str
    word: str
    style: str


DECISIONS: Final[Mapping[DecisionValue, Sign]] = MappingProxyType(
    {
        "allow": Sign("✓", "ALLOW", f"bold {GREEN}"),
        "constrain": Sign("±", "CONSTRAIN", f"bold {ORANGE}"),
        "review": Sign("!", "REVIEW", f"bold {PURPLE}"),
        "deny": Sign("✗", "DENY", f"bold {VERMILION}"),
    }
)

UNRECORDED: Final = Sign("✗", "NOT RECORDED", f"bold {VERMILION}")
"""In the place of any decision that no evidence log holds: nobody may take it for one."""

SEVERITIES: Final = (
    Sign("·", "none", GREEN),
    Sign("▂", "concern", BLUE),
    Sign("▅", "violation", ORANGE),
    Sign("█", "grave", f"bold {VERMILION}"),
)

ABSTAINED: Final = Sign("?", "abstained", f"bold {PURPLE}")

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

TIERS: Final[Mapping[int, str]] = MappingProxyType({2: "acknowledge", 3: "decide"})
"""What a human does about an escalation, by its tier."""


def clause(code: str) -> str:
    """Return a clause with its title, `D2 degradation`."""
    known = CLAUSES.get(code)
    return f"{code} {known.title}" if known else code


def gate(assessment: Assessment) -> str:
    """Return whether anything may run, and what it takes to proceed."""
    if not assessment.evidence:
        return _GATES["record"]  # nobody can open the gate of what is not there
    requires = assessment.gate.requires
    if requires is None:
        changed = assessment.decision == "constrain"
        return "open, once changed as below." if changed else "open."
    return _GATES[requires]


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun, `1 record`, `2 records`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(names: list[str]) -> str:
    """Return names as a sentence joins them, `a`, `a and b`, `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def bar(score: float, cells: int = 5) -> tuple[str, str]:
    """Return the filled and the empty part of a bar for a score in [0, 1]."""
    filled = min(cells, round(score * cells))
    return "━" * filled, "╌" * (cells - filled)
