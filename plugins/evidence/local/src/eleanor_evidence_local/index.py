"""The index: where each record stands. It is never trusted for what a record says.

A SQLite file that can be deleted at any time. New rows wait in memory, where they are found as
well, and reach the file when the log has nothing better to do.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice, takewhile
from pathlib import Path
from typing import Final, NamedTuple

from eleanor_core.api import EvidenceCorrupt, StoredRecord
from eleanor_evidence_local.disk import OWN_MODE, open_own
from eleanor_evidence_local.layout import Entry, Heading, Place, heading, locate, records

_SCHEMA: Final = """
CREATE TABLE records (
    position INTEGER PRIMARY KEY, record_id TEXT NOT NULL UNIQUE, leaf_hash TEXT NOT NULL,
    segment INTEGER NOT NULL, leaf_at INTEGER NOT NULL, payload_at INTEGER NOT NULL,
    kind TEXT NOT NULL, time TEXT NOT NULL, trace_id TEXT NOT NULL
);
CREATE INDEX erasures ON records (position) WHERE kind = 'erasure';
CREATE TABLE state (version INTEGER NOT NULL, records INTEGER NOT NULL, checksum INTEGER NOT NULL);
INSERT INTO state VALUES (2, 0, 0);
"""
_VERSION: Final = 2
SLICE: Final = 512
"""Most rows that are written at once: whoever looks for a record meanwhile waits no longer."""
_CHECKSUM_BITS: Final = (1 << 62) - 1


class Row(NamedTuple):
    """One record in the index, in the order of the table's columns."""

    position: int
    record_id: str
    leaf_hash: str
    segment: int
    leaf_at: int
    payload_at: int
    kind: str
    time: str
    trace_id: str

    @property
    def place(self) -> Place:
        """Where the record stands, as the index says."""
        return Place(self.position, self.segment, self.leaf_at, self.payload_at)


def row_of(place: Place, leaf_hash: str, head: Heading) -> Row:
    """Return the row of a record."""
    return Row(
        place.position,
        head.record_id,
        leaf_hash,
        place.first,
        place.leaf_at,
        place.payload_at,
        head.kind,
        head.time,
        head.trace_id,
    )


def row_of_entry(entry: Entry) -> Row:
    """Return the row of a record as it stands in the files."""
    return row_of(entry.place, entry.leaf_hash, heading(entry.leaf))


def entry_of(folder: Path, row: Row) -> Entry | None:
    """Return the record that a row leads to, None if it is not the one that the row names."""
    try:
        entry = next(records(folder, row.place, row.position + 1), None)
        return entry if entry and row_of_entry(entry) == row else None
    except (EvidenceCorrupt, OSError, ValueError, TypeError, OverflowError):
        return None


def searched(folder: Path, record_id: str) -> StoredRecord | None:
    """Find a record in a damaged log: from the start, as far as it can be read."""
    place = locate(folder, 0)
    for entry in records(folder, place) if place else ():
        if row_of_entry(entry).record_id == record_id:
            return stored(entry)
    return None


def stored(entry: Entry) -> StoredRecord:
    """Return a record as those who read the log get it."""
    return StoredRecord(
        index=entry.place.position,
        record_id=row_of_entry(entry).record_id,
        leaf_hash=entry.leaf_hash,
        leaf=entry.leaf,
        payload=entry.payload,
    )


class Index:
    """Rows by record id and by position. Safe to use from any thread."""

    def __init__(self, path: Path | None, *, writable: bool, scratch: bool = False) -> None:
        """Open the index at `path`, made if it may be; None: in memory alone.

        `scratch`: it is being built, and is thrown away if the machine stops meanwhile.

        Raises sqlite3.Error or ValueError if what is there cannot be used.
        """
        self.path = path
        self.writable = writable
        self._lock = threading.Lock()
        self._pending: dict[str, Row] = {}
        self._connection = _connect(path, writable=writable, scratch=scratch)
        try:
            self._records, self._checksum = self._state()
            self.last = self._last()
            newest = self._connection.execute("SELECT max(record_id) FROM records").fetchone()
            self._newest: str = newest[0] or ""
            erasure = "SELECT 1 FROM records WHERE kind = 'erasure' LIMIT 1"
            self.has_erasures = self._connection.execute(erasure).fetchone() is not None
        except BaseException:
            self._connection.close()
            raise

    def add(self, row: Row) -> None:
        """Note the record at the next position."""
        with self._lock:
            self._pending[row.record_id] = row
            self.last = row
            self._newest = max(self._newest, row.record_id)
            self.has_erasures = self.has_erasures or row.kind == "erasure"

    @property
    def waiting(self) -> int:
        """Rows that are in memory alone."""
        return len(self._pending)

    def flush(self, keep: int = 0) -> None:
        """Write what waits but for `keep` rows. Raises sqlite3.Error, and it goes on waiting."""
        while self.writable and len(self._pending) > keep:
            self._flush_slice()

    def _flush_slice(self) -> None:
        with self._lock:
            rows = list(islice(self._pending.values(), SLICE))
            records = self._records + len(rows)
            checksum = _checksum(rows, self._checksum)
            with self._connection:
                self._connection.executemany(
                    "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
                )
                self._connection.execute(
                    "UPDATE state SET records = ?, checksum = ?", (records, checksum)
                )
            self._records, self._checksum = records, checksum
            for row in rows:
                del self._pending[row.record_id]

    def find(self, record_id: str) -> Row | None:
        """Return the row of a record. Raises sqlite3.Error if the file cannot be read."""
        with self._lock:
            if row := self._pending.get(record_id):
                return row
            # Ids grow with time: one beyond all that are here is new, and need not be looked up.
            if record_id > self._newest:
                return None
            found = self._connection.execute(
                "SELECT * FROM records WHERE record_id = ?", (record_id,)
            ).fetchone()
        return Row(*found) if found else None

    def at(self, position: int) -> Row | None:
        """Return the row of the record at a position. Raises sqlite3.Error."""
        with self._lock:
            if self.last and (back := self.last.position - position) < len(self._pending):
                # The last ones wait, in order.
                return next(islice(reversed(self._pending.values()), back, None), None)
            found = self._connection.execute(
                "SELECT * FROM records WHERE position = ?", (position,)
            ).fetchone()
        return Row(*found) if found else None

    def size(self) -> int:
        """Return how many rows there are, counted."""
        with self._lock:
            counted = self._connection.execute("SELECT count(*) FROM records").fetchone()
            return int(counted[0]) + len(self._pending)

    def audit(self) -> bool:
        """Return whether the rows in the file are those that were written. Reads all of them."""
        with self._lock:
            records, checksum = self._records, self._checksum
        stored = takewhile(lambda row: row.position < records, self.rows())
        return _checksum(stored, 0) == checksum

    def rows(self) -> Iterator[Row]:
        """Yield all rows in order of position, those that wait as well. Raises sqlite3.Error."""
        position = -1
        while True:
            with self._lock:
                found = self._connection.execute(
                    "SELECT * FROM records WHERE position > ? ORDER BY position LIMIT 1000",
                    (position,),
                ).fetchall()
                rows = [*map(Row._make, found)] or [
                    row for row in self._pending.values() if row.position > position
                ]
            if not rows:
                return
            yield from rows
            position = rows[-1].position

    def close(self) -> None:
        """Close the file. What still waits is written first, if that can be done."""
        with suppress(sqlite3.Error):
            self.flush()
        self._connection.close()

    def _state(self) -> tuple[int, int]:
        states = self._connection.execute(
            "SELECT version, records, checksum, (SELECT count(*) FROM records) FROM state"
        ).fetchall()
        if len(states) != 1 or states[0][0] != _VERSION or states[0][1] != states[0][3]:
            raise ValueError("its rows are not those that were written")
        return states[0][1], states[0][2]

    def _last(self) -> Row | None:
        found = self._connection.execute(
            "SELECT * FROM records ORDER BY position DESC LIMIT 1"
        ).fetchone()
        return Row(*found) if found else None


def remove(path: Path) -> None:
    """Remove an index with all that SQLite puts beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path | None, *, writable: bool, scratch: bool) -> sqlite3.Connection:
    new = path is None or not path.exists()
    if path is None:
        target = ":memory:"
    else:
        target = f"{path.absolute().as_uri()}?mode={'rwc' if writable else 'ro'}"
    if writable and path is not None:
        # What SQLite puts beside its file gets the mode of the file itself.
        os.close(open_own(path))
        path.chmod(OWN_MODE)
    connection = sqlite3.connect(target, uri=True, check_same_thread=False)
    try:
        if writable:
            # A reader in another process never waits for the writer, nor the writer for it. What is
            # lost in a power cut is made again; with NORMAL it is lost as a whole.
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            connection.execute(f"PRAGMA synchronous = {'OFF' if scratch else 'NORMAL'}")
        if new:
            connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _checksum(rows: Iterable[Row], start: int) -> int:
    """Return a sum that any changed, added or missing row changes, except on purpose."""
    for row in rows:
        start += zlib.crc32(repr(tuple(row)).encode())
    return start & _CHECKSUM_BITS
