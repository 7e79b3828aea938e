"""The detector `overclaim`: more certainty than anybody can have, and hedges piled on hedges.

The rules look at how a thing is said, never at whether it is true. What is denied, asked, quoted or
only supposed promises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from eleanor_core.api import DetectorDeclaration, hookimpl
from eleanor_detectors_patterns.detector import Check, Span, by_checks, declared
from eleanor_detectors_patterns.rules import rule_book
from eleanor_detectors_patterns.wording import asked, denied, quoted, sentence, supposed, unless

_BY_LAW: Final = re.compile(
    r"\b(?:constitution\w*|law|laws|statut\w*|act|treat(?:y|ies)|right|rights|freedom|warrant\w*"
    r"|contract\w*|lease|loan|bond|deposit|theorem|lemma|proof|algorithm|compiler|thread"
    r"|function|protocol|specification|standard)\b",
    re.IGNORECASE,
)
_SOURCE: Final = re.compile(
    r"\(?\b(?:1[5-9]|20)[0-9]{2}\b|\[[0-9]+\]|https?://|doi|et al|according to|journal|university"
    r"|published",
    re.IGNORECASE,
)
_COUNTED: Final = re.compile(r"[0-9]")


def by_law(text: str, span: Span) -> bool:
    """Return whether the sentence speaks of law, contract or proof, which do guarantee things."""
    return _BY_LAW.search(text, *sentence(text, span)) is not None


def sourced(text: str, span: Span) -> bool:
    """Return whether the sentence of `span` or the next one names a source."""
    start, end = sentence(text, span)
    return _SOURCE.search(text, start, end + 80) is not None


def calculated(text: str, span: Span) -> bool:
    """Return whether an equals sign stands just before: a result of a calculation is precise."""
    before = text[max(0, span[0] - 12) : span[0]]
    return "=" in before or "*" in before or "/" in before


_NO_CLAIM: Final = (quoted, asked, supposed, denied)
CHECKS: Final[dict[str, Check]] = {
    "claim": unless(*_NO_CLAIM),
    "spoken": unless(quoted, asked),
    "promise": unless(*_NO_CLAIM, by_law),
    "unsourced": unless(*_NO_CLAIM, sourced),
    "precise": unless(quoted, calculated, sourced),
}


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector `overclaim`."""
    summary = "Absolute certainty, guarantees, false precision, authority without a name, hedging."
    return [declared("overclaim", rule_book("overclaim"), by_checks(CHECKS), summary)]
