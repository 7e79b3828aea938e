"""The figures, each by its definition, in one pass over the cells of a tally.

What a tally cannot tell is None, never 0: a set with one label has no AUROC, and a judge that never
objects has no precision. Texts with the same score are always taken together, so neither the order
of the texts nor that of ties makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple, TypeAlias

from eleanor_cli.quality.sets import Label
from eleanor_cli.quality.tally import ENDS, Cell, Tally

BINS: Final = 15
"""Bins of the calibration error, all with the same number of texts (Guo 1706.04599, adaptive)."""

Counts: TypeAlias = Sequence[int]
Values: TypeAlias = Mapping[str, float | None]


class Share(NamedTuple):
    """So many of so many. It has no value where there are none to look at."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """`part / whole` in [0, 1], or None."""
        return self.part / self.whole if self.whole else None


class Level(NamedTuple):
    """All texts with one score: how many have label 1, how many label 0."""

    score: float
    positives: int
    negatives: int


def levels(cells: Iterable[Cell], counts: Counts) -> list[Level]:
    """Return the distinct scores, falling. `cells` must be in the order of a tally."""
    found: list[Level] = []
    score, positives, negatives = inf, 0, 0
    for cell, count in zip(cells, counts, strict=True):
        if cell.score != score:
            if positives or negatives:
                found.append(Level(score, positives, negatives))
            score, positives, negatives = cell.score, 0, 0
        if cell.label:
            positives += count
        else:
            negatives += count
    if positives or negatives:
        found.append(Level(score, positives, negatives))
    return found


# -- order: how well the scores tell the labels apart ---------------------------------------------


def ranking(found: Sequence[Level]) -> Values:
    """Return the figures that only the order of the scores decides; all None with one label.

    `auroc`: probability that a text with label 1 scores above one with label 0, ties counted half.
    `average_precision`: sum over the scores of (gain in recall) x (precision at that score).
    `recall_at_1_fpr`, `recall_at_5_fpr`: most recall of any threshold with at most 1 or 5 % of
    label 0 at or above it; 0 where no threshold is strict enough.
    """
    positives = sum(level.positives for level in found)
    negatives = sum(level.negatives for level in found)
    if not (positives and negatives):
        return dict.fromkeys(("auroc", "average_precision", "recall_at_1_fpr", "recall_at_5_fpr"))
    hits = alarms = ordered = 0
    at_1 = at_5 = 0
    precision = 0.0
    for _, more, fewer in found:
        hits += more
        alarms += fewer
        # Twice the pairs in order: those below count two, those at the same score one.
        ordered += more * (2 * (negatives - alarms) + fewer)
        precision += more * hits / (hits + alarms)
        if 100 * alarms <= negatives:
            at_1 = hits
        if 20 * alarms <= negatives:
            at_5 = hits
    return {
        "auroc": ordered / (2 * positives * negatives),
        "average_precision": precision / positives,
        "recall_at_1_fpr": at_1 / positives,
        "recall_at_5_fpr": at_5 / positives,
    }


def pair_outcomes(pairs: Iterable[Sequence[tuple[float, Label]]]) -> list[float]:
    """Return for each pair the share of its (label 1, label 0) couples in order, ties half."""
    outcomes = []
    for pair in pairs:
        ones = [score for score, label in pair if label]
        zeros = [score for score, label in pair if not label]
        couples = [(one > zero) + (one == zero) / 2 for one in ones for zero in zeros]
        if couples:
            outcomes.append(sum(couples) / len(couples))
    return outcomes


# -- at the judge's own threshold, and in the decision --------------------------------------------


def shares(cells: Iterable[Cell], counts: Counts) -> Mapping[str, Share]:
    """Return every figure that is a share of texts.

    `recall`, `false_alarms`: of label 1 and of label 0, those the judge objects to. `precision`:
    of those it objects to, label 1 (needs both labels in the set). `coverage`: results with neither
    gap nor fault. `allow_0` to `deny_1`: how the texts of a label end; `stopped_0`, `stopped_1`:
    review or deny.
    """
    texts = whole = 0
    objected, all_of = [0, 0], [0, 0]
    ends = dict.fromkeys(ENDS, 0), dict.fromkeys(ENDS, 0)
    for (_, label, objects, decision, complete), count in zip(cells, counts, strict=True):
        texts += count
        all_of[label] += count
        ends[label][decision] += count
        if objects:
            objected[label] += count
        if complete:
            whole += count
    found = {
        "precision": Share(objected[1], sum(objected) if all(all_of) else 0),
        "recall": Share(objected[1], all_of[1]),
        "false_alarms": Share(objected[0], all_of[0]),
        "coverage": Share(whole, texts),
    }
    for label in (0, 1):
        of, total = ends[label], all_of[label]
        found |= {f"{end}_{label}": Share(of[end], total) for end in ENDS}
        found[f"stopped_{label}"] = Share(of["review"] + of["deny"], total)
    return found


def f1(of: Mapping[str, Share]) -> float | None:
    """Return the harmonic mean of precision and recall, 2TP / (2TP + FP + FN)."""
    hits, positives = of["recall"]
    alarms, negatives = of["false_alarms"]
    if not (positives and negatives):
        return None
    return 2 * hits / (positives + hits + alarms)


# -- calibration: whether a score means what it says ----------------------------------------------


class Bin(NamedTuple):
    """A bin of the reliability diagram: mean score, share of label 1, texts."""

    score: float
    positives: float
    texts: int


def bins(found: Sequence[Level], count: int = BINS) -> list[Bin]:
    """Cut the texts, by rising score, into `count` bins of the same size (to one text).

    Texts with one score that fall into two bins bring the same share of label 1 to both.
    """
    texts = sum(level.positives + level.negatives for level in found)
    count = min(count, texts)
    return [
        _bin(pieces) for pieces in _cut(found, [texts * i // count for i in range(1, count + 1)])
    ]


def _cut(found: Sequence[Level], edges: Sequence[int]) -> Iterator[list[tuple[Level, int]]]:
    """Yield for each edge the levels, and how many texts of each, up to it from the last one."""
    rising = iter(reversed(found))
    level, left, rank = Level(0.0, 0, 0), 0, 0
    for edge in edges:
        pieces = []
        while rank < edge:
            if not left:
                level = next(rising)
                left = level.positives + level.negatives
            taken = min(left, edge - rank)
            pieces.append((level, taken))
            left -= taken
            rank += taken
        yield pieces


def _bin(pieces: Sequence[tuple[Level, int]]) -> Bin:
    texts = sum(taken for _, taken in pieces)
    score = sum(level.score * taken for level, taken in pieces)
    positives = sum(
        taken * level.positives / (level.positives + level.negatives) for level, taken in pieces
    )
    return Bin(score / texts, positives / texts, texts)


def calibration(found: Sequence[Level]) -> Values:
    """Return `ece` (mean distance of score and share of label 1 over the bins) and `brier`.

    Both None with one label: such a set says nothing of how frequent label 1 is.
    """
    positives = sum(level.positives for level in found)
    texts = positives + sum(level.negatives for level in found)
    if positives in (0, texts):
        return {"ece": None, "brier": None}
    squares = sum(
        level.positives * (1 - level.score) ** 2 + level.negatives * level.score**2
        for level in found
    )
    gaps = sum(item.texts * abs(item.positives - item.score) for item in bins(found))
    return {"ece": gaps / texts, "brier": squares / texts}


# -- all of them ----------------------------------------------------------------------------------


def measure(tally: Tally, pairs: Sequence[float] = ()) -> Values:
    """Return every figure of a row by its key; `pairs` are the outcomes of `pair_outcomes`."""
    found = levels(tally.cells, tally.counts)
    of = shares(tally.cells, tally.counts)
    return {
        **ranking(found),
        "pairwise": sum(pairs) / len(pairs) if pairs else None,
        **{key: share.value for key, share in of.items()},
        "f1": f1(of),
        **calibration(found),
    }
