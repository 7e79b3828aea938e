"""The tree of the records as they stand, held against what was signed and what lies in tiles."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from eleanor_core.api import (
    Checkpoint,
    EvidenceCorrupt,
    Frontier,
    Note,
    VerifierKey,
    check_note,
    read_checkpoint,
    read_note,
)
from eleanor_evidence_local.checkpoints import Checkpoints, Stored, parsed
from eleanor_evidence_local.keys import in_words, is_right
from eleanor_evidence_local.tiles import WIDTH, Tile, TileBuilder, Tiles, rows_of

SLACK: Final = timedelta(minutes=5)
"""How far a record's time may lie before that of a checkpoint that does not hold it.

A record is made a little before it is stored, and clocks are put right by a little.
"""
_EARLIEST: Final = datetime.fromtimestamp(86400, UTC)

Found: TypeAlias = Callable[[str, object], None]
"""Is told where something is wrong, and what."""


class _Expected(NamedTuple):
    """A checkpoint that the tree must agree with: what it says, where it stands, who signed."""

    size: int
    root: bytes
    where: str
    time: datetime | None
    stored: bool


class TreeCheck:
    """The tree as it grows, record by record.

    `stale`: which tiles, and the copy of the newest checkpoint, are not what the records demand.
    `notes`: what is said of time, which breaks nothing: a log that catches up stores late as well.
    """

    def __init__(
        self,
        folder: Path,
        verifiers: Sequence[VerifierKey],
        known: Sequence[str],
        found: Found,
        *,
        end: int,
        published: Callable[[], bool],
    ) -> None:
        """Take the log's keys, notes that were kept elsewhere, and how many bytes of checkpoints.

        `found` is told what is wrong. `published` tells whether the copy of the newest checkpoint
        is that of the newest.
        """
        self._published = published
        self.frontier = Frontier()
        self.checked = 0
        self.stale: list[str] = []
        self.notes: list[str] = []
        self._verifiers = verifiers
        self._found = found
        self._tiles = Tiles(folder)
        self._checkpoints = Checkpoints(folder)
        self._builder = TileBuilder(self._compare)
        # What the last checkpoint held that agreed, among those given and among those stored.
        self._agreed = {False: 0, True: 0}
        self._held = 0
        self._wrong = 0
        self._signed_at = _EARLIEST
        self._floor = ""
        self._late = 0
        self._first_late = ""
        self._last = self._newest(end)
        self.signed = self._last.checkpoint.size if self._last else 0
        given = sorted(self._given(known), key=attrgetter("size"))
        self._expected = heapq.merge(self._stored(end), given, key=attrgetter("size"))
        self._next = next(self._expected, None)
        self._reach()

    def append(self, digest: bytes, record_time: str | None) -> None:
        """Add the next leaf, and the time that its record states, if that can be read."""
        if record_time is not None and record_time < self._floor:
            self._late += 1
            self._first_late = self._first_late or (
                f"record {self.frontier.size} says that it was made {record_time}, and the "
                f"checkpoint of {self._held} records, signed {_shown(self._signed_at)}, does not "
                "hold it: it was stored later than it says"
            )
        self.frontier.append(digest)
        self._builder.append(digest)
        if self._next and self._next.size <= self.frontier.size:
            self._reach()
        if self.frontier.size == self.signed:
            for tile, hashes in self._builder.partial():
                self._compare(tile, hashes)

    def finish(self, count: Callable[[], int], *, alone: bool) -> None:
        """Find what is signed and not there, and what lies among the tiles beside them.

        `count` gives how many records there are by now. `alone`: no other process writes the log,
        so that no tile can be ahead of them.
        """
        while self._next:
            self._missing(self._next)
            self._next = next(self._expected, None)
        if self._wrong > 1:
            self._found(
                self._checkpoints.path.name,
                f"{self._wrong - 1} later checkpoints do not agree with the records either",
            )
        if self._late:
            more = f", and {self._late - 1} more" if self._late > 1 else ""
            self.notes.append(f"{self._first_late}{more}")
        if self._last and not self._published():
            self.stale.append(f"{self._checkpoints.newest_path.name} was not the newest signed")
        there = [*self._tiles.all()]
        # Asked after the tiles were listed: what is signed meanwhile is in neither or in both.
        end = count()
        for name, tile in there:
            if tile is None and not name.endswith(".new"):
                self._found(f"{name} at byte 0", "this file is not part of the log")
            elif tile and alone and tile.end > end:
                self._found(
                    f"{name} at byte 0",
                    f"it stands for records up to {tile.end - 1}, and the log ends after {end}",
                )
            elif tile and tile.width < WIDTH:
                self._compare_with_known(tile)

    def _newest(self, end: int) -> Stored | None:
        try:
            return self._checkpoints.last(end)
        except EvidenceCorrupt:
            # `_stored` meets it as well, and says what is wrong with it.
            return None

    def _given(self, known: Sequence[str]) -> Iterator[_Expected]:
        for text in known:
            where = "the checkpoint that was given"
            try:
                note = read_note(text)
                checkpoint = read_checkpoint(note)
            except ValueError as problem:
                self._found(where, problem)
                continue
            if expected := self._signed_by_us(where, note, checkpoint, stored=False):
                yield expected

    def _stored(self, end: int) -> Iterator[_Expected]:
        """Yield the stored checkpoints that are right in themselves, in order of their size."""
        size = 0
        for offset, line in self._checkpoints.lines(end):
            where = f"{self._checkpoints.path.name} at byte {offset}"
            try:
                _, note, checkpoint = parsed(self._checkpoints.path, offset, line)
            except EvidenceCorrupt:
                self._found(where, "this is not the line of a checkpoint")
                continue
            expected = self._signed_by_us(where, note, checkpoint, stored=True)
            if expected is None:
                continue
            if expected.size < size:
                self._found(where, f"{expected.size} records, after a checkpoint of {size}")
                continue
            self.checked += 1
            size = expected.size
            yield expected

    def _signed_by_us(
        self, where: str, note: Note, checkpoint: Checkpoint, *, stored: bool
    ) -> _Expected | None:
        try:
            signed = check_note(note, self._verifiers, is_right)
        except ValueError as problem:
            self._found(where, f"the checkpoint of {checkpoint.size} records: {problem}")
            return None
        if not signed or checkpoint.origin != signed[0].key.name:
            others = ", ".join(f"{line.name}+{line.key_id.hex()}" for line in note.signatures)
            self._found(
                where,
                f"the checkpoint of {checkpoint.size} records of {checkpoint.origin} is signed by "
                f"{others}, and this log's keys are {in_words(self._verifiers)}",
            )
            return None
        times = [item.time for item in signed if item.time is not None]
        try:
            time = datetime.fromtimestamp(min(times), UTC) if times else None
        except (ValueError, OverflowError, OSError):
            time = None
        return _Expected(checkpoint.size, checkpoint.root, where, time, stored)

    def _reach(self) -> None:
        """Compare the tree with the checkpoints of its size."""
        while self._next and self._next.size <= self.frontier.size:
            expected, self._next = self._next, next(self._expected, None)
            if expected.root == self.frontier.root():
                self._agree(expected)
            elif not expected.stored or not self._wrong:
                self._wrong += expected.stored
                self._found(
                    expected.where,
                    f"{expected.size} records were signed with the root {expected.root.hex()}, and "
                    f"the first {expected.size} here have {self.frontier.root().hex()}: "
                    f"{_span(self._agreed[expected.stored], expected.size)} not what was signed",
                )
            else:
                self._wrong += 1

    def _agree(self, expected: _Expected) -> None:
        self._agreed[expected.stored] = expected.size
        self._held = expected.size
        if expected.time is None:
            return
        if expected.stored and expected.time < self._signed_at - SLACK:
            self.notes.append(
                f"{expected.where}: it was signed {_shown(expected.time)}, after one that was "
                f"signed {_shown(self._signed_at)}: the clock was set back"
            )
        self._signed_at = expected.time
        self._floor = f"{expected.time - SLACK:%Y-%m-%dT%H:%M:%S}"

    def _missing(self, expected: _Expected) -> None:
        if expected.stored:
            self._wrong += 1
        if not expected.stored or self._wrong == 1:
            size = self.frontier.size
            self._found(
                expected.where,
                f"{expected.size} records were signed, and the log ends after {size}: "
                f"{_span(size, expected.size)} missing",
            )

    def _compare(self, tile: Tile, hashes: bytes) -> None:
        """Hold a tile of the tree against the one on disk, if it must be there."""
        if tile.end > self.signed:
            return
        there = self._tiles.at_least(tile)
        name = f"tile/{tile.name}"
        if there is None:
            self.stale.append(f"{name} was missing or had another size")
        elif there != hashes:
            pairs = enumerate(zip(rows_of(there)[0], rows_of(hashes)[0], strict=True))
            place = next(place for place, (found, right) in pairs if found != right)
            first = tile.start + (place << 8 * tile.level)
            self.stale.append(f"{name} had another hash for record {first}")

    def _compare_with_known(self, tile: Tile) -> None:
        """Hold a partial tile of another checkpoint against what is known of the same tile."""
        edge = {(wide.level, wide.number): hashes for wide, hashes in self._builder.partial()}
        known = edge.get((tile.level, tile.number)) or self._tiles.read(Tile(*tile[:2]))
        there = self._tiles.read(tile)
        # One that is gone was replaced by a full one just now.
        gone = there is None and not self._tiles.path(tile).exists()
        if known is None or gone:
            return
        # One that was signed meanwhile goes on beyond the records that were looked at.
        both = min(len(known), len(there or b""))
        if there is None or known[:both] != there[:both]:
            self.stale.append(f"tile/{tile.name} had other hashes")


def _span(start: int, stop: int) -> str:
    return f"record {start} is" if stop - start == 1 else f"records {start} to {stop - 1} are"


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
