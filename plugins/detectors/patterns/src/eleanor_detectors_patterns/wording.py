"""What stands around a match: whether it is negated, asked, quoted or only supposed.

Checks share these. They look at the sentence of the match alone, with plain rules in English.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from eleanor_detectors_patterns.detector import Check, Span

REACH: Final = 240
"""Code points on each side in which the ends of a sentence are looked for."""

_END: Final = re.compile(r"[.!?…](?=[\s\"'\u201d\u2019)]|$)|\n")
_DENIED: Final = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|hardly|rarely|cannot|dont|isnt"
    r"|can(?:no)?t be|refus\w+ to|deny|denies|avoid\w*|beware of|myth|false)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_SUPPOSED: Final = re.compile(
    r"\b(?:if|unless|whether|imagine|suppose|pretend\w*|as (?:if|though)|like|would|wish|were)\b",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[,;:()\u2013\u2014]|\b(?:but|and|because|so)\b", re.IGNORECASE)
_MARKS: Final = (('"', '"'), ("\u201c", "\u201d"), ("\u201e", "\u201c"), ("«", "»"))
_APOSTROPHES: Final = re.compile(r"(?<!\w)['\u2018](?=\w)[^'\u2018\u2019\n]*$")


def sentence(text: str, span: Span) -> Span:
    """Return the span of the sentence that `span` stands in, cut at `REACH` on both sides."""
    start = max(0, span[0] - REACH)
    for found in _END.finditer(text, start, span[0]):
        start = found.end()
    end = _END.search(text, span[1], span[1] + REACH)
    return start, end.end() if end else min(len(text), span[1] + REACH)


def denied(text: str, span: Span) -> bool:
    """Return whether a word of negation stands before `span`, in the same clause."""
    start, _ = sentence(text, span)
    return _DENIED.search(_clause(text[start : span[0]])) is not None


def supposed(text: str, span: Span) -> bool:
    """Return whether `span` is only supposed: "if ...", "pretend that ...", "as though ..."."""
    start, _ = sentence(text, span)
    return _SUPPOSED.search(text, start, span[0]) is not None


def asked(text: str, span: Span) -> bool:
    """Return whether the sentence of `span` ends as a question."""
    _, end = sentence(text, span)
    return text[span[1] : end].rstrip(" \"'\u201d\u2019)\n").endswith("?")


def quoted(text: str, span: Span) -> bool:
    """Return whether quotation marks are open where `span` begins, on its line."""
    line = text[text.rfind("\n", 0, span[0]) + 1 : span[0]][-REACH * 2 :]
    for opening, closing in _MARKS:
        if opening == closing:
            if line.count(opening) % 2:
                return True
        elif line.rfind(opening) > line.rfind(closing):
            return True
    return _APOSTROPHES.search(line) is not None


def unless(*reasons: Callable[[str, Span], bool]) -> Check:
    """Return a check that drops a match for which one of `reasons` holds."""

    def check(text: str, span: Span) -> Span | None:
        return None if any(reason(text, span) for reason in reasons) else span

    return check


def _clause(before: str) -> str:
    """Return what follows the last break between clauses."""
    last = 0
    for found in _CLAUSE.finditer(before):
        last = found.end()
    return before[last:]
