"""Figures with their units, so that they can be compared: "5 km" is "5,000 metres".

Sources of the factors: the SI Brochure, 9th edition (2019), and NIST SP 811, appendix B. A unit
that is not in the table is the stem of the noun that follows the figure: "12 eggs".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen

_WORDS: Final[Mapping[str, float]] = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES: Final[Mapping[str, float]] = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12,
}  # fmt: skip
FAHRENHEIT: Final = 5 / 9
FREEZING: Final = 32.0
"""A degree Fahrenheit in degrees Celsius, and 0 °C in degrees Fahrenheit."""

_UNITS: Final[Mapping[str, tuple[str, float]]] = {
    name: (dimension, factor)
    for dimension, factor, names in (
        ("%", 1.0, "% percent"),
        ("length", 1e-3, "mm millimetre millimeter millimetres millimeters"),
        ("length", 1e-2, "cm centimetre centimeter centimetres centimeters"),
        ("length", 1.0, "m metre meter metres meters"),
        ("length", 1e3, "km kilometre kilometer kilometres kilometers"),
        ("length", 1609.344, "mile miles mi"),
        ("length", 0.9144, "yard yards"),
        ("length", 0.3048, "foot feet ft"),
        ("length", 0.0254, "inch inches"),
        ("mass", 1e-6, "mg milligram milligrams"),
        ("mass", 1e-3, "g gram grams"),
        ("mass", 1.0, "kg kilogram kilograms kilo kilos"),
        ("mass", 1e3, "tonne tonnes"),
        ("mass", 0.45359237, "lb lbs pound pounds"),
        ("mass", 0.028349523, "oz ounce ounces"),
        ("volume", 1e-3, "ml millilitre milliliter millilitres milliliters"),
        ("volume", 1.0, "l litre liter litres liters"),
        ("time", 1.0, "second seconds sec"),
        ("time", 60.0, "minute minutes min mins"),
        ("time", 3600.0, "hour hours hr hrs h"),
        ("time", 86400.0, "day days"),
        ("time", 604800.0, "week weeks"),
        ("months", 1.0, "month months"),
        ("months", 12.0, "year years"),
        ("temperature", 1.0, "°c celsius"),
        ("temperature", FAHRENHEIT, "°f fahrenheit"),
        ("$", 1.0, "$ dollar dollars usd"),
        ("€", 1.0, "€ euro euros eur"),
        ("£", 1.0, "£ gbp"),
    )
    for name in names.split()
}
NUMBERS = re.compile(r"\d|\b(?:" + "|".join(_WORDS) + r")\b", re.IGNORECASE)
"""What a text must hold to have a figure in it: cheap to look for."""
_QUANTITY = re.compile(
    r"(?<![\w.-])(?P<number>\d+(?:,\d{3})*(?:\.\d+)?|" + "|".join(_WORDS) + r")"
    r"(?![\w,.]*\d)(?![\w]*-\d)(?: ?-?(?P<scale>" + "|".join(_SCALES) + r")\b)?"
    r"(?:[ -]?(?P<unit>%|per ?cent|(?:degrees? )?(?:°[cf]\b|celsius|fahrenheit)|[^\W\d_]+))?",
    re.IGNORECASE,
)
_NEAR = re.compile(
    r"\b(about|around|nearly|almost|roughly|approximately|over|under|up to|more than|less than"
    r"|fewer than|at least|at most|no more than|no less than) [$€£]?$",
    re.IGNORECASE,
)
_NEAR_REACH: Final = len("approximately $")
BARE: Final = "number"
"""The kind of a figure that nothing is named after."""

MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_MONTH: Final = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
_DATE = re.compile(
    rf"\b(?:(?P<day>[0-3]?\d)(?:st|nd|rd|th)? (?:of )?(?P<month>{_MONTH})"
    rf"|(?P<moon>{_MONTH}) (?P<dated>[0-3]?\d)(?:st|nd|rd|th)?)\b",
    re.IGNORECASE,
)
_SIGNS: Final = frozenset("$€£")
_YEAR: Final = range(1000, 2100)
_ABOVE: Final = frozenset({"over", "more than", "at least", "no less than"})
_BELOW: Final = frozenset({"under", "less than", "fewer than", "at most", "no more than", "up to"})
_NO_UNIT: Final = frozenset((
    "in", "of", "and", "or", "to", "by", "at", "on", "for", "from", "the", "a", "an", "is", "was",
    "are", "were", "with", "as", "but", "when", "after", "before", "than", "that", "it", "if",
    "st", "nd", "rd", "th", "who", "which", "will", "has", "have", "had", "he", "she", "they",
))  # fmt: skip

EXACT: Final = 0.001
CONVERTED: Final = 0.03
ROUGH: Final = 0.12
"""Parts by which two figures may differ and count as one: in one unit, in two, after "about"."""
DAYS_ROUGH: Final = 5.0
"""Years, or days, around the one that is said."""
_DAYS: Final = frozenset({"year", "date"})


@frozen
class Quantity:
    """A figure in the base unit of its kind.

    `near`: the word of approximation before it, `said`: how the text puts it, `unit`: its unit, if
    it is one of the table.
    """

    value: float
    kind: str
    near: str
    said: str
    factor: float = 1.0
    unit: str = ""

    def agrees(self, known: Quantity) -> bool:
        """Return whether `known` (of the same kind) bears out what this figure says."""
        if self.near in _ABOVE and known.value >= self.value:
            return True
        if self.near in _BELOW and known.value <= self.value:
            return True
        return abs(self.value - known.value) <= self._slack(known)

    def _slack(self, known: Quantity) -> float:
        rough = self.near or known.near
        if self.kind in _DAYS:
            return DAYS_ROUGH if rough else 0.0
        part = ROUGH if rough else EXACT if self.factor == known.factor else CONVERTED
        return part * max(abs(self.value), abs(known.value))


def quantities(text: str) -> Iterator[Quantity]:
    """Yield the figures of `text`, each with the kind of thing that it counts or measures."""
    for found in _QUANTITY.finditer(text):
        number = found["number"].lower()
        value = _WORDS.get(number) or float(number.replace(",", ""))
        value *= _SCALES.get((found["scale"] or "").lower(), 1.0)
        before = text[max(found.start() - _NEAR_REACH, 0) : found.start()]
        near = _NEAR.search(before)
        unit = _unit(found, before)
        kind, factor = _UNITS.get(unit) or (_kind(found, value, unit), 1.0)
        shift = FREEZING if factor == FAHRENHEIT else 0.0
        yield Quantity(
            value=(value - shift) * factor,
            kind=kind,
            near=near[1].lower() if near else "",
            said=_said(found, near, unit),
            factor=factor,
            unit=unit if unit in _UNITS else "",
        )
    yield from _dates(text)


def _unit(found: re.Match[str], before: str) -> str:
    if before[-1:] in _SIGNS:
        return before[-1:]
    unit = (found["unit"] or "").lower().replace(" ", "")
    unit = unit.removeprefix("degrees").removeprefix("degree")
    return "%" if unit == "percent" else unit


def _said(found: re.Match[str], near: re.Match[str] | None, unit: str) -> str:
    """Return the figure with what belongs to it, as the text has it."""
    after = found["unit"] or ""
    figure = found[0].removesuffix(after) if after.lower() in _NO_UNIT else found[0]
    sign = unit if unit in _SIGNS else ""
    return f"{near[1] if near else ''} {sign}{figure}".strip()


def _kind(found: re.Match[str], value: float, unit: str) -> str:
    """Return what a figure without a unit of the table counts."""
    plain = len(found["number"]) == len("1000") and found["number"].isdigit()
    if plain and not found["scale"] and value in _YEAR:
        return "year"
    return BARE if not unit or unit in _NO_UNIT else unit.removesuffix("s")


def _dates(text: str) -> Iterator[Quantity]:
    """Yield the days that `text` names by day and month."""
    for found in _DATE.finditer(text):
        month = MONTHS.index((found["month"] or found["moon"])[:3].lower())
        value = float(month * 31 + int(found["day"] or found["dated"]))
        yield Quantity(value=value, kind="date", near="", said=found[0])
