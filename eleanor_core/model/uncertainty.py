"""How far the panel can be trusted on this case."""

from __future__ import annotations

from attrs import field, frozen

from eleanor_core.model import _checks as check
from eleanor_core.model.critics import EscalationSignal
from eleanor_core.model.json import EMPTY_MAP, FrozenMap
from eleanor_core.model.made import quick
from eleanor_core.model.provenance import Provenance


@quick
@frozen(kw_only=True)
class UncertaintyAnalysis:
    """`overall`, `epistemic`, `aleatoric` in [0, 1].

    `parts` holds each part of the formula by name, `reasons` says in words what raised it. It may
    add caution through `escalations`.
    """

    overall: float = field(default=0.0, validator=check.unit)
    epistemic: float = field(default=0.0, validator=check.unit)
    aleatoric: float = field(default=0.0, validator=check.unit)
    reasons: tuple[str, ...] = ()
    parts: FrozenMap = EMPTY_MAP
    escalations: tuple[EscalationSignal, ...] = ()
    provenance: Provenance | None = None
