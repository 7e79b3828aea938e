"""The critic: hits of the shared scan in, one result out. Pure, and linear in what was found.

How a score comes about: a rule's score, lowered by the strongest cue around the hit
(`context.py`), raised by what detectors testify. The result's score is the *maximum* over its
violations: several rules on one sentence are not independent witnesses, and five doubtful
findings must not add up to a certain one. Hints, words that prove nothing, raise the score of a
text within bounds that stay below an objection: they order what no rule found (`hints.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from attrs import evolve, frozen

from eleanor_core.api import (
    CLAUSES,
    Case,
    CriticResult,
    CriticViolation,
    DetectorSignal,
    EscalationSignal,
    Gap,
    Thresholds,
)
from eleanor_critics_constitutional.context import Cue, Scope
from eleanor_critics_constitutional.findings import Finding, Grade, distinct
from eleanor_critics_constitutional.hints import NONE, Hints, Leaning
from eleanor_critics_constitutional.language import is_english
from eleanor_critics_constitutional.needs import Need
from eleanor_critics_constitutional.rules import MARKER, Rule, RuleBook

SILENT = 0.02
"""Score of a text in which nothing was found: not 0, for rules miss things."""

CONFIDENCE_FOUND = 0.6
CONFIDENCE_LOWERED = 0.5
CONFIDENCE_SILENT = 0.5
CONFIDENCE_FOREIGN = 0.3
"""Trust in the score. Silence of rules says less than a hit does; outside English, little."""

ESCALATES = 2
"""Least severity of a violation that escalates."""

_NO_RULE: Final[tuple[None, tuple[Need, ...]]] = (None, ())


@frozen(kw_only=True)
class Seen:
    """What an examiner found beside the hits: findings, gaps, and how far the text leans."""

    findings: Iterable[Finding] = ()
    gaps: Iterable[Gap] = ()
    leaning: Leaning = NONE


Examiner: TypeAlias = Callable[[Case, frozenset[str]], Seen]
"""What a critic looks at beside hits. It gets the names of the markers that were hit."""
_Heard: TypeAlias = tuple[float, float, frozenset[str]]
"""A signal that a critic heeds: its weight, its score alone, and the clauses that it speaks to."""


class ConstitutionalCritic:
    """Judges a case by the rules of one book. Holds no state between cases."""

    def __init__(
        self,
        book: RuleBook,
        cues: Mapping[str, Cue],
        needs: Mapping[str, Need],
        thresholds: Thresholds,
        examine: Examiner | None = None,
    ) -> None:
        self._name = book.principle
        self._rules = {
            rule.id: (rule, tuple(needs[name] for name in rule.needs)) for rule in book.rules
        }
        self._support = book.signals
        self._hints = Hints(book.hints, cues, needs)
        self._cues = cues
        self._thresholds = thresholds
        self._examine = examine
        self._nothing = self._result((), SILENT, CONFIDENCE_SILENT, ())

    def __call__(self, case: Case, /) -> CriticResult:
        """Return the judgement of `case`."""
        english = is_english(case.text)
        gaps: tuple[Gap, ...] = ()
        if not english:
            gaps = (Gap(concern=f"all rules of {self._name}", reason="language"),)
        findings = [*self._from_hits(case)] if case.hits else []
        signals: tuple[_Heard, ...] = ()
        if case.signals:
            findings.extend(self._charged(case))
            signals = self._heard(case.signals)
        leaning = self._hints.of(case) if case.hits else NONE
        if self._examine is not None:
            seen = self._examine(case, _markers(case))
            findings.extend(seen.findings)
            gaps = (*gaps, *seen.gaps)
            leaning = max(leaning, seen.leaning, key=lambda row: row.score)
        if not (findings or gaps or signals or leaning.score):
            return self._nothing
        kept = tuple(self._raised(finding, signals) for finding in distinct(findings))
        score = max((finding.score for finding in kept), default=SILENT)
        score = max(score, leaning.score, *(alone for _, alone, _ in signals))
        return self._result(kept, score, _confidence(kept, english), gaps, leaning)

    def _from_hits(self, case: Case) -> Iterator[Finding]:
        for hit in case.hits:
            rule, needs = self._rules.get(hit.pattern, _NO_RULE)
            if rule is None or case.kind not in rule.kinds:
                continue
            scope = Scope.of(case.view(hit.view), hit)
            if all(need(case, scope) for need in needs):
                yield self._weighed(rule, scope, hit.span)

    def _weighed(self, rule: Rule, scope: Scope, span: tuple[int, int]) -> Finding:
        finding = Finding(
            key=rule.id,
            clause=rule.clause,
            severity=rule.severity,
            score=rule.score,
            span=span,
            rationale=rule.words,
        )
        lowering = scope.lowering(self._cues, rule.unmoved_by, rule.moved_by)
        if lowering is None:
            return finding
        name, cue = lowering
        return evolve(
            finding,
            severity=_milder(rule.severity) if cue.distant else rule.severity,
            score=round(rule.score * cue.factor, 3),
            rationale=f"{rule.words} Lowered: {name}.",
            lowered=True,
        )

    def _charged(self, case: Case) -> Iterator[Finding]:
        """Yield what the critic objects to because of what detectors testify."""
        for signal in case.signals:
            support = self._support.get(signal.detector)
            for charge in support.charges if support else ():
                named = not charge.categories or signal.category in charge.categories
                if named and signal.severity >= charge.least and case.kind in charge.kinds:
                    yield Finding(
                        key=f"signal-{signal.detector}",
                        clause=charge.clause,
                        severity=charge.severity,
                        score=charge.score,
                        span=signal.span,
                        rationale=charge.words,
                    )

    def _heard(self, signals: Iterable[DetectorSignal]) -> tuple[_Heard, ...]:
        """Return what each signal is to this critic that it heeds."""
        return tuple(
            (
                support.weight * signal.severity / 3,
                support.alone * signal.severity / 3,
                support.clauses,
            )
            for signal in signals
            if (support := self._support.get(signal.detector)) is not None
        )

    def _raised(self, finding: Finding, signals: Iterable[_Heard]) -> Finding:
        """Return the finding with the part of its doubt taken away that the signals speak to."""
        weight = max((w for w, _, clauses in signals if finding.clause in clauses), default=0.0)
        if not weight:
            return finding
        raised = 1 - (1 - finding.score) * (1 - weight)
        return evolve(finding, score=max(finding.score, min(round(raised, 3), 1.0)))

    def _result(
        self,
        findings: tuple[Finding, ...],
        score: float,
        confidence: float,
        gaps: tuple[Gap, ...],
        leaning: Leaning = NONE,
    ) -> CriticResult:
        return CriticResult(
            critic=self._name,
            score=score,
            confidence=confidence,
            justification=_justification(findings, leaning),
            violations=tuple(
                CriticViolation(
                    clause=finding.clause,
                    severity=finding.severity,
                    rationale=finding.rationale,
                    span=finding.span,
                )
                for finding in findings
            ),
            escalations=tuple(self._escalations(findings)),
            not_assessed=gaps,
        )

    def _escalations(self, findings: Iterable[Finding]) -> Iterator[EscalationSignal]:
        seen: set[str] = set()
        for finding in findings:
            grave = finding.severity >= ESCALATES
            if (
                grave
                and finding.score >= self._thresholds.escalation
                and finding.clause not in seen
            ):
                seen.add(finding.clause)
                yield EscalationSignal(
                    clause=finding.clause,
                    tier=CLAUSES[finding.clause].tier,
                    rationale=finding.rationale,
                )


def _markers(case: Case) -> frozenset[str]:
    return frozenset(
        hit.pattern.removeprefix(MARKER) for hit in case.hits if hit.pattern.startswith(MARKER)
    )


def _milder(severity: Grade) -> Grade:
    return 2 if severity == 3 else 1  # the scale is 1, 2, 3


def _confidence(findings: tuple[Finding, ...], english: bool) -> float:  # noqa: FBT001 # internal
    if not english:
        return CONFIDENCE_FOREIGN
    if not findings:
        return CONFIDENCE_SILENT
    return CONFIDENCE_LOWERED if any(row.lowered for row in findings) else CONFIDENCE_FOUND


def _justification(findings: tuple[Finding, ...], leaning: Leaning) -> str:
    if not findings:
        signs = f" Weak signs: {', '.join(leaning.signs)}." if leaning.score else ""
        return f"No rule found anything to object to; rules miss what is only implied.{signs}"
    best: dict[str, Finding] = {}
    for finding in findings:
        if finding.clause not in best or finding.score > best[finding.clause].score:
            best[finding.clause] = finding
    return "; ".join(
        f"{clause} ({CLAUSES[clause].title}): severity {row.severity}, score {row.score:.2f}, "
        f"by rule {row.key}"
        for clause, row in best.items()
    )
