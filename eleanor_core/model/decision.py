"""What follows from the panel: decision, gate, dissent, and the permission to execute."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen

from eleanor_core.model import _checks as check
from eleanor_core.model.clauses import Tier
from eleanor_core.model.critics import CriticViolation
from eleanor_core.model.made import quick

DecisionValue: TypeAlias = Literal["allow", "constrain", "review", "deny"]
DECISIONS: tuple[DecisionValue, ...] = ("allow", "constrain", "review", "deny")
"""From the most permissive to the least."""

Requirement: TypeAlias = Literal["acknowledgement", "determination", "prohibited", "record"]
"""What opens a closed gate: a human's acknowledgement (tier 2), a human's determination (tier 3),
nothing at all (a prohibited clause), or first of all a durable record (none could be written)."""


@quick
@frozen(kw_only=True)
class Escalation:
    """An escalation with the voice that raised it: a critic, `detector:NAME`, `recall`, ..."""

    critic: str = field(validator=check.words)
    clause: str = field(validator=check.clause)
    tier: Tier = field(validator=check.one_of(2, 3))
    rationale: str = field(validator=check.words)


@quick
@frozen(kw_only=True)
class Dissent:
    """An objection, word for word as its critic put it, whatever the others say."""

    critic: str
    justification: str
    violations: tuple[CriticViolation, ...]


@quick
@frozen(kw_only=True)
class Constraint:
    """What to change before the thing may be said or done. `text` is the critic's own rationale.

    `clause` is None where the critic objects by its score alone and names no violation.
    """

    critic: str
    clause: str | None
    text: str


@quick
@frozen(kw_only=True)
class Gate:
    """Whether anything may run. `tier` is the highest open escalation's, 0 if there is none."""

    open: bool
    tier: Literal[0, 2, 3] = 0
    requires: Requirement | None = None

    def __attrs_post_init__(self) -> None:
        if self.open is (self.requires is not None):
            raise ValueError("a closed gate says what it requires, an open one requires nothing")


@quick
@frozen(kw_only=True)
class Decision:
    """The aggregate: a pure function of the panel, the stages' escalations and the policy."""

    value: DecisionValue
    summary: str
    gate: Gate
    constraints: tuple[Constraint, ...] = ()
    dissent: tuple[Dissent, ...] = ()
    escalations: tuple[Escalation, ...] = ()


@frozen(kw_only=True)
class ExecutableDecision:
    """Permission to carry out one action once, made by the gate alone, for one record of one log.

    - `decision` and `constraints` are the record's; conditions that a reviewer set are among the
      constraints, and all of them bind whoever executes.
    - `case_digest` and `action_digest`, hex: which case was judged, and what may be done with it.
    - `expires`: RFC 3339 UTC; from then on it permits nothing.
    - `seal` is the gate's MAC over the other fields: a decision that anybody else put together, or
      changed, does not verify.
    """

    record_id: str
    leaf_hash: str
    trace_id: str
    decision: DecisionValue
    constraints: tuple[Constraint, ...]
    case_digest: str
    action_digest: str
    expires: str
    seal: str = field(repr=False)
