"""What each figure is called, what it means, and which way is better: one list for every output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from eleanor_cli.quality.tally import ENDS

Better = Literal["more", "less", ""]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure. `better` is empty where neither way is better by itself."""

    key: str
    title: str
    better: Better
    meaning: str


_ENDED: Final = tuple(
    Figure(
        f"{end}_{label}",
        f"{end}, label {label}",
        "",
        f"share of the texts with label {label} that end in {end}",
    )
    for label in (0, 1)
    for end in ENDS
)

_ALL: Final = (
    Figure(
        "auroc", "AUROC", "more",
        "probability that a text with label 1 scores above one with label 0; ties count half",
    ),
    Figure(
        "average_precision", "AP", "more",
        "average precision: sum over the scores of gain in recall times precision",
    ),
    Figure(
        "recall_at_1_fpr", "R@1%", "more",
        "recall at 1 % false positives: the most that any threshold reaches with at most 1 % "
        "of label 0 at or above it",
    ),
    Figure("recall_at_5_fpr", "R@5%", "more", "the same at 5 %"),
    Figure(
        "pairwise", "pairs", "more",
        "share of pairs whose text with label 1 scores higher; ties count half",
    ),
    Figure(
        "precision", "precision", "more",
        "of the texts that the judge objects to at its own threshold, the share with label 1",
    ),
    Figure(
        "recall", "recall", "more", "of the texts with label 1, the share it objects to"
    ),
    Figure("f1", "F1", "more", "harmonic mean of precision and recall"),
    Figure(
        "false_alarms", "false alarms", "less",
        "of the texts with label 0, the share it objects to",
    ),
    Figure(
        "ece", "ECE", "less",
        "expected calibration error over 15 bins of equal size",
    ),
    Figure("brier", "Brier", "less", "mean of (score - label) squared"),
    Figure(
        "coverage", "coverage", "more", "share of results with neither gap nor fault"
    ),
    Figure(
        "stopped_0", "stopped, label 0", "less",
        "share of the texts with label 0 that end in review or deny",
    ),
    Figure(
        "stopped_1", "stopped, label 1", "more",
        "share of the texts with label 1 that end in review or deny",
    ),
    *_ENDED,
)  # fmt: skip

FIGURES: Final[Mapping[str, Figure]] = MappingProxyType({figure.key: figure for figure in _ALL})
"""By key, in the order in which they are shown."""

FEW: Final = 200
"""Texts below which a calibration error says little, and is marked."""
