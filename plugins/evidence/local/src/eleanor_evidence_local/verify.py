"""Checking all that is stored, byte by byte, and telling everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from attrs import frozen

from eleanor_core.api import (
    EvidenceCorrupt,
    Finding,
    StoredRecord,
    VerifierKey,
    VerifyReport,
    check_payload,
    erased_by,
    erasure_id,
)
from eleanor_evidence_local.catalog import Catalog
from eleanor_evidence_local.checkpoints import parsed
from eleanor_evidence_local.index import row_of
from eleanor_evidence_local.layout import (
    CHECKPOINT,
    CHECKPOINTS,
    COSIGNED,
    ERASING,
    INDEX,
    JOURNAL,
    LOCK,
    PAYLOADS,
    SEGMENTS,
    Place,
    heading,
    payload_in,
    payload_path,
    segment_path,
    segments,
)
from eleanor_evidence_local.lines import (
    BadLine,
    is_torn,
    payload_header,
    read_leaf,
    segment_header,
)
from eleanor_evidence_local.seen import Seen
from eleanor_evidence_local.tiles import TILE
from eleanor_evidence_local.verify_tree import TreeCheck
from eleanor_evidence_local.witnesses import kept_of_all

_MOST_FINDINGS: Final = 1000
_OWN_FILES: Final = re.compile(
    rf"{LOCK}|{JOURNAL}|{ERASING}(\.new)?|{SEGMENTS}|{PAYLOADS}|{re.escape(INDEX)}(\.new)?(-\w+)?"
    rf"|{CHECKPOINTS}|{CHECKPOINT}(\.new)?|{COSIGNED}|{TILE}"
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


@frozen(kw_only=True)
class Scope:
    """What a verification is of.

    `end` says where the log ends; without it, where that cannot be said, its files are read to
    their end. `signed`: bytes of checkpoints. `known`: notes that were kept elsewhere. `published`
    tells whether the copy of the newest checkpoint is right. `rebuild` makes the tiles anew; only
    who writes the log has it. `get` reads a record as it is now.
    """

    folder: Path
    end: Callable[[], Place] | None
    catalog: Catalog | None
    verifiers: Sequence[VerifierKey]
    known: Sequence[str]
    signed: int
    published: Callable[[], bool]
    rebuild: Callable[[], None] | None
    get: Callable[[str], StoredRecord | None]


def verify(scope: Scope) -> VerifyReport:
    """Check every byte of the log's files, and hold the tree over all records against what is kept.

    Index and tiles are compared with the segments, and made anew where they differ. The memory that
    it takes does not depend on how many records there are.
    """
    with Seen() as seen:
        return _Verification(scope, seen).report()


class _Verification:
    """One run over all files: what it has found so far, and the tree as it grows."""

    def __init__(self, scope: Scope, seen: Seen) -> None:
        self._scope = scope
        self._folder = scope.folder
        self._end = scope.end() if scope.end else None
        self._seen = seen
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._erased = 0
        self._rows = scope.catalog.rows() if scope.catalog else iter(())
        self._index_agrees = True
        self._tree = TreeCheck(
            scope.folder,
            scope.verifiers,
            scope.known,
            self._told,
            end=scope.signed,
            published=scope.published,
        )
        self._frontier = self._tree.frontier

    def report(self) -> VerifyReport:
        for first in segments(self._folder):
            if self._end is None or first <= self._end.first:
                self._segment(first)
        if self._end and self._frontier.size < self._end.position:
            missing = f"records {self._frontier.size} to {self._end.position - 1} are missing"
            self._found(segment_path(self._folder, self._end.first), self._end.leaf_at, missing)
        for number, record_id, earlier in self._seen.twice():
            self._told(f"record {number}", f"it has the id of record {earlier} ({record_id})")
        self._erasures()
        self._strangers()
        self._cosigned()
        self._tree.finish(self._by_now, alone=self._scope.rebuild is not None)
        self._notes += self._tree.notes
        self._derived()
        if self._erased:
            self._notes.append(f"the payloads of {self._erased} records have been erased")
        return VerifyReport(
            records=self._frontier.size,
            root=self._frontier.root().hex(),
            checkpoints=self._tree.checked,
            signed=self._tree.signed,
            findings=tuple(self._findings[: _MOST_FINDINGS + 1]),
            notes=tuple(self._notes),
        )

    def _by_now(self) -> int:
        """Return how many records there are at this moment."""
        return self._scope.end().position if self._scope.end else self._frontier.size

    def _derived(self) -> None:
        """Make anew what is made from the segments, unless those are wrong: then it is a witness.

        What differs in the tiles says which record was changed, so it is kept and told.
        """
        catalog, rebuild, stale = self._scope.catalog, self._scope.rebuild, self._tree.stale
        if stale:
            more = f", and {len(stale) - 1} more" if len(stale) > 1 else ""
            made = "; made anew from the records" if rebuild and self.sound else ""
            self._notes.append(f"{stale[0]}{more}{made}")
        if not self.sound:
            return
        if stale and rebuild:
            rebuild()
        if catalog and (not self._index_agrees or catalog.has_surplus()):
            catalog.rebuild("was wrong")

    @property
    def sound(self) -> bool:
        return not self._findings

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
            self._tree.append(_stated_hash(line.text), None)
            return
        self._tree.append(bytes.fromhex(digest), head.time)
        self._seen.add(number, head.record_id)
        if head.kind == "erasure" and (target := erased_by(leaf)):
            self._seen.erasure(number, target)
        if payload is None:
            self._found(pair.payloads, 0, f"the payload line of record {number} is missing")
            return
        place = Place(number, pair.first, line.offset, payload.offset)
        if self._payload(pair.payloads, place, (leaf, digest), payload.text):
            self._seen.erased(number, head.record_id)
        if self._index_agrees:
            self._index_agrees = next(self._rows, None) == row_of(place, digest, head)

    def _payload(self, path: Path, place: Place, record: tuple[bytes, str], line: bytes) -> bool:
        """Check a payload's line; return whether it is erased."""
        leaf, digest = record
        try:
            payload = payload_in(path, line, place, digest)
        except BadLine as problem:
            self._found(path, place.payload_at, problem)
            return False
        if payload is None:
            self._erased += 1
            return True
        for wrong in check_payload(leaf, payload):
            self._found(path, place.payload_at, f"record {place.position}: {wrong}")
        return False

    def _erasures(self) -> None:
        """Hold what is erased against the records that say so; what changed meanwhile, anew."""
        for number, record_id in self._seen.unsaid():
            witness = self._now(erasure_id(record_id))
            if witness is None or erased_by(witness.leaf) != record_id:
                self._told(f"record {number}", "its payload is gone, and no erasure says why")
        for number, record_id, by in self._seen.undone():
            stored = self._now(record_id)
            if stored and stored.payload:
                what = f"record {by} says that its payload was erased, and it is still there"
                self._told(f"record {number}", what)

    def _now(self, record_id: str) -> StoredRecord | None:
        try:
            return self._scope.get(record_id)
        except EvidenceCorrupt:
            return None

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

    def _cosigned(self) -> None:
        """Find what is in the files of witnesses and is no checkpoint. Their keys are not known."""
        for kept in kept_of_all(self._folder):
            for offset, line in kept.lines():
                try:
                    parsed(kept.path, offset, line)
                except EvidenceCorrupt:
                    self._found(kept.path, offset, "this is not the line of a checkpoint")

    def _strangers(self) -> None:
        """Find files that are not the log's. Its own may be added to while this runs."""
        for path in sorted(self._folder.iterdir()):
            if not _OWN_FILES.fullmatch(path.name):
                self._found(path, 0, "this file is not part of the log")
        present = [*(self._folder / SEGMENTS).glob("*"), *(self._folder / PAYLOADS).glob("*")]
        firsts = set(segments(self._folder))
        if self._scope.end:
            # The pair that is being begun right now starts with the record that comes next.
            end = self._scope.end()
            firsts = {first for first in firsts if first <= end.first or first == end.position}
        expected = {path(self._folder, first) for first in firsts for path in _PATHS}
        for path in sorted(set(present) - expected):
            self._found(path, 0, "this file is not part of the log")

    def _found(self, path: Path, offset: int, what: object) -> None:
        self._told(f"{path.relative_to(self._folder).as_posix()} at byte {offset}", what)

    def _told(self, where: str, what: object) -> None:
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
