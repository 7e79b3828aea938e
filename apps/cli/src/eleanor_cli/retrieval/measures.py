"""What a ranking is worth: one value a query and figure, and their means with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from eleanor_cli.quality.bootstrap import mean_interval
from eleanor_cli.quality.report import Value

Ranking = Sequence[str]
"""Ids of candidates, best first; what was not found does not stand in it."""
Measure = Callable[[Ranking, Collection[str]], float]


def recall_at(k: int) -> Measure:
    """Return the share of what is like the query among the first `k`."""

    def measure(ranking: Ranking, relevant: Collection[str]) -> float:
        return len(set(ranking[:k]) & set(relevant)) / len(relevant)

    return measure


def reciprocal_rank(ranking: Ranking, relevant: Collection[str]) -> float:
    """Return 1 / the place of the first that is like the query, 0 if none was found."""
    places = (place for place, name in enumerate(ranking, start=1) if name in relevant)
    return 1.0 / next(places, math.inf)


def ndcg_at(k: int) -> Measure:
    """Return the gain of the first `k`, discounted by log2 of the place, over the best possible.

    Jaervelin and Kekaelaeinen (2002), with gains of 0 and 1.
    """

    def measure(ranking: Ranking, relevant: Collection[str]) -> float:
        gain = _discounted(place for place, name in enumerate(ranking[:k], 1) if name in relevant)
        return gain / _discounted(range(1, min(k, len(relevant)) + 1))

    return measure


def _discounted(places: Iterable[int]) -> float:
    return math.fsum(1.0 / math.log2(place + 1) for place in places)


MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "recall_at_1": recall_at(1),
        "recall_at_10": recall_at(10),
        "mrr": reciprocal_rank,
        "ndcg_at_10": ndcg_at(10),
    }
)
"""By key, in the order in which they are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way of ranking on one set. `over_words`: by how much its MRR is above that of words."""

    name: str
    by: str
    queries: int
    values: Mapping[str, Value]
    over_words: Value


def rows_of(
    name: str, rankings: Mapping[str, Sequence[Ranking]], relevant: Sequence[Collection[str]]
) -> list[Row]:
    """Return a row for each way of ranking. `rankings`: one of each way for each query."""
    scores = {
        by: {key: [*map(measure, ranked, relevant)] for key, measure in MEASURES.items()}
        for by, ranked in rankings.items()
    }
    words = scores["words"]["mrr"]
    return [
        Row(
            name=name,
            by=by,
            queries=len(relevant),
            values={key: _mean(values) for key, values in of.items()},
            over_words=_mean([one - other for one, other in zip(of["mrr"], words, strict=True)]),
        )
        for by, of in scores.items()
    ]


def _mean(values: Sequence[float]) -> Value:
    return Value(sum(values) / len(values), mean_interval(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a similarity from `threshold` on means on one set: how recall's setting fits an encoder.

    `like`, `unlike`: shares of the candidates that are like their query, and not, that reach it.
    `right`: of the `reached` queries whose nearest candidate does, the share where that one is like
    the query; None if there are none.
    """

    name: str
    threshold: float
    like: float
    unlike: float
    right: float | None
    reached: int


def reach_of(
    name: str, found: Sequence[Mapping[str, float]], relevant: Sequence[Collection[str]], at: float
) -> Reach:
    """Return what `at` means. `found`: the similarity of each candidate, the nearest first."""
    pairs = [
        (similarity >= at, candidate in like)
        for of_query, like in zip(found, relevant, strict=True)
        for candidate, similarity in of_query.items()
    ]
    nearest = [
        next(iter(of_query)) in like
        for of_query, like in zip(found, relevant, strict=True)
        if of_query and max(of_query.values()) >= at
    ]
    return Reach(
        name=name,
        threshold=at,
        like=_share(reaches for reaches, like in pairs if like) or 0.0,
        unlike=_share(reaches for reaches, like in pairs if not like) or 0.0,
        right=_share(nearest),
        reached=len(nearest),
    )


def _share(values: Iterable[bool]) -> float | None:
    kept = list(values)
    return sum(kept) / len(kept) if kept else None
