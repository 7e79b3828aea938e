"""An evidence log in memory: a real append-only sink for tests, and a plugin that carries it."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

import anyio.lowlevel
from attrs import evolve

from eleanor_core.api import (
    EvidenceDeclaration,
    EvidenceSink,
    Finding,
    PluginSettings,
    Receipt,
    SealedRecord,
    Services,
    StoredRecord,
    VerifyReport,
    hookimpl,
)
from eleanor_core.api.evidence import erased_by, leaf_hash, merkle_root


class MemoryLog:
    """Keeps records in a list. Pass it among `plugins=`; afterwards look into `records`.

    `room`: how many records fit; the next `append` raises OSError (ENOSPC) as a full disk does.
    None: no limit. What is kept dies with the object, so no result of it is ever durable.
    """

    def __init__(self, *, name: str = "memory", room: int | None = None) -> None:
        self.name = name
        self.room = room
        self.records: list[StoredRecord] = []
        self._erased: set[str] = set()

    @hookimpl
    def eleanor_register_evidence(self) -> Iterable[EvidenceDeclaration]:
        """Declare this very object as the sink."""
        yield EvidenceDeclaration(name=self.name, factory=self._open, summary="Memory, for tests.")

    def _open(
        self, _settings: PluginSettings, _services: Services
    ) -> AbstractAsyncContextManager[EvidenceSink]:
        return nullcontext(self)

    async def append(self, record: SealedRecord, /) -> Receipt:
        """Keep the record. Raises OSError if the log is full, ValueError for another leaf."""
        await anyio.lowlevel.checkpoint()
        held = self._find(record.record_id)
        if held is None:
            held = self._keep(record)
        elif held.leaf != record.leaf:
            msg = f"record {record.record_id} is there already, with another leaf"
            raise ValueError(msg)
        return Receipt(index=held.index, record_id=held.record_id, leaf_hash=held.leaf_hash)

    def _keep(self, record: SealedRecord) -> StoredRecord:
        """Keep a new record; as an erasure, it takes the payload of the one that it names."""
        if self.room is not None and len(self.records) >= self.room:
            raise OSError(errno.ENOSPC, f"evidence/{self.name} is full after {self.room} records")
        stored = StoredRecord(
            index=len(self.records),
            record_id=record.record_id,
            leaf_hash=record.leaf_hash,
            leaf=record.leaf,
            payload=None if record.record_id in self._erased else record.payload,
        )
        self.records.append(stored)
        if erased := erased_by(record.leaf):
            self._erased.add(erased)
            target = self._find(erased)
            if target and target.payload:
                self.records[target.index] = evolve(target, payload=None)
        return stored

    async def unfinished(self) -> Sequence[str]:
        """Return nothing: here an erasure is never half done."""
        await anyio.lowlevel.checkpoint()
        return ()

    async def get(self, record_id: str, /) -> StoredRecord | None:
        """Return the record, or None."""
        await anyio.lowlevel.checkpoint()
        return self._find(record_id)

    def _find(self, record_id: str) -> StoredRecord | None:
        for held in self.records:
            if held.record_id == record_id:
                return held
        return None

    async def read(self, start: int = 0, /) -> AsyncIterator[StoredRecord]:
        """Yield the records from index `start`."""
        for record in self.records[start:]:
            await anyio.lowlevel.checkpoint()
            yield record

    async def count(self) -> int:
        """Return how many records are kept."""
        await anyio.lowlevel.checkpoint()
        return len(self.records)

    async def verify(self) -> VerifyReport:
        """Recompute every leaf hash, and the root of the tree (RFC 6962, section 2.1)."""
        await anyio.lowlevel.checkpoint()
        hashes = [leaf_hash(record.leaf) for record in self.records]
        findings = tuple(
            Finding(where=f"record {record.index}", what="the leaf does not have its hash")
            for record, digest in zip(self.records, hashes, strict=True)
            if digest != record.leaf_hash
        )
        root = merkle_root(map(bytes.fromhex, hashes)).hex()
        return VerifyReport(records=len(self.records), root=root, findings=findings)
