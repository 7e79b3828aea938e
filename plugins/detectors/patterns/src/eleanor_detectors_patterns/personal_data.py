"""The detector `personal-data`: names, addresses, and numbers that point at one person.

The patterns only propose; check digits, issued ranges and the words of `names.py` decide. Nothing
is masked here: a person's text lives in the part of a record that can be erased.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from eleanor_core.api import DetectorDeclaration, hookimpl
from eleanor_detectors_patterns.detector import Check, Span, by_checks, declared
from eleanor_detectors_patterns.names import NAME_CHECKS
from eleanor_detectors_patterns.rules import rule_book

_DIGITS: Final = re.compile(r"[^0-9]")
_ADDRESS: Final = re.compile(r"[0-9.]+$")
_NUMBER: Final = re.compile(r"[+(]?[0-9][0-9 ().-]*[0-9]")
_LAST_NUMBER: Final = re.compile(r"[0-9][0-9 -]{10,}[0-9]\b")
_NO_PREFIX: Final = frozenset(("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"))
_SPANISH: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_MIN_IDENTITY: Final = 5
_NAMED: Final = re.compile(r"[A-Za-z][-_./=]$")  # dsl-082-083-227, part of a host's name
_MAX_PHONE: Final = 15  # E.164
_MIN_PHONE: Final = 7
_IBAN_LENGTHS: Final = {
    country: int(length)
    for length, countries in (
        ("15", "NO"), ("16", "BE"), ("18", "DK FO FI GL NL SD"), ("19", "MK SI"),
        ("20", "AT BA EE KZ LT LU MN XK"), ("21", "CH HR LI LV"),
        ("22", "BG BH CR DE GB GE IE ME RS VA"), ("23", "AE GI IL IQ OM SO TL"),
        ("24", "AD CZ ES MD PK RO SA SE SK TN VG"), ("25", "LY PT ST"), ("26", "IS TR"),
        ("27", "BI DJ FR GR IT MC MR SM"), ("28", "AL AZ BY CY DO GT HU LB NI PL SV"),
        ("29", "BR EG PS QA UA"), ("30", "JO KW MU"), ("31", "MT SC"), ("32", "LC"), ("33", "RU"),
    )
    for country in countries.split()
}  # fmt: skip


def luhn(digits: str) -> bool:
    """Whether the last digit of `digits` is the check digit of the others (ISO/IEC 7812)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def card(text: str, span: Span) -> Span | None:
    """Accept 13 to 19 digits with a right check digit, not all alike."""
    digits = _DIGITS.sub("", text[slice(*span)])
    known = 13 <= len(digits) <= 19 and len(set(digits)) > 1
    return span if known and luhn(digits) and not _inside(text, span) else None


def card_called(text: str, span: Span) -> Span | None:
    """Accept 12 to 19 digits with a right check digit behind the word; the span is the number."""
    number = _LAST_NUMBER.search(text, *span)
    if number is None:
        return None
    digits = _DIGITS.sub("", number[0])
    return number.span() if len(set(digits)) > 1 and luhn(digits) else None


def iban(text: str, span: Span) -> Span | None:
    """Accept a known country's length with a remainder of 1 modulo 97 (ISO 13616)."""
    compact = re.sub(r"[ -]", "", text[slice(*span)]).upper()
    length = _IBAN_LENGTHS.get(compact[:2])
    if length is None or len(compact) < length:
        return None
    number = "".join(str(int(char, 36)) for char in compact[4:length] + compact[:4])
    return span if int(number) % 97 == 1 else None


def ssn(text: str, span: Span) -> Span | None:
    """Accept areas 001 to 899 without 666, and no group or serial of zeros."""
    area, group, serial = text[slice(*span)].split("-")
    issued = area not in ("000", "666") and group != "00" and serial != "0000"
    return span if issued and not _inside(text, span) else None


def phone(text: str, span: Span) -> Span | None:
    """Accept 7 to 15 digits, not part of a longer number or name; the span is the number."""
    number = _NUMBER.search(text, *span)
    if number is None or _NAMED.search(text, max(0, number.start() - 2), number.start()):
        return None
    digits = len(_DIGITS.sub("", number[0]))
    if not _MIN_PHONE <= digits <= _MAX_PHONE or _inside(text, number.span()):
        return None
    return number.span()


def mailbox(text: str, span: Span) -> Span | None:
    """Drop the user of a repository's address: `git@host:path`."""
    return None if text[span[0] : span[0] + 4].lower() == "git@" else span


def address(text: str, span: Span) -> Span | None:
    """Accept an address that is not for private networks; the span is the address."""
    found = _ADDRESS.search(text, *span)
    try:
        usable = found is not None and not ip_address(found[0]).is_loopback
    except ValueError:
        return None
    return (
        found.span() if found and usable and not found[0].startswith(("10.", "192.168.")) else None
    )


def insurance(text: str, span: Span) -> Span | None:
    """Drop prefixes that were never given to a national insurance number."""
    return None if text[span[0] : span[0] + 2] in _NO_PREFIX else span


def spanish(text: str, span: Span) -> Span | None:
    """Accept a Spanish number whose letter is that of the number modulo 23."""
    number = text[slice(*span)].upper().replace("-", "")
    digits = str("XYZ".find(number[0])) + number[1:-1] if number[0] in "XYZ" else number[:-1]
    return span if _SPANISH[int(digits) % len(_SPANISH)] == number[-1] else None


def enough_digits(text: str, span: Span) -> Span | None:
    """Accept five digits or more, so that "3 years" is no number of a licence."""
    return span if len(_DIGITS.sub("", text[slice(*span)])) >= _MIN_IDENTITY else None


def _inside(text: str, span: Span) -> bool:
    """Whether digits go on before or after, over a point or a hyphen."""
    return bool(
        re.search(r"[0-9][.,:/_-]?$", text[max(0, span[0] - 2) : span[0]])
        or re.match(r"[.,:/_-]?[0-9]", text[span[1] : span[1] + 2])
    )


CHECKS: Final[dict[str, Check]] = {
    "address": address,
    "card": card,
    "card_called": card_called,
    "enough_digits": enough_digits,
    "iban": iban,
    "insurance": insurance,
    "mailbox": mailbox,
    "phone": phone,
    "spanish": spanish,
    "ssn": ssn,
    **NAME_CHECKS,
}


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector `personal-data`."""
    summary = "Names and addresses in context, e-mail, phone, card, IBAN, identity numbers."
    return [declared("personal-data", rule_book("personal_data"), by_checks(CHECKS), summary)]
