"""Checking all that is stored, byte by byte, and telling everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from eleanor_core.api import Finding, Frontier, VerifyReport, check_payload
from eleanor_evidence_local.catalog import Catalog
from eleanor_evidence_local.index import row_of
from eleanor_evidence_local.layout import (
    INDEX,
    JOURNAL,
    LOCK,
    PAYLOADS,
    SEGMENTS,
    Place,
    heading,
    payload_path,
    segment_path,
    segments,
)
from eleanor_evidence_local.lines import (
    BadLine,
    is_torn,
    payload_header,
    read_leaf,
    read_payload,
    segment_header,
)

_MOST_FINDINGS: Final = 1000
_OWN_FILES: Final = re.compile(
    rf"{LOCK}|{JOURNAL}|{SEGMENTS}|{PAYLOADS}|{re.escape(INDEX)}(\.new)?(-\w+)?"
)
_LEAF_FIELD: Final = re.compile(rb"\d{20} \d+ ([0-9a-f]{64}) ")


class _Line(NamedTuple):
    """A line of a file: where it starts, and its bytes."""

    offset: int
    text: bytes


_NO_LINE: Final = _Line(0, b"")


class _Pair(NamedTuple):
    """A segment and its payload file, and the number of their first record."""

    first: int
    leaves: Path
    payloads: Path


def verify(folder: Path, end: Callable[[], Place] | None, catalog: Catalog | None) -> VerifyReport:
    """Check every byte of the log's files up to where `end` says that it ends.

    Without `end`, where that cannot be said, to the end of the files. The index is compared with
    the segments, and made anew where it differs.
    """
    return _Verification(folder, end, catalog).report()


class _Verification:
    """One run over all files: what it has found so far, and the tree as it grows."""

    def __init__(
        self, folder: Path, end: Callable[[], Place] | None, catalog: Catalog | None
    ) -> None:
        self._folder = folder
        self._latest = end
        self._end = end() if end else None
        self._catalog = catalog
        self._frontier = Frontier()
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._ids: dict[str, int] = {}
        self._erased = 0
        self._rows = catalog.rows() if catalog else iter(())
        self._index_agrees = True

    def report(self) -> VerifyReport:
        for first in segments(self._folder):
            if self._end is None or first <= self._end.first:
                self._segment(first)
        if self._end and self._frontier.size < self._end.position:
            missing = f"records {self._frontier.size} to {self._end.position - 1} are missing"
            self._found(segment_path(self._folder, self._end.first), self._end.leaf_at, missing)
        self._strangers()
        if self._erased:
            self._notes.append(f"the payloads of {self._erased} records have been erased")
        catalog = None if self._findings else self._catalog
        if catalog and (not self._index_agrees or catalog.has_surplus()):
            catalog.rebuild("was wrong")
        return VerifyReport(
            records=self._frontier.size,
            root=self._frontier.root().hex(),
            findings=tuple(self._findings[: _MOST_FINDINGS + 1]),
            notes=tuple(self._notes),
        )

    def _segment(self, first: int) -> None:
        pair = _Pair(first, segment_path(self._folder, first), payload_path(self._folder, first))
        if first != self._frontier.size:
            gap = f"record {self._frontier.size} belongs here, and the file starts with {first}"
            self._found(pair.leaves, 0, gap)
        end = self._end if self._end and self._end.first == first else None
        leaves = _lines(pair.leaves, end.leaf_at if end else None)
        payloads = _lines(pair.payloads, end.payload_at if end else None)
        if next(leaves, _NO_LINE).text != segment_header(first, self._frontier.peaks):
            what = "the first line is not the one that the records before it demand"
            self._found(pair.leaves, 0, what)
        if next(payloads, _NO_LINE).text != payload_header(first):
            self._found(pair.payloads, 0, "the first line is not that of this payload file")
        for number, (leaf, payload) in enumerate(zip_longest(leaves, payloads), start=first):
            if leaf is None:
                self._surplus(pair.payloads, payload, number)
            elif not leaf.text.endswith(b"\n") and is_torn(leaf.text):
                self._torn(pair.leaves, leaf)
            else:
                self._record(pair, number, leaf, payload)
            if len(self._findings) >= _MOST_FINDINGS:
                self._found(pair.leaves, 0, "there is more, which is not listed")
                return

    def _record(self, pair: _Pair, number: int, line: _Line, payload: _Line | None) -> None:
        try:
            leaf, digest = read_leaf(line.text, number)
            head = heading(leaf)
        except (BadLine, ValueError) as problem:
            self._found(pair.leaves, line.offset, problem)
            self._frontier.append(_stated_hash(line.text))
            return
        self._frontier.append(bytes.fromhex(digest))
        if (earlier := self._ids.setdefault(head.record_id, number)) != number:
            twice = f"record {number} ({head.record_id}) has the id of record {earlier}"
            self._found(pair.leaves, line.offset, twice)
        if payload is None:
            self._found(pair.payloads, 0, f"the payload line of record {number} is missing")
            return
        self._payload(pair.payloads, number, (leaf, digest), payload)
        place = Place(number, pair.first, line.offset, payload.offset)
        if self._index_agrees:
            self._index_agrees = next(self._rows, None) == row_of(place, digest, head)

    def _payload(self, path: Path, number: int, record: tuple[bytes, str], line: _Line) -> None:
        leaf, digest = record
        try:
            payload = read_payload(line.text, number, digest)
        except BadLine as problem:
            self._found(path, line.offset, problem)
            return
        if payload is None:
            self._erased += 1
            return
        for wrong in check_payload(leaf, payload):
            self._found(path, line.offset, f"record {number}: {wrong}")

    def _surplus(self, path: Path, line: _Line | None, index: int) -> None:
        if line is not None and self._end is None and self._is_last(path):
            self._notes.append(f"{path} is ahead of its segment from record {index} on")
        elif line is not None:
            self._found(path, line.offset, f"a payload line for record {index}, which is not there")

    def _torn(self, path: Path, line: _Line) -> None:
        what = f"ends in {len(line.text)} bytes of a line that was never finished"
        if self._end is None and self._is_last(path):
            self._notes.append(f"{path} {what}")
        else:
            self._found(path, line.offset, what)

    def _is_last(self, path: Path) -> bool:
        return int(path.stem) == max(segments(self._folder))

    def _strangers(self) -> None:
        """Find files that are not the log's. Its own may be added to while this runs."""
        for path in sorted(self._folder.iterdir()):
            if not _OWN_FILES.fullmatch(path.name):
                self._found(path, 0, "this file is not part of the log")
        present = [*(self._folder / SEGMENTS).glob("*"), *(self._folder / PAYLOADS).glob("*")]
        firsts = set(segments(self._folder))
        if self._latest:
            # The pair that is being begun right now starts with the record that comes next.
            end = self._latest()
            firsts = {first for first in firsts if first <= end.first or first == end.position}
        expected = {path(self._folder, first) for first in firsts for path in _PATHS}
        for path in sorted(set(present) - expected):
            self._found(path, 0, "this file is not part of the log")

    def _found(self, path: Path, offset: int, what: object) -> None:
        where = f"{path.relative_to(self._folder).as_posix()} at byte {offset}"
        self._findings.append(Finding(where=where, what=str(what)))


_PATHS: Final = (segment_path, payload_path)


def _lines(path: Path, stop: int | None) -> Iterator[_Line]:
    offset = 0
    try:
        with path.open("rb") as file:
            for text in file:
                if stop is not None and offset >= stop:
                    return
                yield _Line(offset, text)
                offset += len(text)
    except FileNotFoundError:
        return


def _stated_hash(line: bytes) -> bytes:
    """Return the leaf hash that a damaged line states, so that the tree stays comparable."""
    match = _LEAF_FIELD.match(line)
    return bytes.fromhex(match[1].decode()) if match else bytes(32)
