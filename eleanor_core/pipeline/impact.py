"""How much is at stake in a case: the one question on which several escalations turn.

Impact is high or it is not. Nothing that a voice says can make it lower: every rule here only adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def _grave(
    critics: Mapping[str, CriticOutcome], thresholds: Mapping[str, Thresholds]
) -> Iterator[str]:
    grave = [
        name
        for name, outcome in critics.items()
        if isinstance(outcome, CriticResult)
        and outcome.severity == 3
        and objects(outcome, thresholds.get(name, _DEFAULT))
    ]
    yield from (f"{name} objects with severity 3" for name in sorted(grave))


def _stated(case_kind: CaseKind, context: Mapping[str, JsonValue]) -> Iterator[str]:
    said = context.get("impact")
    word = said.strip().casefold() if isinstance(said, str) else said
    if word == "high":
        yield "the context says that impact is high"
    elif word is not None and word not in _NOT_HIGH:
        yield f"the context says that impact is {quoted(said, 40)}, which is no level below high"
    if case_kind == "action" and context.get("reversible") is not True:
        yield "the case is an action that is not declared reversible"


def _of_domain(domain: str, policy: Policy) -> Iterator[str]:
    # However it is capitalised; `validated_domains` is compared to the letter: both err to caution.
    if domain.strip().casefold() in _casefolded(policy.high_impact_domains):
        yield f"the domain {domain!r} is one of high impact"


@lru_cache(maxsize=16)
def _casefolded(domains: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(str.casefold, domains))
