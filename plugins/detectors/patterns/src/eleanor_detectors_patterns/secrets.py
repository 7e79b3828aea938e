"""The detector `secrets`: credentials in published formats, and values that look random.

It never repeats a value. Whatever its patterns match is masked by the core in all that leaves the
engine, placeholders too; the checks here only decide what is worth a signal.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from math import log2
from typing import Final

from eleanor_core.api import DetectorDeclaration, hookimpl
from eleanor_detectors_patterns.detector import Check, Span, by_checks, declared
from eleanor_detectors_patterns.rules import rule_book

MIN_BITS: Final = 2.9
"""Shannon entropy, in bits a character, from which a value of 16 characters looks random."""

_VALUE: Final = re.compile(r"""(?:[=:]|\bis|\bwas)[>=]?(?: now| still)?:?[ \t]*["'`]?""")
_PLACEHOLDER: Final = re.compile(
    r"your|example|sample|dummy|placeholder|change|replace|insert|redact|secret|passw|token|"
    r"api[_-]?key|todo|none|null|true|false|undefined|default|xxx|\*\*\*|\.\.\.|"
    r"^[$%<{(\[]|^(?:sha(?:1|224|256|384|512)|md5|git)\b|0123456789|123456789|abcdef",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"^[A-Za-z_]+(?:\.[A-Za-z_]+)+[\[(]?|^https?:|^/[a-z]|\(")
_WORDS: Final = re.compile(r"^[a-z]+(?:[_-][a-z]+)+[_-]?[0-9]{0,4}$|^[A-Za-z]{4,}[0-9]{0,2}$")


def entropy(value: str) -> float:
    """Return the Shannon entropy of the characters of `value`, in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * log2(count / len(value)) for count in counts)


def assigned(text: str, span: Span) -> Span | None:
    """Return the span of the value in an assignment, if it is neither placeholder nor hash."""
    start, end = span
    name = _VALUE.search(text, start, end)
    if name is None:
        return None
    value = text[name.end() : end].rstrip(".,;:!)'\"`")
    if _PLACEHOLDER.search(value) or _CODE.search(value) or _WORDS.search(value):
        return None
    if not _mixed(value) or entropy(value) < MIN_BITS * min(1.0, log2(len(value)) / 4):
        return None
    return name.end(), name.end() + len(value)


def random(text: str, span: Span) -> Span | None:
    """Return `span` if what it holds is not made of words."""
    value = text[slice(*span)]
    return span if any(char.isdigit() for char in value) and entropy(value) >= MIN_BITS else None


def _mixed(value: str) -> bool:
    return any(char.isalpha() for char in value) and any(char.isdigit() for char in value)


CHECKS: Final[dict[str, Check]] = {"assigned": assigned, "random": random}


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector `secrets`."""
    summary = "Credentials in published formats, and random-looking values of secret names."
    return [declared("secrets", rule_book("secrets"), by_checks(CHECKS), summary)]
