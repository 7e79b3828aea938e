"""The screen: one console for people, plain wherever nobody asked for colour.

The only module that makes a rich console, and one of the few that import rich: what a program reads
(`--json`) never pays for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from io import StringIO, TextIOWrapper
from typing import Final, NoReturn, TextIO

from rich.cells import cell_len
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
_GAP: Final = 2
_PROSE: Final = 24
"""Columns that the last column of a table needs for prose."""
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What must not be folded there: an id of a record, which people copy."""


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


def listing(heads: Iterable[str], rows: Iterable[Iterable[str | Text]]) -> RenderableType:
    """Return a table without lines, its heads dimmed. The last column takes what is left.

    Where a screen has no room for that, each row is a sheet of its own: nothing is cut off.
    """
    cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    return _Listing(list(heads), cells)


class _Listing:
    """A table where it fits, else a sheet for each row."""

    def __init__(self, heads: list[str], rows: list[list[Text]]) -> None:
        self._heads = heads
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = list(zip(*([Text(head) for head in self._heads], *self._rows), strict=True))
        widths = [max(cell.cell_len for cell in column) for column in columns]
        ids = [len(match[0]) for cell in columns[-1] for match in _ID.finditer(cell.plain)]
        last = max(min(widths[-1], _PROSE), *ids, 0)
        if sum(widths[:-1]) + _GAP * (len(widths) - 1) + last <= options.max_width:
            yield self._table()
            return
        wide = max(map(cell_len, self._heads))
        for number, row in enumerate(self._rows):
            if number:
                yield Text("")
            grid = sheet(wide)
            for head, cell in zip(self._heads, row, strict=True):
                if cell.plain:
                    grid.add_row(Text(head, style=DIM), cell)
            yield grid

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style=DIM)
        for number, head in enumerate(self._heads, 1):
            table.add_column(head, no_wrap=number < len(self._heads), overflow="fold")
        for row in self._rows:
            table.add_row(*row)
        return table


def label(text: str) -> Text:
    """Return a label, indented below the marks."""
    return Text(f"  {text}", style=DIM)
