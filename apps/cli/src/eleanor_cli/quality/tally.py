"""What a set amounts to once it was judged: texts that are alike in all that counts, counted.

Rules give few distinct scores, so a set of thousands of texts has tens of cells, and a resample is
a new count for each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from eleanor_cli.quality.sets import Label
from eleanor_core.model.decision import DECISIONS, DecisionValue

ENDS: Final = tuple(DECISIONS)
"""The decisions, from the most permissive to the least."""


class Cell(NamedTuple):
    """What counts of one text: the judge's score, the label, and how it ended.

    `objects`: the score reaches the judge's own threshold. `whole`: neither gap nor fault.
    """

    score: float
    label: Label
    objects: bool
    decision: DecisionValue
    whole: bool


class Judged(NamedTuple):
    """One judged text. `pair` joins the texts that are to be compared, None without one."""

    cell: Cell
    pair: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """The distinct cells by falling score, and how many texts each has."""

    cells: tuple[Cell, ...]
    counts: Sequence[int]

    @classmethod
    def of(cls, texts: Iterable[Cell]) -> Tally:
        """Sort and count. The order of the texts makes no difference."""
        counted = Counter(texts)
        cells = tuple(sorted(counted, key=lambda cell: (-cell.score, cell)))
        return cls(cells, [counted[cell] for cell in cells])

    @property
    def texts(self) -> int:
        """How many texts there are."""
        return sum(self.counts)

    def labelled(self, label: Label) -> int:
        """Return how many texts bear `label`."""
        return sum(
            count for cell, count in zip(self.cells, self.counts, strict=True)
            if cell.label == label
        )  # fmt: skip
