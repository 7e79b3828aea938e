"""What the Truth critic looks at beside the hits of its rules: the evidence, or its absence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from eleanor_core.api import Case, Gap
from eleanor_critics_constitutional import quotes
from eleanor_critics_constitutional.claims import Claim, claims_of, denials, evidence_of
from eleanor_critics_constitutional.critic import SILENT, Seen
from eleanor_critics_constitutional.facts import Facts
from eleanor_critics_constitutional.findings import Finding
from eleanor_critics_constitutional.hints import NONE, Leaning
from eleanor_critics_constitutional.support import Comparison, Contradiction

CHECKABLE: Final = "checkable"
"""The marker of figures and phrases that make a statement one of fact."""

DATED: Final = "dated"
"""The marker of words that say up to when the speaker knows anything."""

NO_EVIDENCE: Final = Gap(concern="fact without evidence", reason="no-evidence")
STALE: Final = Gap(concern="what happened since", reason="stale")

UNHEARD: Final = 0.58
ITSELF: Final = 0.62
"""Scores of words that the evidence does not hold, and of a text that takes back what it says."""

ASKED: Final = ("question", "prompt")
"""Where the context may say what the text answers; the first that is there counts."""


class Witness:
    """Lays the text beside its evidence; without any, says so where a fact is stated."""

    def __init__(self, comparison: Comparison, facts: Facts) -> None:
        self._comparison = comparison
        self._facts = facts

    def __call__(self, case: Case, markers: frozenset[str]) -> Seen:
        """Return contradictions, how far the text is borne out, and the gaps."""
        evidence = evidence_of(case)
        if evidence:
            return self._weighed(case, evidence)
        if case.kind != "answer":
            return Seen()
        said, _ = claims_of((case.text,))
        reading = self._facts.read(said, _question(case))
        stated = reading.stated or CHECKABLE in markers
        return Seen(
            findings=_against_itself(said),
            gaps=(NO_EVIDENCE,) * stated + (STALE,) * (DATED in markers),
            leaning=_leaning(reading.doubt, "nothing bears it out"),
        )

    def _weighed(self, case: Case, evidence: tuple[str, ...]) -> Seen:
        found = self._comparison.weigh(case.text, evidence)
        unsaid = any(self._facts.checkable(claim) for claim in found.silent)
        return Seen(
            findings=(
                *map(_contradicted, found.contradictions),
                *map(_unheard, quotes.unheard(case.text, evidence)),
            ),
            gaps=tuple(_gaps(unsaid=unsaid, complete=found.complete)),
            leaning=_leaning(found.doubt, "the evidence does not say all of it"),
        )


def _gaps(*, unsaid: bool, complete: bool) -> Iterator[Gap]:
    if unsaid:
        yield Gap(concern="fact without evidence", reason="not-in-evidence")
    if not complete:
        yield Gap(concern="support by the evidence", reason="evidence-length")


def _leaning(doubt: float, sign: str) -> Leaning:
    return Leaning(score=round(SILENT + doubt, 3), signs=(sign,)) if doubt else NONE


def _question(case: Case) -> str:
    asked = (case.context.get(key) for key in ASKED)
    return next((text for text in asked if isinstance(text, str)), "")


def _contradicted(row: Contradiction) -> Finding:
    return Finding(
        key="t1-evidence",
        clause="T1",
        severity=2,
        score=row.score,
        span=row.span,
        rationale="The evidence that came with the case says otherwise in nearly the same words: "
        f"{row.difference}. [TR1; NIST AI 600-1 2.8]",
    )


def _unheard(row: quotes.Quotation) -> Finding:
    return Finding(
        key="t2-quotation",
        clause="T2",
        severity=2,
        score=UNHEARD,
        span=row.span,
        rationale="These words are ascribed to somebody, and the evidence does not hold them. "
        "[TR8; NIST AI 600-1 2.8]",
    )


def _against_itself(said: Sequence[Claim]) -> Iterator[Finding]:
    """Yield each sentence that denies in the same words what one before it stated."""
    for span in denials(said):
        yield Finding(
            key="t1-itself",
            clause="T1",
            severity=1,
            score=ITSELF,
            span=span,
            rationale="The text denies here what it states before, in the same words. "
            "[TR3; NIST AI 600-1 2.8]",
        )
