"""What a critic returns, and what stands in its place when it could not."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import Factory, field, frozen

from eleanor_core.errors import quoted
from eleanor_core.model import _checks as check
from eleanor_core.model import _notebook
from eleanor_core.model.clauses import CLAUSES, Tier
from eleanor_core.model.made import quick
from eleanor_core.model.provenance import Gap, Provenance
from eleanor_core.model.signals import Severity

Principle: TypeAlias = Literal["rights", "autonomy", "fairness", "truth", "risk", "pragmatics"]
PRINCIPLES: tuple[Principle, ...] = (
    "rights",
    "autonomy",
    "fairness",
    "truth",
    "risk",
    "pragmatics",
)
"""In order: a lower value never offsets a higher one."""

AbstentionReason: TypeAlias = Literal[
    "raised", "deadline", "late", "malformed", "broken", "overload"
]
ABSTENTION_REASONS: tuple[AbstentionReason, ...] = (
    "raised",
    "deadline",
    "late",
    "malformed",
    "broken",
    "overload",
)


@quick
@frozen(kw_only=True)
class CriticViolation:
    """One clause that the critic finds violated, with the words that say why."""

    clause: str = field(validator=check.clause)
    severity: Severity = field(validator=check.one_of(1, 2, 3))
    rationale: str = field(validator=check.words)
    span: tuple[int, int] | None = field(default=None, validator=check.span)


@quick
@frozen(kw_only=True)
class EscalationSignal:
    """A demand for a human. `tier` is the registry's for `clause`; another is malformed."""

    clause: str = field(validator=check.clause)
    tier: Tier = field(validator=check.one_of(2, 3))
    rationale: str = field(validator=check.words)

    def __attrs_post_init__(self) -> None:
        expected = CLAUSES[self.clause].tier
        if self.tier != expected:
            raise ValueError(f"clause {self.clause} is tier {expected}, not {self.tier}")


def _gravest(result: CriticResult) -> Severity:
    if not result.violations:
        return 0
    return max(violation.severity for violation in result.violations)


@check.plainly("type({0}) is int and not {0} and not self.violations")
def _is_gravest(result: CriticResult, _: object, severity: Severity) -> None:
    gravest = _gravest(result)
    if type(severity) is not type(gravest) or severity != gravest:
        said = quoted(severity, 80)
        raise ValueError(f"severity must be that of the gravest violation ({gravest}), got {said}")


@quick
@frozen(kw_only=True)
class CriticResult:
    """A critic's judgement of one case.

    `score` in [0, 1]: calibrated probability that a careful reader would object. `severity`: the
    magnitude of the gravest violation, 0 if there is none; it may be left out. `confidence` in
    [0, 1]: trust in `score`. The three are never derived from one another.
    """

    critic: str = field(validator=check.words)
    score: float = field(validator=check.unit)
    confidence: float = field(validator=check.unit)
    justification: str = field(default="", validator=check.text)
    violations: tuple[CriticViolation, ...] = field(
        default=(), validator=check.tuple_of(CriticViolation)
    )
    escalations: tuple[EscalationSignal, ...] = field(
        default=(), validator=check.tuple_of(EscalationSignal)
    )
    not_assessed: tuple[Gap, ...] = field(default=(), validator=check.tuple_of(Gap))
    severity: Severity = field(default=Factory(_gravest, takes_self=True), validator=_is_gravest)
    provenance: Provenance | None = None

    def _repr_html_(self) -> str:
        """Return it as HTML, for notebooks."""
        return _notebook.html(self)


@quick
@frozen(kw_only=True)
class Abstention:
    """A fault: the voice was asked and gave no usable answer. Only the core makes one.

    A fault is never "no objection": it escalates U1 (tier 2) in the voice's own name.
    `score` is the voice's cheap estimate, else 0.5; no decision rule reads it.
    """

    voice: str = field(validator=check.words)
    reason: AbstentionReason = field(validator=check.one_of(*ABSTENTION_REASONS))
    detail: str = field(default="", validator=check.text)
    score: float = field(default=0.5, validator=check.unit)
    provenance: Provenance | None = None

    @property
    def escalations(self) -> tuple[EscalationSignal, ...]:
        """The one escalation that every fault carries."""
        said = f"no usable answer from {self.voice}: {self.reason}"
        rationale = f"{said} ({self.detail})" if self.detail else said
        return (EscalationSignal(clause="U1", tier=2, rationale=rationale),)

    def _repr_html_(self) -> str:
        """Return it as HTML, for notebooks."""
        return _notebook.html(self)


CriticOutcome: TypeAlias = CriticResult | Abstention
