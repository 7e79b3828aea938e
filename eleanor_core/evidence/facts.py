"""What of a judgement goes into the leaf: numbers, codes and names, never anybody's words.

The words (the case, the critics' reasons) go into the payload, which can be erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from attrs import define

from eleanor_core.evidence.canonical import Writable, Written, written
from eleanor_core.model import (
    Abstention,
    AbstentionReason,
    Assessment,
    CaseKind,
    CriticOutcome,
    CriticResult,
    DecisionValue,
    DetectorResult,
    Gate,
    PrecedentAlignment,
    Provenance,
    Severity,
    UncertaintyAnalysis,
)

Facts: TypeAlias = dict[str, Writable]


@define
class CriticFacts:
    """What the leaf says of a critic's result. `clauses` are those of its violations."""

    score: float
    severity: Severity
    confidence: float
    clauses: tuple[str, ...]
    gaps: tuple[str, ...]
    dist: str
    status: str = "ok"


@define
class DetectorFacts:
    """What the leaf says of a detector's testimony. `categories` are those of its signals."""

    score: float
    categories: tuple[str, ...]
    gaps: tuple[str, ...]
    dist: str
    status: str = "ok"


@define
class FaultFacts:
    """What the leaf says of a voice that gave no usable answer."""

    reason: AbstentionReason
    score: float
    dist: str
    status: str = "abstained"


@define
class CaseFacts:
    """What the leaf says of the case: its kind, how long its text is, and a digest of it."""

    kind: CaseKind
    characters: int
    digest: str


@define
class AssessmentFacts:
    """What the leaf says of a finished judgement."""

    case: CaseFacts
    decision: DecisionValue
    gate: Gate
    escalations: Sequence[Mapping[str, object]]
    dissent: Sequence[str]
    sampled: bool
    precedent: Mapping[str, object] | Written
    uncertainty: Mapping[str, object] | Written
    critics: Mapping[str, object]
    detectors: Mapping[str, object]


def assessment_facts(assessment: Assessment, case: CaseFacts) -> AssessmentFacts:
    """Return the facts of a finished judgement."""
    return AssessmentFacts(
        case,
        assessment.decision,
        assessment.gate,
        escalations=[
            {"critic": item.critic, "clause": item.clause, "tier": item.tier}
            for item in assessment.escalations
        ],
        dissent=[item.critic for item in assessment.dissent],
        sampled=assessment.sampled,
        precedent=stage_facts(assessment.precedent),
        uncertainty=stage_facts(assessment.uncertainty),
        critics=voices_facts(assessment.critics),
        detectors=voices_facts(assessment.detectors),
    )


def voices_facts(outcomes: Mapping[str, CriticOutcome | DetectorResult]) -> Facts:
    """Return the facts of what voices said, by their names."""
    return {name: outcome_facts(outcome) for name, outcome in outcomes.items()}


def outcome_facts(
    outcome: CriticOutcome | DetectorResult,
) -> CriticFacts | DetectorFacts | FaultFacts | Written:
    """Return the facts of one voice's outcome, with where the voice came from."""
    if isinstance(outcome, CriticResult):
        if not (outcome.violations or outcome.not_assessed):
            return _silent_critic(outcome.score, outcome.confidence, outcome.provenance)
        return CriticFacts(
            outcome.score,
            outcome.severity,
            outcome.confidence,
            clauses=tuple([item.clause for item in outcome.violations]),
            gaps=tuple([gap.reason for gap in outcome.not_assessed]),
            dist=_dist(outcome.provenance),
        )
    if isinstance(outcome, Abstention):
        return FaultFacts(outcome.reason, outcome.score, _dist(outcome.provenance))
    if not (outcome.signals or outcome.not_assessed):
        return _silent_detector(outcome.score, outcome.provenance)
    return DetectorFacts(
        outcome.score,
        categories=tuple([signal.category for signal in outcome.signals]),
        gaps=tuple([gap.reason for gap in outcome.not_assessed]),
        dist=_dist(outcome.provenance),
    )


# Who finds nothing says so with the same few figures, case after case. What is kept are numbers and
# the name of a dist, and no word of anybody.
@lru_cache(maxsize=256)
def _silent_critic(score: float, confidence: float, provenance: Provenance | None) -> Written:
    return written(CriticFacts(score, 0, confidence, (), (), _dist(provenance)))


@lru_cache(maxsize=256)
def _silent_detector(score: float, provenance: Provenance | None) -> Written:
    return written(DetectorFacts(score, (), (), _dist(provenance)))


def _dist(provenance: Provenance | None) -> str:
    # The core stamps it on every outcome.
    return f"{provenance.dist} {provenance.version}" if provenance else ""


def stage_facts(
    outcome: PrecedentAlignment | UncertaintyAnalysis | Abstention,
) -> Facts | Written:
    """Return the facts of recall or of uncertainty."""
    if isinstance(outcome, Abstention):
        return {"status": "abstained", "reason": outcome.reason}
    if isinstance(outcome, UncertaintyAnalysis):
        return _uncertainty_facts(outcome.overall, outcome.epistemic, outcome.aleatoric)
    if not outcome.cases:
        return _unprecedented_facts(outcome.alignment, outcome.conflict, outcome.novelty)
    return {
        "status": "ok",
        "alignment": outcome.alignment,
        "conflict": outcome.conflict,
        "novelty": outcome.novelty,
        "cases": [f"{match.case.id}@{match.case.version}" for match in outcome.cases],
    }


@lru_cache(maxsize=256)
def _uncertainty_facts(overall: float, epistemic: float, aleatoric: float) -> Written:
    return written(
        {"status": "ok", "overall": overall, "epistemic": epistemic, "aleatoric": aleatoric}
    )


@lru_cache(maxsize=256)
def _unprecedented_facts(alignment: float, conflict: float, novelty: float) -> Written:
    figures = {"alignment": alignment, "conflict": conflict, "novelty": novelty}
    return written({"status": "ok", **figures, "cases": []})
