"""Prints an explanation for one of the four readers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eleanor_cli.escape import prose
from eleanor_cli.explain.auditor import auditor
from eleanor_cli.explain.engineer import engineer
from eleanor_cli.explain.ground import Ground, Section
from eleanor_cli.explain.operator import operator
from eleanor_cli.explain.person import person
from eleanor_cli.screen import DIM, WIDEST, is_plain
from eleanor_cli.show import badge

Reader: TypeAlias = Literal["person", "operator", "engineer", "auditor"]

READERS: Final[Mapping[Reader, Callable[[Ground], Iterator[Section]]]] = MappingProxyType(
    {"person": person, "operator": operator, "engineer": engineer, "auditor": auditor}
)
_BULLET: Final = "-"
_LABELS: Final = 26
"""Columns that a label gets at most."""


def explain(console: Console, ground: Ground, reader: Reader) -> None:
    """Print why it was decided so, for `reader`."""
    width = min(console.width, WIDEST)
    console.print(badge(ground.assessment, plain=is_plain(console)))
    for section in READERS[reader](ground):
        if section.items:
            console.print()
            console.print(Text(section.title, style="bold"))
            console.print(Padding(_laid_out(section), (0, 0, 0, 2)), width=width)


def _laid_out(section: Section) -> Group:
    """Return the items below each other: those with a label beside it, each label once."""
    width = min(_LABELS, max(len(prose(item.label)) for item in section.items))
    parts: list[RenderableType] = []
    for label, items in groupby(section.items, key=lambda item: item.label):
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=width if label else len(_BULLET), overflow="fold")
        grid.add_column(overflow="fold")
        for number, item in enumerate(items):
            lead = Text(_BULLET if not label else "" if number else prose(label), style=DIM)
            grid.add_row(lead, Text(prose(item.text)))
        parts.append(grid)
    return Group(*parts)
