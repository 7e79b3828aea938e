"""Where the log's files lie, and how a record is found in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple, cast

from attrs import frozen

from eleanor_core.api import RECORD_LIMITS, EvidenceCorrupt, InvalidInput, parse_json
from eleanor_evidence_local.lines import (
    BadLine,
    is_torn_header,
    payload_header,
    peaks_of,
    read_leaf,
    read_payload,
)

LOCK: Final = "lock"
INDEX: Final = "index.sqlite"
JOURNAL: Final = "journal"
ERASING: Final = "erasing"
SEGMENTS: Final = "segments"
PAYLOADS: Final = "payloads"
CHECKPOINTS: Final = "checkpoints"
CHECKPOINT: Final = "checkpoint"
COSIGNED: Final = "cosigned"

_LAST: Final = [b"kind", b"record_id", b"schema", b"time", b"trace_id"]
"""The last members of a record in canonical order, which are strings."""
_BETWEEN: Final = [b",", b":"] * len(_LAST) + [b"}"]
"""What stands between their quotes, from the comma before the first on."""
_HEADER_LIMIT: Final = 8192
_SEGMENT_NAME: Final = re.compile(r"(\d{20})\.seg")


class Place(NamedTuple):
    """Where a record stands: its position, with what record its files start, both offsets."""

    position: int
    first: int
    leaf_at: int
    payload_at: int

    def after(self, leaf_size: int, payload_size: int) -> Place:
        """Return where the next record stands, this one's lines having those sizes."""
        return Place(
            self.position + 1, self.first, self.leaf_at + leaf_size, self.payload_at + payload_size
        )


class Heading(NamedTuple):
    """What the index repeats of a leaf, so that records can be listed without reading them."""

    kind: str
    record_id: str
    time: str
    trace_id: str


@frozen(kw_only=True)
class Entry:
    """A record as it stands in the files. `after`: where the next one starts."""

    place: Place
    leaf: bytes
    leaf_hash: str
    payload: bytes | None
    after: Place


def segment_path(folder: Path, first: int) -> Path:
    """Return the path of the segment that starts with record `first`."""
    return folder / SEGMENTS / f"{first:020d}.seg"


def payload_path(folder: Path, first: int) -> Path:
    """Return the path of the payload file beside that segment."""
    return folder / PAYLOADS / f"{first:020d}.pay"


def segments(folder: Path) -> list[int]:
    """Return what record each segment starts with, ascending. Other files are left out."""
    try:
        names = [path.name for path in (folder / SEGMENTS).iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for match in map(_SEGMENT_NAME.fullmatch, names) if match)


def heading(leaf: bytes) -> Heading:
    """Return the leaf's heading. Raises ValueError if it is not a record."""
    # In canonical order a record ends in these members. Its strings hold no quote that is not
    # escaped, so the last `,"kind":` is the record's own, and what stands before is not parsed.
    tail = leaf[max(leaf.rfind(b',"kind":'), 0) :]
    parts = tail.split(b'"')
    if parts[::2] == _BETWEEN and parts[1::4] == _LAST and b"\\" not in tail:
        kind, record_id, _, time, trace_id = map(bytes.decode, parts[3::4])
        return Heading(kind, record_id, time, trace_id)
    try:
        record = cast("dict[str, str]", parse_json(leaf, RECORD_LIMITS))
        found = Heading(*(record[name] for name in ("kind", "record_id", "time", "trace_id")))
    except InvalidInput as error:
        raise ValueError(f"the leaf is not a record: {error}") from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"the leaf is not a record: {error!r}") from error
    if not all(isinstance(text, str) for text in found):
        raise ValueError("the leaf is not a record: kind, id, time and trace id must be strings")
    return found


def corrupt(path: Path, offset: int, what: object) -> EvidenceCorrupt:
    """Return the error for stored bytes that are wrong."""
    return EvidenceCorrupt(
        f"{path} at byte {offset}: {what}. Nothing was repaired: keep the folder as it is, run "
        "`eleanor evidence verify`, and restore the file from a copy."
    )


def begun(folder: Path, first: int) -> bool:
    """Return whether there is a pair of files that starts with record `first`.

    The segment's first line is written before the payload file is made, and both before any record:
    a pair that lacks either was being made when a process stopped, or is being made now.
    """
    try:
        with segment_path(folder, first).open("rb") as file:
            head = file.read(_HEADER_LIMIT)
    except FileNotFoundError:
        return False
    if len(head) < _HEADER_LIMIT and is_torn_header(head):
        return False
    if head.find(b"\n") != len(head) - 1:
        return True
    expected = payload_header(first)
    found = _head(payload_path(folder, first), len(expected))
    return found == expected or not expected.startswith(found)


def start_of(folder: Path, first: int) -> tuple[Place, tuple[bytes, ...]]:
    """Return where the first record of a segment stands, and the frontier before it.

    Raises `EvidenceCorrupt` if the first line of either file is wrong.
    """
    leaves, payloads = segment_path(folder, first), payload_path(folder, first)
    with leaves.open("rb") as file:
        header = file.readline()
    try:
        peaks = peaks_of(header, first)
    except BadLine as problem:
        raise corrupt(leaves, 0, problem) from None
    expected = payload_header(first)
    if _head(payloads, len(expected)) != expected:
        raise corrupt(payloads, 0, f"this is not the payload file of the segment {leaves.name}")
    return Place(first, first, len(header), len(expected)), peaks


def records(folder: Path, start: Place, stop: int | None = None) -> Iterator[Entry]:
    """Yield the records from `start` on, through all further segments, before record `stop`.

    Without `stop` it ends where no whole line follows. Raises `EvidenceCorrupt` at the first line
    that is wrong.
    """
    place = start
    while stop is None or place.position < stop:
        for entry in records_of_pair(folder, place, stop):
            place = entry.after
            yield entry
        if place.position == place.first or not begun(folder, place.position):
            return
        place, _ = start_of(folder, place.position)


def locate(folder: Path, position: int) -> Place | None:
    """Return where record `position` stands or will stand; None if no segment can hold it."""
    first = max((first for first in segments(folder) if first <= position), default=None)
    if first is None:
        return None
    place, _ = start_of(folder, first)
    for entry in records(folder, place, position):
        place = entry.after
    return place


def records_of_pair(folder: Path, place: Place, stop: int | None = None) -> Iterator[Entry]:
    """As `records`, within the pair of files that `place` is in."""
    leaf_path, payload_file = segment_path(folder, place.first), payload_path(folder, place.first)
    with leaf_path.open("rb") as leaves, payload_file.open("rb") as payloads:
        leaves.seek(place.leaf_at)
        payloads.seek(place.payload_at)
        for line in takewhile(lambda line: line.endswith(b"\n"), leaves):
            if place.position == stop:
                return
            try:
                leaf, digest = read_leaf(line, place.position)
            except BadLine as problem:
                raise corrupt(leaf_path, place.leaf_at, problem) from None
            payload_line = payloads.readline()
            try:
                payload = payload_in(payload_file, payload_line, place, digest)
            except BadLine as problem:
                raise corrupt(payload_file, place.payload_at, problem) from None
            after = place.after(len(line), len(payload_line))
            yield Entry(place=place, leaf=leaf, leaf_hash=digest, payload=payload, after=after)
            place = after


def payload_in(path: Path, line: bytes, place: Place, digest: str) -> bytes | None:
    """As `read_payload`, of a line that was read there. Raises `BadLine`.

    One that is wrong is read once more: it may be written over just now, since it is erased.
    """
    try:
        return read_payload(line, place.position, digest)
    except BadLine:
        with path.open("rb") as file:
            file.seek(place.payload_at)
            return read_payload(file.read(len(line)), place.position, digest)


def _head(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return b""
