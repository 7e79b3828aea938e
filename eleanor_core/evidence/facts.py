"""What of a judgement goes into the leaf: numbers, codes and names, never anybody's words.

The words (the case, the critics' reasons) go into the payload, which can be erased.
"""

from __future__ import annotations

from collections.abc import Mapping

from eleanor_core.model import (
    Abstention,
    Assessment,
    CriticOutcome,
    CriticResult,
    DetectorResult,
    JsonValue,
    PrecedentAlignment,
    UncertaintyAnalysis,
)

Facts = dict[str, JsonValue]


def assessment_facts(assessment: Assessment) -> Facts:
    """Return the facts of a finished judgement."""
    gate = assessment.gate
    return {
        "decision": assessment.decision,
        "gate": {"open": gate.open, "tier": gate.tier, "requires": gate.requires},
        "escalations": [
            {"critic": item.critic, "clause": item.clause, "tier": item.tier}
            for item in assessment.escalations
        ],
        "dissent": [item.critic for item in assessment.dissent],
        "sampled": assessment.sampled,
        "precedent": stage_facts(assessment.precedent),
        "uncertainty": stage_facts(assessment.uncertainty),
        **voices_facts(assessment.critics, assessment.detectors),
    }


def voices_facts(
    critics: Mapping[str, CriticOutcome],
    detectors: Mapping[str, DetectorResult | Abstention],
) -> Facts:
    """Return the facts of what was heard, also of a judgement that did not finish."""
    return {
        "critics": {name: outcome_facts(outcome) for name, outcome in critics.items()},
        "detectors": {name: outcome_facts(outcome) for name, outcome in detectors.items()},
    }


def outcome_facts(outcome: CriticOutcome | DetectorResult) -> Facts:
    """Return the facts of one voice's outcome, with where the voice came from."""
    facts: Facts
    if isinstance(outcome, Abstention):
        facts = {"status": "abstained", "reason": outcome.reason, "score": outcome.score}
    else:
        facts = {
            "status": "ok",
            "score": outcome.score,
            "gaps": [gap.reason for gap in outcome.not_assessed],
        }
    if isinstance(outcome, CriticResult):
        facts |= {
            "severity": outcome.severity,
            "confidence": outcome.confidence,
            "clauses": [item.clause for item in outcome.violations],
        }
    elif isinstance(outcome, DetectorResult):
        facts["categories"] = [signal.category for signal in outcome.signals]
    if outcome.provenance is not None:
        facts["dist"] = f"{outcome.provenance.dist} {outcome.provenance.version}"
    return facts


def stage_facts(outcome: PrecedentAlignment | UncertaintyAnalysis | Abstention) -> Facts:
    """Return the facts of recall or of uncertainty."""
    if isinstance(outcome, Abstention):
        return {"status": "abstained", "reason": outcome.reason}
    if isinstance(outcome, PrecedentAlignment):
        return {
            "status": "ok",
            "alignment": outcome.alignment,
            "conflict": outcome.conflict,
            "novelty": outcome.novelty,
            "cases": [f"{match.case.id}@{match.case.version}" for match in outcome.cases],
        }
    return {
        "status": "ok",
        "overall": outcome.overall,
        "epistemic": outcome.epistemic,
        "aleatoric": outcome.aleatoric,
    }
