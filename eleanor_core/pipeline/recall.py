"""How like cases were decided. Recall informs a reader and may add caution; it never removes any.

What it escalates depends on the case, the store and the impact. Of the panel it sees one fact, for
`alignment`, which no rule reads: so another critic can take no escalation of recall away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Final

from attrs import evolve

from eleanor_core.api import PrecedentStore
from eleanor_core.model import (
    Embedding,
    EscalationSignal,
    PrecedentAlignment,
    PrecedentCase,
    PrecedentMatch,
)
from eleanor_core.pipeline.impact import Impact
from eleanor_core.pipeline.uncertainty import binary_entropy
from eleanor_core.settings.model import RecallSettings

NEAR_IDENTICAL: Final = 0.9
"""Cosine from which two cases should be treated alike."""
_UNPRECEDENTED: Final = PrecedentAlignment()
"""What is said of a case without a like one where impact is not high: that nothing is like it."""


async def recall(
    *,
    store: PrecedentStore,
    embedding: Embedding | None,
    impact: Impact,
    panel_objects: bool,
    settings: RecallSettings,
) -> PrecedentAlignment:
    """Compare the case with the decided ones.

    Like cases are the nearest ones with at least `settings.similarity`. Whatever was not simply
    allowed counts as handled with caution, `constrain` too: it stands on an objection, as
    `panel_objects` does. Every figure weighs each like case by its similarity w: `alignment` is
    2 c - 1 for a panel that objects and 1 - 2 c for one that does not, with c the share of caution;
    `conflict` is the entropy of c in bits; `support` is (sum w)^2 / sum w^2, the effective
    number of Kish (Survey Sampling, 1965); `drift` is c of the later dated cases less c of the
    earlier ones, parted at the middle of the time that they span.

    Escalates PR1 where nothing like it is found and impact is high; PR2 where like cases conflict,
    or where people sent a near-identical one to review or denied it; PR3 where the machine alone
    decided a like case. Written examples inform `alignment` and stand in `cases`; nobody decided
    them, so they are no precedent: for all the rest they are not there.

    Raises ValueError without an embedding, and whatever the store raises: the caller turns it into
    a fault.
    """
    matches = await _nearest(store, embedding, settings)
    like = tuple(match for match in matches if match.similarity >= settings.similarity)
    decided = tuple(match for match in like if match.case.authority != "example")
    nearest = max(
        (match.similarity for match in matches if match.case.authority != "example"), default=0.0
    )
    conflict = binary_entropy(_cautious_share(decided))
    return PrecedentAlignment(
        alignment=_alignment(like, panel_objects=panel_objects),
        conflict=conflict,
        novel=not decided,
        novelty=1.0 - nearest,
        support=_support(decided),
        drift=_drift(decided),
        cases=like,
        escalations=(
            *(() if decided else _without_precedent(impact)),
            *_conflicting(conflict, decided, settings),
            *_denied_by_people(decided),
            *_decided_by_machine(decided),
        ),
    )


def unprecedented(impact: Impact) -> PrecedentAlignment:
    """Return what recall says without a store, or of an empty one: nothing is like the case."""
    if not impact.high:
        return _UNPRECEDENTED
    return PrecedentAlignment(escalations=tuple(_without_precedent(impact)))


async def _nearest(
    store: PrecedentStore, embedding: Embedding | None, settings: RecallSettings
) -> Sequence[PrecedentMatch]:
    if embedding is None:
        msg = "the precedent store cannot be asked: the case was not embedded; enable an embedder"
        raise ValueError(msg)
    matches = tuple(
        islice(await store.nearest(embedding, settings.neighbours), settings.neighbours + 1)
    )
    if len(matches) > settings.neighbours:
        msg = f"the precedent store returned more than the {settings.neighbours} cases asked for"
        raise ValueError(msg)
    return tuple(_own(match) for match in matches)


def _own(match: object) -> PrecedentMatch:
    """Return a copy, every value of which is checked again. Raises TypeError or ValueError."""
    if type(match) is not PrecedentMatch or type(match.case) is not PrecedentCase:
        msg = f"the precedent store returned {type(match).__name__}, not PrecedentMatch"
        raise TypeError(msg)
    return evolve(match, case=evolve(match.case))


def _cautious(match: PrecedentMatch) -> bool:
    return match.case.outcome != "allow"


def _weight(matches: Sequence[PrecedentMatch]) -> float:
    return math.fsum(match.similarity for match in matches)


def _cautious_share(like: Sequence[PrecedentMatch]) -> float:
    total = _weight(like)
    return _weight([match for match in like if _cautious(match)]) / total if total else 0.0


def _alignment(like: Sequence[PrecedentMatch], *, panel_objects: bool) -> float:
    if not _weight(like):
        return 0.0
    share = _cautious_share(like)
    return 2.0 * share - 1.0 if panel_objects else 1.0 - 2.0 * share


def _support(like: Sequence[PrecedentMatch]) -> float:
    squares = math.fsum(match.similarity**2 for match in like)
    return _weight(like) ** 2 / squares if squares else 0.0


def _drift(like: Sequence[PrecedentMatch]) -> float:
    dated = [
        (date.fromisoformat(match.case.decided_at[:10]), match)
        for match in like
        if match.case.decided_at
    ]
    if not dated:
        return 0.0
    days = [day for day, _ in dated]
    middle = min(days) + (max(days) - min(days)) / 2
    earlier = [match for day, match in dated if day <= middle]
    later = [match for day, match in dated if day > middle]
    return _cautious_share(later) - _cautious_share(earlier) if later else 0.0


def _without_precedent(impact: Impact) -> Iterator[EscalationSignal]:
    if impact.high:
        grounds = "; ".join(impact.reasons)
        said = f"no like case was found, and impact is high: {grounds}"
        yield EscalationSignal(clause="PR1", tier=3, rationale=said)


def _conflicting(
    conflict: float, like: Sequence[PrecedentMatch], settings: RecallSettings
) -> Iterator[EscalationSignal]:
    # A threshold of 0 must still need a conflict.
    if conflict >= settings.conflict and conflict > 0.0:
        said = f"like cases were decided differently (conflict {conflict:.2f}): {_listed(like)}"
        yield EscalationSignal(clause="PR2", tier=2, rationale=said)


def _denied_by_people(like: Sequence[PrecedentMatch]) -> Iterator[EscalationSignal]:
    same = [
        match
        for match in like
        if match.similarity >= NEAR_IDENTICAL
        and match.case.authority == "adjudicated"
        and match.case.outcome in ("review", "deny")
    ]
    if same:
        said = f"people did not let near-identical cases pass: {_listed(same)}"
        yield EscalationSignal(clause="PR2", tier=2, rationale=said)


def _decided_by_machine(like: Sequence[PrecedentMatch]) -> Iterator[EscalationSignal]:
    alone = [match for match in like if match.case.authority == "machine"]
    if alone:
        said = f"like cases in use were decided by the machine alone: {_listed(alone)}"
        yield EscalationSignal(clause="PR3", tier=3, rationale=said)


def _listed(matches: Sequence[PrecedentMatch]) -> str:
    """Name cases by id: their texts may hold what must not be repeated."""
    return ", ".join(
        f"{match.case.id} ({match.case.outcome}, similarity {match.similarity:.2f})"
        for match in matches
    )
