"""Finding records by id: the index kept in step with the segments, and made anew when it is not."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from eleanor_core.api import EvidenceCorrupt, erasure_id
from eleanor_evidence_local.index import Index, Row, entry_of, remove, row_of_entry
from eleanor_evidence_local.layout import (
    INDEX,
    Entry,
    Place,
    corrupt,
    locate,
    records,
    segment_path,
    segments,
)

_FLUSH_EVERY: Final = 10_000
# What an index can raise that is not this log's, was altered, or does not lead where it says.
_UNUSABLE: Final = (sqlite3.Error, ValueError, TypeError, OverflowError, OSError, EvidenceCorrupt)

# What it raises where its file cannot be written. The log itself stands in the segments alone.
_UNWRITABLE: Final = (sqlite3.Error, OSError)
_IN_MEMORY: Final = "the index could not be written, so until the next start it is in memory"


class Catalog:
    """The index of a log. `count` tells how many records the segments hold.

    `lock` is held where head and index must change together.
    """

    def __init__(
        self, folder: Path, count: Callable[[], int], note: Callable[[str], None], *, writable: bool
    ) -> None:
        """Open the index, or make it anew. Raises `EvidenceCorrupt` if the segments are damaged.

        `note` is told what was found and put right. Without `writable` a new one is in memory.
        """
        self.lock = threading.RLock()
        self._folder = folder
        self._count = count
        self._note = note
        self._writable = writable
        self._audited = False
        self._index = self._opened()
        if writable and self._index.last and self._index.last.position >= count():
            self._explain_surplus(self._index.last)

    def add(self, row: Row) -> None:
        """Note the record at the next position."""
        self._index.add(row)

    def known(self, record_id: str) -> Row | None:
        """Return the row of a record that may be there already."""
        with self.lock:
            try:
                return self._index.find(record_id)
            except _UNUSABLE as error:
                self.rebuild(f"could not be read ({error})")
                return self._index.find(record_id)

    def erased(self, record_id: str) -> bool:
        """Return whether the log holds the erasure of a record."""
        return self._index.has_erasures and self.known(erasure_id(record_id)) is not None

    def find(self, record_id: str) -> Row | None:
        """Return the row of a record. That there is none is believed of a sound index only.

        So the first miss reads the whole index once.
        """
        row = self.known(record_id)
        if row is None and not self._audited:
            if not self.sound():
                self.rebuild("had been changed")
                row = self.known(record_id)
            self._audited = True
        return row

    def place(self, position: int) -> Place | None:
        """Return where a record stands or will stand: from the row before it, if that leads there.

        None if no segment can hold it.
        """
        entry: Entry | None = None
        with suppress(*_UNUSABLE):
            row = self._index.at(position - 1)
            entry = entry_of(self._folder, row) if row else None
        return entry.after if entry else locate(self._folder, position)

    def rows(self) -> Iterator[Row]:
        """Yield the rows in order of position, as far as they can be read."""
        with suppress(*_UNUSABLE):
            yield from self._index.rows()

    def has_surplus(self) -> bool:
        """Return whether there are rows in the file that no record has."""
        try:
            with self.lock:
                return self._writable and self._index.size() != self._count()
        except _UNUSABLE:
            return True

    def sound(self) -> bool:
        """Return whether the rows in the file are those that were written, and no others."""
        try:
            return not self.has_surplus() and self._index.audit()
        except _UNUSABLE:
            return False

    def rebuild(self, why: str) -> None:
        """Make the index anew. Raises `EvidenceCorrupt`, and keeps it, if segments are damaged."""
        with self.lock:
            index = self._built()
            self._index.close()
            self._index = self._installed(index)
            self._note(f"the index {why}; it was rebuilt from {self._count()} records")

    def flush(self, keep: int = 0) -> None:
        """As `Index.flush`, for what waits in memory."""
        with self.lock:
            self._index.flush(keep)

    @property
    def waiting(self) -> int:
        """Rows that are in memory alone."""
        return self._index.waiting

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def _opened(self) -> Index:
        path = self._folder / INDEX
        if not path.exists():
            why = "the index was missing" if self._count() else ""
        else:
            try:
                return self._caught_up(Index(path, writable=self._writable))
            except _UNUSABLE as error:
                why = f"the index could not be used ({error})"
        index = self._installed(self._built())
        if why:
            self._note(f"{why}; it was rebuilt from {self._count()} records")
        return index

    def _caught_up(self, index: Index) -> Index:
        try:
            behind = self._catch_up(index)
        except BaseException:
            index.close()
            raise
        if behind and self._writable:
            self._note(f"the index was {behind} records behind; it was brought up to date")
        return index

    def _built(self) -> Index:
        if self._writable:
            path = self._folder / f"{INDEX}.new"
            try:
                remove(path)
                return self._filled(path)
            except _UNWRITABLE as error:
                self._note(f"{_IN_MEMORY} ({error})")
        return self._filled(None)

    def _filled(self, path: Path | None) -> Index:
        index = Index(path, writable=True, scratch=True)
        try:
            self._catch_up(index)
        except BaseException:
            index.close()
            raise
        return index

    def _installed(self, index: Index) -> Index:
        self._audited = True
        if index.path is None:
            return index
        path = self._folder / INDEX
        index.close()
        try:
            remove(path)
            index.path.rename(path)
            return Index(path, writable=True)
        except _UNWRITABLE as error:
            self._note(f"{_IN_MEMORY} ({error})")
            return self._filled(None)

    def _catch_up(self, index: Index) -> int:
        """Add what the index lacks; return how many records. Raises what shows it to be wrong."""
        last, count = index.last, self._count()
        if last and last.position >= count:
            return 0
        start = last.place if last else locate(self._folder, 0)
        if start is None:
            return 0
        for entry in records(self._folder, start, count):
            row = row_of_entry(entry)
            if last is None or row.position > last.position:
                index.add(row)
            elif row != last:
                raise ValueError(f"its row {row.position} is wrong")
            if index.waiting >= _FLUSH_EVERY:
                index.flush()
        index.flush()
        return count - (last.position + 1 if last else 0)

    def _explain_surplus(self, last: Row) -> None:
        """Rows follow durable records: so records are gone, or the rows are false."""
        count = self._count()
        if not self._index.audit():
            self.rebuild("had been changed")
            return
        self.close()
        path = segment_path(self._folder, max(segments(self._folder), default=0))
        raise corrupt(
            path,
            path.stat().st_size if path.exists() else 0,
            f"the log ends after {count} records, and its index knows of {last.position + 1}; if "
            f"it is not this log's index, delete {INDEX}",
        )
