"""Where results go: lines, and a table of them at the end if the output's name asks for one.

A Parquet file can be read only once its end is written, and nothing can be added to it. So the
lines stand in a journal beside it while the run goes on, `OUT.parquet.jsonl`, for which holds
whatever holds for an output of lines; the table is made of it in one step at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eleanor_cli.batching.output import sync_folder
from eleanor_cli.faults import say
from eleanor_cli.tables import is_table
from eleanor_core.errors import EleanorError


class TableError(EleanorError):
    """A table could not be made of lines that are all there."""

    code = "table"


@dataclass(frozen=True, slots=True)
class Place:
    """The output as it was asked for, and the critics that have columns in a table."""

    target: Path
    critics: tuple[str, ...] = ()

    @property
    def lines(self) -> Path:
        """The file that the lines are written to: the output itself, or its journal."""
        return self.target.with_name(f"{self.target.name}.jsonl") if self.is_table else self.target

    @property
    def is_table(self) -> bool:
        """Whether the output is to be a table."""
        return is_table(self.target)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that a run writes to, without the side file."""
        return (self.target, self.lines) if self.is_table else (self.target,)

    def written(self) -> tuple[Path, Iterator[bytes]]:
        """Return the file that holds what was written last, and its lines."""
        if self.is_table and not self.lines.exists():
            return self.target, _lines_of_table(self.target)
        return self.lines, _lines_of(self.lines)

    def make(self) -> None:
        """Make the table, if it is to be one: whole, or as it was before. Raises TableError."""
        if not self.is_table:
            return
        from eleanor_cli.tables.results import write_table

        left = f"Every line is in {self.lines}: --resume makes the table, and judges nothing again"
        part = self.target.with_name(f".{self.target.name}.part")
        try:
            try:
                write_table(_lines_of(self.lines), part, self.critics)
                part.replace(self.target)
            finally:
                part.unlink(missing_ok=True)
            sync_folder(self.target.parent)
        except OSError as error:
            why = error.strerror or error
            raise TableError(f"{self.target} could not be written ({why}). {left}") from error
        except KeyboardInterrupt:
            say(f"stopped before {self.target} was made. {left}")
            raise

    def clear(self) -> None:
        """Take the journal away: all of it stands in the table."""
        if self.is_table:
            self.lines.unlink(missing_ok=True)


def _lines_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from stream


def _lines_of_table(file: Path) -> Iterator[bytes]:
    from eleanor_cli.tables.reading import read_column
    from eleanor_cli.tables.results import WHOLE

    return (f"{line}\n".encode() for line in read_column(file, WHOLE))
