"""How much is at stake in a case: the one question on which several escalations turn.

Impact is high or it is not. Nothing that a voice says can make it lower: every rule here only adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from attrs import frozen

from eleanor_core.api import Thresholds
from eleanor_core.errors import quoted
from eleanor_core.model import CaseKind, CriticOutcome, CriticResult, JsonValue
from eleanor_core.pipeline.aggregate import objects
from eleanor_core.settings.model import Policy

_DEFAULT: Final = Thresholds()
_NOT_HIGH: Final = ("", "none", "low", "medium", "moderate")


@frozen(kw_only=True)
class Impact:
    """Whether impact is high. `reasons`: every ground for it, in words; empty if it is not."""

    high: bool = False
    reasons: tuple[str, ...] = ()


_NOT_AT_STAKE: Final = Impact()


def impact(
    case_kind: CaseKind,
    context: Mapping[str, JsonValue],
    domain: str,
    critics: Mapping[str, CriticOutcome],
    thresholds: Mapping[str, Thresholds],
    policy: Policy,
) -> Impact:
    """Return the impact of a case, with its grounds.

    It is high if a critic objects with severity 3, if the context states an `impact` other than
    none, low, medium or moderate (what nobody can read may be a word for high), if the domain is
    one of the policy's, or if the case is an action whose context does not say `reversible: true`.
    A critic without an entry in `thresholds` has the default ones.
    """
    reasons = (
        *_grave(critics, thresholds),
        *_stated(case_kind, context),
        *_of_domain(domain, policy),
    )
    return Impact(high=True, reasons=reasons) if reasons else _NOT_AT_STAKE


def _grave(critics: Mapping[str, CriticOutcome], thresholds: Mapping[str, Thresholds]) -> list[str]:
    grounds: list[str] = []
    for name in sorted(critics):
        outcome = critics[name]
        if (
            isinstance(outcome, CriticResult)
            and outcome.severity == 3
            and objects(outcome, thresholds.get(name, _DEFAULT))
        ):
            grounds.append(f"{name} objects with severity 3")
    return grounds


def _stated(case_kind: CaseKind, context: Mapping[str, JsonValue]) -> list[str]:
    grounds: list[str] = []
    said = context.get("impact")
    word = said.strip().casefold() if isinstance(said, str) else said
    if word == "high":
        grounds.append("the context says that impact is high")
    elif word is not None and word not in _NOT_HIGH:
        words = quoted(said, 40)
        grounds.append(f"the context says that impact is {words}, which is no level below high")
    if case_kind == "action" and context.get("reversible") is not True:
        grounds.append("the case is an action that is not declared reversible")
    return grounds


def _of_domain(domain: str, policy: Policy) -> list[str]:
    # However it is capitalised; `validated_domains` is compared to the letter: both err to caution.
    if domain.strip().casefold() in _casefolded(policy.high_impact_domains):
        return [f"the domain {domain!r} is one of high impact"]
    return []


@lru_cache(maxsize=16)
def _casefolded(domains: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(str.casefold, domains))
