"""The evidence sink: appends from the event loop, and one transaction for all that wait at once.

While one transaction is on its way, all that come gather for the next: so under load one flush of
the server's log serves many, and nobody waits for a timer.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.to_thread
from attrs import define, field

from eleanor_core.api import (
    EvidenceUnavailable,
    Receipt,
    SealedRecord,
    SecretRef,
    Services,
    StoredRecord,
    VerifyReport,
    leaf_hash,
)
from eleanor_evidence_postgres import PostgresSettings
from eleanor_evidence_postgres.store import Refusal, Store

BATCH = 500
"""Records in one transaction at most."""

_CHUNK = 256


@asynccontextmanager
async def opened(settings: PostgresSettings, services: Services) -> AsyncIterator[PostgresLog]:
    """Connect and open the log; on the way out, what was submitted is still written."""
    log = PostgresLog(settings, services)
    try:
        await log.connect()
        async with anyio.create_task_group() as group:
            group.start_soon(log.commit_all)
            group.start_soon(log.clear_all)
            try:
                yield log
            finally:
                log.close()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(log.disconnect)


@define(eq=False)
class _Waiting:
    """A record that was submitted, and what became of it."""

    record: SealedRecord
    outcome: Receipt | Refusal | None = None
    done: anyio.Event = field(factory=anyio.Event)


class PostgresLog:
    """An `EvidenceSink` and `EvidenceVerifier` over a server; it belongs to one event loop."""

    def __init__(self, settings: PostgresSettings, services: Services) -> None:
        """Prepare; `connect` must follow."""
        self._settings = settings
        self._services = services
        self._writing = Store(settings, services.log)
        self._reading = Store(settings, services.log)
        self._clearing = Store(settings, services.log)
        self._readers = anyio.CapacityLimiter(1)
        self._submitted: list[_Waiting] = []
        self._wanted = anyio.Event()
        self._erased = anyio.Event()
        self._closed = False

    async def connect(self) -> None:
        """Reach the server, if that can be done, and see that the log is there.

        Raises EvidenceUnavailable if it is none that could be written.
        """
        await self._log_in()
        await anyio.to_thread.run_sync(self._writing.prepare)

    async def append(self, record: SealedRecord, /) -> Receipt:
        """Return once the record is on the server's stable storage.

        Raises `EvidenceUnavailable`: the server cannot be reached, refused it, or too many wait.
        Cancelled, it may still be written. ValueError: it is not a sealed record.
        """
        _check(record)
        if self._closed:
            raise EvidenceUnavailable("the evidence log is closed")
        if len(self._submitted) >= self._settings.queue:
            raise EvidenceUnavailable(
                f"{len(self._submitted)} records wait for the evidence log already, as many as its "
                "setting `queue` allows: the server does not keep up; send less, or raise it"
            )
        waiting = _Waiting(record)
        self._submitted.append(waiting)
        self._wanted.set()
        await waiting.done.wait()
        if isinstance(waiting.outcome, Receipt):
            return waiting.outcome
        refusal = waiting.outcome or Refusal("the evidence log was closed before it was written")
        raise EvidenceUnavailable(refusal.message) from refusal.cause

    async def replicate(self, records: Sequence[StoredRecord], /) -> None:
        """Return once all of another log's records are on the server, each in its own place.

        Raises `EvidenceUnavailable`, and `EvidenceDiffers` where this log holds something else;
        then none of them is written.
        """
        if records:
            await self._log_in()
            await anyio.to_thread.run_sync(self._writing.replicate, records)

    async def get(self, record_id: str, /) -> StoredRecord | None:
        """Return a record, None if there is none. Raises `EvidenceUnavailable`."""
        await self._log_in()
        return await anyio.to_thread.run_sync(
            self._reading.get, record_id, limiter=self._readers, abandon_on_cancel=True
        )

    async def read(self, start: int = 0, /) -> AsyncIterator[StoredRecord]:
        """Yield records from position `start` on. Raises `EvidenceUnavailable`."""
        await self._log_in()
        while True:
            records = await anyio.to_thread.run_sync(
                self._reading.chunk, start, _CHUNK, limiter=self._readers, abandon_on_cancel=True
            )
            if not records:
                return
            for record in records:
                yield record
            start = records[-1].index + 1

    async def count(self) -> int:
        """Return the number of records."""
        await self._log_in()
        return await anyio.to_thread.run_sync(
            self._reading.count, limiter=self._readers, abandon_on_cancel=True
        )

    async def unfinished(self) -> Sequence[str]:
        """Return nothing: an erasure and what it does are one transaction."""
        return ()

    async def verify(self) -> VerifyReport:
        """Check every byte that is stored."""
        await self._log_in()
        return await anyio.to_thread.run_sync(self._reading.verify, limiter=self._readers)

    # -- its life ---------------------------------------------------------------------------------

    async def commit_all(self) -> None:
        """Write what is submitted, until the log is closed and all of it is written."""
        with anyio.CancelScope(shield=True):
            while True:
                await self._wanted.wait()
                batch, self._submitted = self._submitted[:BATCH], self._submitted[BATCH:]
                if batch:
                    await self._commit(batch)
                elif self._closed:
                    await self._clear()
                    return
                else:
                    self._wanted = anyio.Event()

    async def clear_all(self) -> None:
        """Have the server clear the place of what was erased, beside all else, until it is closed.

        What is erased while it does so is cleared once it has ended.
        """
        with anyio.CancelScope(shield=True):
            while not self._closed:
                await self._erased.wait()
                self._erased = anyio.Event()
                await self._clear()

    async def _clear(self) -> None:
        if not self._writing.untidy:
            return
        self._writing.untidy = False
        with suppress(EvidenceUnavailable):
            await self._log_in()
            await anyio.to_thread.run_sync(self._clearing.vacuum)

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            await self._log_in()
        except EvidenceUnavailable as error:
            outcomes: list[Receipt | Refusal] = [Refusal(str(error), error)] * len(batch)
        else:
            records = [waiting.record for waiting in batch]
            outcomes = await anyio.to_thread.run_sync(self._writing.commit, records)
            if self._writing.untidy:
                self._erased.set()
        for waiting, outcome in zip(batch, outcomes, strict=True):
            waiting.outcome = outcome
            waiting.done.set()

    async def _log_in(self) -> None:
        """Hand the stores the password as it is now: it may have been rotated."""
        reference, secrets = self._settings.password, self._services.secrets
        if reference is None:
            return
        if secrets is None:
            raise EvidenceUnavailable("no secrets provider is running to resolve the password")
        password = await secrets.resolve(SecretRef.parse(reference))
        for store in (self._writing, self._reading, self._clearing):
            store.password = password

    def close(self) -> None:
        """Take no more; what was submitted is still written."""
        self._closed = True
        self._wanted.set()
        self._erased.set()

    def disconnect(self) -> None:
        """Let go of the server."""
        self._writing.close()
        self._reading.close()
        self._clearing.close()


def _check(record: SealedRecord) -> None:
    """Raise ValueError if the record could not be found or checked again."""
    if leaf_hash(record.leaf) != record.leaf_hash:
        raise ValueError(f"record {record.record_id} has a leaf that does not match its hash")
    if json.loads(record.leaf).get("record_id") != record.record_id:
        raise ValueError(f"record {record.record_id} has the leaf of another record")
