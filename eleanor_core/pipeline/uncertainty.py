"""How far the panel can be trusted on this case: what is missing, and what could go either way.

Critics look at different values, so what divides two critics is dissent and not uncertainty: no
mean, share or variance over the panel is taken here. Each part is a maximum or a noisy-or, so one
more critic, detector, violation, gap or fault can only raise it. Nothing is calibrated on cases:
the weights are set by hand, stand below, and every part is shown beside the result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final

from eleanor_core.model import (
    Abstention,
    CriticOutcome,
    CriticResult,
    DetectorResult,
    EscalationSignal,
    FrozenMap,
    Gap,
    PrecedentAlignment,
    UncertaintyAnalysis,
)
from eleanor_core.pipeline.aggregate import EVEN
from eleanor_core.pipeline.impact import Impact
from eleanor_core.settings.model import Policy, UncertaintySettings

GAP: Final = 0.10
"""What one gap adds to the missing coverage."""
FAULT: Final = 0.40
"""What one lost voice adds to the missing coverage."""
DOUBT: Final = 0.50
"""Weight of a critic's doubt in its own objection."""
NOVELTY: Final = 0.30
"""Weight of having no like case, where impact is high."""
ALEATORIC: Final = 0.50
"""Weight of what could go either way in the overall value."""

_SAID: Final = {
    "doubt": "A critic that found something doubts its own score",
    "ambiguity": "A critic that found something could have scored either way",
    "conflict": "Like cases were decided differently",
    "novelty": "Little or nothing like it was decided before, and impact is high",
}
"""What a part means, in words for a reader."""
_SURE: Final = UncertaintyAnalysis(
    parts=FrozenMap({"gaps": 0, "faults": 0, "coverage": 0.0, **dict.fromkeys(_SAID, 0.0)})
)
"""What the formula gives where nothing is missing and nothing was found: most cases."""


def analyse(
    critics: Mapping[str, CriticOutcome],
    detectors: Mapping[str, DetectorResult | Abstention],
    precedent: PrecedentAlignment | Abstention,
    *,
    domain: str,
    impact: Impact,
    policy: Policy,
    settings: UncertaintySettings,
    undecoded: tuple[str, ...],
) -> UncertaintyAnalysis:
    """Return the uncertainty of a judgement, and what it escalates in its own name.

        coverage  = 1 - (1 - GAP)^gaps * (1 - FAULT)^faults
        doubt     = max(1 - confidence)    over results that found something
        ambiguity = max(H(score))          over results that found something; H: entropy in bits
        conflict  = that of the like cases
        novelty   = that of the case, where impact is high, else 0
        epistemic = coverage or DOUBT * doubt or NOVELTY * novelty
        aleatoric = max(ambiguity, conflict)
        overall   = epistemic or ALEATORIC * aleatoric

    A result found something if it has a violation, or a score from EVEN on. `ambiguity` is how far
    a critic's own evidence is at odds: where its score is the share of its samples or layers that
    object, H is the entropy of their vote. What a critic that found nothing is unsure of is a gap,
    and counts as one.

    `a or b` is the noisy-or 1 - (1 - a)(1 - b) (Pearl, Probabilistic Reasoning in Intelligent
    Systems, 1988, section 4.3). The split into what more knowledge would settle (epistemic) and
    what it would not (aleatoric) is that of Der Kiureghian and Ditlevsen (2009).

    Gaps are the voices' `not_assessed`, and `undecoded`: what the scan left out, as "VIEW: why". A
    recall that failed found no like case, so its novelty is 1: losing the store is never better
    than finding it empty.

    Escalates U1 for gaps (where impact is high, or always if the policy says so), U2 for high
    uncertainty under high impact, U3 outside the validated domains. That a voice was lost is
    escalated by the fault itself.
    """
    outcomes = _lacking(critics, detectors)
    gaps = _gaps(outcomes, undecoded)
    faults = _faults(outcomes, precedent)
    finding = _finding(critics)
    conflict = precedent.conflict if isinstance(precedent, PrecedentAlignment) else 0.0
    outside = domain not in policy.validated_domains
    if not (gaps or faults or finding or conflict or outside or impact.high):
        return _SURE
    parts = {
        "coverage": 1.0 - (1.0 - GAP) ** len(gaps) * (1.0 - FAULT) ** len(faults),
        "doubt": max([1.0 - result.confidence for result in finding], default=0.0),
        "ambiguity": max([binary_entropy(result.score) for result in finding], default=0.0),
        "conflict": conflict,
        "novelty": _novelty(precedent, impact),
    }
    epistemic = _noisy_or(parts["coverage"], DOUBT * parts["doubt"], NOVELTY * parts["novelty"])
    aleatoric = max(parts["ambiguity"], parts["conflict"])
    overall = _noisy_or(epistemic, ALEATORIC * aleatoric)
    return UncertaintyAnalysis(
        overall=overall,
        epistemic=epistemic,
        aleatoric=aleatoric,
        reasons=tuple(_reasons(gaps, faults, parts, domain if outside else None)),
        parts=FrozenMap({"gaps": len(gaps), "faults": len(faults), **parts}),
        escalations=(
            *_missing(gaps, always=impact.high or policy.gaps == "escalate"),
            *_uncertain(overall, impact, settings),
            *_unknown_domain(domain, outside=outside),
        ),
    )


def binary_entropy(share: float) -> float:
    """Return the entropy in bits of a yes with probability `share` in [0, 1]: 0 if it is sure."""
    if not 0.0 < share < 1.0:
        return 0.0
    rest = 1.0 - share
    return min(1.0, -(share * math.log2(share) + rest * math.log2(rest)))


def _noisy_or(*causes: float) -> float:
    return 1.0 - math.prod(1.0 - cause for cause in causes)


def _lacking(
    critics: Mapping[str, CriticOutcome], detectors: Mapping[str, DetectorResult | Abstention]
) -> list[tuple[str, CriticOutcome | DetectorResult]]:
    """Return every outcome with a gap, and every fault, with its voice.

    Sorted: the order of the panel does not count.
    """
    lacking: list[tuple[str, CriticOutcome | DetectorResult]] = []
    for name, outcome in critics.items():
        if isinstance(outcome, Abstention) or outcome.not_assessed:
            lacking.append((name, outcome))
    for name, testimony in detectors.items():
        if isinstance(testimony, Abstention) or testimony.not_assessed:
            lacking.append((f"detector:{name}", testimony))
    lacking.sort(key=itemgetter(0))
    return lacking


def _gaps(
    outcomes: list[tuple[str, CriticOutcome | DetectorResult]], undecoded: tuple[str, ...]
) -> list[tuple[str, Gap]]:
    """Return each gap with the name of its voice."""
    gaps: list[tuple[str, Gap]] = []
    for voice, outcome in outcomes:
        if not isinstance(outcome, Abstention):
            gaps += [(voice, gap) for gap in outcome.not_assessed]
    for part in undecoded:
        view, _, why = part.partition(": ")
        concern = f"the {view} view" if view else "a view"
        gaps.append(("scan", Gap(concern=concern, reason=why or "not decoded")))
    return gaps


def _faults(
    outcomes: list[tuple[str, CriticOutcome | DetectorResult]],
    precedent: PrecedentAlignment | Abstention,
) -> list[tuple[str, Abstention]]:
    """Return each fault with the name of its voice."""
    faults: list[tuple[str, Abstention]] = []
    for voice, outcome in outcomes:
        if isinstance(outcome, Abstention):
            faults.append((voice, outcome))
    if isinstance(precedent, Abstention):
        faults.append(("recall", precedent))
    return faults


def _finding(critics: Mapping[str, CriticOutcome]) -> list[CriticResult]:
    """Return the results that found something."""
    return [
        outcome
        for outcome in critics.values()
        if isinstance(outcome, CriticResult) and (outcome.severity or outcome.score >= EVEN)
    ]


def _novelty(precedent: PrecedentAlignment | Abstention, impact: Impact) -> float:
    if not impact.high:
        return 0.0
    return 1.0 if isinstance(precedent, Abstention) else precedent.novelty


def _reasons(
    gaps: Sequence[tuple[str, Gap]],
    faults: Sequence[tuple[str, Abstention]],
    parts: Mapping[str, float],
    outside: str | None,
) -> Iterator[str]:
    yield from (f"{voice} did not assess {gap.concern}: {gap.reason}." for voice, gap in gaps)
    yield from (f"{voice} gave no usable answer: {fault.reason}." for voice, fault in faults)
    for part, said in _SAID.items():
        if parts[part] > 0.0:
            yield f"{said} ({parts[part]:.2f})."
    if outside is not None:
        yield f"The panel was not validated in the domain {outside!r}."


def _missing(gaps: Sequence[tuple[str, Gap]], *, always: bool) -> Iterator[EscalationSignal]:
    if gaps and always:
        listed = "; ".join(f"{voice}: {gap.concern} ({gap.reason})" for voice, gap in gaps)
        yield EscalationSignal(clause="U1", tier=2, rationale=f"not assessed: {listed}")


def _uncertain(
    overall: float, impact: Impact, settings: UncertaintySettings
) -> Iterator[EscalationSignal]:
    if impact.high and overall >= settings.high:
        grounds = "; ".join(impact.reasons)
        said = f"uncertainty {overall:.2f} is high (from {settings.high:.2f}), and so is impact"
        yield EscalationSignal(clause="U2", tier=3, rationale=f"{said}: {grounds}")


def _unknown_domain(domain: str, *, outside: bool) -> Iterator[EscalationSignal]:
    if outside:
        said = f"the panel was not validated in the domain {domain!r}"
        yield EscalationSignal(clause="U3", tier=3, rationale=said)
