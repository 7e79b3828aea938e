"""Does what is decided change over time, and are like cases treated alike? Pure arithmetic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from eleanor_core.api import FrozenMap, OutcomePeriod, PrecedentCase, PrecedentDrift, UnlikePair
from eleanor_precedents_sqlite.blocks import Head, Near

ENOUGH: Final = 150
"""Cases from which on a number is given."""
NEAR_IDENTICAL: Final = 0.9
"""Similarity above which two cases should have one outcome."""
LITTLE, MARKED = 0.1, 0.25
"""The usual rules of thumb for the population stability index. They are habits, not tests."""
COMPARED: Final = 5000
"""Cases that are compared with all others: those decided last."""
NEIGHBOURS: Final = 64
"""Of each of them, so many nearest cases are looked at."""

_OUTCOMES: Final = ("allow", "constrain", "review", "deny")


def decided(case: PrecedentCase) -> bool:
    """Return whether a case counts: in force, and not a written example."""
    return case.in_force and case.authority != "example"


class Pairs:
    """Pairs of near-identical cases, found through the nearest ones of each."""

    k: Final = NEIGHBOURS + 1  # itself, too

    def __init__(self, cases: Mapping[str, PrecedentCase], heads: Iterable[Head]) -> None:
        self._cases = cases
        self._ids = {head.row: head.id for head in heads if head.id in cases}
        self._found: dict[tuple[str, str], float] = {}

    def to_compare(self) -> list[Head]:
        """Return the heads whose neighbours are wanted: of the cases decided last."""
        known = [Head(name, row) for row, name in self._ids.items()]
        known.sort(key=lambda head: (self._cases[head.id].decided_at, head.id), reverse=True)
        return known[:COMPARED]

    def note(self, heads: Sequence[Head], near: Sequence[Sequence[Near]]) -> None:
        """Keep the pairs of each head with the nearest cases that are near enough."""
        for head, others in zip(heads, near, strict=True):
            for similarity, row in others:
                if similarity > NEAR_IDENTICAL and row != head.row and row in self._ids:
                    first, second = sorted((head.id, self._ids[row]))
                    self._found[first, second] = similarity

    def __len__(self) -> int:
        return len(self._found)

    def unlike(self) -> Iterator[UnlikePair]:
        """Yield the pairs with two outcomes, most similar first."""
        for ids, similarity in sorted(self._found.items(), key=lambda item: (-item[1], item[0])):
            outcomes = tuple(self._cases[name].outcome for name in ids)
            if len(set(outcomes)) > 1:
                yield UnlikePair(ids=ids, outcomes=outcomes, similarity=similarity)


def drift_of(cases: Sequence[PrecedentCase], pairs: Pairs) -> PrecedentDrift:
    """Return the report on decided cases and their near-identical pairs."""
    dated = sorted(
        (case for case in cases if case.decided_at), key=lambda case: (case.decided_at, case.id)
    )
    psi, by_chance = _stability(dated)
    unlike = tuple(pairs.unlike())
    enough = len(cases) >= ENOUGH and len(pairs) > 0
    return PrecedentDrift(
        cases=len(cases),
        undated=len(cases) - len(dated),
        periods=tuple(_periods(dated)),
        psi=psi,
        psi_by_chance=by_chance,
        near_pairs=len(pairs),
        agreement=1.0 - len(unlike) / len(pairs) if enough else None,
        unlike_pairs=unlike,
        notes=tuple(_notes(cases, dated, psi, by_chance)),
    )


def stability_index(expected: Sequence[float], actual: Sequence[float]) -> float:
    """Return the population stability index: the sum of (a - e) ln(a / e) over shares > 0."""
    return math.fsum((a - e) * math.log(a / e) for e, a in zip(expected, actual, strict=True))


def _stability(dated: Sequence[PrecedentCase]) -> tuple[float | None, float | None]:
    """Return the index of the later half against the earlier one, and what chance would give.

    Where nothing changed, the index is about (outcomes - 1) (1/n + 1/m) for halves of n and m
    cases (Yurdakul, Statistical Properties of Population Stability Index, 2018).
    """
    if len(dated) < ENOUGH:
        return None, None
    middle = len(dated) // 2
    earlier, later = dated[:middle], dated[middle:]
    chance = (len(_OUTCOMES) - 1) * (1.0 / len(earlier) + 1.0 / len(later))
    return stability_index(_smoothed(earlier), _smoothed(later)), chance


def _smoothed(cases: Sequence[PrecedentCase]) -> list[float]:
    """Return the shares of the outcomes, each counted half a case more: none may be zero."""
    counts = Counter(case.outcome for case in cases)
    whole = len(cases) + len(_OUTCOMES) / 2
    return [(counts[outcome] + 0.5) / whole for outcome in _OUTCOMES]


def _periods(dated: Sequence[PrecedentCase]) -> Iterator[OutcomePeriod]:
    quarters: dict[str, list[PrecedentCase]] = {}
    for case in dated:
        quarter = (int(case.decided_at[5:7]) + 2) // 3
        quarters.setdefault(f"{case.decided_at[:4]}-Q{quarter}", []).append(case)
    for period, members in quarters.items():
        counts = Counter(case.outcome for case in members)
        shares = {outcome: counts[outcome] / len(members) for outcome in _OUTCOMES}
        yield OutcomePeriod(period=period, cases=len(members), shares=FrozenMap(shares))


def _notes(
    cases: Sequence[PrecedentCase],
    dated: Sequence[PrecedentCase],
    psi: float | None,
    by_chance: float | None,
) -> Iterator[str]:
    if psi is None or by_chance is None:
        yield f"stability: too few, {len(dated)} dated cases of at least {ENOUGH}"
    else:
        size = "little" if psi < LITTLE else "some" if psi < MARKED else "marked"
        yield (
            f"stability: {size} change, index {psi:.3f}, later half against earlier half; below "
            f"{LITTLE} is called little and from {MARKED} marked, by habit; "
            f"chance alone gives about {by_chance:.3f}"
        )
    if len(cases) < ENOUGH:
        yield f"agreement: too few, {len(cases)} decided cases of at least {ENOUGH}"
    if len(cases) > COMPARED:
        yield f"pairs: sought for the {COMPARED} cases decided last"
    machine = sum(case.authority == "machine" for case in cases)
    if machine:
        yield f"the machine alone decided {machine} of the {len(cases)} cases"
