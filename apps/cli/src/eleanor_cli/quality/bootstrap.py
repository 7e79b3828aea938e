"""How far a figure can be trusted: the percentile bootstrap, over texts.

A resample draws as many texts as there are, with replacement; the interval holds the middle 95 % of
what the figure is in the resamples (Efron 1979). Three things are said where they are shown: texts
are drawn one by one, so sets with near-duplicates look surer than they are; a resample in which a
figure cannot be computed is left out; an interval that misses the figure is stretched to it (some
figures, such as average precision, are biased in resamples).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from eleanor_cli.quality.measures import Share, f1, levels, ranking, shares
from eleanor_cli.quality.sets import SEED
from eleanor_cli.quality.tally import Tally

RESAMPLES: Final = 1000
TAIL: Final = 0.025
"""What is left out at either end of an interval."""


class Interval(NamedTuple):
    """From `low` to `high`, both within."""

    low: float
    high: float


def intervals(
    tally: Tally, pairs: Sequence[float] = (), resamples: int = RESAMPLES
) -> Mapping[str, Interval]:
    """Return the 95 % interval of each figure of order, threshold and decision that has one."""
    points = {
        key: value for key, value in _values(tally, tally.counts).items() if value is not None
    }
    drawn: dict[str, list[float]] = {key: [] for key in points}
    for counts in _resampled(tally, resamples):
        for key, value in _values(tally, counts).items():
            if value is not None and key in drawn:
                drawn[key].append(value)
    found = {key: _percentiles(drawn[key], points[key]) for key in points if drawn[key]}
    for key, share in shares(tally.cells, tally.counts).items():
        if share.value in (0, 1):
            found[key] = _exact(share)
    return {**found, "pairwise": mean_interval(pairs, resamples)} if pairs else found


def _values(tally: Tally, counts: Sequence[int]) -> Mapping[str, float | None]:
    of = shares(tally.cells, counts)
    return {
        **ranking(levels(tally.cells, counts)),
        "f1": f1(of),
        **{key: share.value for key, share in of.items()},
    }


def _resampled(tally: Tally, resamples: int) -> Iterator[Sequence[int]]:
    """Yield the counts of each resample, cell by cell."""
    random = Random(SEED)  # noqa: S311 -- a resample, not a secret
    texts = [cell for cell, count in enumerate(tally.counts) for _ in range(count)]
    cells = range(len(tally.cells))
    for _ in range(resamples):
        drawn = Counter(random.choices(texts, k=len(texts)))
        yield [drawn.get(cell, 0) for cell in cells]


def mean_interval(values: Sequence[float], resamples: int = RESAMPLES) -> Interval:
    """Return the 95 % interval of the mean of one value a text, or a pair."""
    random = Random(SEED)  # noqa: S311 -- a resample, not a secret
    size = len(values)
    means = [sum(random.choices(values, k=size)) / size for _ in range(resamples)]
    return _percentiles(means, sum(values) / size)


def _percentiles(values: Sequence[float], point: float) -> Interval:
    ordered = sorted(values)
    low, high = _quantile(ordered, TAIL), _quantile(ordered, 1 - TAIL)
    return Interval(min(low, point), max(high, point))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile by linear interpolation (Hyndman and Fan 1996, type 7)."""
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _exact(share: Share) -> Interval:
    """Return the interval of none or all (Clopper and Pearson 1934), where resamples say nothing.

    Draws from texts that are all alike are alike: the bootstrap would claim certainty.
    """
    reach = TAIL ** (1 / share.whole)
    return Interval(0.0, 1 - reach) if share.part == 0 else Interval(reach, 1.0)
