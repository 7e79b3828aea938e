"""Pressure between people who talk: no single word shows it, several ways of pressing together do.

Each `press-` marker of the Autonomy rules is one way: an order, a blame, an appeal, a threat, a
bait. What counts is how many different ways meet in one text that speaks to somebody; the score
stays below an objection, for a loving quarrel has the same words.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from eleanor_critics_constitutional.hints import CEILING, NONE, Leaning

PREFIX: Final = "press-"
WAYS_AT_LEAST: Final = 2
WEIGHT: Final = 0.14
"""The part of the remaining doubt that each further way takes away."""


def pressure(markers: Collection[str]) -> Leaning:
    """Return how far the ways of pressing among `markers` raise the score together."""
    ways = sorted(name.removeprefix(PREFIX) for name in markers if name.startswith(PREFIX))
    if len(ways) < WAYS_AT_LEAST:
        return NONE
    doubt = (1 - WEIGHT) ** (len(ways) - WAYS_AT_LEAST + 1)
    return Leaning(score=round(CEILING * (1 - doubt), 3), signs=tuple(ways))
