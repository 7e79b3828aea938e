"""An attack on a model as a reason to judge no further, where policy has it so."""

from __future__ import annotations

from collections.abc import Mapping

from eleanor_core.errors import InjectionRefused
from eleanor_core.model import Abstention, DetectorResult
from eleanor_core.settings.model import Policy


def refuse_injection(testimony: Mapping[str, DetectorResult | Abstention], policy: Policy) -> None:
    """Raise InjectionRefused if policy refuses and the detector of that name is sure enough.

    A detector that failed refuses nothing: its fault asks for a human, as any does.
    """
    said = testimony.get("injection")
    if (
        policy.injection == "refuse"
        and isinstance(said, DetectorResult)
        and said.score >= policy.injection_threshold
    ):
        raise InjectionRefused(said.score, policy.injection_threshold)
