"""Opening a log that was left in whatever state: what is whole, what is torn, what is wrong.

Only the last segment is read: the first line of each states the tree over all before it. Verifying
everything is `verify`'s work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from attrs import field, frozen

from eleanor_core.api import Frontier
from eleanor_evidence_local.layout import (
    Place,
    begun,
    corrupt,
    payload_path,
    records_of_pair,
    segment_path,
    segments,
    start_of,
)
from eleanor_evidence_local.lines import is_torn

BATCH: Final = 4096
"""Most records that one write holds, so also the most that one crash can leave unfinished."""


@frozen(kw_only=True)
class Head:
    """The end of the log: where the next record goes, and the Merkle frontier before it."""

    next: Place
    peaks: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def count(self) -> int:
        """Records in the log."""
        return self.next.position


EMPTY: Final = Head(next=Place(0, 0, 0, 0))
"""No file is there yet: a first line never ends at offset 0."""


@frozen(kw_only=True)
class Cut:
    """Bytes at the end that hold no acknowledged record. `size` None: the whole file goes."""

    path: Path
    size: int | None
    note: str


def examine(folder: Path) -> tuple[Head, tuple[Cut, ...]]:
    """Return where the log ends and what a writer has to cut off there; nothing is changed.

    Cut off is what a process or machine leaves that stops in the middle of an append: a last line
    that was never finished, payloads whose leaf was never written, a pair of files that was never
    begun. None of it was acknowledged. Whatever else is wrong raises `EvidenceCorrupt`.
    """
    firsts = segments(folder)
    cuts: tuple[Cut, ...] = ()
    if firsts and not begun(folder, firsts[-1]):
        cuts = _without(folder, firsts.pop())
    head = EMPTY
    if firsts:
        head, torn = _end(folder, firsts[-1])
        cuts = torn + cuts
    stray = payload_path(folder, head.count)
    if stray.exists() and head.count not in firsts and not cuts:
        raise corrupt(stray, 0, "its segment is missing")
    return head, cuts


def _end(folder: Path, first: int) -> tuple[Head, tuple[Cut, ...]]:
    place, peaks = start_of(folder, first)
    frontier = Frontier(first, peaks)
    for entry in records_of_pair(folder, place):
        frontier.append(bytes.fromhex(entry.leaf_hash))
        place = entry.after
    leaves, payloads = segment_path(folder, first), payload_path(folder, first)
    tail = _after(leaves, place.leaf_at)
    if tail and not is_torn(tail):
        raise corrupt(leaves, place.leaf_at, f"record {place.position} was damaged")
    orphans = _after(payloads, place.payload_at)
    if (missing := orphans.count(b"\n")) > BATCH:
        raise corrupt(leaves, place.leaf_at, f"{missing} records that have payloads are missing")
    cuts = tuple(
        Cut(path=path, size=size, note=f"{path} ended in {len(rest)} bytes of a torn append")
        for path, size, rest in (
            (leaves, place.leaf_at, tail),
            (payloads, place.payload_at, orphans),
        )
        if rest
    )
    return Head(next=place, peaks=frontier.peaks), cuts


def _without(folder: Path, first: int) -> tuple[Cut, ...]:
    return tuple(
        Cut(path=path, size=None, note=f"{path} was never begun")
        for path in (segment_path(folder, first), payload_path(folder, first))
        if path.exists()
    )


def _after(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()
