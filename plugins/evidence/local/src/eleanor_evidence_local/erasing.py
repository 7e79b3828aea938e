"""Destroying payloads. What is to be destroyed is noted first: so a crash leaves it to be finished.

A payload is written over where it stands; its line keeps its length, and no other byte changes. The
file `erasing` names the payloads from before their erasure is recorded until they are gone. One
whose erasure never came into the log is let stand.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from eleanor_core.api import EvidenceCorrupt, StoredRecord, erased_by, erasure_id
from eleanor_evidence_local.catalog import Catalog
from eleanor_evidence_local.disk import open_own, sync, sync_folder, write_all, write_whole
from eleanor_evidence_local.index import entry_of
from eleanor_evidence_local.layout import ERASING, corrupt, payload_path
from eleanor_evidence_local.lines import BadLine, erased_line, payload_prefix, read_payload
from eleanor_evidence_local.submission import Submission

_HEAD: Final = b"eleanor-erasing 1\n"
_MARK: Final = re.compile(
    rb"(\d{20}) (\d{20}) (\d{1,18}) (\d{1,18}) ([0-9a-f]{64}) ([0-9a-f-]{36})\n"
)


class Mark(NamedTuple):
    """A payload of `size` bytes that is to be destroyed; its line begins at `at`."""

    number: int
    first: int
    at: int
    size: int
    leaf_hash: str
    record_id: str

    @property
    def line(self) -> bytes:
        """The line as it is to be."""
        return erased_line(self.number, self.size, self.leaf_hash)

    def found(self, folder: Path) -> bytes:
        """Return the line as it is."""
        with payload_path(folder, self.first).open("rb") as file:
            file.seek(self.at)
            return file.read(len(self.line))


class Erasing:
    """The payloads of one log that are still to be destroyed. For the one who writes it."""

    def __init__(self, folder: Path) -> None:
        """Go on with what was noted before. Raises EvidenceCorrupt if that is damaged."""
        self._folder = folder
        self._marks = marked(folder)

    @property
    def pending(self) -> bool:
        """Whether anything is noted."""
        return bool(self._marks)

    def mend(self) -> None:
        """Finish the lines that were being written over when the power failed. Raises OSError.

        Without it, half a line would be taken for damage.
        """
        for mark in self._marks:
            found = mark.found(self._folder)
            try:
                read_payload(found, mark.number, mark.leaf_hash)
            except BadLine:
                if found.startswith(payload_prefix(mark.number, mark.size, mark.leaf_hash)):
                    self._destroy([mark])

    def note(self, targets: Iterable[str], catalog: Catalog) -> None:
        """Note the payloads of these records that still stand, durably. Raises OSError."""
        noted = {mark.record_id for mark in self._marks}
        marks = [mark for target in targets if (mark := _standing(self._folder, target, catalog))]
        if new := [mark for mark in marks if mark.record_id not in noted]:
            self._marks += new
            lines = (_noted(mark) for mark in self._marks)
            write_whole(self._folder / ERASING, b"".join((_HEAD, *lines)))
            sync_folder(self._folder)

    def finish(self, is_recorded: Callable[[str], bool]) -> int:
        """Destroy what is noted, and return how much that was. Raises OSError: it stays noted.

        `is_recorded` tells of an id whether the log holds a record under it. Nothing may be left
        elsewhere, in memory or in the journal, that would write the payloads again.
        """
        done = [mark for mark in self._marks if is_recorded(erasure_id(mark.record_id))]
        self._destroy(done)
        (self._folder / ERASING).unlink(missing_ok=True)
        sync_folder(self._folder)
        self._marks = []
        return len(done)

    def _destroy(self, marks: Iterable[Mark]) -> None:
        by_file: dict[int, list[Mark]] = {}
        for mark in marks:
            by_file.setdefault(mark.first, []).append(mark)
        for first, those in by_file.items():
            descriptor = open_own(payload_path(self._folder, first))
            try:
                for mark in those:
                    kept = len(payload_prefix(mark.number, mark.size, mark.leaf_hash))
                    os.lseek(descriptor, mark.at + kept, os.SEEK_SET)
                    write_all(descriptor, mark.line[kept:])
                sync(descriptor)
            finally:
                os.close(descriptor)


def marked(folder: Path) -> list[Mark]:
    """Return what is noted in a log. Raises EvidenceCorrupt if the file is not one of ours."""
    path = folder / ERASING
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    lines = [_MARK.fullmatch(line) for line in text.removeprefix(_HEAD).splitlines(keepends=True)]
    marks = [_mark(match) for match in lines if match]
    if not text.startswith(_HEAD) or len(marks) != len(lines):
        raise corrupt(path, 0, "this is not a list of payloads that are being erased")
    return marks


def unfinished(folder: Path, get: Callable[[str], StoredRecord | None]) -> list[str]:
    """Return whose payloads still stand though their erasure is in the log, which `get` reads."""
    noted = (mark.record_id for mark in marked(folder))
    return [record_id for record_id in noted if get(erasure_id(record_id))]


def targets(batch: Iterable[Submission]) -> Mapping[str, str]:
    """Return record id -> id of its erasure, for those that a batch erases."""
    erasures = [each.record for each in batch if each.heading.kind == "erasure"]
    if not erasures:
        return {}
    named = ((erased_by(record.leaf), record.record_id) for record in erasures)
    return {target: erasure for target, erasure in named if target}


def _standing(folder: Path, record_id: str, catalog: Catalog) -> Mark | None:
    row = catalog.known(record_id)
    if row is None:
        return None
    entry = entry_of(folder, row)
    if entry is None:
        raise EvidenceCorrupt(f"record {record_id} cannot be read: run `eleanor evidence verify`")
    if not entry.payload:
        return None
    return Mark(
        row.position, row.segment, row.payload_at, len(entry.payload), row.leaf_hash, record_id
    )


def _noted(mark: Mark) -> bytes:
    hashed, named = mark.leaf_hash.encode(), mark.record_id.encode()
    return b"%020d %020d %d %d %b %b\n" % (*mark[:4], hashed, named)


def _mark(match: re.Match[bytes]) -> Mark:
    number, first, at, size = (int(match[place]) for place in range(1, 5))
    return Mark(number, first, at, size, match[5].decode(), match[6].decode())
