"""What four of the critics look at beside the hits of their rules, and the gaps they declare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from eleanor_core.api import Case, Gap
from eleanor_critics_constitutional import claims
from eleanor_critics_constitutional.actions import ActionReader, load_deeds
from eleanor_critics_constitutional.critic import Examiner, Seen
from eleanor_critics_constitutional.findings import Finding

GAPS: Final[Mapping[str, Mapping[str, str]]] = {
    "fairness": {
        "single-text": "a decision about people: disparate impact shows in many, not in one text",
    },
    "truth": {
        "no-evidence": "facts that could be checked are stated, and the context holds no evidence",
        "evidence-length": "text or evidence has more sentences than are compared",
    },
}
"""Reasons that a critic may give for what it did not assess, beside the language."""

CODED: Final[Mapping[str, frozenset[str]]] = {
    "autonomy": frozenset({"A1"}),
    "risk": frozenset({"A3", "K2"}),
    "truth": frozenset({"T1"}),
}
"""Clauses that an examiner raises, beside those of the rules."""

CONTRADICTED = 0.8
"""Score of a sentence that its evidence contradicts in a closed form."""


def examiner_of(principle: str) -> Examiner | None:
    """Return what this critic looks at beside hits, or None."""
    match principle:
        case "risk":
            return _of_actions(ActionReader(load_deeds()).irreversible)
        case "autonomy":
            return _of_actions(ActionReader(load_deeds()).outside_instruction)
        case "truth":
            return _evidence
        case "fairness":
            return _one_text
        case _:
            return None


def _of_actions(look: Callable[[Case], Iterable[Finding]]) -> Examiner:
    def examine(case: Case, _: frozenset[str]) -> Seen:
        return (look(case) if case.kind == "action" else ()), ()

    return examine


def _evidence(case: Case, markers: frozenset[str]) -> Seen:
    """Compare the text with its evidence; without any, say so where there is something to check."""
    evidence = claims.evidence_of(case)
    if evidence:
        found, complete = claims.contradictions(case.text, evidence)
        gap = Gap(concern="support by the evidence", reason="evidence-length")
        return tuple(_contradicted(found)), () if complete else (gap,)
    if case.kind == "answer" and "checkable" in markers:
        return (), (Gap(concern="support of the stated facts", reason="no-evidence"),)
    return (), ()


def _contradicted(found: Iterable[claims.Contradiction]) -> Iterator[Finding]:
    for row in found:
        yield Finding(
            key="t1-evidence",
            clause="T1",
            severity=2,
            score=CONTRADICTED,
            span=row.span,
            rationale="The evidence that came with the case says otherwise in the same words: "
            f"{row.difference}. [TR1; NIST AI 600-1 2.8]",
        )


def _one_text(_: Case, markers: frozenset[str]) -> Seen:
    if "decision" in markers:
        return (), (Gap(concern="disparate impact", reason="single-text"),)
    return (), ()
