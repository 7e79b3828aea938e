"""What a voice returned, checked and copied: the engine goes on with its own copy.

A result that breaks the contract is a fault. The copy is built anew field by field, so that nobody
else holds a reference to it and every value is validated again, however the first one was made.
Most results found nothing. Their few values are checked in place here and not by the class, which
would take three times as long. What is not plainly right goes the long way, which says why not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, TypeVarTuple

from eleanor_core.errors import quoted
from eleanor_core.isolation.frames import MalformedError
from eleanor_core.model import (
    Case,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    EscalationSignal,
    Gap,
)
from eleanor_core.model.made import unchecked
from eleanor_core.pipeline.voice import Voice

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_FINDINGS: Final = 5_000
"""Most violations, escalations, signals or gaps of one result."""
MAX_CHARACTERS: Final = 1_000_000
"""Most characters of all words of one result together."""

_own: Final = unchecked(CriticResult)
_own_testimony: Final = unchecked(DetectorResult)
_NONE: Final = ()
"""The one empty tuple that there is; where there were two, results would go the long way."""


def accept_critic(voice: Voice[CriticResult], result: object, case: Case) -> CriticResult:
    """Return the engine's own copy of a critic's result. Raises MalformedError."""
    if type(result) is not CriticResult:
        raise MalformedError(f"returned {type(result).__name__}, not CriticResult")
    if result.critic != voice.name:
        raise MalformedError(f"signed as {quoted(result.critic, 60)}, not as {voice.name!r}")
    try:
        if silent := _silent(voice, result):
            return silent
        own = CriticResult(
            critic=voice.name,
            score=float(result.score),
            confidence=float(result.confidence),
            justification=result.justification,
            violations=_all(result.violations, _violation, case),
            escalations=_all(result.escalations, _escalation),
            not_assessed=_all(result.not_assessed, _gap, voice.gaps),
            severity=result.severity,
            provenance=voice.provenance,
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise MalformedError(str(error)) from error
    _bound(
        own.justification,
        *[item.rationale for item in own.violations],
        *[item.rationale for item in own.escalations],
        *[gap.concern for gap in own.not_assessed],
    )
    return own


def _silent(voice: Voice[CriticResult], result: CriticResult) -> CriticResult | None:
    """Return the copy of a result that found nothing, None of any other."""
    # Each value is read once: what is checked is what is kept, whoever alters the result meanwhile.
    score, confidence, justification = result.score, result.confidence, result.justification
    severity: object = result.severity
    if (
        (result.violations is _NONE and result.escalations is _NONE)
        and result.not_assessed is _NONE
        and (type(severity) is int and severity == 0)
        and (type(score) is float and 0.0 <= score <= 1.0)
        and (type(confidence) is float and 0.0 <= confidence <= 1.0)
        and (type(justification) is str and justification.isascii())
        and len(justification) <= MAX_CHARACTERS
    ):
        return _own(
            critic=voice.name,
            score=score,
            confidence=confidence,
            justification=justification,
            severity=0,
            provenance=voice.provenance,
        )
    return None


def accept_detector(voice: Voice[DetectorResult], result: object, case: Case) -> DetectorResult:
    """Return the engine's own copy of a detector's testimony. Raises MalformedError."""
    name = voice.name.removeprefix("detector:")
    if type(result) is not DetectorResult:
        raise MalformedError(f"returned {type(result).__name__}, not DetectorResult")
    if result.detector != name:
        raise MalformedError(f"signed as {quoted(result.detector, 60)}, not as {name!r}")
    try:
        if quiet := _quiet(voice, name, result):
            return quiet
        own = DetectorResult(
            detector=name,
            score=float(result.score),
            signals=_all(result.signals, _signal, name, voice.categories, case),
            not_assessed=_all(result.not_assessed, _gap, voice.gaps),
            provenance=voice.provenance,
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise MalformedError(str(error)) from error
    notes = [text for item in own.signals for text in (item.note, item.view)]
    _bound(*notes, *[gap.concern for gap in own.not_assessed])
    return own


def _quiet(
    voice: Voice[DetectorResult], name: str, result: DetectorResult
) -> DetectorResult | None:
    """Return the copy of a testimony without a signal, None of any other."""
    # Read once, as in `_silent`.
    score = result.score
    if (
        (result.signals is _NONE and result.not_assessed is _NONE)
        and type(score) is float
        and 0.0 <= score <= 1.0
    ):
        return _own_testimony(detector=name, score=score, provenance=voice.provenance)
    return None


def _bound(*words: str) -> None:
    if (total := sum(map(len, words))) > MAX_CHARACTERS:
        raise MalformedError(f"holds {total} characters of words, the limit is {MAX_CHARACTERS}")


def _all(items: tuple[T, ...], copy: Callable[[T, *Ts], T], *beside: *Ts) -> tuple[T, ...]:
    """Return a copy of each of `items`; `beside` is what it is checked against."""
    if type(items) is not tuple:
        raise MalformedError(f"holds a {type(items).__name__} where a tuple belongs")
    if not items:
        return ()
    if len(items) > MAX_FINDINGS:
        raise MalformedError(
            f"holds {len(items)} findings of one sort, the limit is {MAX_FINDINGS}"
        )
    return tuple([copy(item, *beside) for item in items])


def _escalation(item: EscalationSignal) -> EscalationSignal:
    return EscalationSignal(clause=item.clause, tier=item.tier, rationale=item.rationale)


def _violation(item: CriticViolation, case: Case) -> CriticViolation:
    return CriticViolation(
        clause=item.clause,
        severity=item.severity,
        rationale=item.rationale,
        span=_within(item.span, case),
    )


def _signal(
    item: DetectorSignal, name: str, declared: frozenset[str] | None, case: Case
) -> DetectorSignal:
    if item.detector != name:
        raise MalformedError(f"holds a signal of {quoted(item.detector, 60)}")
    # It goes into the leaf, which nobody can erase: a word made up for this case must not.
    if declared is not None and item.category not in declared:
        raise MalformedError(f"category {quoted(item.category, 60)} is not in its declaration")
    return DetectorSignal(
        detector=name,
        category=item.category,
        severity=item.severity,
        span=_within(item.span, case),
        view=item.view,
        note=item.note,
    )


def _gap(item: Gap, declared: frozenset[str]) -> Gap:
    # A reason that was never declared could be a fault in disguise.
    if item.reason not in declared:
        raise MalformedError(f"gap reason {quoted(item.reason, 60)} is not in its declaration")
    return Gap(concern=item.concern, reason=item.reason)


def _within(span: tuple[int, int] | None, case: Case) -> tuple[int, int] | None:
    if span is not None and span[1] > len(case.text):
        raise MalformedError(f"span {span} ends beyond the text's {len(case.text)} characters")
    return span
