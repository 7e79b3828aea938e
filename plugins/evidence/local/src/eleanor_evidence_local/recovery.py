"""Opening a log that was left in whatever state: what is whole, what is torn, what is wrong.

Only the last segment is read, and the journal: the first line of each segment states the tree over
all before it. Verifying everything is `verify`'s work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from attrs import field, frozen

from eleanor_core.api import Frontier
from eleanor_evidence_local.disk import AppendOnlyFile
from eleanor_evidence_local.journal import begins_at, replay
from eleanor_evidence_local.layout import (
    JOURNAL,
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


@frozen(kw_only=True)
class Loss:
    """Bytes from `size` on that are not `data`, which the journal holds in their stead."""

    path: Path
    size: int
    data: bytes = field(repr=False)


class Examined(NamedTuple):
    """Where a log ends once a writer has written again what is lost and cut off what is torn."""

    head: Head
    losses: tuple[Loss, ...] = ()
    cuts: tuple[Cut, ...] = ()


def read_journal(folder: Path) -> bytes:
    """Return what the journal holds; nothing where there is none."""
    try:
        return (folder / JOURNAL).read_bytes()
    except FileNotFoundError:
        return b""


def examine(folder: Path, journal: bytes = b"") -> Examined:
    """Return where the log ends and what a writer has to put right there; nothing is changed.

    `journal`: what `read_journal` returned to the one who has the lock; to others it says nothing.

    Cut off is what a process or machine leaves that stops in the middle of an append: a last line
    that was never finished, payloads whose leaf was never written, a pair of files that was never
    begun. None of it was acknowledged. Whatever else is wrong raises `EvidenceCorrupt`.
    """
    firsts = segments(folder)
    cuts: tuple[Cut, ...] = ()
    if firsts and not begun(folder, firsts[-1]):
        cuts = _without(folder, firsts.pop())
    end = _end(folder, firsts[-1], journal) if firsts else Examined(EMPTY)
    cuts = end.cuts + cuts
    stray = payload_path(folder, end.head.count)
    if stray.exists() and end.head.count not in firsts and not cuts:
        raise corrupt(stray, 0, "its segment is missing")
    return end._replace(cuts=cuts)


def put_back(loss: Loss) -> str:
    """Write again what a file has lost, durably; return what was done. Raises OSError."""
    file = AppendOnlyFile(loss.path, loss.size)
    try:
        file.take_back(0)
        file.write(loss.data)
        file.sync()
    finally:
        file.close()
    return f"{loss.path} had lost bytes from {loss.size} on; the journal holds them"


def cut_off(cut: Cut) -> str:
    """Take away what was never finished; return what was done. Raises OSError."""
    if cut.size is None:
        cut.path.unlink()
    else:
        file = AppendOnlyFile(cut.path, cut.size)
        file.take_back(0)
        file.close()
    return f"{cut.note}; it was cut off"


def _end(folder: Path, first: int, journal: bytes) -> Examined:
    leaves, payloads = segment_path(folder, first), payload_path(folder, first)
    place, peaks = start_of(folder, first)
    frontier = Frontier(first, peaks)
    resume = begins_at(journal)
    if resume and resume.first == first:
        place = _read(folder, place, frontier, resume.position)
        if place.position < resume.position:
            missing = f"the journal goes on with record {resume.position}, and this log ends before"
            raise corrupt(leaves, place.leaf_at, missing)
        kept = replay(journal, place, frontier)
        written = (leaves, place.leaf_at, kept.leaves), (payloads, place.payload_at, kept.payloads)
        if not all(_after(path, size).startswith(data) for path, size, data in written):
            losses = tuple(Loss(path=path, size=size, data=data) for path, size, data in written)
            return Examined(Head(next=kept.next, peaks=frontier.peaks), losses)
        place = kept.next
    place = _read(folder, place, frontier)
    tail, orphans = _after(leaves, place.leaf_at), _after(payloads, place.payload_at)
    if tail and not is_torn(tail):
        raise corrupt(leaves, place.leaf_at, f"record {place.position} was damaged")
    if (lost := orphans.count(b"\n")) > BATCH:
        raise corrupt(leaves, place.leaf_at, f"{lost} records that have payloads are missing")
    cuts = tuple(
        Cut(path=path, size=size, note=f"{path} ended in {len(rest)} bytes of a torn append")
        for path, size, rest in (
            (leaves, place.leaf_at, tail),
            (payloads, place.payload_at, orphans),
        )
        if rest
    )
    return Examined(Head(next=place, peaks=frontier.peaks), cuts=cuts)


def _read(folder: Path, place: Place, frontier: Frontier, stop: int | None = None) -> Place:
    """Let the frontier grow by the records from `place` on; return where they end."""
    for entry in records_of_pair(folder, place, stop):
        frontier.append(bytes.fromhex(entry.leaf_hash))
        place = entry.after
    return place


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
