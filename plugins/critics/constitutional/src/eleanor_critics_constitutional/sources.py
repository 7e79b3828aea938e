"""Whether a cited identifier can exist at all: grammar and check digits, never a look-up.

Sources: DOI Handbook 2.2 (prefix and suffix), ISO 2108 (ISBN check digits), arXiv's page on its
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
