"""Signs the tree: tiles and checkpoints follow the records, and no append waits for them.

A checkpoint is signed once there are so many records without one, or the oldest of them has waited
so long, when the log closes, and when somebody asks. What it covers is durable, and so are its
tiles before it is stored. Nothing is signed that does not go on from the checkpoint before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from eleanor_core.api import (
    Checkpoint,
    EvidenceCorrupt,
    Frontier,
    Log,
    Note,
    Witness,
    sign_checkpoint,
)
from eleanor_evidence_local.checkpoints import Checkpoints, Stored
from eleanor_evidence_local.keys import Keys
from eleanor_evidence_local.layout import corrupt, locate, records
from eleanor_evidence_local.recovery import Head
from eleanor_evidence_local.tiles import TileBuilder, Tiles
from eleanor_evidence_local.witnesses import Witnesses

_HELD: Final = 1 << 16
"""Most leaf hashes that are held for the next checkpoint; beyond, they are read from the files."""


class Signing(NamedTuple):
    """How a log is signed: with what keys, every how many records, and after how many seconds.

    `witnesses`: who is asked to sign as well, once a checkpoint stands, and after how many seconds
    nobody waits for them any longer.
    """

    keys: Keys
    every: int
    seconds: float
    witnesses: Sequence[Witness] = ()
    witness_seconds: float = 0.0


class Notary:
    """The one who signs a log that is open for writing."""

    def __init__(
        self,
        folder: Path,
        signing: Signing,
        head: Callable[[], Head],
        log: Log,
        refuse: Callable[[EvidenceCorrupt], None],
    ) -> None:
        """Sign the log in `folder`. `head` tells where it ends.

        `refuse` is called where it is not what was signed.
        """
        self.checkpoints = Checkpoints(folder)
        self.tiles = Tiles(folder)
        self._folder = folder
        self._keys = signing.keys
        self._head = head
        self._log = log
        self._every = signing.every
        self._seconds = signing.seconds
        self.witnesses = Witnesses(folder, signing.witnesses, signing.witness_seconds, log)
        self._refuse = refuse
        self._builder: TileBuilder | None = None
        self._signing = threading.Lock()
        self._changed = threading.Condition()
        self._digests: list[bytes] = []
        self._from = 0
        self._unsigned = 0
        self._due = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    def noticed(self, first: int, digests: Sequence[bytes]) -> None:
        """Take the hashes of records from `first` on, which are on stable storage now."""
        with self._changed:
            if not self._digests or len(self._digests) > _HELD:
                self._digests, self._from = [], first
            self._digests += digests
            if not self._unsigned:
                self._due = time.monotonic() + self._seconds
            if not self._unsigned or self._unsigned + len(digests) >= self._every:
                self._changed.notify()
            self._unsigned += len(digests)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="eleanor-evidence-checkpoints", daemon=True
                )
                self._thread.start()

    def sign(self, *, new_key: bool = False) -> Note:
        """Sign what there is now, unless that is signed already; return the newest checkpoint.

        Raises EvidenceCorrupt if the log is not what was signed before, OSError and
        EvidenceUnavailable if it cannot be signed.
        """
        with self._signing:
            try:
                note = self._sign(new_key=new_key)
            except EvidenceCorrupt as error:
                self._refuse(error)
                raise
        self.witnesses.ask()
        return note

    def _sign(self, *, new_key: bool) -> Note:
        last = self.checkpoints.last()
        signer = self._keys.signer(last.checkpoint.origin if last else "")
        head, first, digests = self._taken()
        builder = self._grown(head, first, digests, last)
        if last and last.checkpoint.size == head.count and not new_key:
            return last.note
        self._write(builder)
        signers = self._keys.replaced() if new_key else (signer,)
        root = Frontier(head.count, head.peaks).root()
        checkpoint = Checkpoint(origin=signer.name, size=head.count, root=root)
        note = sign_checkpoint(checkpoint, int(time.time()), signers)
        self.checkpoints.append(note)
        return note

    def rebuild(self) -> None:
        """Make all tiles anew from the segments, up to the last checkpoint, and its copy."""
        with self._signing:
            last = self.checkpoints.last()
            self._builder = self._from_segments(last)
            if last:
                self.checkpoints.publish(last.note)

    def is_published(self) -> bool:
        """Return whether the copy of the newest checkpoint is right, once nobody is signing."""
        with self._signing:
            return self.checkpoints.is_published()

    def close(self) -> None:
        """Sign what is not signed yet, if records came since the log was opened."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread:
            self._thread.join()
        if self._unsigned:
            self._try()
        self.witnesses.close()
        self.checkpoints.close()

    def _run(self) -> None:
        """Run in a thread of its own until the log closes."""
        while True:
            with self._changed:
                while not (self._closed or self._is_due()):
                    left = self._due - time.monotonic() if self._unsigned else None
                    self._changed.wait(left)
                if self._closed:
                    return
            self._try()

    def _is_due(self) -> bool:
        return self._unsigned >= self._every or (
            self._unsigned > 0 and time.monotonic() >= self._due
        )

    def _try(self) -> None:
        try:
            self.sign()
        except EvidenceCorrupt:
            # Told already, and nothing is appended any more.
            return
        except Exception as error:  # noqa: BLE001 -- records are kept all the same
            with self._changed:
                self._unsigned, self._due = 1, time.monotonic() + self._seconds
            self._log.warning("evidence checkpoint not signed", reason=str(error))

    def _taken(self) -> tuple[Head, int, Sequence[bytes]]:
        """Return where the log ends now, and the hashes up to there that are at hand."""
        with self._changed:
            head, digests, first = self._head(), self._digests, self._from
            self._digests, self._unsigned = [], 0
        return head, first, digests

    def _grown(
        self, head: Head, first: int, digests: Sequence[bytes], last: Stored | None
    ) -> TileBuilder:
        """Return the tree up to `head`; all its full tiles are written.

        It goes on from the last checkpoint, which it is held to first.
        """
        builder = self._builder or self._resumed(last)
        # What goes wrong on the way leaves it behind: the next one starts from what is on disk.
        self._builder = None
        self._read(builder, first if digests else head.count)
        for digest in digests[max(0, builder.size - first) :]:
            builder.append(digest)
        self._read(builder, head.count)
        if builder.peaks() != head.peaks:
            # Somebody changed the tiles: they are made anew, and then they must agree.
            builder = self._from_segments(last)
            self._read(builder, head.count)
            if builder.peaks() != head.peaks:
                path = self._folder / "segments"
                raise corrupt(path, 0, "the first line of the last segment states another tree")
        self._builder = builder
        return builder

    def _resumed(self, last: Stored | None) -> TileBuilder:
        if last is None:
            return self._from_segments(last)
        builder = self.tiles.builder(last.checkpoint.size)
        if builder and Frontier(builder.size, builder.peaks()).root() == last.checkpoint.root:
            return builder
        return self._from_segments(last)

    def _from_segments(self, last: Stored | None) -> TileBuilder:
        """Return the tree up to the last checkpoint, read from the records, its tiles written."""
        self.tiles.remove()
        builder = TileBuilder(self.tiles.write)
        if last:
            size = last.checkpoint.size
            self._read(builder, size)
            root = Frontier(builder.size, builder.peaks()).root()
            if builder.size != size or root != last.checkpoint.root:
                raise corrupt(
                    self.checkpoints.path,
                    last.offset,
                    f"{size} records were signed, and the first {size} in the log are not those",
                )
            self._write(builder)
        return builder

    def _read(self, builder: TileBuilder, stop: int) -> None:
        """Let the tree grow by the records up to `stop`, read from their files."""
        if builder.size < stop and (place := locate(self._folder, builder.size)):
            for entry in records(self._folder, place, stop):
                builder.append(bytes.fromhex(entry.leaf_hash))

    def _write(self, builder: TileBuilder) -> None:
        """Write the tiles at the edge, and make all that were written durable."""
        for tile, hashes in builder.partial():
            if self.tiles.read(tile) != hashes:
                self.tiles.write(tile, hashes)
        self.tiles.sync()
