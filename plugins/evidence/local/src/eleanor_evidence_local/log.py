"""The evidence sink: appends from the event loop, done by one thread for all that wait at once.

While nothing waits, an append is written at once. While one write is on its way, all that come
gather for the next: so under load one sync serves many, and nobody waits for a timer.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import anyio
import anyio.lowlevel
import anyio.to_thread

from eleanor_core.api import (
    EvidenceDiffers,
    EvidenceUnavailable,
    Receipt,
    SealedRecord,
    Services,
    Signer,
    StoredRecord,
    VerifyReport,
    Witness,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
)
from eleanor_evidence_local.checkpoints import Checkpoints, parsed
from eleanor_evidence_local.erasing import unfinished
from eleanor_evidence_local.index import SLICE
from eleanor_evidence_local.keys import Keys
from eleanor_evidence_local.layout import Heading, Place, heading
from eleanor_evidence_local.notary import Signing
from eleanor_evidence_local.proving import checkpoint_of, proved
from eleanor_evidence_local.recovery import BATCH
from eleanor_evidence_local.store import Store
from eleanor_evidence_local.submission import CLOSED, Refusal, Submission
from eleanor_evidence_local.witnesses import Cosigned, signed_by

if TYPE_CHECKING:
    from eleanor_evidence_local import LocalSettings

_IDLE_SECONDS: Final = 0.2
_TURN_SECONDS: Final = 0.05
_CHUNK: Final = 256


def _asked(settings: LocalSettings) -> list[Witness]:
    """Return the witnesses that the settings name."""
    if not settings.witnesses:
        return []
    from eleanor_evidence_local.http_witness import HttpWitness  # noqa: PLC0415 -- few logs have any

    seconds = settings.witness_seconds
    return [HttpWitness(each.url, each.key, seconds) for each in settings.witnesses]


@asynccontextmanager
async def opened(
    settings: LocalSettings,
    services: Services,
    signer: Signer | None,
    witnesses: Sequence[Witness],
) -> AsyncIterator[LocalLog]:
    """Open the log; on the way out, what was submitted is still written, and signed."""

    def store_of() -> Store:
        keys = Keys(services.keys_dir, services.data_dir.name, settings.origin, signer)
        signing = Signing(
            keys,
            settings.checkpoint_records,
            settings.checkpoint_seconds,
            (*_asked(settings), *witnesses),
            settings.witness_seconds,
        )
        return Store(services.data_dir, settings.segment_bytes, services.log, signing)

    store = await anyio.to_thread.run_sync(store_of)
    log = LocalLog(store, settings.queue)
    try:
        yield log
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(log.close)


class _Batch:
    """Records that are written together, and who waits for them."""

    __slots__ = ("at", "done", "outcomes", "submissions")

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.submissions: list[Submission] = []
        self.outcomes: list[Receipt | Refusal] = []
        self.done = anyio.Event()


class LocalLog:
    """An `EvidenceSink` and `EvidenceVerifier` over a store; it belongs to one event loop."""

    def __init__(self, store: Store, limit: int) -> None:
        """Start the writer thread. `limit`: most appends that may wait at once."""
        self._store = store
        self._limit = limit
        self._outlived: list[Store] = []
        self._wake = _waker()
        self._lock = threading.Lock()
        self._retaking = threading.Lock()
        self._batches: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._gathering: _Batch | None = None
        self._waiting = 0
        self._closed = False
        self._writer = threading.Thread(
            target=self._write, name="eleanor-evidence-local", daemon=True
        )
        self._writer.start()

    async def append(self, record: SealedRecord, /) -> Receipt:
        """Return once the record is on stable storage.

        While another process holds the log, it waits until shortly before the caller's deadline.
        Raises `EvidenceUnavailable` if it is not: who holds the log, what the disk said, or that
        too many wait. Cancelled, it may still be written. ValueError: it is not a sealed record.
        """
        submission = Submission(record, _checked(record))
        if self._store.waits:
            await self._turn()
        batch, position = self._submit(submission)
        await batch.done.wait()
        outcome = batch.outcomes[position]
        if isinstance(outcome, Refusal):
            raise EvidenceUnavailable(outcome.message) from outcome.cause
        return outcome

    async def replicate(self, records: Sequence[StoredRecord], /) -> None:
        """Return once all of another log's records are on stable storage, each in its own place.

        Raises as `append` does, and `EvidenceDiffers` where this log holds something else; then
        none of them is written.
        """
        for start in range(0, len(records), BATCH):
            part = records[start : start + BATCH]
            batch = _Batch(at=part[0].index)
            batch.submissions = [*map(_copied, part)]
            if self._store.waits:
                await self._turn()
            with self._lock:
                self._refuse_late()
                self._batches.put(batch)
                self._waiting += len(batch.submissions)
            await batch.done.wait()
            for outcome in batch.outcomes:
                if isinstance(outcome, Refusal):
                    differs = isinstance(outcome.cause, EvidenceDiffers)
                    error = EvidenceDiffers if differs else EvidenceUnavailable
                    raise error(outcome.message) from outcome.cause

    async def get(self, record_id: str, /) -> StoredRecord | None:
        """Return a record, checked against its hash. Raises `EvidenceCorrupt` if it is damaged."""
        return await anyio.to_thread.run_sync(self._store.get, record_id)

    async def read(self, start: int = 0, /) -> AsyncIterator[StoredRecord]:
        """Yield records from index `start` on. Raises `EvidenceCorrupt` at a damaged one."""
        place: Place | int = start
        while True:
            records, place = await anyio.to_thread.run_sync(self._store.chunk, place, _CHUNK)
            if not records:
                return
            for record in records:
                yield record

    async def count(self) -> int:
        """Return the number of records that are on stable storage."""
        return await anyio.to_thread.run_sync(self._store.count)

    async def verify(self, *, known: Sequence[str] = ()) -> VerifyReport:
        """Check every byte that is stored, and the tree against all checkpoints and `known`."""
        return await anyio.to_thread.run_sync(self._store.verify, known)

    async def unfinished(self) -> Sequence[str]:
        """Return the ids of records whose erasure stands in the log, and whose payload still does.

        There are none but where the disk failed, or a process stopped, in the middle of it.
        """
        store = self._store
        return await anyio.to_thread.run_sync(unfinished, store.folder, store.get)

    async def checkpoint(self, *, new_key: bool = False) -> str:
        """Sign the log as it is; return the note. Who may not write returns the newest stored."""
        return str(
            await anyio.to_thread.run_sync(partial(checkpoint_of, self._store, new_key=new_key))
        )

    async def checkpoints(self) -> AsyncIterator[str]:
        """Yield all stored checkpoints, oldest first. Raises EvidenceCorrupt at a damaged one."""
        stored, cosigned = Checkpoints(self._store.folder), Cosigned(self._store.folder)
        for offset, line in stored.lines():
            await anyio.lowlevel.checkpoint()
            yield str(cosigned.added(parsed(stored.path, offset, line)))

    async def keys(self) -> Sequence[str]:
        """Return the verifier keys, oldest first."""
        return [str(key) for key in self._store.signing.keys.verifiers()]

    async def witnesses(self) -> Mapping[str, int]:
        """Return the verifier keys of witnesses, and the records in what each signed last."""
        store = self._store
        return await anyio.to_thread.run_sync(signed_by, store.folder, store.signing.witnesses)

    async def inclusion(self, index: int, size: int, /) -> Sequence[bytes]:
        """Return the proof that record `index` is in the tree of `size`, a signed one."""
        proof = partial(inclusion_proof, index, size)
        return await anyio.to_thread.run_sync(proved, self._store, proof, size)

    async def consistency(self, old: int, size: int, /) -> Sequence[bytes]:
        """Return the proof that the tree of `size`, a signed one, goes on from that of `old`."""
        proof = partial(consistency_proof, old, size)
        return await anyio.to_thread.run_sync(proved, self._store, proof, size)

    def close(self) -> None:
        """Write what was submitted, stop the writer thread and let go of the files."""
        with self._lock:
            self._closed = True
            self._batches.put(None)
        self._writer.join()
        with self._retaking:
            for store in (*self._outlived, self._store):
                store.close()

    async def _turn(self) -> None:
        """Wait until this process may write, or there is just time left to say that it may not.

        Where the disk failed when the log was opened, it is only seen whether it still does.
        """
        end = anyio.current_effective_deadline()
        while await anyio.to_thread.run_sync(self._still_waits):
            left = end - anyio.current_time()
            if left == math.inf or left <= 2 * _TURN_SECONDS or not self._store.held:
                return
            await anyio.sleep(_TURN_SECONDS)

    def _still_waits(self) -> bool:
        """Return whether this process may not write yet; it takes the log once it may."""
        with self._retaking:
            before = self._store
            if before.waits and not self._closed and (store := before.reopened()):
                # Who reads from the other one at this moment is not disturbed.
                self._outlived.append(before)
                self._store = store
            return self._store.waits and not self._closed

    def _submit(self, submission: Submission) -> tuple[_Batch, int]:
        with self._lock:
            self._refuse_late()
            if self._waiting >= self._limit:
                raise EvidenceUnavailable(
                    f"{self._waiting} records wait for the evidence log already, as many as its "
                    "setting `queue` allows: the disk does not keep up; send less, or raise it"
                )
            batch = self._gathering
            if batch is None or len(batch.submissions) >= BATCH:
                batch = self._gathering = _Batch()
                self._batches.put(batch)
            self._waiting += 1
            batch.submissions.append(submission)
            return batch, len(batch.submissions) - 1

    def _refuse_late(self) -> None:
        refusal = CLOSED if self._closed else self._store.closed
        if refusal:
            raise EvidenceUnavailable(refusal.message) from refusal.cause

    def _write(self) -> None:
        """Run in the writer thread until told to stop."""
        while True:
            try:
                batch = self._batches.get(timeout=_IDLE_SECONDS if self._store.untidy else None)
            except queue.Empty:
                self._store.tidy()
                continue
            if batch is None:
                return
            with self._lock:
                if self._gathering is batch:
                    self._gathering = None
            batch.outcomes = self._store.commit(batch.submissions, batch.at)
            with self._lock:
                self._waiting -= len(batch.submissions)
            # A loop that is gone has nobody left who waits.
            with suppress(RuntimeError):
                self._wake(batch.done.set)
            self._store.tidy(keep=SLICE)


def _copied(stored: StoredRecord) -> Submission:
    """Return what to append for another log's record. Raises ValueError if it is damaged."""
    record = SealedRecord(
        record_id=stored.record_id,
        leaf_hash=stored.leaf_hash,
        leaf=stored.leaf,
        payload=stored.payload,
    )
    return Submission(record, _checked(record))


def _checked(record: SealedRecord) -> Heading:
    """Return the record's heading. Raises ValueError if it could not be found or checked again."""
    found = heading(record.leaf)
    if found.record_id != record.record_id:
        raise ValueError(f"record {record.record_id} has the leaf of record {found.record_id}")
    if leaf_hash(record.leaf) != record.leaf_hash:
        raise ValueError(f"record {record.record_id} has a leaf that does not match its hash")
    if b"\n" in record.leaf or b"\n" in (record.payload or b""):
        raise ValueError(f"record {record.record_id} is not in canonical form: it has a line break")
    return found


def _waker() -> Callable[[Callable[[], None]], object]:
    """Return what has the running event loop call a function soon, called from another thread.

    `anyio.from_thread.run_sync` would block the writer until the loop has come to it; both loops
    offer the same without the wait, under a name of their own.
    """
    loop = anyio.lowlevel.current_token().native_token
    soon = getattr(loop, "call_soon_threadsafe", None) or getattr(loop, "run_sync_soon", None)
    return cast("Callable[[Callable[[], None]], object]", soon)
