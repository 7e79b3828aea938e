"""Decided cases, and how the case at hand compares with them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal, TypeAlias, TypeVar

from attrs import Attribute, field, frozen
from attrs.validators import deep_iterable, ge, instance_of, optional

from eleanor_core.errors import quoted
from eleanor_core.model import _checks as check
from eleanor_core.model.critics import EscalationSignal
from eleanor_core.model.decision import DecisionValue
from eleanor_core.model.json import EMPTY_MAP, FrozenMap
from eleanor_core.model.made import quick
from eleanor_core.model.provenance import Provenance

T = TypeVar("T")

Authority: TypeAlias = Literal["adjudicated", "machine", "example"]
"""Who decided: people after a review, the machine alone, or nobody (a written example)."""

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,6})?Z)?", re.ASCII)


def _moment(_: object, attribute: Attribute[T], value: T) -> None:
    """Accept "", a date, or a time in UTC, both as in RFC 3339."""
    check.text(_, attribute, value)
    if value == "":
        return
    wanted = (
        f"{attribute.name} must be '2026-03-31' or '2026-03-31T09:30:00Z', got {quoted(value, 40)}"
    )
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError(wanted)
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{wanted}: {error}") from None


@frozen(kw_only=True)
class PrecedentCase:
    """One decided case. A change makes a new `version` under the same id, never an edit.

    `decided_by`: the account or role that answers for it; it is shown wherever the case is cited.
    `decided_at`: a date or a time in UTC (RFC 3339), "" if unknown. `jurisdiction`: where it binds,
    "" for everywhere. A case that no longer counts is not `in_force`; `overruled_by` then names the
    case that took its place, if one did.
    """

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
    decided_by: str = field(default="", validator=check.text)
    decided_at: str = field(default="", validator=_moment)
    jurisdiction: str = field(default="", validator=check.text)
    in_force: bool = field(default=True, validator=instance_of(bool))
    overruled_by: str = field(default="", validator=check.text)

    def __attrs_post_init__(self) -> None:
        if self.overruled_by and self.in_force:
            raise ValueError(f"a case overruled by {quoted(self.overruled_by, 80)} is not in force")


@quick
@frozen(kw_only=True)
class PrecedentMatch:
    """A like case. `similarity`: cosine of the two embeddings, clipped to [0, 1]."""

    case: PrecedentCase
    similarity: float = field(validator=check.unit)


SearchBy: TypeAlias = Literal["vectors", "words", "both"]
"""Cosine alone, BM25 alone, or their two rankings fused."""


@frozen(kw_only=True)
class PrecedentQuery:
    """A search among the cases in force. `clause`, `domain`, `outcome`: only cases with these.

    `by` says what ranks them; the similarity of a match is the cosine in any case.
    """

    text: str = field(validator=check.words, repr=False)
    by: SearchBy = field(default="both", validator=check.one_of("vectors", "words", "both"))
    clause: str | None = field(default=None, validator=optional(check.clause))
    domain: str | None = field(default=None, validator=optional(check.words))
    outcome: DecisionValue | None = field(
        default=None, validator=optional(check.one_of("allow", "constrain", "review", "deny"))
    )


@quick
@frozen(kw_only=True)
class PrecedentAlignment:
    """How like cases were decided, seen beside this panel.

    `alignment` in [-1, 1]: 1 = every like case was handled with the caution that this panel shows,
    -1 = every one of them otherwise, 0 = none was found. `conflict` in [0, 1]: entropy (base 2) of
    cautious against permissive outcomes among the like cases. `novel`: no like case was found.
    `support`: how many like cases the figures rest on, counted by their weight; three that hardly
    resemble it beside one that does are little more than one. `drift` in [-1, 1]: by how much the
    later like cases were handled with more caution than the earlier ones; 0 where that cannot be
    said. It may add caution through `escalations`; nothing in it removes any.
    """

    alignment: float = 0.0
    conflict: float = field(default=0.0, validator=check.unit)
    novel: bool = True
    novelty: float = field(default=1.0, validator=check.unit)
    support: float = 0.0
    drift: float = 0.0
    cases: tuple[PrecedentMatch, ...] = ()
    escalations: tuple[EscalationSignal, ...] = ()
    provenance: Provenance | None = None


@frozen(kw_only=True)
class PrecedentImport:
    """What an import did: versions that were new, and versions that were there already."""

    added: int
    known: int


@frozen(kw_only=True)
class OutcomePeriod:
    """What was decided in one calendar quarter. `shares`: outcome -> its share of `cases`."""

    period: str
    cases: int
    shares: FrozenMap = EMPTY_MAP


@frozen(kw_only=True)
class UnlikePair:
    """Two near-identical cases with different outcomes, by id. `similarity` as in a match."""

    ids: tuple[str, ...]
    outcomes: tuple[DecisionValue, ...]
    similarity: float = field(validator=check.unit)


@frozen(kw_only=True)
class PrecedentDrift:
    """How what was decided changes over time, over decided cases in force; examples do not count.

    `undated`: cases without a date; they are in no period. `psi`: the population stability index of
    the outcomes, later half against earlier half; `psi_by_chance`: about what it is where nothing
    changed. `agreement`: the share of `near_pairs` (similarity above 0.9) with one outcome;
    `unlike_pairs`: the others, most similar first. What rests on too few cases is None. `notes`: in
    words, with the rules of thumb that were applied.
    """

    cases: int
    undated: int
    periods: tuple[OutcomePeriod, ...] = ()
    psi: float | None = None
    psi_by_chance: float | None = None
    near_pairs: int = 0
    agreement: float | None = None
    unlike_pairs: tuple[UnlikePair, ...] = ()
    notes: tuple[str, ...] = ()
