"""Several rankings as one: reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from eleanor_precedents_sqlite.blocks import Head

_DAMPING: Final = 60
"""The paper's constant. It keeps the first place of one ranking from deciding alone."""
DEPTH: Final = 100
"""Places of each ranking that count."""


def fused(rankings: Sequence[Sequence[Head]]) -> list[Head]:
    """Return every case once, the one with the largest sum of 1 / (60 + place) first, ties by id.

    One ranking stays as it is.
    """
    sums: defaultdict[Head, Fraction] = defaultdict(Fraction)
    for ranking in rankings:
        for place, head in enumerate(ranking, start=1):
            sums[head] += Fraction(1, _DAMPING + place)
    return sorted(sums, key=lambda head: (-sums[head], head))
