"""Decided cases, and how the case at hand compares with them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen
from attrs.validators import deep_iterable, ge, instance_of

from eleanor_core.model import _checks as check
from eleanor_core.model.critics import EscalationSignal
from eleanor_core.model.decision import DecisionValue
from eleanor_core.model.provenance import Provenance

Authority: TypeAlias = Literal["adjudicated", "machine", "example"]
"""Who decided: people after a review, the machine alone, or nobody (a written example)."""


@frozen(kw_only=True)
class PrecedentCase:
    """One decided case. A change makes a new `version` under the same id, never an edit."""

    id: str = field(validator=check.words)
    text: str = field(validator=check.words, repr=False)
    outcome: DecisionValue = field(validator=check.one_of("allow", "constrain", "review", "deny"))
    reason: str = field(default="", validator=check.text)
    clauses: tuple[str, ...] = field(default=(), validator=deep_iterable(check.clause))
    domain: str = field(default="general", validator=check.words)
    authority: Authority = field(
        default="adjudicated", validator=check.one_of("adjudicated", "machine", "example")
    )
    version: int = field(default=1, validator=[instance_of(int), ge(1)])


@frozen(kw_only=True)
class PrecedentMatch:
    """A like case. `similarity`: cosine of the two embeddings, clipped to [0, 1]."""

    case: PrecedentCase
    similarity: float = field(validator=check.unit)


@frozen(kw_only=True)
class PrecedentAlignment:
    """How like cases were decided, seen beside this panel.

    `alignment` in [-1, 1]: 1 = every like case was handled with the caution that this panel shows,
    -1 = every one of them otherwise, 0 = none was found. `conflict` in [0, 1]: entropy (base 2) of
    cautious against permissive outcomes among the like cases. `novel`: no like case was found.
    It may add caution through `escalations`; nothing in it removes any.
    """

    alignment: float = 0.0
    conflict: float = field(default=0.0, validator=check.unit)
    novel: bool = True
    novelty: float = field(default=1.0, validator=check.unit)
    cases: tuple[PrecedentMatch, ...] = ()
    escalations: tuple[EscalationSignal, ...] = ()
    provenance: Provenance | None = None
