"""The journal: what was appended last, once more and together, so that one sync makes it durable.

A record goes to two files, and to make both durable would take a sync of each. So it is written and
synced here first, then written to both without a sync. Once the journal is full, both files are
synced and it begins again at its start, over bytes that have their place on the disk already, which
makes its syncs cheap too; until then it grows ahead of its entries, by bytes that say nothing. What
the files lost in a power cut is written again from it.

An entry is a line `eleanor-journal 1 NUMBER FIRST LEAF_AT PAYLOAD_AT LEAVES PAYLOADS CHECK`, then
as many bytes of leaf lines and of payload lines as it says. `CHECK` covers the numbers and the tree
up to its last record: so an entry belongs to one log, and to one place in it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from eleanor_core.api import Frontier
from eleanor_evidence_local.disk import AppendOnlyFile, open_own, sync, sync_folder, write_all
from eleanor_evidence_local.layout import Place, payload_path, segment_path
from eleanor_evidence_local.lines import (
    BadLine,
    payload_header,
    read_leaf,
    read_payload,
    segment_header,
)

_FULL: Final = 1 << 20
_ENTRIES: Final = 32
"""The journal begins again after so many bytes, or after so many entries where those are large."""
_ENTRY: Final = re.compile(
    rb"eleanor-journal 1 (\d{20}) (\d{20}) (\d{1,18}) (\d{1,18}) (\d{1,18}) (\d{1,18})"
    rb" ([0-9a-f]{64})\n"
)


class Journal:
    """The journal as the one who writes the log has it."""

    def __init__(self, path: Path) -> None:
        """Start with an empty one; the file is made when the first entry is written."""
        self._path = path
        self._descriptor: int | None = None
        self._end = 0
        self._size = 0
        self._astray = False

    def has_room(self, entry: bytes) -> bool:
        """Return whether the entry fits behind the others. At the start every one does."""
        return not self._end or self._end + len(entry) <= max(_FULL, _ENTRIES * len(entry))

    def begin_again(self) -> None:
        """Write the next entry at the start: what the others hold is durable in its files."""
        self._end, self._astray = 0, True

    def append(self, entry: bytes) -> None:
        """Write an entry and wait until it is on stable storage. Raises OSError if it is not."""
        try:
            sync(self._write(entry))
        except BaseException:
            self.take_back(0)
            raise
        self._end, self._astray = self._end + len(entry), False

    def take_back(self, size: int) -> None:
        """Let what was written last count for nothing; `size`: its bytes, if it was appended."""
        self._end, self._astray = self._end - size, True
        # The next entry is written over it. Until then, no start is to find it.
        with suppress(OSError):
            self._write(b"-")

    def _write(self, data: bytes) -> int:
        if self._descriptor is None:
            self._descriptor = open_own(self._path)
            sync_folder(self._path.parent)
            self._size = 0
        if (needed := self._end + len(data)) > self._size:
            self._grow(self._descriptor, needed)
        if self._astray:
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
        self._astray = True
        write_all(self._descriptor, data)
        return self._descriptor

    def _grow(self, descriptor: int, needed: int) -> None:
        """Let the file be up to twice as large as it must: where it grows, a sync is dearer."""
        self._size, self._astray = max(needed, min(2 * needed, _FULL)), True
        # Where there is no place ahead, there may still be some for the entry itself.
        with suppress(OSError):
            os.lseek(descriptor, self._end, os.SEEK_SET)
            write_all(descriptor, b"-" * (self._size - self._end))

    def wipe(self) -> None:
        """Write over all that it holds, durably: what is durable elsewhere is to be erased there.

        Raises OSError if it cannot.
        """
        self.begin_again()
        if self._descriptor is None:
            return
        left = os.fstat(self._descriptor).st_size
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        while left > 0:
            write_all(self._descriptor, b"-" * min(left, _FULL))
            left -= _FULL
        sync(self._descriptor)

    def remove(self) -> None:
        """Close the file and remove it: what it holds is durable elsewhere."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file, and leave it for the next start."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


class Pair:
    """A segment and its payload file, which grow together; one sync makes both durable."""

    def __init__(self, leaves: AppendOnlyFile, payloads: AppendOnlyFile, journal: Journal) -> None:
        """Go on with two files that are durable as they are."""
        self._leaves = leaves
        self._payloads = payloads
        self._journal = journal

    @classmethod
    def create(
        cls, leaves: tuple[Path, bytes], payloads: tuple[Path, bytes], journal: Journal
    ) -> Pair:
        """Make both files, each from its path and first line; neither stays if one fails."""
        segment = AppendOnlyFile.create(*leaves)
        try:
            return cls(segment, AppendOnlyFile.create(*payloads), journal)
        except BaseException:
            segment.discard()
            raise

    def append(
        self,
        place: Place,
        peaks: Iterable[bytes],
        leaves: Sequence[bytes],
        payloads: Sequence[bytes],
    ) -> None:
        """Append lines to both files or to neither, durably. Raises OSError.

        `place` is where the first will stand, and `peaks` the tree up to the last of them.
        """
        entry = entry_of(place, peaks, leaves, payloads)
        if not self._journal.has_room(entry):
            self.sync()
        self._journal.append(entry)
        middle = len(entry) - sum(map(len, payloads))
        of_both = memoryview(entry)
        of_payloads, of_leaves = of_both[middle:], of_both[entry.index(b"\n") + 1 : middle]
        try:
            self._payloads.write(of_payloads)
            try:
                self._leaves.write(of_leaves)
            except BaseException:
                self._payloads.take_back(len(of_payloads))
                raise
        except BaseException:
            self._journal.take_back(len(entry))
            raise

    def sync(self) -> None:
        """Make both files durable by themselves, so that the journal can begin again."""
        self._payloads.sync()
        self._leaves.sync()
        self._journal.begin_again()

    def wipe(self) -> None:
        """As `sync`; and the journal holds nothing any more of what was written. Raises OSError."""
        self.sync()
        self._journal.wipe()

    def close(self) -> None:
        """Close both files."""
        self._leaves.close()
        self._payloads.close()


def pair_at(folder: Path, place: Place, journal: Journal) -> Pair:
    """Open the files that the log ends in, at their end. What no sync made durable yet is made so.

    Raises OSError.
    """
    with ExitStack() as opened:
        leaves = AppendOnlyFile(segment_path(folder, place.first), place.leaf_at)
        opened.callback(leaves.close)
        payloads = AppendOnlyFile(payload_path(folder, place.first), place.payload_at)
        opened.callback(payloads.close)
        pair = Pair(leaves, payloads, journal)
        pair.sync()
        opened.pop_all()
    return pair


def next_pair(
    before: Pair | None, folder: Path, place: Place, peaks: Sequence[bytes], journal: Journal
) -> tuple[Pair, Place]:
    """Make the files for the records from `place` on, once those before are durable by themselves.

    `peaks`: the tree up to there. Return them, and where the next record stands in them.
    """
    if before:
        before.sync()
    leaves, payloads = segment_header(place.position, peaks), payload_header(place.position)
    pair = Pair.create(
        (segment_path(folder, place.position), leaves),
        (payload_path(folder, place.position), payloads),
        journal,
    )
    if before:
        before.close()
    return pair, Place(place.position, place.position, len(leaves), len(payloads))


def entry_of(
    place: Place, peaks: Iterable[bytes], leaves: Sequence[bytes], payloads: Sequence[bytes]
) -> bytes:
    """Return the journal's entry for the lines of one append, with the tree up to their end."""
    sizes = sum(map(len, leaves)), sum(map(len, payloads))
    head = b"eleanor-journal 1 %020d %020d %d %d %d %d" % (*place, *sizes)
    return b"".join((b"%b %b\n" % (head, _check(head, peaks)), *leaves, *payloads))


class Replayed(NamedTuple):
    """What a journal holds from one place on, and where the next record goes after it."""

    next: Place
    leaves: bytes
    payloads: bytes


def begins_at(journal: bytes) -> Place | None:
    """Return where the first record of a journal stands, if it is one."""
    entry = _ENTRY.match(journal)
    return Place(*map(int, entry.groups()[:4])) if entry else None


def replay(journal: bytes, place: Place, frontier: Frontier) -> Replayed:
    """Return all that the journal says stands from `place` on; `frontier` grows by it.

    It ends at what is not an entry, or not the next one: it was torn, or stems from before the
    journal began again.
    """
    leaves, payloads, end = b"", b"", 0
    while entry := _ENTRY.match(journal, end):
        *numbers, leaf_bytes, payload_bytes = map(int, entry.groups()[:6])
        middle = entry.end() + leaf_bytes
        end = middle + payload_bytes
        lines = journal[entry.end() : middle], journal[middle:end]
        try:
            digests = _digests(place.position, *lines)
        except BadLine:
            break
        grown = Frontier(frontier.size, frontier.peaks)
        for digest in digests:
            grown.append(digest)
        if Place(*numbers) != place or _check(entry[0][:-66], grown.peaks) != entry[7]:
            break
        for digest in digests:
            frontier.append(digest)
        place = Place(
            frontier.size, place.first, place.leaf_at + leaf_bytes, place.payload_at + payload_bytes
        )
        leaves, payloads = leaves + lines[0], payloads + lines[1]
    return Replayed(place, leaves, payloads)


def _digests(index: int, leaves: bytes, payloads: bytes) -> list[bytes]:
    """Return the leaf hashes of whole lines, from record `index` on. Raises `BadLine`."""
    digests: list[bytes] = []
    for leaf, payload in zip_longest(_lines(leaves), _lines(payloads), fillvalue=b""):
        _, digest = read_leaf(leaf, index + len(digests))
        read_payload(payload, index + len(digests), digest)
        digests.append(bytes.fromhex(digest))
    return digests


def _lines(text: bytes) -> list[bytes]:
    return [line + b"\n" for line in text.split(b"\n")[:-1]]


def _check(head: bytes, peaks: Iterable[bytes]) -> bytes:
    return hashlib.sha256(b"".join((head, *peaks))).hexdigest().encode()
