"""The screen: one console for people, plain wherever nobody asked for colour.

The only module that makes a rich console, and one of the few that import rich: what a program reads
(`--json`) never pays for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import StringIO, TextIOWrapper
from typing import Final, NoReturn, TextIO

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

_PIPED_WIDTH: Final = 100
LABEL: Final = 13
"""Width of the first column, that of names and labels."""

WIDEST: Final = 100
"""Columns of a line of prose at most: longer ones are hard to read."""

DIM: Final = "dim"


def console(stream: TextIO) -> Console:
    """Return a console on `stream`: colours on a terminal only, and not under NO_COLOR."""
    plain = bool(os.environ.get("NO_COLOR")) or not stream.isatty()
    known_width = stream.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    if isinstance(stream, TextIOWrapper):
        # A locale that cannot show a sign must not end the program.
        stream.reconfigure(errors="backslashreplace")
    return _Screen(
        file=_Trimmed(stream) if plain else stream,
        color_system=None if plain else "auto",
        force_terminal=False if plain else None,
        width=None if known_width else _PIPED_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )


class _Screen(Console):
    """A console that lets a broken pipe through: the program ends in one place, `faults`."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


class Barred:
    """Lines behind a bar, which no text can cross: what stands there is quoted, not said."""

    _BAR: Final = "  ┃ "

    def __init__(self, lines: Iterable[Text]) -> None:
        """Take the lines; long ones are folded behind the bar."""
        self._lines = list(lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield each line after a bar."""
        width = max(1, options.max_width - len(self._BAR))
        bar = Segment(self._BAR, Style(dim=True))
        for text in self._lines:
            for line in text.wrap(console, width, overflow="fold"):
                line.rstrip()
                yield bar
                yield from line.render(console)
                yield Segment.line()


class _Trimmed(StringIO):
    """Writes lines through without the blanks that fill a table's columns."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        lines = text.split("\n")
        self._stream.write("\n".join([*(line.rstrip(" ") for line in lines[:-1]), lines[-1]]))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def is_plain(screen: Console) -> bool:
    """Say whether a console shows neither colours nor styles."""
    return screen.color_system is None


def sheet(width: int = LABEL) -> Table:
    """Return a grid of two columns: a label, and what is said of it."""
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(width=width, no_wrap=True, overflow="ellipsis")
    grid.add_column(ratio=1, overflow="fold")
    return grid


def listing(heads: Iterable[str], rows: Iterable[Iterable[RenderableType]]) -> Table:
    """Return a table without lines, its heads dimmed. The last column takes what is left."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=DIM)
    heads = list(heads)
    for head in heads:
        table.add_column(head, no_wrap=head != heads[-1], overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def label(text: str) -> Text:
    """Return a label, indented below the marks."""
    return Text(f"  {text}", style=DIM)
