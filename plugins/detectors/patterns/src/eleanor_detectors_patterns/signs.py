"""Weak signs that a text tries to take over a model: how they add up, and when they are enough.

A jailbreak is seldom one phrase. It gives a model a role, frees it from rules, forbids it to refuse
and says what the answer shall look like; each of these is harmless alone. Signs of one family add
nothing to each other beyond the strongest, so that a long text about models is no attack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import prod
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from eleanor_core.api import Hit, Pattern
from eleanor_detectors_patterns.rules import expanded, table, wrapped

PREFIX: Final = "sign:"
CEILING: Final = 0.45
"""Highest score of signs that are not enough for a signal."""
ENOUGH: Final = 0.7
"""Score of signs that are."""
MOST_APART: Final = 1200
"""Code points within which the signs of one attack stand."""
MOST_HITS: Final = 200
"""Hits that are looked at: enough for any text that a person wrote."""

IN_DATA: Final = 0.35
TO_READER: Final = 0.45
"""Scores of an order among rows of data, and of one about the reader's answer."""
LEAST_ROWS: Final = 3
MOST_LINES: Final = 400

Family = Literal["frame", "model", "release", "insist", "form"]
Words = Annotated[str, Field(min_length=1)]


class Sign(BaseModel):
    """One weak sign. `weight`: the part of the remaining doubt that it takes away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Family
    weight: float = Field(gt=0.0, le=0.3)
    regex: Words
    example: Words
    near_miss: Words


class SignBook(BaseModel):
    """The contents of the file of signs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vocabulary: Mapping[str, str]
    signs: Mapping[str, Sign]

    def patterns(self) -> tuple[Pattern, ...]:
        """Return the patterns for the core's one scan."""
        return tuple(
            Pattern(
                id=PREFIX + name,
                regex=wrapped(expanded(sign.regex, self.vocabulary)),
                example=sign.example,
                near_miss=sign.near_miss,
            )
            for name, sign in self.signs.items()
        )

    def lean(self, hits: Iterable[Hit]) -> float:
        """Return the score of the signs among `hits`, below that of a signal."""
        names = {hit.pattern.removeprefix(PREFIX) for hit in hits if hit.pattern.startswith(PREFIX)}
        doubt = prod(1.0 - self.signs[name].weight for name in sorted(names))
        return round(min(1.0 - doubt, CEILING), 3)

    def together(self, hits: Iterable[Hit]) -> tuple[int, int] | None:
        """Return the span, in the view, of signs that are enough together.

        They are, if a role, a release from rules and an order never to refuse stand near each
        other, or two of these with talk of the model and of the form of its answer.
        """
        found = sorted(
            (*hit.view_span, self.signs[hit.pattern.removeprefix(PREFIX)].family)
            for hit in hits
            if hit.pattern.startswith(PREFIX)
        )[:MOST_HITS]
        for first, _, _ in found:
            near = [row for row in found if first <= row[0] < first + MOST_APART]
            if _enough({family for _, _, family in near}):
                return first, max(end for _, end, _ in near)
        return None


def _enough(families: set[str]) -> bool:
    core = len(families & {"frame", "release", "insist"})
    return core == 3 or (core == 2 and {"release", "model", "form"} <= families)


def sign_book() -> SignBook:
    """Read the signs from the YAML file beside this module."""
    return SignBook.model_validate(table("injection_signs"))


# -- orders among data ------------------------------------------------------------------------

_ROW: Final = re.compile(
    r"""\s*\|.*\|\s*$                              # a row of a table
    | \s{4,}\S | \t
    | \s*(?:File\ "|def\ |import\ |from\ \w+\ import|class\ |return\b|raise\b|@|print\(|[}\])\#]|//)
    | \s*(?:for|if|while|with|elif)\ .*:\s*$ | \s*(?:else|try|finally):\s*$
    | .*[;{}]\s*$ | \s*[\w.\[\]"']+\s*[-+*/|]?=\s | [\w.]+\(.*\)\s*$ | \w*(?:Error|Exception)\b
    | Traceback | During\ handling | \d{4}-\d\d-\d\d | \[\d | \w+:\ \S+$
    """,
    re.VERBOSE,
)
_MAIL: Final = re.compile(r"^(?:subject|from|to|email_from|received|date)\s*:", re.IGNORECASE)
_ORDER: Final = re.compile(
    r"\s*(?:please |now |don't forget to |don't hesitate to |consider |seamlessly |in your )?"
    r"(?:write|explain|describe|translate|provide|draft|compose|develop|create|add|include"
    r"|integrat\w+|incorporat\w+|embed\w*|append|insert|merge|blend|meld|use|utili[sz]e|replace"
    r"|remove|convert|rearrange|scramble|misspell|group|substitute|introduce|modify|augment"
    r"|enhance|enrich\w*|ensure|make|leverage|engage|infuse|inject|interweave|absorb|enlist|render"
    r"|jumble|anagram|streamlin\w+|featur\w+|what|who|how|why|when|where|can you|tell|give|show"
    r"|answer|respond|response|reply|say|print|output|ignore|forget|send|visit|download|click"
    r"|your code)\b"
    r"[^|]{12,400}[.?!:]?\s*$",
    re.IGNORECASE,
)
_ABOUT_ANSWER: Final = re.compile(
    r"\b(?:(?:in|to|into|of|using|from|enhance|augment|modify|within|about) (?:your|the) (?:\w+ )?"
    r"(?:answer|reply|response|message|output|solution|code|codebase|algorithm|implementation"
    r"|elucidation)|your (?:answer|reply|response|solution|code|codebase|algorithm|implementation)"
    r"|(?:following|subsequent|below) code (?:snippet|block|excerpt|section))\b",
    re.IGNORECASE,
)


def order_in_data(text: str) -> float:
    """Return how far a line that orders something, among rows of data, leans to an attack.

    Whose order it is does not show: a person who puts a question above a table does the same, so it
    is never more than a lean.
    """
    lines = [line for line in text.split("\n", MOST_LINES)[:MOST_LINES] if line.strip()]
    if len(lines) < LEAST_ROWS:
        mail = any(_MAIL.match(line) for line in lines)
        return TO_READER if mail and _ABOUT_ANSWER.search(text) else 0.0
    others = [line for line in lines if not _ROW.match(line)]
    mail = any(_MAIL.match(line) for line in lines)
    if len(others) > len(lines) / 2 and not mail:
        return 0.0
    orders = [line for line in others if _ORDER.match(line) and not _MAIL.match(line)]
    if any(_ABOUT_ANSWER.search(line) for line in orders):
        return TO_READER
    return IN_DATA if orders and not mail else 0.0
