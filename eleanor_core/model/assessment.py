"""The whole result of judging one case: what `run` returns and what the wire carries."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from eleanor_core.model import _notebook
from eleanor_core.model.critics import Abstention, CriticOutcome
from eleanor_core.model.decision import (
    Constraint,
    DecisionValue,
    Dissent,
    Escalation,
    Gate,
)
from eleanor_core.model.evidence import EvidenceRef
from eleanor_core.model.json import EMPTY_MAP, FrozenMap
from eleanor_core.model.precedent import PrecedentAlignment
from eleanor_core.model.signals import DetectorResult
from eleanor_core.model.uncertainty import UncertaintyAnalysis


@frozen(kw_only=True)
class Assessment:
    """A judgement, complete. Its JSON form is the published schema (`result.schema.json`).

    `critics` and `detectors` are read-only mappings from name to outcome, sorted by name.
    `evidence` is None only where no record could be made durable; the gate is closed then.
    `timings_ms`: wall milliseconds per stage and `total`.
    """

    trace_id: str
    decision: DecisionValue
    summary: str
    gate: Gate
    constraints: tuple[Constraint, ...]
    critics: Mapping[str, CriticOutcome] = field(repr=False)
    detectors: Mapping[str, DetectorResult | Abstention] = field(repr=False)
    dissent: tuple[Dissent, ...]
    escalations: tuple[Escalation, ...]
    precedent: PrecedentAlignment | Abstention
    uncertainty: UncertaintyAnalysis | Abstention
    evidence: EvidenceRef | None = None
    sampled: bool = False
    timings_ms: FrozenMap = EMPTY_MAP

    def _repr_html_(self) -> str:
        """Return it as HTML, for notebooks."""
        return _notebook.html(self)


def completed(assessment: Assessment, evidence: EvidenceRef, timings_ms: FrozenMap) -> Assessment:
    """Complete an assessment with what its record says, and return it.

    In place, for whoever made it and has shown it to nobody yet: a copy takes twenty times as long.
    """
    put = object.__setattr__.__get__(assessment)
    put("evidence", evidence)
    put("timings_ms", timings_ms)
    return assessment
