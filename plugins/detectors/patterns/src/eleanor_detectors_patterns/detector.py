"""What the detectors share: from the hits of a case to signals and a score."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from eleanor_core.api import (
    Case,
    DetectorDeclaration,
    DetectorResult,
    DetectorSignal,
    Gap,
    Hit,
    InlineDetector,
    Pattern,
    PluginSettings,
    Services,
)
from eleanor_detectors_patterns.rules import Rule, RuleBook

Span: TypeAlias = tuple[int, int]
Severity: TypeAlias = Literal[1, 2, 3]

PRIOR: Final = 0.02
"""Score of a text in which nothing was found."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a match is worth. `span` counts code points in the view of the hit."""

    severity: Severity
    score: float
    span: Span


Check: TypeAlias = Callable[[str, Span], Span | None]
"""Looks at a match, given the view's text; returns the span that counts, or None."""
Judge: TypeAlias = Callable[[Rule, Hit, Case], Verdict | None]


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a detector may leave unassessed: the reasons, and which of them a case has."""

    reasons: Mapping[str, str]
    found: Callable[[Case], tuple[Gap, ...]]


def by_checks(checks: Mapping[str, Check]) -> Judge:
    """Return a judge that takes a match as its rule says, after the rule's check."""

    def judge(rule: Rule, hit: Hit, case: Case) -> Verdict | None:
        span: Span | None = hit.view_span
        if rule.check:
            span = checks[rule.check](case.view(hit.view).text, hit.view_span)
        return None if span is None else Verdict(rule.severity, rule.score, span)

    return judge


class RuleDetector:
    """An inline detector. Its score is that of its best signal; nothing lowers it."""

    def __init__(
        self,
        name: str,
        rules: Sequence[Rule],
        judge: Judge,
        gaps: Callable[[Case], tuple[Gap, ...]] | None = None,
    ) -> None:
        self._name = name
        self._rules = {rule.id: rule for rule in rules}
        self._judge = judge
        self._gaps = gaps
        self._quiet = DetectorResult(detector=name, score=PRIOR)

    def __call__(self, case: Case, /) -> DetectorResult:
        """Return a signal for each match that stands."""
        gaps = self._gaps(case) if self._gaps else ()
        if not case.hits and not gaps:
            return self._quiet
        score = PRIOR
        found: list[tuple[Span, DetectorSignal]] = []
        for hit in case.hits:
            rule = self._rules[hit.pattern]
            verdict = self._judge(rule, hit, case)
            if verdict is None:
                continue
            score = max(score, verdict.score)
            span = case.view(hit.view).origin(*verdict.span)
            signal = DetectorSignal(
                detector=self._name,
                category=rule.category,
                severity=verdict.severity,
                span=span,
                view=hit.view,
                note=rule.rationale,
            )
            found.append((span, signal))
        return DetectorResult(
            detector=self._name, score=score, signals=_outermost(found), not_assessed=gaps
        )


def _outermost(found: list[tuple[Span, DetectorSignal]]) -> tuple[DetectorSignal, ...]:
    """Sort by place; leave out what lies in a signal of the same category that is as grave."""
    found.sort(key=lambda pair: (pair[0][0], -pair[0][1], -pair[1].severity, pair[1].category))
    kept: list[DetectorSignal] = []
    widest: dict[str, tuple[int, int]] = {}
    for (_, end), signal in found:
        last, severity = widest.get(signal.category, (-1, 0))
        if end > last or signal.severity > severity:
            kept.append(signal)
        if end > last:
            widest[signal.category] = end, signal.severity
    return tuple(kept)


def declared(
    name: str, book: RuleBook, judge: Judge, summary: str, gaps: Gaps | None = None
) -> DetectorDeclaration:
    """Return the declaration of the detector `name` with the rules of `book`."""
    detector = RuleDetector(name, book.rules, judge, gaps.found if gaps else None)
    reasons = gaps.reasons if gaps else {}
    return declared_reader(name, detector, summary, book.categories, reasons, book.patterns())


def declared_reader(
    name: str,
    detector: InlineDetector,
    summary: str,
    categories: Mapping[str, str],
    gaps: Mapping[str, str],
    patterns: tuple[Pattern, ...] = (),
) -> DetectorDeclaration:
    """Return the declaration of `detector`, which keeps no state and needs no settings."""

    @asynccontextmanager
    async def opened(
        _settings: PluginSettings, _services: Services
    ) -> AsyncIterator[InlineDetector]:
        yield detector

    return DetectorDeclaration(
        name=name,
        factory=opened,
        summary=summary,
        execution="inline",
        thread_safe=True,
        patterns=patterns,
        categories=categories,
        gaps=gaps,
    )
