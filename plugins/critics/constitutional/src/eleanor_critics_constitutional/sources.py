"""Whether a cited identifier can exist at all: grammar and check digits, never a look-up.

Sources: DOI Handbook 2.2 (prefix and suffix), ISO 2108 (ISBN check digits), ISO 3297 (ISSN), ISO
7064 MOD 11-2 (ORCID), arXiv's page on its
identifier scheme (YYMM.NNNN from April 2007, five digits from January 2015).
"""

from __future__ import annotations

import re

_DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/[^\s/].*")
_ARXIV = re.compile(r"(\d\d)(\d\d)\.(\d+)")

ARXIV_FIRST = (7, 4)
ARXIV_FIVE_DIGITS = (15, 1)
MONTHS = 12


def doi_is_well_formed(cited: str) -> bool:
    """Return whether the text from "10." on has the form of a DOI: prefix, slash, suffix."""
    at = cited.find("10.")
    return at >= 0 and _DOI.fullmatch(cited[at:].rstrip(".,;)")) is not None


def isbn_is_valid(cited: str) -> bool:
    """Return whether the digits that follow "ISBN" have a right length and check digit."""
    number = re.sub(r"(?i)isbn(?:-1[03])?", "", cited)
    digits = [char for char in number.upper() if char.isdigit() or char == "X"]
    values = [10 if char == "X" else int(char) for char in digits]
    if "X" in digits[:-1]:
        return False
    if len(values) == 10:  # the two lengths of an ISBN
        return sum(value * (10 - place) for place, value in enumerate(values)) % 11 == 0
    if len(values) == 13 and digits[-1] != "X":
        return sum(value * (3 if place % 2 else 1) for place, value in enumerate(values)) % 10 == 0
    return False


def arxiv_is_possible(cited: str) -> bool:
    """Return whether the identifier's month exists and its number has the length of its time."""
    found = _ARXIV.search(cited)
    if found is None:
        return False
    year, month, number = int(found[1]), int(found[2]), found[3]
    if not 1 <= month <= MONTHS or (year, month) < ARXIV_FIRST:
        return False
    return len(number) == (5 if (year, month) >= ARXIV_FIVE_DIGITS else 4)


def issn_is_valid(cited: str) -> bool:
    """Return whether the eight digits in `cited` end in the check digit of an ISSN."""
    digits = re.sub(r"(?i)[^\dx]", "", re.sub(r"(?i)e?-?issn", "", cited)).upper()
    if len(digits) != 8 or "X" in digits[:-1]:  # the length of an ISSN
        return False
    return sum((8 - place) * _value(char) for place, char in enumerate(digits)) % 11 == 0


def orcid_is_valid(cited: str) -> bool:
    """Return whether the sixteen digits in `cited` end in the check digit of an ORCID."""
    digits = re.sub(r"(?i)[^\dx]", "", cited).upper()
    if len(digits) != 16 or "X" in digits[:-1]:  # the length of an ORCID
        return False
    total = 0
    for char in digits[:-1]:
        total = (total + int(char)) * 2
    return (12 - total % 11) % 11 == _value(digits[-1])


def pages_run_backwards(cited: str) -> bool:
    """Return whether the last page is before the first. "145-52" is short for "145-152"."""
    pages = re.findall(r"\d+", cited)
    if len(pages) != 2 or len(pages[1]) < len(pages[0]):  # a first and a last page
        return False
    return int(pages[1]) < int(pages[0])


def _value(digit: str) -> int:
    return 10 if digit == "X" else int(digit)
