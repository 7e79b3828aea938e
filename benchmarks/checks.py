"""Six checks that somebody might write for himself, as plugins and as plain `re`.

As plugins they are six critics, because a critic is what decides: each declares its patterns for
the one shared scan and objects where one of them hit. The same expressions with `re`, one after the
other and with no framework at all, are the anchor beside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from eleanor_core.api import Case, CriticResult, CriticViolation, Pattern
from eleanor_core.testing import critic_plugin
from eleanor_core.testing.makers import CriticPlugin

LONGEST: Final = 100_000
"""Bytes from which the sixth check, the one without patterns, objects."""
LENGTH: Final = "length"

EXPRESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "injection": (
        r"(?i)\b(?:ignore|disregard|forget)\s+(?:all\s+)?(?:previous|prior|earlier)\s+"
        r"(?:instructions|rules|guidelines)\b",
        r"(?i)\breveal\s+(?:your|the)\s+(?:system\s+)?prompt\b",
        r"(?i)\byou\s+are\s+(?:now\s+)?in\s+developer\s+mode\b",
        r"(?i)\bact\s+as\s+if\s+you\s+had\s+no\s+(?:restrictions|rules)\b",
        r"(?i)\bdo\s+not\s+tell\s+the\s+user\b",
    ),
    "personal-data": (
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
        r"\b\d{3}-\d{2}-\d{4}\b",
        r"\b(?:\d[ -]?){12,15}\d\b",
        r"\(\d{3}\) ?\d{3}-\d{4}\b",
    ),
    "secrets": (
        r"\bAKIA[0-9A-Z]{16}\b",
        r"\bghp_[A-Za-z0-9]{36}\b",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
        r"\bsk-[A-Za-z0-9]{32,}\b",
    ),
    "banned-words": (r"(?i)\bflumwick\b", r"(?i)\bgrobbler\b"),
    "invisible": ("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]",),
}
"""The expressions of each check but the length, in the syntax that `re` and RE2 share."""

_CLAUSES: Final = {
    "injection": "A2",
    "personal-data": "P4",
    "secrets": "P3",
    "banned-words": "D2",
    "invisible": "A2",
    LENGTH: "G1",
}


def as_plugins() -> list[CriticPlugin]:
    """Return the six checks as critics that run inline."""
    patterns = {
        name: tuple(
            Pattern(id=f"{name}-{number}", regex=regex) for number, regex in enumerate(expressions)
        )
        for name, expressions in EXPRESSIONS.items()
    }
    return [
        *(
            critic_plugin(name, _by_hits(name), clauses=[_CLAUSES[name]], patterns=patterns[name])
            for name in EXPRESSIONS
        ),
        critic_plugin(LENGTH, _by_length, clauses=[_CLAUSES[LENGTH]]),
    ]


def _by_hits(name: str) -> Callable[[Case], CriticResult]:
    def judge(case: Case, /) -> CriticResult:
        spans = dict.fromkeys(hit.span for hit in case.hits)
        return _result(name, [(f"{name}: found", span) for span in spans])

    return judge


def _by_length(case: Case, /) -> CriticResult:
    size = len(case.text.encode())
    return _result(LENGTH, [(f"{size} bytes", (0, len(case.text)))] if size > LONGEST else [])


def _result(name: str, found: list[tuple[str, tuple[int, int]]]) -> CriticResult:
    return CriticResult(
        critic=name,
        score=1.0 if found else 0.0,
        confidence=1.0,
        justification=f"{len(found)} found" if found else "",
        violations=tuple(
            CriticViolation(clause=_CLAUSES[name], severity=2, rationale=why, span=span)
            for why, span in found
        ),
    )


_COMPILED: Final = {
    name: tuple(re.compile(expression) for expression in expressions)
    for name, expressions in EXPRESSIONS.items()
}


def with_re(text: str) -> set[str]:
    """Return the checks that object to `text`, with the standard library alone."""
    said = {
        name
        for name, expressions in _COMPILED.items()
        # A list: every expression runs, as it does where each check tells all that it found.
        if any([expression.search(text) for expression in expressions])  # noqa: C419 -- see above
    }
    return said | {LENGTH} if len(text.encode()) > LONGEST else said
