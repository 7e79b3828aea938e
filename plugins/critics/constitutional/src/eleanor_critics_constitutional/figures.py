"""Figures that can be checked without knowing the world: sums, bounds and dates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from eleanor_core.api import FrozenMap

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_EQUATION = re.compile(
    r"(\d[\d,]*(?:\.\d+)?)\s*([-+*x\u00d7/÷\u2212]|plus|minus|times|divided by)"
    r"\s*(\d[\d,]*(?:\.\d+)?)"
    r"\s*(?:=|is|equals)\s*(-?\d[\d,]*(?:\.\d+)?)",
    re.IGNORECASE,
)
_SUM: Final[Mapping[str, Callable[[Decimal, Decimal], Decimal]]] = {
    **dict.fromkeys(("+", "plus"), lambda a, b: a + b),
    **dict.fromkeys(("-", "\u2212", "minus"), lambda a, b: a - b),
    **dict.fromkeys(("*", "x", "\u00d7", "times"), lambda a, b: a * b),
    **dict.fromkeys(("/", "÷", "divided by"), lambda a, b: a / b),
}
DIGITS_AT_MOST = 15


def number(text: str) -> Decimal:
    """Return the number that `text` writes with digits and thousands commas."""
    return Decimal(text.replace(",", ""))


def equation_is_wrong(text: str) -> bool:
    """Return whether `text` is `A op B = C` with a wrong C. A rounded C counts as right."""
    found = _EQUATION.search(text)
    if found is None or len(found[0]) > 4 * DIGITS_AT_MOST:
        return False
    left, right, said = number(found[1]), number(found[3]), found[4]
    operation = found[2].lower()
    if not right and operation in ("/", "÷", "divided by"):
        return True
    places = len(said.partition(".")[2])
    result = _SUM[operation](left, right)
    return abs(result - number(said)) > Decimal(1).scaleb(-places) / 2


def bounds_contradict(text: str) -> bool:
    """Return whether the first number of `text` (a lower bound) is above the second (an upper)."""
    numbers = [number(found) for found in _NUMBER.findall(text)]
    return len(numbers) == 2 and numbers[0] > numbers[1]  # a lower and an upper bound


def date_is_past(text: str, context: FrozenMap) -> bool:
    """Return whether the ISO date in `text` is before the context's `now` or `today`.

    Without such a date in the context nothing is past: the critics have no clock of their own.
    """
    today = next((_day(context.get(key)) for key in ("now", "today") if key in context), None)
    due = _day(text)
    return today is not None and due is not None and due < today


def _day(value: object) -> date | None:
    found = _DATE.search(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None
