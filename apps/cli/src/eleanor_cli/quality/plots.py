"""The five plots of a row as SVG: colours come from the page's style, and nothing rests on them.

Label 1 is drawn solid and above, label 0 hollow and below; every bar has its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from eleanor_cli.escape import safe
from eleanor_cli.quality.measures import Level
from eleanor_cli.quality.report import COLUMNS, Row
from eleanor_cli.quality.sets import Label
from eleanor_cli.quality.tally import ENDS

WIDTH: Final = 260
HEIGHT: Final = 220
LEFT: Final = 38
TOP: Final = 26
SIDE: Final = 156
"""Of the square in which a curve stands, and of the other plots' height."""

LABELS: Final[tuple[Label, Label]] = (0, 1)

Point = tuple[float, float]


def plots(row: Row) -> Iterator[str]:
    """Yield the plots that the labels of a row allow."""
    if row.values["auroc"].value is not None:
        yield roc(row)
        yield precision_recall(row)
        yield reliability(row)
    yield histogram(row)
    yield decisions(row)


def roc(row: Row) -> str:
    """Recall against false alarms for every threshold, and the judge's own."""
    found = row.levels
    positives, negatives = _totals(found)
    points = [(0.0, 0.0)]
    hits = alarms = 0
    for _, more, fewer in found:
        hits += more
        alarms += fewer
        points.append((alarms / negatives, hits / positives))
    own = _own(row.values["false_alarms"].value, row.values["recall"].value)
    drawn = _line([(0, 0), (1, 1)], "chance") + _line(points, "curve") + own
    return _square(
        "ROC",
        f"area {row.values['auroc'].value:.3f}",
        "share of label 0",
        "share of label 1",
        drawn,
    )


def precision_recall(row: Row) -> str:
    """Precision against recall for every threshold; the area is the average precision."""
    found = row.levels
    positives, negatives = _totals(found)
    points: list[Point] = []
    hits = alarms = 0
    before = 0.0
    for _, more, fewer in found:
        hits += more
        alarms += fewer
        precision = hits / (hits + alarms)
        points += [(before, precision), (hits / positives, precision)]
        before = hits / positives
    base = positives / (positives + negatives)
    own = _own(row.values["recall"].value, row.values["precision"].value)
    drawn = _line([(0, base), (1, base)], "chance") + _line(points, "curve") + own
    area = f"area {row.values['average_precision'].value:.3f}"
    return _square("Precision and recall", area, "recall", "precision", drawn)


def reliability(row: Row) -> str:
    """What share of a bin has label 1, against the bin's mean score."""
    dots = "".join(
        f'<circle class="dot" cx="{_x(item.score)}" cy="{_y(item.positives)}" r="4"/>'
        for item in row.bins
    )
    stems = "".join(
        _line([(item.score, item.score), (item.score, item.positives)], "stem") for item in row.bins
    )
    drawn = _line([(0, 0), (1, 1)], "chance") + stems + dots
    few = ", few texts" if row.few else ""
    error = f"error {row.values['ece'].value:.3f}{few}"
    return _square("Reliability", error, "mean score of a bin", "share with label 1", drawn)


def histogram(row: Row) -> str:
    """How the scores of label 1 (above) and label 0 (below) spread, each as shares of its own."""
    middle = TOP + SIDE / 2
    left, room = 46, WIDTH - 46 - 12
    width = room / COLUMNS
    shares = {
        label: [count / (sum(counts) or 1) for count in counts]
        for label, counts in row.histogram.items()
    }
    tallest = max(share for columns in shares.values() for share in columns)
    bars = ""
    for label, columns in shares.items():
        for column, share in enumerate(columns):
            if share:
                tall = max(SIDE / 2 * share / tallest, 0.8)
                top = middle - tall if label else middle
                bars += _bar(left + column * width + 0.5, top, width - 1, tall, label)
    axis = f'<path class="axis" d="M{left} {middle:.1f}H{WIDTH - 12}"/>'
    words = _text(left - 6, TOP + 14, "label 1", "tick end")
    words += _text(left - 6, TOP + SIDE - 8, "label 0", "tick end")
    words += _text(left + room / 2, HEIGHT - 6, "score", "tick middle")
    for tick in (0, 0.5, 1):
        words += _text(left + tick * room, TOP + SIDE + 14, f"{tick:g}", "tick middle")
    own = ""
    if row.judge.part != "panel":
        at = left + row.judge.thresholds[row.judge.name] * room
        own = f'<path class="own" d="M{at:.1f} {TOP}V{TOP + SIDE}"/>'
    return _svg("Scores", f"tallest bar {tallest:.2f} of a label", own + bars + axis + words)


def decisions(row: Row) -> str:
    """How the texts of each label end: two bars for each decision, with their numbers."""
    bars = ""
    room = WIDTH - 74 - 40
    for index, end in enumerate(ENDS):
        top = TOP + 6 + index * 40
        bars += _text(66, top + 17, end, "tick end")
        for label in LABELS:
            share = row.values[f"{end}_{label}"].value
            if share is not None:
                y = top + (0 if label else 14)
                bars += _bar(74, y, max(room * share, 0.8), 11, label)
                bars += _text(78 + room * share, y + 9.5, f"{share:.3f}", "tick")
    key = _bar(74, HEIGHT - 15, 9, 9, 1) + _text(87, HEIGHT - 7, "label 1", "tick")
    key += _bar(134, HEIGHT - 15, 9, 9, 0) + _text(147, HEIGHT - 7, "label 0", "tick")
    return _svg("Decisions", "share of each label", bars + key)


# -- pieces ---------------------------------------------------------------------------------------


def _totals(found: Sequence[Level]) -> tuple[int, int]:
    return sum(level.positives for level in found), sum(level.negatives for level in found)


def _square(title: str, said: str, below: str, beside: str, drawn: str) -> str:
    """Return a plot of the unit square with its axes."""
    frame = f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"/>'
    ticks = ""
    for tick in (0, 0.5, 1):
        ticks += _text(float(_x(tick)), TOP + SIDE + 14, f"{tick:g}", "tick middle")
        ticks += _text(LEFT - 5, float(_y(tick)) + 4, f"{tick:g}", "tick end")
    names = _text(LEFT + SIDE / 2, HEIGHT - 6, below, "tick middle")
    names += (
        f'<text class="tick middle" transform="rotate(-90 11 {TOP + SIDE / 2})" x="11" '
        f'y="{TOP + SIDE / 2}">{_safe(beside)}</text>'
    )
    return _svg(title, said, frame + ticks + names + drawn)


def _svg(title: str, said: str, drawn: str) -> str:
    name = _safe(f"{title}: {said}")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">'
        f'<text class="name" x="4" y="14">{_safe(title)}<tspan class="said" dx="6">{_safe(said)}'
        f"</tspan></text>{drawn}</svg>"
    )


def _line(points: Iterable[Point], style: str) -> str:
    """Return a polyline in the unit square; points that fall on one another are drawn once."""
    placed = list(dict.fromkeys(f"{_x(x)},{_y(y)}" for x, y in points))
    return f'<polyline class="{style}" points="{" ".join(placed)}"/>'


def _own(x: float | None, y: float | None) -> str:
    """Return the mark of the judge's own threshold, if it has a place."""
    if x is None or y is None:
        return ""
    return f'<circle class="mark" cx="{_x(x)}" cy="{_y(y)}" r="5"/>'


def _bar(x: float, y: float, width: float, height: float, label: Label) -> str:
    return (
        f'<rect class="label{label}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}"/>'
    )


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{_safe(text)}</text>'


def _x(share: float) -> str:
    return f"{LEFT + SIDE * share:.1f}"


def _y(share: float) -> str:
    return f"{TOP + SIDE * (1 - share):.1f}"


def _safe(text: str) -> str:
    return escape(safe(text))
