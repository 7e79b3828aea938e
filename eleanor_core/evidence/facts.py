"""What of a judgement goes into the leaf: numbers, codes and names, never anybody's words.

The words (the case, the critics' reasons) go into the payload, which can be erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from attrs import define

from eleanor_core.evidence.canonical import Writable, Written, member_order, written
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
_NOWHERE: Final = Provenance(plugin="", dist="", version="")


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
class CaseWords:
    """What the payload holds of the case: all of it, masked."""

    kind: CaseKind
    text: str
    context: object


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
    critics: Written
    detectors: Written


def assessment_facts(assessment: Assessment, case: CaseFacts) -> AssessmentFacts:
    """Return the facts of a finished judgement."""
    escalations = [
        {"critic": item.critic, "clause": item.clause, "tier": item.tier}
        for item in assessment.escalations
    ]
    # By position: to make a value of attrs by its fields' names takes twice as long.
    return AssessmentFacts(
        case,
        assessment.decision,
        assessment.gate,
        escalations,
        [item.critic for item in assessment.dissent],
        assessment.sampled,
        stage_facts(assessment.precedent),
        stage_facts(assessment.uncertainty),
        voices_facts(assessment.critics),
        voices_facts(assessment.detectors),
    )


def voices_facts(outcomes: Mapping[str, CriticOutcome | DetectorResult]) -> Written:
    """Return the facts of what voices said, by their names. Most were written before."""
    members = [_member(name, outcomes[name]) for name in _in_order(tuple(outcomes))]
    return Written(f"{{{','.join(members)}}}")


@lru_cache(maxsize=64)
def _in_order(voices: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(voices, key=member_order))


def _member(name: str, outcome: CriticOutcome | DetectorResult) -> str:
    """Return the facts of one voice's outcome under its name, with where the voice came from."""
    # The core stamps it on every outcome.
    source = outcome.provenance or _NOWHERE
    if isinstance(outcome, CriticResult):
        if not (outcome.violations or outcome.not_assessed):
            return _silent_critic(
                name, outcome.score, outcome.confidence, source.dist, source.version
            )
        return _written(
            name,
            CriticFacts(
                outcome.score,
                outcome.severity,
                outcome.confidence,
                clauses=tuple([item.clause for item in outcome.violations]),
                gaps=tuple([gap.reason for gap in outcome.not_assessed]),
                dist=_dist(source.dist, source.version),
            ),
        )
    if isinstance(outcome, Abstention):
        dist = _dist(source.dist, source.version)
        return _written(name, FaultFacts(outcome.reason, outcome.score, dist))
    if not (outcome.signals or outcome.not_assessed):
        return _silent_detector(name, outcome.score, source.dist, source.version)
    return _written(
        name,
        DetectorFacts(
            outcome.score,
            categories=tuple([signal.category for signal in outcome.signals]),
            gaps=tuple([gap.reason for gap in outcome.not_assessed]),
            dist=_dist(source.dist, source.version),
        ),
    )


# Who finds nothing says so with the same few figures, case after case. What is kept are numbers and
# the names of a voice and its dist, and no word of anybody.
@lru_cache(maxsize=1024)
def _silent_critic(name: str, score: float, confidence: float, dist: str, version: str) -> str:
    return _written(name, CriticFacts(score, 0, confidence, (), (), _dist(dist, version)))


@lru_cache(maxsize=1024)
def _silent_detector(name: str, score: float, dist: str, version: str) -> str:
    return _written(name, DetectorFacts(score, (), (), _dist(dist, version)))


def _written(name: str, facts: CriticFacts | DetectorFacts | FaultFacts) -> str:
    return f"{written(name).text}:{written(facts).text}"


def _dist(dist: str, version: str) -> str:
    return f"{dist} {version}".strip()


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
