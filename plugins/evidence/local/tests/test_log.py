"""The log as a sink: what goes in comes out, in order, once, on both event loops."""

from __future__ import annotations

import sqlite3
import sys
import threading
from pathlib import Path

import anyio
import attrs
import pytest
from eleanor_evidence_local import LocalSettings, eleanor_register_evidence, open_log
from eleanor_evidence_local.index import Index

from eleanor_core.api import (
    EvidenceSink,
    EvidenceUnavailable,
    EvidenceVerifier,
    PluginAPI,
    Receipt,
    SealedRecord,
    leaf_hash,
    merkle_root,
)

pytestmark = pytest.mark.anyio


def files(folder: Path, kind: str) -> list[Path]:
    """The segments or payload files, in order; "": what lies beside them."""
    return sorted((folder / kind).glob("*"))


def mode(path: Path) -> int:
    return path.stat().st_mode


def descriptors() -> int:
    """How many files this process has open; 0 where that cannot be told."""
    folder = Path("/dev/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


async def test_what_is_appended_can_be_read_back(open_it, seal) -> None:
    records = [seal(0), seal(1, None), seal(2, "third", decision="deny")]
    async with open_it() as log:
        assert isinstance(log, EvidenceSink)
        assert isinstance(log, EvidenceVerifier)
        assert await log.count() == 0
        assert (await log.verify()).sound
        for index, record in enumerate(records):
            assert await log.append(record) == Receipt(
                index=index, record_id=record.record_id, leaf_hash=record.leaf_hash
            )
        assert await log.count() == 3
        for index, record in enumerate(records):
            stored = await log.get(record.record_id)
            assert stored is not None
            assert (stored.index, stored.record_id) == (index, record.record_id)
            assert (stored.leaf, stored.payload) == (record.leaf, record.payload)
            assert stored.leaf_hash == record.leaf_hash
        assert [stored.leaf async for stored in log.read()] == [record.leaf for record in records]
        assert [stored.index async for stored in log.read(2)] == [2]
        assert [stored async for stored in log.read(3)] == []
        assert [stored async for stored in log.read(99)] == []
        assert await log.get(seal(9).record_id) is None
        assert await log.get("") is None


async def test_everything_is_there_after_a_restart(open_it, seal) -> None:
    async with open_it() as log:
        receipts = [await log.append(seal(n)) for n in range(5)]
        before = await log.verify()
    async with open_it() as log:
        assert await log.count() == 5
        assert [await log.append(seal(n)) for n in range(5)] == receipts
        after = await log.verify()
        assert attrs.evolve(before, checkpoints=1, signed=after.records) == after
        assert (await log.append(seal(5))).index == 5
        assert (await log.verify()).sound


async def test_two_thousand_appends_at_once(open_it, seal, folder: Path) -> None:
    records = [seal(n) for n in range(2000)]
    receipts: dict[str, Receipt] = {}

    async def append(log: EvidenceSink, record: SealedRecord) -> None:
        receipts[record.record_id] = await log.append(record)

    async with open_it() as log, anyio.create_task_group() as group:
        for record in records:
            group.start_soon(append, log, record)
    async with open_it() as log:
        assert sorted(receipt.index for receipt in receipts.values()) == list(range(2000))
        stored = [record async for record in log.read()]
        assert [record.index for record in stored] == list(range(2000))
        assert all(receipts[record.record_id].index == record.index for record in stored)
        report = await log.verify()
        assert (report.records, report.findings, report.notes) == (2000, (), ())
        digests = [bytes.fromhex(record.leaf_hash) for record in stored]
        assert report.root == merkle_root(digests).hex()
    assert len(files(folder, "segments")) == 1


async def test_files_are_followed_by_new_ones(open_it, seal, folder: Path) -> None:
    for start in range(0, 60, 20):
        async with open_it(segment_bytes=4096) as log:
            for n in range(start, start + 20):
                await log.append(seal(n))
    names = [path.stem for path in files(folder, "segments")]
    assert len(names) > 3
    assert names == [path.stem for path in files(folder, "payloads")]
    async with open_it(segment_bytes=4096) as log:
        for start in (0, 7, int(names[1]), int(names[2]) - 1, 59):
            assert [record.index async for record in log.read(start)] == list(range(start, 60))
        for n in range(60):
            assert (await log.get(seal(n).record_id)).leaf == seal(n).leaf
        report = await log.verify()
        assert (report.records, report.findings, report.notes) == (60, (), ())


async def test_a_large_payload_also_begins_a_new_pair_of_files(open_it, seal, folder: Path) -> None:
    async with open_it(segment_bytes=4096) as log:
        for n in range(3):
            await log.append(seal(n, "x" * 5000))
    assert len(files(folder, "payloads")) == 3


async def test_a_record_is_stored_once(open_it, seal) -> None:
    receipts: list[Receipt] = []

    async def append(log: EvidenceSink) -> None:
        receipts.append(await log.append(seal(1)))

    async with open_it() as log:
        await log.append(seal(0))
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(append, log)
        assert {receipt.index for receipt in receipts} == {1}
        assert await log.append(seal(0)) == Receipt(
            index=0, record_id=seal(0).record_id, leaf_hash=seal(0).leaf_hash
        )
        assert await log.count() == 2


async def test_ids_may_come_in_any_order(open_it, seal) -> None:
    order = [5, 2, 9, 0, 7]
    async with open_it() as log:
        receipts = {n: await log.append(seal(n)) for n in order}
    async with open_it() as log:
        assert {n: await log.append(seal(n)) for n in sorted(order)} == receipts
        assert (await log.append(seal(4))).index == 5
        assert (await log.verify()).notes == ()


async def test_an_id_never_gets_another_leaf(open_it, seal) -> None:
    async with open_it() as log:
        await log.append(seal(0))
        with pytest.raises(EvidenceUnavailable, match="at position 0 with another leaf"):
            await log.append(seal(0, decision="allow"))
        assert await log.count() == 1
        assert (await log.get(seal(0).record_id)).leaf == seal(0).leaf


async def test_what_is_no_sealed_record_is_refused(open_it, seal) -> None:
    good = seal(0)
    async with open_it() as log:
        for changes, message in (
            ({"leaf_hash": "0" * 64}, "does not match its hash"),
            ({"record_id": seal(1).record_id}, "has the leaf of record"),
            ({"leaf": b"{}"}, "not a record"),
            ({"leaf": b"\xff"}, "not UTF-8 at byte 0"),
            ({"leaf": good.leaf.replace(b'"trace-0"', b"7")}, "must be strings"),
            ({"leaf": good.leaf.replace(b"trace-0", b"\\ud800")}, "lone surrogate"),
            ({"payload": b'{\n"case":1}'}, "line break"),
        ):
            with pytest.raises(ValueError, match=message):
                await log.append(attrs.evolve(good, **changes))
        assert await log.count() == 0


async def test_escaped_words_in_a_heading_are_read_right(open_it, seal) -> None:
    plain = seal(0)
    leaf = plain.leaf.replace(b'"trace-0"', b'"a\\",\\"kind\\":\\"b\\\\"')
    record = attrs.evolve(plain, leaf=leaf, leaf_hash=leaf_hash(leaf))
    async with open_it() as log:
        await log.append(record)
        assert (await log.get(record.record_id)).leaf == leaf
        assert (await log.verify()).sound


async def test_too_many_waiting_is_refused_and_says_so(open_it, seal) -> None:
    outcomes: list[str] = []

    async def append(log: EvidenceSink, n: int) -> None:
        try:
            await log.append(seal(n))
            outcomes.append("recorded")
        except EvidenceUnavailable as error:
            outcomes.append(str(error))

    async with open_it(queue=3) as log:
        async with anyio.create_task_group() as group:
            for n in range(100):
                group.start_soon(append, log, n)
        refused = [outcome for outcome in outcomes if outcome != "recorded"]
        assert refused
        assert all("3 records wait" in outcome for outcome in refused)
        assert await log.count() == 100 - len(refused)
        assert (await log.append(seal(200))).index == 100 - len(refused)


async def test_reading_and_verifying_go_on_beside_appends(open_it, seal) -> None:
    async with open_it(segment_bytes=20_000) as log:
        await log.append(seal(0))

        async def append(start: int) -> None:
            for n in range(start, 400, 4):
                await log.append(seal(n))

        async with anyio.create_task_group() as group:
            for start in range(1, 5):
                group.start_soon(append, start)
            for _ in range(8):
                before = await log.count()
                report = await log.verify()
                assert (report.findings, report.notes) == ((), ())
                assert report.records >= before
                assert len([record async for record in log.read()]) >= report.records
                assert (await log.get(seal(0).record_id)).index == 0
                assert await log.get(seal(999).record_id) is None
        report = await log.verify()
        assert (report.records, report.findings, report.notes) == (400, (), ())


async def test_an_index_that_cannot_be_written_stops_no_append(
    open_it, seal, monkeypatch: pytest.MonkeyPatch, said
) -> None:
    def flush(_: Index, _keep: int = 0) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async with open_it() as log:
        with monkeypatch.context() as patch:
            patch.setattr(Index, "flush", flush)
            for n in range(3):
                await log.append(seal(n))
                await anyio.sleep(0.25)
            assert (await log.get(seal(0).record_id)).index == 0
        assert any("disk I/O error" in line for line in said.lines)
        assert (await log.append(seal(3))).index == 3
    async with open_it() as log:
        assert (await log.verify()).notes == ()


async def test_a_cancelled_append_breaks_nothing(open_it, seal) -> None:
    async with open_it() as log:
        for n in range(20):
            async with anyio.create_task_group() as group:
                group.start_soon(log.append, seal(n))
                await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        await log.append(seal(99))
        count = await log.count()
        assert 1 <= count <= 21
        assert [record.index async for record in log.read()] == list(range(count))
        assert (await log.verify()).sound


async def test_what_was_submitted_is_written_before_the_log_closes(open_it, seal) -> None:
    async with anyio.create_task_group() as group, open_it() as log:
        for n in range(50):
            group.start_soon(log.append, seal(n))
        await anyio.lowlevel.checkpoint()
    async with open_it() as log:
        assert await log.count() == 50


async def test_a_closed_log_says_so(open_it, seal) -> None:
    async with open_it() as log:
        await log.append(seal(0))
    with pytest.raises(EvidenceUnavailable, match="closed"):
        await log.append(seal(1))
    with pytest.raises(EvidenceUnavailable, match="closed"):
        await log.count()


async def test_an_erased_payload_is_told_from_none_and_from_a_damaged_one(
    open_it, seal, folder: Path
) -> None:
    async with open_it() as log:
        for n in range(3):
            await log.append(seal(n, "private words"))
    (path,) = files(folder, "payloads")
    lines = path.read_bytes().splitlines(keepends=True)
    index, size, digest, own, payload = lines[2].split(b" ", 4)
    erased = [index, size, digest, b"-" * len(own), b"-" * (len(payload) - 1) + b"\n"]
    lines[2] = b" ".join(erased)
    assert sum(map(len, lines)) == len(path.read_bytes())
    path.write_bytes(b"".join(lines))
    async with open_it() as log:
        assert (await log.get(seal(1).record_id)).payload is None
        assert (await log.get(seal(2).record_id)).payload == seal(2, "private words").payload
        assert (await log.get(seal(1).record_id)).leaf == seal(1, "private words").leaf


@pytest.mark.long
async def test_nothing_stays_behind_after_fifty_openings(open_it, seal, anyio_backend) -> None:
    async def one(n: int) -> None:
        async with open_it() as log:
            await log.append(seal(n))
            await log.get(seal(0).record_id)
            await log.verify()

    for n in range(3):
        await one(n)
    threads = sum(thread.name == "eleanor-evidence-local" for thread in threading.enumerate())
    before = descriptors()
    for n in range(3, 53):
        await one(n)
    assert threads == 0
    assert not any(thread.name == "eleanor-evidence-local" for thread in threading.enumerate())
    assert descriptors() == before


def test_the_hook_declares_the_log() -> None:
    (declaration,) = eleanor_register_evidence()
    assert (declaration.kind, declaration.name) == ("evidence", "local")
    assert declaration.settings is LocalSettings
    assert declaration.factory is open_log
    assert all(field.description for field in LocalSettings.model_fields.values())
    assert PluginAPI().version.split(".")[0] == declaration.api.split(".")[0]


async def test_importing_the_plugin_imports_no_log() -> None:
    code = "import sys, eleanor_evidence_local; print('sqlite3' in sys.modules)"
    result = await anyio.run_process([sys.executable, "-c", code])
    assert result.stdout.strip() == b"False"


async def test_only_the_owner_can_read_what_is_stored(open_it, seal, folder: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("file modes mean nothing on Windows")
    async with open_it() as log:
        await log.append(seal(0))
        assert mode(folder) & 0o077 == 0
        await anyio.sleep(0.3)
        inside = files(folder, "") + files(folder, "segments") + files(folder, "payloads")
        names = {path.name for path in inside}
        assert {"index.sqlite", "index.sqlite-wal", "journal", "lock"} <= names
        assert [path.name for path in inside if mode(path) & 0o077] == []


async def test_an_index_that_others_could_read_is_closed_to_them(
    open_it, seal, folder: Path
) -> None:
    async with open_it() as log:
        await log.append(seal(0))
    (folder / "index.sqlite").chmod(0o644)
    async with open_it():
        assert mode(folder / "index.sqlite") & 0o077 == 0 or sys.platform == "win32"
