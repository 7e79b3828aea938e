"""The typed events of a judgement in progress, in the order in which they can occur.

Everything before `DecisionMade` is provisional: it may be shown, and nothing may act on it.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from attrs import frozen

from eleanor_core.model.assessment import Assessment
from eleanor_core.model.critics import Abstention, CriticOutcome
from eleanor_core.model.precedent import PrecedentAlignment
from eleanor_core.model.signals import DetectorResult
from eleanor_core.model.uncertainty import UncertaintyAnalysis


@frozen(kw_only=True)
class CaseAccepted:
    """The case passed validation. From here on it gets a record whatever happens."""

    type: ClassVar[str] = "accepted"
    provisional: ClassVar[bool] = True
    trace_id: str


@frozen(kw_only=True)
class TextScanned:
    """The text was read in `views`; `undecoded` says what was not."""

    type: ClassVar[str] = "scanned"
    provisional: ClassVar[bool] = True
    trace_id: str
    views: tuple[str, ...]
    undecoded: tuple[str, ...] = ()


@frozen(kw_only=True)
class DetectorReported:
    """One detector testified or abstained."""

    type: ClassVar[str] = "detector"
    provisional: ClassVar[bool] = True
    trace_id: str
    name: str
    outcome: DetectorResult | Abstention


@frozen(kw_only=True)
class CriticReported:
    """One critic judged or abstained."""

    type: ClassVar[str] = "critic"
    provisional: ClassVar[bool] = True
    trace_id: str
    name: str
    outcome: CriticOutcome


@frozen(kw_only=True)
class PrecedentRecalled:
    """Like cases were looked up."""

    type: ClassVar[str] = "precedent"
    provisional: ClassVar[bool] = True
    trace_id: str
    outcome: PrecedentAlignment | Abstention


@frozen(kw_only=True)
class UncertaintyAnalysed:
    """The panel's reliability on this case was estimated."""

    type: ClassVar[str] = "uncertainty"
    provisional: ClassVar[bool] = True
    trace_id: str
    outcome: UncertaintyAnalysis | Abstention


@frozen(kw_only=True)
class DecisionMade:
    """The last event. Its record is durable; `assessment` is what `run` returns."""

    type: ClassVar[str] = "decision"
    provisional: ClassVar[bool] = False
    trace_id: str
    assessment: Assessment


Event: TypeAlias = (
    CaseAccepted
    | TextScanned
    | DetectorReported
    | CriticReported
    | PrecedentRecalled
    | UncertaintyAnalysed
    | DecisionMade
)
