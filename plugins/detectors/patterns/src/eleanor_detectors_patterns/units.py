"""Units of measure: what each measures, and by which factor it turns into the base unit.

Factors are exact or to six figures (BIPM, The International System of Units, 9th edition; NIST
Special Publication 811, appendix B). A ton without a word beside it may be any of three: it is
not converted.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_TABLE: Final = """
length   0.001    mm millimetre millimeter
length   0.01     cm centimetre centimeter
length   1        m metre meter
length   1000     km kilometre kilometer
length   0.0254   inch
length   0.3048   ft foot
length   0.9144   yard
length   1609.344 mile
mass     0.000001 mg milligram
mass     0.001    g gram gramme
mass     1        kg kilogram kilo
mass     0.0283495 oz ounce
mass     0.453592 lb lbs pound
volume   0.001    ml millilitre milliliter
volume   1        l litre liter
volume   3.78541  gallon
time     1        second
time     60       minute
time     3600     hour
time     86400    day
time     604800   week
speed    0.277778 km/h kph kmh
speed    0.44704  mph
speed    1        m/s
energy   1        joule
energy   1000     kj kilojoule
energy   4184     kcal kilocalorie
energy   3600000  kwh
power    1        watt
power    1000     kw kilowatt
pressure 100000   bar
pressure 6894.76  psi
heat     1        °c °f celsius fahrenheit
"""
_PLURALS: Final = {"inch": "inches", "foot": "feet"}


def _units() -> dict[str, tuple[str, Decimal]]:
    known: dict[str, tuple[str, Decimal]] = {}
    for line in _TABLE.split("\n"):
        dimension, factor, *names = line.split() or ("", "0")
        for name in names:
            known[name] = known[_PLURALS.get(name, name + "s")] = dimension, Decimal(factor)
    return known


UNITS: Final = _units()
"""The unit, in lower case, singular or plural -> its dimension and its factor to the base unit."""

_DIMENSION_OF: Final = {
    "mass": ("weigh", "heavy", "weight", "mass"),
    "length": ("long", "tall", "high", "wide", "deep", "thick", "away", "height", "width", "length",
               "depth", "distance", "diameter"),
    "time": ("lasts", "lasted", "took", "takes", "duration", "age"),
    "heat": ("temperature", "hot", "cold", "degrees"),
    "speed": ("speed", "velocity"),
    "volume": ("volume", "capacity"),
}  # fmt: skip
_ALSO: Final = {"long": {"time"}, "length": {"time"}, "away": {"time"}, "distance": {"time"}}
"""Words that measure something else as well: an hour long, a minute away."""

_QUANTITY: Final = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?)[ -]?(°?[A-Za-z]+(?:/[a-z]+)?)")
_ROUNDING: Final = Decimal("0.06")
"""How far a conversion may be off, as a part of the quantity, beside its last digit."""


def quantities(text: str) -> list[tuple[Decimal, str]]:
    """Return the numbers with their units, in lower case, of units that are known."""
    found = ((number, unit.lower()) for number, unit in _QUANTITY.findall(text))
    return [(Decimal(number.replace(",", "")), unit) for number, unit in found if unit in UNITS]


def dimension_is_wrong(text: str) -> bool:
    """Return whether `text`, such as "weighs 70 cm", measures in a unit of another dimension."""
    found = quantities(text)
    words = re.findall(r"[a-z]+", text.lower())
    wanted = {
        dimension
        for dimension, names in _DIMENSION_OF.items()
        for word in words
        if any(word == name or (name == "weigh" and word.startswith(name)) for name in names)
    }
    for word in words:
        wanted |= _ALSO.get(word, set())
    return bool(found and wanted) and all(UNITS[unit][0] not in wanted for _, unit in found)


def conversion_is_wrong(text: str) -> bool:
    """Return whether the two quantities of `text`, such as "10 km (20 miles)", differ."""
    found = quantities(text)
    if len(found) != 2:
        return False
    (left, unit), (right, other) = found
    (dimension, factor), (same, second) = UNITS[unit], UNITS[other]
    if dimension != same or dimension == "heat" or not left or not right:
        return False
    one, two = left * factor, right * second
    slack = max(_ROUNDING * max(one, two), _last_digit(left) * factor, _last_digit(right) * second)
    return abs(one - two) > slack


def _last_digit(number: Decimal) -> Decimal:
    """Return the size of the last digit that is no trailing zero: 300 was rounded to hundreds."""
    exponent = number.normalize().as_tuple().exponent
    return Decimal(1).scaleb(exponent) if isinstance(exponent, int) else Decimal(0)
