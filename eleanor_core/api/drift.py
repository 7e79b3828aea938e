"""Does what is decided change over time, and are like cases treated alike? Pure arithmetic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from eleanor_core.model import (
    FrozenMap,
    OutcomePeriod,
    PrecedentCase,
    PrecedentDrift,
    UnlikePair,
)

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


class DriftReport:
    """Takes the cases of a store, then the nearest ones of those that are to be compared.

    `near`: of each, so many are wanted, itself among them.
    """

    near: Final = NEIGHBOURS + 1

    def __init__(self, cases: Iterable[PrecedentCase]) -> None:
        """Keep the cases that count: in force, and not written examples."""
        self._cases = {
            case.id: case for case in cases if case.in_force and case.authority != "example"
        }
        self._pairs: dict[tuple[str, str], float] = {}

    def to_compare(self) -> list[str]:
        """Return the ids of the cases whose nearest are wanted: those decided last."""
        cases = self._cases
        latest = sorted(cases, key=lambda name: (cases[name].decided_at, name), reverse=True)
        return latest[:COMPARED]

    def note(self, name: str, nearest: Iterable[tuple[str, float]]) -> None:
        """Take the ids of the cases nearest to one, with their similarities."""
        for other, similarity in nearest:
            if similarity > NEAR_IDENTICAL and other != name and other in self._cases:
                first, second = sorted((name, other))
                self._pairs[first, second] = similarity

    def made(self) -> PrecedentDrift:
        """Return the report."""
        cases, pairs = list(self._cases.values()), self._pairs
        dated = sorted(
            (case for case in cases if case.decided_at), key=lambda case: (case.decided_at, case.id)
        )
        psi, by_chance = _stability(dated)
        unlike = tuple(self._unlike())
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

    def _unlike(self) -> Iterator[UnlikePair]:
        """Yield the pairs with two outcomes, most similar first."""
        for ids, similarity in sorted(self._pairs.items(), key=lambda item: (-item[1], item[0])):
            outcomes = tuple(self._cases[name].outcome for name in ids)
            if len(set(outcomes)) > 1:
                yield UnlikePair(ids=ids, outcomes=outcomes, similarity=similarity)


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
