"""Figures that can be checked without knowing the world: sums, units, bounds, dates, spans."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from eleanor_core.api import FrozenMap
from eleanor_critics_constitutional.quantities import CONVERTED, MONTHS, quantities

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
CONVERSION_SLACK = 2 * CONVERTED
"""Part by which a conversion may be rounded."""
PER_CENT_SLACK = 1
"""Points by which a stated change may be rounded."""

_YEARS = re.compile(r"\d{4}")
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WRITTEN_DAY = re.compile(
    r"(?P<iso>\d{4}-\d\d-\d\d)|(?P<day>\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?"
    r"(?P<month>[a-z]{3})[a-z]*\.?,?\s+(?P<year>\d{4})|(?P<moon>[a-z]{3})[a-z]*\.?\s+(?P<dated>\d{1,2})(?:st|nd|rd|th)?,?"
    r"\s+(?P<in>\d{4})",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"\b(mon|tues?|wednes|thurs?|fri|satur|sun)day\b", re.IGNORECASE)


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


def conversion_is_wrong(text: str) -> bool:
    """Return whether the two measures in `text` are of one kind, in two units, and not the same."""
    rows = [row for row in quantities(text) if row.unit]
    if len(rows) != 2 or rows[0].kind != rows[1].kind or rows[0].unit == rows[1].unit:  # a pair
        return False
    one, other = rows[0].value, rows[1].value
    slack = 1.0 if rows[0].kind == "temperature" else 0.0
    return abs(one - other) > max(slack, CONVERSION_SLACK * max(abs(one), abs(other)))


def weekday_is_wrong(text: str) -> bool:
    """Return whether `text` gives a date a day of the week that the calendar does not."""
    named, written = _WEEKDAY.search(text), _WRITTEN_DAY.search(text)
    day = _written(written) if written else None
    if named is None or day is None:
        return False
    return _WEEKDAYS[day.weekday()] != named[1][:3].lower()


def _written(found: re.Match[str]) -> date | None:
    try:
        if found["iso"]:
            return date.fromisoformat(found["iso"])
        month = MONTHS.index((found["month"] or found["moon"]).lower()) + 1
        return date(int(found["year"] or found["in"]), month, int(found["day"] or found["dated"]))
    except ValueError:
        return None


def years_run_backwards(text: str) -> bool:
    """Return whether the second of two years in `text` is before the first."""
    years = [int(year) for year in _YEARS.findall(text)]
    return len(years) == 2 and years[1] < years[0]  # a beginning and an end


def change_is_wrong(text: str) -> bool:
    """Return whether `text` is "from A to B, C %" and C is not the change from A to B."""
    numbers = [number(found) for found in _NUMBER.findall(text)]
    if len(numbers) != 3 or not numbers[0]:  # before, after, and the change between them
        return False
    before, after, said = numbers
    change = abs(after - before) / before * 100
    return abs(change - said) > max(Decimal(PER_CENT_SLACK), change / 50)


def waits_too_long(text: str) -> bool:
    """Return whether a wait is longer than the time left: "takes 10 days", "within 2 days"."""
    rows = [row for row in quantities(text) if row.kind in ("time", "months") and row.unit]
    return len(rows) == 2 and rows[0].kind == rows[1].kind and rows[0].value > rows[1].value


def is_beyond(text: str, context: FrozenMap) -> bool:
    """Return whether the last year in `text` is after the one of the context's `now` or `today`."""
    today = next((_day(context.get(key)) for key in ("now", "today") if key in context), None)
    years = _YEARS.findall(text)
    return today is not None and bool(years) and int(years[-1]) > today.year
