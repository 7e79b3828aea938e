"""Words that a text puts into somebody's mouth, looked up in the evidence, word for word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from eleanor_critics_constitutional.claims import LENGTH_AT_MOST

WORDS_AT_LEAST: Final = 4
"""Words of a quotation that is looked up: shorter ones may be mere emphasis."""
REACH: Final = 60
"""Code points on either side in which a verb of saying makes it somebody's words."""

_QUOTED = re.compile(r"[\"“]([^\"“”\n]{12,400})[\"”]")
_SAYS = re.compile(
    r"\b(?:said|says|wrote|writes|stated|states|told|explained|declared|added|replied|claimed"
    r"|announced|argued|according to|in (?:her|his|their|its) words|quoted)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")


@frozen
class Quotation:
    """A quotation that the evidence does not hold."""

    span: tuple[int, int]
    words: str


def unheard(text: str, evidence: Iterable[str]) -> Iterator[Quotation]:
    """Yield the quotations that `text` ascribes to somebody and that no evidence holds.

    Evidence in which nobody says anything does not speak to them.
    """
    found = [row for row in _QUOTED.finditer(text[:LENGTH_AT_MOST]) if _ascribed(text, *row.span())]
    known = [_spoken(source) for source in evidence if _SAYS.search(source)] if found else []
    for row in found if known else ():
        words = _spoken(row[1])
        if len(words.split()) >= WORDS_AT_LEAST and not any(words in source for source in known):
            yield Quotation(span=row.span(), words=row[1])


def _ascribed(text: str, start: int, end: int) -> bool:
    return bool(_SAYS.search(text[max(start - REACH, 0) : start] + " " + text[end : end + REACH]))


def _spoken(text: str) -> str:
    """Return the words of `text` alone, with a space on either side of each."""
    return f" {' '.join(_WORD.findall(text.lower()))} "
