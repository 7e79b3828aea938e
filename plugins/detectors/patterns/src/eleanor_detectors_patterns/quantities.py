"""The detector `quantities`: figures that contradict themselves or the units they stand in.

Nothing here needs to know the world: calendars, sums, bounds, dimensions and factors of conversion
are enough. A rounded figure counts as right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final

from eleanor_core.api import DetectorDeclaration, hookimpl
from eleanor_detectors_patterns.detector import Check, Span, by_checks, declared
from eleanor_detectors_patterns.rules import rule_book
from eleanor_detectors_patterns.units import conversion_is_wrong, dimension_is_wrong

_NUMBER: Final = re.compile(r"[-\u2212]?[0-9][0-9,]*(?:\.[0-9]+)?")
_PARTS: Final = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")
_TERM_BEFORE: Final = re.compile(
    r"(?:[-+*/^=%\u00d7\u00f7\u2212]\s*|\bx\s+|[\w.,$€£])$", re.IGNORECASE
)
_TERM_AFTER: Final = re.compile(r"\s*[-+*/^=%\u00d7\u00f7]\s*[0-9(]|[*/^%x\w]|[.,][0-9]")
_RATE_AFTER: Final = re.compile(
    r"\s?(?:/|per\b|an?\s+(?:second|minute|hour|day|week)\b|p\.?[hm]\b)"
)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WORD: Final = re.compile(r"[A-Za-z]+")
_ABSOLUTE_ZERO: Final = {"c": Decimal("-273.15"), "f": Decimal("-459.67"), "k": Decimal(0)}
_FEBRUARY: Final = 2
_GREGORIAN: Final = 1753
"""From this year on the Gregorian calendar holds also where it came last to the English world."""
_ROUNDED: Final = Decimal("0.5")
_WHOLE: Final = 100
_MAX_TERMS: Final = 12


def numbers(text: str) -> list[Decimal]:
    """Return the numbers of `text`, with thousands commas read as such."""
    return [_number(found) for found in _NUMBER.findall(text)]


def _number(digits: str) -> Decimal:
    return Decimal(digits.replace(",", "").replace("\u2212", "-"))


# -- the calendar -----------------------------------------------------------------------------


def exists(year: int | None, month: int, day: int) -> bool:
    """Return whether the day exists; without a year, whether it does in a leap year."""
    if not 1 <= month <= len(_LENGTHS) or not 1 <= day <= _LENGTHS[month - 1]:
        return False
    if year is None or (month, day) != (_FEBRUARY, _LENGTHS[1]):
        return True
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _day_of(text: str) -> tuple[int | None, int, int] | None:
    """Read "5 March 2024", "March 5th, 2024" or "2024-03-05" as (year, month, day)."""
    figures = [int(found) for found in re.findall(r"[0-9]+", text)]
    names = [word[:3].lower() for word in _WORD.findall(text)]
    month = next((_MONTHS[name] for name in names if name in _MONTHS), None)
    if month is None:
        return figures[0], figures[1], figures[2]
    return figures[1] if len(figures) > 1 else None, month, figures[0]


def impossible_day(text: str, span: Span) -> Span | None:
    """Accept a day that no calendar has: 31 April, 29 February of a common year."""
    if text[span[0] - 1 : span[0]] in ("-", "/", "."):
        return None
    read = _day_of(text[slice(*span)])
    return None if read is None or exists(*read) else span


def wrong_weekday(text: str, span: Span) -> Span | None:
    """Accept a date with a weekday on which it does not fall."""
    words = text[slice(*span)]
    first = _WORD.search(words)
    read = _day_of(words[first.end() :]) if first else None
    if first is None or read is None or read[0] is None or read[0] < _GREGORIAN:
        return None
    if not exists(*read):
        return None
    said = _DAYS.index(first[0][:3].lower())
    return span if date(read[0], read[1], read[2]).weekday() != said else None


def dies_first(text: str, span: Span) -> Span | None:
    """Accept a year of birth, or of a beginning, after that of the death or the end."""
    years = [int(year) for year in re.findall(r"\b[0-9]{4}\b", text[slice(*span)])]
    return span if len(years) == 2 and years[0] > years[1] else None


# -- sums and bounds --------------------------------------------------------------------------


def wrong_sum(text: str, span: Span) -> Span | None:
    """Accept "a + b - c = d" where d is another number. A rounded d counts as right."""
    if _TERM_BEFORE.search(text, max(0, span[0] - 8), span[0]) or _TERM_AFTER.match(text, span[1]):
        return None
    left, _, said = text[slice(*span)].rpartition("=")
    signs = re.findall(r"(?<=[0-9\s])[-+\u2212](?=\s?[0-9])", left)
    terms = [_number(found) for found in _PARTS.findall(left)]
    if len(terms) != len(signs) + 1 or len(terms) > _MAX_TERMS:
        return None
    total = terms[0] + sum(
        term if sign == "+" else -term for sign, term in zip(signs, terms[1:], strict=True)
    )
    claimed = numbers(said)[0]
    places = len(said.partition(".")[2].strip())
    return span if abs(total - claimed) > Decimal(1).scaleb(-places) * _ROUNDED else None


def wrong_total(text: str, span: Span) -> Span | None:
    """Accept "a total of N ...: a ..., b ... and c ..." where the parts give another total."""
    found = numbers(text[slice(*span)])
    total, parts = found[0], found[1:]
    return span if len(parts) > 1 and sum(parts) != total else None


def shares_over_whole(text: str, span: Span) -> Span | None:
    """Accept shares of one whole that add up to more than 100 by more than rounding explains."""
    shares = [
        _number(found)
        for found in re.findall(r"([0-9][0-9,]*(?:\.[0-9]+)?) ?(?:%|per ?cent)", text[slice(*span)])
    ]
    slack = _ROUNDED * max(1, len(shares) - 1)
    return span if sum(shares) - _WHOLE > slack else None


def over_whole(text: str, span: Span) -> Span | None:
    """Accept a percentage above 100 of people or things that can be no more than all."""
    share = numbers(text[slice(*span)])[0]
    return span if share > _WHOLE else None


def over_one(text: str, span: Span) -> Span | None:
    """Accept a probability above 1, or above 100 %, or below 0."""
    words = text[slice(*span)]
    value = numbers(words)[-1]
    most = _WHOLE if re.search(r"%|per ?cent", words) else 1
    return None if 0 <= value <= most else span


def over_one_plainly(text: str, span: Span) -> Span | None:
    """As `over_one`, but drop odds and counts: "1 in 20", "3 to 1", "5 out of 8"."""
    if re.match(r" ?(?:in|to|out of|:|/|-|\u2013|times|or|and)\b", text[span[1] :]):
        return None
    return over_one(text, span)


# -- units ------------------------------------------------------------------------------------


def below_zero(text: str, span: Span) -> Span | None:
    """Accept a temperature below absolute zero."""
    words = text[slice(*span)].lower().replace("minus ", "-").replace("negative ", "-")
    scale = re.search(r"([cfk])[a-z]*$", words)
    return span if scale and numbers(words)[0] < _ABSOLUTE_ZERO[scale[1]] else None


def wrong_dimension(text: str, span: Span) -> Span | None:
    """Accept a quantity whose unit measures something else than the words say."""
    if _RATE_AFTER.match(text, span[1]):
        return None
    return span if dimension_is_wrong(text[slice(*span)]) else None


def wrong_conversion(text: str, span: Span) -> Span | None:
    """Accept "N unit (M unit)" where both are not the same quantity, by more than rounding."""
    return span if conversion_is_wrong(text[slice(*span)]) else None


def no_such_time(text: str, span: Span) -> Span | None:
    """Accept a time of day with an hour above 24 or a minute above 59."""
    hour, minute = (int(found) for found in re.findall(r"[0-9]{1,2}", text[slice(*span)])[:2])
    half = re.search(r"[ap]\.?m\b", text[slice(*span)], re.IGNORECASE)
    last = 12 if half else 24
    return span if hour > last or minute > 59 or (hour == 24 and minute) else None


CHECKS: Final[dict[str, Check]] = {
    "below_zero": below_zero,
    "dies_first": dies_first,
    "impossible_day": impossible_day,
    "no_such_time": no_such_time,
    "over_one_plainly": over_one_plainly,
    "over_whole": over_whole,
    "shares_over_whole": shares_over_whole,
    "wrong_conversion": wrong_conversion,
    "wrong_dimension": wrong_dimension,
    "wrong_sum": wrong_sum,
    "wrong_total": wrong_total,
    "wrong_weekday": wrong_weekday,
}


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector `quantities`."""
    summary = "Impossible dates, sums and shares that do not add up, units mixed up."
    return [declared("quantities", rule_book("quantities"), by_checks(CHECKS), summary)]
