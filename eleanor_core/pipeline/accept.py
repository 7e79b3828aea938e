"""What a voice returned, checked and copied: the engine goes on with its own copy.

A result that breaks the contract is a fault. The copy is built anew field by field, so that nobody
else holds a reference to it and every value is validated again, however the first one was made.
"""

from __future__ import annotations

from eleanor_core.model import (
    Case,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    EscalationSignal,
    Gap,
)
from eleanor_core.pipeline.voice import Voice


class MalformedError(Exception):
    """A result that breaks the contract; the message says how."""


def accept_critic(voice: Voice[CriticResult], result: object, case: Case) -> CriticResult:
    """Return the engine's own copy of a critic's result. Raises MalformedError."""
    if type(result) is not CriticResult:
        raise MalformedError(f"returned {type(result).__name__}, not CriticResult")
    if result.critic != voice.name:
        raise MalformedError(f"signed as {result.critic!r:.60}, not as {voice.name!r}")
    try:
        return CriticResult(
            critic=voice.name,
            score=float(result.score),
            confidence=float(result.confidence),
            justification=result.justification,
            violations=tuple(_violation(item, case) for item in result.violations),
            escalations=tuple(
                EscalationSignal(clause=item.clause, tier=item.tier, rationale=item.rationale)
                for item in result.escalations
            ),
            not_assessed=_gaps(result.not_assessed, voice.gaps),
            severity=result.severity,
            provenance=voice.provenance,
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise MalformedError(str(error)) from error


def accept_detector(voice: Voice[DetectorResult], result: object, case: Case) -> DetectorResult:
    """Return the engine's own copy of a detector's testimony. Raises MalformedError."""
    name = voice.name.removeprefix("detector:")
    if type(result) is not DetectorResult:
        raise MalformedError(f"returned {type(result).__name__}, not DetectorResult")
    if result.detector != name:
        raise MalformedError(f"signed as {result.detector!r:.60}, not as {name!r}")
    try:
        return DetectorResult(
            detector=name,
            score=float(result.score),
            signals=tuple(_signal(item, name, case) for item in result.signals),
            not_assessed=_gaps(result.not_assessed, voice.gaps),
            provenance=voice.provenance,
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise MalformedError(str(error)) from error


def _violation(item: CriticViolation, case: Case) -> CriticViolation:
    return CriticViolation(
        clause=item.clause,
        severity=item.severity,
        rationale=item.rationale,
        span=_within(item.span, case),
    )


def _signal(item: DetectorSignal, name: str, case: Case) -> DetectorSignal:
    if item.detector != name:
        raise MalformedError(f"holds a signal of {item.detector!r:.60}")
    return DetectorSignal(
        detector=name,
        category=item.category,
        severity=item.severity,
        span=_within(item.span, case),
        view=item.view,
        note=item.note,
    )


def _gaps(gaps: tuple[Gap, ...], declared: frozenset[str]) -> tuple[Gap, ...]:
    for gap in gaps:
        # A reason that was never declared could be a fault in disguise.
        if gap.reason not in declared:
            raise MalformedError(f"gap reason {gap.reason!r:.60} is not in its declaration")
    return tuple(Gap(concern=gap.concern, reason=gap.reason) for gap in gaps)


def _within(span: tuple[int, int] | None, case: Case) -> tuple[int, int] | None:
    if span is not None and span[1] > len(case.text):
        raise MalformedError(f"span {span} ends beyond the text's {len(case.text)} characters")
    return span
