"""Evidence sinks that each break one rule."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import anyio
from attrs import evolve, frozen

from eleanor_core.api import (
    Checkpoint,
    EvidenceDeclaration,
    EvidenceSink,
    Receipt,
    SealedRecord,
    StoredRecord,
    VerifyReport,
    hookimpl,
)
from eleanor_core.testing import MemoryLog


class Forgetful(MemoryLog):
    """A sink that loses a record's payload."""

    async def append(self, record: SealedRecord, /) -> Receipt:
        return await super().append(evolve(record, payload=b""))


class Repetitive(MemoryLog):
    """A sink that keeps a record twice."""

    async def append(self, record: SealedRecord, /) -> Receipt:
        self.records = [item for item in self.records if item.record_id != record.record_id]
        return await super().append(record)


class Overwriting(MemoryLog):
    """A sink that lets a record be replaced."""

    async def append(self, record: SealedRecord, /) -> Receipt:
        for item in self.records:
            if item.record_id == record.record_id:
                return Receipt(index=item.index, record_id=item.record_id, leaf_hash=item.leaf_hash)
        return await super().append(record)


class Racing(MemoryLog):
    """A sink that looks whether an id is there, and waits before it writes."""

    async def append(self, record: SealedRecord, /) -> Receipt:
        known = any(item.record_id == record.record_id for item in self.records)
        await anyio.sleep(0.01)
        if known:
            raise ValueError("known")
        held = self._keep(record)
        return Receipt(index=held.index, record_id=held.record_id, leaf_hash=held.leaf_hash)


class Backwards(MemoryLog):
    """A sink that reads from its end."""

    async def read(self, start: int = 0, /) -> AsyncIterator[StoredRecord]:
        for record in reversed(self.records[start:]):
            yield record


class Keeping(MemoryLog):
    """Takes an erasure, and gives the payload to whoever appends its record again."""

    async def append(self, record):
        receipt = await super().append(record)
        stored = self.records[receipt.index]
        if record.payload and stored.payload is None:
            self.records[receipt.index] = evolve(stored, payload=record.payload)
        return receipt


class Doubtful(MemoryLog):
    """A sink that cannot count what it verified."""

    async def verify(self) -> VerifyReport:
        return evolve(await super().verify(), records=0)


class Careless(MemoryLog):
    """A sink that takes another log's records wherever they belong."""

    async def replicate(self, records: Sequence[StoredRecord], /) -> None:
        self.records += [record for record in records if record not in self.records]


class Unproven(MemoryLog):
    """A log that signs the same for ever, and proves nothing."""

    async def checkpoint(self, *, new_key: bool = False) -> str:
        root = Checkpoint(origin="log", size=await self.count(), root=bytes(32))
        return f"{root}\n\u2014 log AAAAAAA=\n"

    async def checkpoints(self) -> AsyncIterator[str]:
        yield await self.checkpoint()

    async def keys(self) -> Sequence[str]:
        return ["log"]

    async def inclusion(self, index: int, size: int, /) -> Sequence[bytes]:
        return []

    async def consistency(self, old: int, size: int, /) -> Sequence[bytes]:
        return []


@frozen
class SinkPlugin:
    """A sink that is made anew at each start."""

    make: Callable[[], EvidenceSink]

    @hookimpl
    def eleanor_register_evidence(self) -> Iterable[EvidenceDeclaration]:
        yield EvidenceDeclaration(name="bad", factory=self.open)

    @asynccontextmanager
    async def open(self, _settings: object, _services: object) -> AsyncIterator[EvidenceSink]:
        yield self.make()
