"""The contract of evidence sinks: what a log must do with records that it acknowledges."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

import anyio
import pytest
from attrs import evolve

from eleanor_core.api import (
    Checkpoint,
    ErasableLog,
    EvidenceDeclaration,
    EvidenceDiffers,
    EvidenceReplica,
    EvidenceSink,
    EvidenceVerifier,
    Kind,
    Receipt,
    SealedRecord,
    StoredRecord,
    TransparencyLog,
    check_consistency,
    check_inclusion,
    erasure_id,
    read_checkpoint,
    read_note,
)
from eleanor_core.evidence import seal
from eleanor_core.testing.contract import PluginContract
from eleanor_core.testing.rules import broken


def make_record(number: int, record_id: str | None = None) -> SealedRecord:
    """Seal a record as the engine does, with a payload in several scripts."""
    text = f"Case {number}: ok, \u00fc, \u4e2d, \U0001f600."
    return seal(
        "assessment",
        trace_id=f"{number:032x}",
        facts={"decision": "allow", "number": number},
        payload={"case": {"text": text}},
        record_id=record_id,
    )


def make_erasure(record: SealedRecord) -> SealedRecord:
    """Seal the erasure of a record's payload as the engine does."""
    return seal(
        "erasure",
        trace_id="",
        facts={"record": record.record_id, "leaf_hash": record.leaf_hash, "ground": "retention"},
        record_id=erasure_id(record.record_id),
    )


def _copy(record: SealedRecord, index: int) -> StoredRecord:
    """Return a record as another log holds it."""
    return StoredRecord(
        index=index,
        record_id=record.record_id,
        leaf_hash=record.leaf_hash,
        leaf=record.leaf,
        payload=record.payload,
    )


class EvidenceSinkContract(PluginContract[EvidenceDeclaration, EvidenceSink]):
    """The rules for a sink. `durable`: False for one that keeps nothing over a restart."""

    kind: ClassVar[Kind] = "evidence"
    durable: ClassVar[bool] = True
    records: ClassVar[int] = 7

    def check_kept(self, stored: StoredRecord | None, sent: SealedRecord, at: Receipt) -> None:
        """Fail unless `stored` is what was sent, where the receipt says."""
        if stored is None:
            broken(self.whose, "acknowledges", f"record {sent.record_id} is not there")
        wanted = (at.index, sent.record_id, sent.leaf_hash, sent.leaf, sent.payload)
        found = (stored.index, stored.record_id, stored.leaf_hash, stored.leaf, stored.payload)
        if found != wanted:
            broken(self.whose, "acknowledges", f"{found!r:.200} instead of {wanted!r:.200}")

    @pytest.mark.anyio
    async def test_keeps_what_it_acknowledges(self) -> None:
        """`acknowledges`: records and indices, and None for an unknown id."""
        async with self.started() as sink:
            start = await sink.count()
            for number in range(self.records):
                sent = make_record(number)
                receipt = await sink.append(sent)
                said = (receipt.index, receipt.record_id, receipt.leaf_hash)
                if said != (start + number, sent.record_id, sent.leaf_hash):
                    broken(self.whose, "acknowledges", f"the receipt of record {number}: {said}")
                self.check_kept(await sink.get(sent.record_id), sent, receipt)
            if await sink.count() != start + self.records:
                broken(self.whose, "acknowledges", f"count() is {await sink.count()}")
            if await sink.get(make_record(0).record_id) is not None:
                broken(self.whose, "acknowledges", "an unknown id has a record")

    @pytest.mark.anyio
    async def test_appends_once(self) -> None:
        """`append-once`."""
        async with self.started() as sink:
            records = [make_record(number) for number in range(3)]
            receipts = [await sink.append(record) for record in records]
            count = await sink.count()
            if await sink.append(records[1]) != receipts[1]:
                broken(self.whose, "append-once", "the second receipt differs from the first")
            if await sink.count() != count:
                broken(self.whose, "append-once", "a record was added")

    @pytest.mark.anyio
    async def test_never_overwrites(self) -> None:
        """`no-overwrite`: another leaf under the same id."""
        async with self.started() as sink:
            first, other = make_record(1), make_record(2)
            receipt = await sink.append(first)
            forged = evolve(other, record_id=first.record_id)
            try:
                await sink.append(forged)
            except Exception:  # noqa: BLE001 -- each sink refuses with an error of its own
                self.check_kept(await sink.get(first.record_id), first, receipt)
            else:
                broken(self.whose, "no-overwrite", "the second record was taken")

    @pytest.mark.anyio
    async def test_keeps_one_of_two_at_once(self) -> None:
        """`no-overwrite`: that a judgement is executed once rests on it."""
        async with self.started() as sink:
            first = make_record(1)
            kept: list[tuple[SealedRecord, Receipt]] = []

            async def attempt(record: SealedRecord) -> None:
                # Each sink refuses with an error of its own.
                with suppress(Exception):
                    kept.append((record, await sink.append(record)))

            async with anyio.create_task_group() as group:
                for record in (first, make_record(2, first.record_id)):
                    group.start_soon(attempt, record)
            if len(kept) != 1:
                broken(self.whose, "no-overwrite", f"of two at once {len(kept)} were taken")
            self.check_kept(await sink.get(first.record_id), *kept[0])

    @pytest.mark.anyio
    async def test_reads_in_order(self) -> None:
        """`read-order`: from the start, from the middle, from past the end."""
        async with self.started() as sink:
            for number in range(self.records):
                await sink.append(make_record(number))
            count = await sink.count()
            for start in (0, 1, count - 1, count):
                read = [record.index async for record in sink.read(start)]
                if read != list(range(start, count)):
                    broken(self.whose, "read-order", f"read({start}) yields {read}")

    @pytest.mark.anyio
    async def test_takes_records_at_once(self) -> None:
        """`acknowledges`: appends that overlap get indices of their own, without a hole."""
        sent = [make_record(number) for number in range(self.records)]
        receipts: list[Receipt] = []
        async with self.started() as sink:

            async def put(record: SealedRecord) -> None:
                receipts.append(await sink.append(record))

            async with anyio.create_task_group() as group:
                for record in sent:
                    group.start_soon(put, record)
            indices = sorted(receipt.index for receipt in receipts)
            first = indices[0]
            if indices != list(range(first, first + len(sent))):
                broken(self.whose, "acknowledges", f"indices {indices}")
            by_id = {record.record_id: record for record in sent}
            for receipt in receipts:
                record = by_id[receipt.record_id]
                self.check_kept(await sink.get(receipt.record_id), record, receipt)

    @pytest.mark.anyio
    async def test_survives_a_restart(self) -> None:
        """`survives-restart`."""
        if not self.durable:
            pytest.skip("declared durable = False")
        sent = [make_record(number) for number in range(self.records)]
        async with self.started() as sink:
            receipts = [await sink.append(record) for record in sent]
        async with self.started() as sink:
            for record, receipt in zip(sent, receipts, strict=True):
                if await sink.get(record.record_id) is None:
                    broken(self.whose, "survives-restart", f"record {receipt.index} is gone")
                self.check_kept(await sink.get(record.record_id), record, receipt)
            if (await sink.append(make_record(99))).index != receipts[-1].index + 1:
                broken(self.whose, "survives-restart", "indices do not go on where they ended")

    @pytest.mark.anyio
    async def test_replicates(self) -> None:
        """`replicates`, where the sink is an `EvidenceReplica`."""
        async with self.started() as sink:
            if not isinstance(sink, EvidenceReplica):
                pytest.skip("the sink takes records one by one")
            start = await sink.count()
            sent = [make_record(number) for number in range(self.records)]
            copies = [_copy(record, start + number) for number, record in enumerate(sent)]
            copies[1] = evolve(copies[1], payload=None)
            await sink.replicate(copies[:3])
            await sink.replicate(copies[1:])
            kept = [stored async for stored in sink.read(start)]
            if kept != copies:
                broken(self.whose, "replicates", f"{kept!r:.200} instead of {copies!r:.200}")
            end = start + self.records
            strange = [make_record(100 + number) for number in range(4)]
            for wrong in (
                [_copy(strange[0], end + 1), _copy(strange[1], end + 2)],
                [_copy(strange[0], end - 1), _copy(strange[1], end)],
                [_copy(strange[0], end), _copy(make_record(9, sent[0].record_id), end + 1)],
            ):
                try:
                    await sink.replicate(wrong)
                except EvidenceDiffers:
                    if [stored async for stored in sink.read(start)] != copies:
                        broken(self.whose, "replicates", "a part of what it refused was kept")
                else:
                    broken(self.whose, "replicates", "records were taken that do not belong there")

    @pytest.mark.anyio
    async def test_verifies_itself(self) -> None:
        """`verifies`, where the sink is an `EvidenceVerifier`."""
        async with self.started() as sink:
            if not isinstance(sink, EvidenceVerifier):
                pytest.skip("the sink cannot verify itself")
            for number in range(self.records):
                await sink.append(make_record(number))
            report = await sink.verify()
            if not report.sound or report.records != await sink.count():
                broken(self.whose, "verifies", repr(report))

    @pytest.mark.anyio
    async def test_erases(self) -> None:
        """`erases`, where the sink is an `ErasableLog`: only the payload, and for good."""
        async with self.started() as sink:
            if not isinstance(sink, ErasableLog):
                pytest.skip("the sink does not erase")
            sent = [make_record(number) for number in range(3)]
            receipts = [await sink.append(record) for record in sent]
            erasure = make_erasure(sent[1])
            await sink.append(erasure)
            late = make_record(4)
            await sink.append(make_erasure(late))
            for record in (sent[1], late, erasure):
                await sink.append(record)
            for record in (sent[1], late):
                stored = await sink.get(record.record_id)
                if stored is None or stored.payload is not None or stored.leaf != record.leaf:
                    broken(self.whose, "erases", f"{stored!r:.200}")
            gone = [stored.index async for stored in sink.read() if stored.payload is None]
            if receipts[1].index not in gone or await sink.unfinished():
                broken(self.whose, "erases", "`read` yields a payload that was erased")
            for place in (0, 2):
                self.check_kept(await sink.get(sent[place].record_id), sent[place], receipts[place])
            if isinstance(sink, EvidenceVerifier) and not (await sink.verify()).sound:
                broken(self.whose, "erases", "the log is not sound any more")

    @pytest.mark.anyio
    async def test_signs_and_proves(self) -> None:
        """`proves`, where the sink is a `TransparencyLog`."""
        async with self.started() as sink:
            if not isinstance(sink, TransparencyLog):
                pytest.skip("the sink signs no checkpoints")
            notes: list[Checkpoint] = []
            for number in range(self.records):
                await sink.append(make_record(number))
                if number in (0, self.records - 1):
                    notes.append(read_checkpoint(read_note(await sink.checkpoint())))
            first, last = notes
            if last.size != await sink.count():
                broken(self.whose, "proves", f"the checkpoint is of {last.size} records")
            proof = await sink.consistency(first.size, last.size)
            if not check_consistency(first.size, first.root, last.size, last.root, proof):
                broken(self.whose, "proves", "the second checkpoint does not go on from the first")
            async for stored in sink.read():
                proof = await sink.inclusion(stored.index, last.size)
                digest = bytes.fromhex(stored.leaf_hash)
                if not check_inclusion(digest, stored.index, last.size, proof, last.root):
                    broken(self.whose, "proves", f"record {stored.index} is not under its root")
            kept = [text async for text in sink.checkpoints()]
            if read_checkpoint(read_note(kept[-1])) != last or not await sink.keys():
                broken(self.whose, "proves", "the newest checkpoint, or its key, is not kept")
            forged = Checkpoint(origin=last.origin, size=last.size, root=bytes(32))
            report = await sink.verify(known=[kept[-1].replace(str(last), str(forged))])
            if report.sound:
                broken(self.whose, "proves", "a checkpoint that it never signed was believed")
