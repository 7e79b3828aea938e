"""A critic for ELEANOR that looks for insults addressed to a person.

It is the template for a critic of your own: this module and its table of rules. Comments that begin
with "COPY:" say what to change.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Literal

from attrs import frozen
from pydantic import Field

from eleanor_core.api import (
    CLAUSES,
    Case,
    CriticDeclaration,
    CriticResult,
    CriticViolation,
    EscalationSignal,
    Gap,
    Pattern,
    PluginSettings,
    Services,
    hookimpl,
)

NAME = "civility"  # COPY: your critic's name; the entry point in pyproject.toml bears it too.
CLAUSE = "D2"  # COPY: what it raises; eleanor_core.api.CLAUSES holds all clauses.
QUIET = 0.02  # The score of a text without a hit: few readers object to what no rule finds.
GAPS = {"quoted": "whether a quoted insult is meant or only reported"}


class CivilitySettings(PluginSettings):
    """COPY: what a deployment may set. Every field needs a description; the docs are made of it."""

    quoted: bool = Field(default=False, description="Judge insults inside quotation marks too.")


@frozen(kw_only=True)
class Rule:
    """One rule of `rules.toml`, which says what the fields mean."""

    id: str
    severity: Literal[1, 2, 3]
    weight: float
    rationale: str
    regex: str
    example: str
    near_miss: str


@hookimpl
def eleanor_register_critics() -> Iterable[CriticDeclaration]:
    """Declare the critic. Called once at start; it must import nothing heavy."""
    yield CriticDeclaration(
        name=NAME,
        factory=open_critic,
        settings=CivilitySettings,
        summary="Insults addressed to a person.",
        principle="rights",  # COPY: rights, autonomy, fairness, truth, risk or pragmatics.
        clauses={CLAUSE},
        execution="inline",  # COPY: "task" and `async def __call__` for whatever waits.
        gaps=GAPS,
        patterns=tuple(
            Pattern(id=rule.id, regex=rule.regex, example=rule.example, near_miss=rule.near_miss)
            for rule in read_rules().values()
        ),
    )


def read_rules() -> Mapping[str, Rule]:
    """Return the rules by id."""
    table = tomllib.loads(files(__name__).joinpath("rules.toml").read_text("utf-8"))
    return {row["id"]: Rule(**row) for row in table["rule"]}


@asynccontextmanager
async def open_critic(settings: CivilitySettings, services: Services) -> AsyncIterator[Civility]:
    """Make the critic at start. COPY: open clients, load models before `yield`; close after it."""
    yield Civility(settings, services)


class Civility:
    """Judges one case after another by the hits of its patterns. It keeps nothing of them."""

    def __init__(self, settings: CivilitySettings, services: Services) -> None:
        self._judge_quoted = settings.quoted
        self._escalation = services.thresholds.escalation
        self._rules = read_rules()

    def __call__(self, case: Case, /) -> CriticResult:
        """Return the result for one case."""
        # One insult can hit in several views of the text; its span in the original is one.
        found = {hit.span: self._rules[hit.pattern] for hit in case.hits}
        judged = {
            span: rule
            for span, rule in found.items()
            if self._judge_quoted or not is_quoted(case.text, span[0])
        }
        score = max(QUIET, 1.0 - math.prod(1.0 - rule.weight for rule in judged.values()))
        severe = [rule.rationale for rule in judged.values() if rule.severity >= 2]
        return CriticResult(
            critic=NAME,
            score=score,
            confidence=0.6,  # Patterns see words; tone and irony escape them.
            justification=f"Insults found: {len(judged)}.",
            violations=tuple(
                CriticViolation(
                    clause=CLAUSE, severity=rule.severity, rationale=rule.rationale, span=span
                )
                for span, rule in judged.items()
            ),
            escalations=tuple(
                EscalationSignal(clause=CLAUSE, tier=CLAUSES[CLAUSE].tier, rationale=rationale)
                for rationale in severe[:1]
                if score >= self._escalation
            ),
            not_assessed=tuple(
                Gap(concern=f"a quoted insult at {span[0]}", reason="quoted")
                for span in sorted(found.keys() - judged.keys())
            ),
        )


def is_quoted(text: str, place: int) -> bool:
    """Tell whether the character at `place` stands inside double quotation marks."""
    before = text[:place]
    return before.count('"') % 2 == 1 or before.rfind("\u201c") > before.rfind("\u201d")
