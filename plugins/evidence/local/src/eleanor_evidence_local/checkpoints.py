"""Every checkpoint that the log signed, kept in one file that only grows.

A line each: the note as a JSON string. The newest stands by itself as well, in the file
`checkpoint`, where `tlog-tiles` has it; that copy is made anew from the last line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from eleanor_core.api import Checkpoint, Note, read_checkpoint, read_note
from eleanor_evidence_local.disk import AppendOnlyFile, sync_folder, write_whole
from eleanor_evidence_local.layout import CHECKPOINT, CHECKPOINTS, corrupt

_LONGEST: Final = 1 << 16
"""Most bytes in a line: far more than a note with many signatures has."""


class Stored(NamedTuple):
    """A checkpoint in the file: where its line starts, the note, and what it says."""

    offset: int
    note: Note
    checkpoint: Checkpoint


class Checkpoints:
    """The file of all checkpoints."""

    def __init__(self, folder: Path, name: str = CHECKPOINTS) -> None:
        """Read and write the checkpoints of the log in `folder`, in the file `name`."""
        self.path = folder / name
        self.newest_path = folder / CHECKPOINT
        self._folder = folder
        self._file: AppendOnlyFile | None = None

    def end(self) -> int:
        """Return how many bytes there are; what is appended later stands behind."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def lines(self, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield where each whole line starts, and the line, up to `end`."""
        end, offset = self.end() if end is None else end, 0
        if not end:
            return
        with self.path.open("rb") as file:
            while offset < end and (line := file.readline(_LONGEST)).endswith(b"\n"):
                yield offset, line
                offset += len(line)

    def last(self, end: int | None = None) -> Stored | None:
        """Return the newest checkpoint before `end`, None if there is none.

        What was never finished after it counts for nothing. Raises EvidenceCorrupt.
        """
        offset, line = self._last_line(end)
        return parsed(self.path, offset, line) if line else None

    def check(self, count: int) -> None:
        """Raise EvidenceCorrupt if more was signed than the `count` records that there are."""
        last = self.last()
        if last and last.checkpoint.size > count:
            signed = f"{last.checkpoint.size} records were signed, and the log ends after {count}"
            raise corrupt(self.path, last.offset, signed)

    def append(self, note: Note) -> None:
        """Add a checkpoint, and publish it. Raises OSError."""
        self.add(note)
        self.publish(note)

    def add(self, note: Note) -> None:
        """Add a checkpoint; it is on stable storage when this returns. Raises OSError."""
        line = line_of(note)
        if self._file is None and self.end():
            offset, last = self._last_line()
            self._file = AppendOnlyFile(self.path, offset + len(last))
        if self._file is None:
            self._file = AppendOnlyFile.create(self.path, line)
        else:
            self._file.write(line)
            self._file.sync()

    def publish(self, note: Note) -> None:
        """Put the newest checkpoint where it stands by itself. Raises OSError."""
        write_whole(self.newest_path, str(note).encode())
        sync_folder(self._folder)

    def is_published(self) -> bool:
        """Return whether the newest checkpoint is the one that stands by itself."""
        _, line = self._last_line()
        try:
            return line_of(read_note(self.newest_path.read_text("utf-8"))) == line
        except (OSError, ValueError):
            return not line

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
        self._file = None

    def _last_line(self, end: int | None = None) -> tuple[int, bytes]:
        """Return the last whole line and where it starts."""
        end = self.end() if end is None else end
        start = max(0, end - 2 * _LONGEST)
        if not end:
            return 0, b""
        with self.path.open("rb") as file:
            file.seek(start)
            tail = file.read(end - start)
        tail = tail[: tail.rfind(b"\n") + 1]
        first = tail.rfind(b"\n", 0, -1) + 1
        return start + first, tail[first:]


def line_of(note: Note) -> bytes:
    """Return the line of a note."""
    return json.dumps(str(note), ensure_ascii=False).encode() + b"\n"


def parsed(path: Path, offset: int, line: bytes) -> Stored:
    """Return what a line holds. Raises EvidenceCorrupt if it is not the line of a checkpoint."""
    try:
        note = read_note(str(json.loads(line)))
        checkpoint = read_checkpoint(note)
    except (ValueError, RecursionError) as problem:
        raise corrupt(path, offset, f"this is no checkpoint: {problem}") from None
    if line_of(note) != line:
        raise corrupt(path, offset, "this is not how the line of that checkpoint is written")
    return Stored(offset, note, checkpoint)
