"""Checkpoints: when they are signed, what they hold, and that nothing else is ever signed."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest
from eleanor_evidence_local import LocalSettings, notary, open_log, tiles
from eleanor_evidence_local.disk import Lock
from eleanor_evidence_local.keys import KeyFile, is_right
from eleanor_evidence_local.seen import Seen

from eleanor_core.api import (
    EvidenceCorrupt,
    EvidenceUnavailable,
    Services,
    TransparencyLog,
    check_consistency,
    check_inclusion,
    check_note,
    read_checkpoint,
    read_note,
    read_verifier_key,
)

pytestmark = pytest.mark.anyio


async def fill(log, seal, start: int, stop: int) -> None:
    async with anyio.create_task_group() as group:
        for n in range(start, stop):
            group.start_soon(log.append, seal(n))


def stored(folder: Path) -> list[str]:
    """All checkpoints that the log keeps."""
    path = folder / "checkpoints"
    if not path.exists():
        return []
    return [str(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def remove(folder: Path, pattern: str) -> None:
    for path in folder.glob(pattern):
        path.unlink()


def drop_two(folder: Path) -> None:
    """Take the last two records away, with their payloads."""
    for kind in ("segments", "payloads"):
        (path,) = folder.glob(f"{kind}/*")
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))


def sizes(folder: Path) -> list[int]:
    return [read_checkpoint(read_note(text)).size for text in stored(folder)]


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not condition():
            await anyio.sleep(0.01)


async def test_one_is_signed_at_the_end_and_stands_where_others_look(
    open_it, seal, folder: Path
) -> None:
    async with open_it() as log:
        await fill(log, seal, 0, 5)
        assert stored(folder) == []
    assert sizes(folder) == [5]
    assert (folder / "checkpoint").read_text("utf-8") == stored(folder)[0]
    async with open_it() as log:
        # Nothing came, so nothing is signed.
        report = await log.verify()
    assert sizes(folder) == [5]
    checkpoint = read_checkpoint(read_note(stored(folder)[0]))
    assert (report.records, report.checkpoints, report.signed) == (5, 1, 5)
    assert (report.root, report.notes) == (checkpoint.root.hex(), ())


@pytest.mark.parametrize(
    ("every", "seconds", "expected"), [(10, 3600.0, 10), (10**6, 0.05, 1)], ids=["count", "time"]
)
async def test_one_is_signed_after_so_many_records_or_seconds(
    open_it, seal, folder: Path, every: int, seconds: float, expected: int
) -> None:
    async with open_it(checkpoint_records=every, checkpoint_seconds=seconds) as log:
        await fill(log, seal, 0, expected)
        await until(lambda: bool(stored(folder)))
        await fill(log, seal, expected, 2 * expected)
        await until(lambda: len(stored(folder)) == 2)
        assert (await log.verify()).sound
    assert sizes(folder) == [expected, 2 * expected]


async def test_one_is_signed_when_asked_for_and_only_if_records_came(
    open_it, seal, folder: Path
) -> None:
    async with open_it() as log:
        assert isinstance(log, TransparencyLog)
        empty = await log.checkpoint()
        assert read_checkpoint(read_note(empty)).size == 0
        await fill(log, seal, 0, 3)
        note = await log.checkpoint()
        assert await log.checkpoint() == note
        (key,) = map(read_verifier_key, await log.keys())
        signed = check_note(read_note(note), [key], is_right)
        assert [(item.key.kind, item.time is None) for item in signed] == [(1, True), (4, False)]
        assert [text async for text in log.checkpoints()] == [empty, note]
    assert sizes(folder) == [0, 3]


async def test_a_new_key_is_signed_in_by_the_old_one(open_it, seal, folder: Path) -> None:
    async with open_it() as log:
        await fill(log, seal, 0, 3)
        await log.checkpoint()
        handed = read_note(await log.checkpoint(new_key=True))
        old, new = map(read_verifier_key, await log.keys())
        assert old.name == new.name
        for key in (old, new):
            assert len(check_note(handed, [key], is_right)) == 2
        await fill(log, seal, 3, 4)
        latest = read_note(await log.checkpoint())
        assert check_note(latest, [old], is_right) == ()
        assert len(check_note(latest, [new], is_right)) == 2
    async with open_it() as log:
        report = await log.verify(known=[str(handed)])
        assert (report.findings, report.checkpoints) == ((), 3)


async def test_proofs_come_from_the_tiles_which_are_made_anew_if_they_are_gone(
    open_it, seal, folder: Path
) -> None:
    async with open_it(segment_bytes=40_000) as log:
        await fill(log, seal, 0, 200)
        first = read_checkpoint(read_note(await log.checkpoint()))
        await fill(log, seal, 200, 520)
        last = read_checkpoint(read_note(await log.checkpoint()))
        for gone in (None, "0/001", "1/000.p/2"):
            if gone:
                (folder / "tile" / gone).unlink()
                log._store.notary.tiles._rows.cache_clear()
            kept = [bytes.fromhex(record.leaf_hash) async for record in log.read()]
            for index in (0, 255, 256, 300, 519):
                digest = kept[index]
                proof = await log.inclusion(index, 520)
                assert check_inclusion(digest, index, 520, proof, last.root)
            proof = await log.consistency(200, 520)
            assert check_consistency(200, first.root, 520, last.root, proof)
        with pytest.raises(EvidenceUnavailable, match="no proof in a tree of 521 yet"):
            await log.inclusion(3, 521)
        assert (await log.verify()).notes == ()


async def test_a_log_that_never_signed_gets_its_tree(open_it, seal, folder: Path) -> None:
    async with open_it(segment_bytes=40_000) as log:
        await fill(log, seal, 0, 300)
    shutil.rmtree(folder / "tile")
    shutil.rmtree(folder.parent / "keys")
    remove(folder, "checkpoint*")
    async with open_it() as log:
        report = await log.verify()
        assert (report.findings, report.notes, report.signed) == ((), (), 0)
        await log.append(seal(300))
    assert sizes(folder) == [301]
    async with open_it() as log:
        assert (await log.verify()).signed == 301
        assert await log.inclusion(7, 301)


async def test_after_a_crash_it_goes_on_from_the_last_checkpoint(
    open_it, seal, folder: Path
) -> None:
    async with open_it() as log:
        await fill(log, seal, 0, 100)
        await log.checkpoint()
        await fill(log, seal, 100, 300)
        # As if the process had died now: no checkpoint at its end.
        log._store.notary._unsigned = 0
    with (folder / "checkpoints").open("ab") as file:
        file.write(b'"eleanor-log/')
    read: list[int] = []
    async with open_it() as log:
        growing = log._store.notary._read
        log._store.notary._read = lambda builder, stop: (
            read.append(builder.size),
            growing(builder, stop),
        )
        await fill(log, seal, 300, 301)
        await log.checkpoint()
        assert (await log.verify()).notes == ()
    assert sizes(folder) == [100, 301]
    # From the checkpoint on, not from the start.
    assert min(read) == 100


async def test_another_process_reads_proves_and_signs_nothing(open_it, seal, folder: Path) -> None:
    async with open_it() as log:
        await fill(log, seal, 0, 300)
    note = stored(folder)[0]
    held = Lock(folder / "lock")
    async with open_it() as log:
        assert await log.checkpoint() == note
        with pytest.raises(EvidenceUnavailable, match="open for writing"):
            await log.checkpoint(new_key=True)
        assert await log.inclusion(3, 300)
        (folder / "tile" / "0" / "000").unlink()
        report = await log.verify()
        assert report.sound
        assert report.notes == ("tile/0/000 was missing or had another size",)
    async with open_it() as log:
        with pytest.raises(EvidenceUnavailable, match="tile/0/000 is missing"):
            await log.inclusion(3, 300)
    held.release()


async def test_nothing_is_appended_where_signed_records_are_gone(
    open_it, seal, folder: Path
) -> None:
    async with open_it() as log:
        await fill(log, seal, 0, 5)
    drop_two(folder)
    remove(folder, "index*")
    async with open_it() as log:
        with pytest.raises(EvidenceUnavailable, match="5 records were signed, and the log ends"):
            await log.append(seal(9))
        with pytest.raises(EvidenceCorrupt, match="5 records were signed"):
            await log.checkpoint(new_key=True)
        report = await log.verify()
        assert [found.what for found in report.findings] == [
            "5 records were signed, and the log ends after 3: records 3 to 4 are missing",
            "it stands for records up to 4, and the log ends after 3",
        ]
    assert sizes(folder) == [5]


async def test_what_was_not_signed_before_is_never_signed(
    open_it, seal, folder: Path, tmp_path: Path, said
) -> None:
    async with open_it() as log:
        await fill(log, seal, 0, 5)
    forged = Services(data_dir=tmp_path / "forged" / "evidence", log=said)
    async with open_log(LocalSettings(), forged) as log:
        await fill(log, lambda n: seal(n, "other" if n == 2 else "hello"), 0, 5)
    for kind in ("segments", "payloads"):
        shutil.rmtree(folder / kind)
        shutil.copytree(forged.data_dir / kind, folder / kind)
    remove(folder, "index*")
    async with open_it() as log:
        await log.append(seal(5))
        with pytest.raises(EvidenceCorrupt, match="5 records were signed, and the first 5 in the"):
            await log.checkpoint()
        report = await log.verify()
        assert any("records 0 to 4 are not what was signed" in str(f.what) for f in report.findings)
    assert sizes(folder) == [5]
    assert any("damaged" in line for line in said.lines)


class Vault:
    """A key that is elsewhere, and cannot always be reached."""

    def __init__(self) -> None:
        self._key = KeyFile("example.org/log", bytes(range(32)))
        self.name, self.public = self._key.name, self._key.public
        self.reached = False

    def sign(self, message: bytes, /) -> bytes:
        if not self.reached:
            raise OSError("the vault is sealed")
        return self._key.sign(message)


async def test_a_key_that_cannot_be_reached_stops_no_record(
    seal, folder: Path, tmp_path: Path, said
) -> None:
    vault = Vault()
    services = Services(data_dir=folder, keys_dir=tmp_path / "keys", log=said)
    settings = LocalSettings(checkpoint_seconds=0.05)
    async with open_log(settings, services, signer=vault) as log:
        await log.append(seal(0))
        await until(lambda: any("the vault is sealed" in line for line in said.lines))
        await log.append(seal(1))
        assert stored(folder) == []
        vault.reached = True
        await until(lambda: sizes(folder) == [2])
        assert read_checkpoint(read_note(stored(folder)[0])).origin == "example.org/log"
        with pytest.raises(EvidenceUnavailable, match="change it where it is kept"):
            await log.checkpoint(new_key=True)
        assert (await log.verify()).sound
    assert not (tmp_path / "keys" / "evidence-evidence.key").exists()


async def test_a_full_disk_stops_no_record_that_fits(
    open_it, seal, folder: Path, monkeypatch: pytest.MonkeyPatch, said
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    async with open_it(checkpoint_seconds=0.05) as log:
        with monkeypatch.context() as patch:
            patch.setattr(tiles, "write_whole", full)
            await fill(log, seal, 0, 300)
            await until(lambda: any("No space left" in line for line in said.lines))
        await until(lambda: bool(stored(folder)))
        report = await log.verify()
        assert (report.findings, report.notes) == ((), ())
    assert sizes(folder)[-1] == 300


async def test_more_hashes_than_are_held_are_read_from_the_files(
    open_it, seal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notary, "_HELD", 10)
    async with open_it() as log:
        for start in range(0, 300, 7):
            await fill(log, seal, start, start + 7)
        assert (await log.verify()).sound
    assert sizes(folder) == [301]
    async with open_it() as log:
        report = await log.verify()
        assert (report.findings, report.notes) == ((), ())


@pytest.mark.parametrize("text", ["", "x", "example.org/log\n3\nAAAA\n"])
async def test_what_is_no_checkpoint_is_told(open_it, seal, text: str) -> None:
    async with open_it() as log:
        await fill(log, seal, 0, 2)
        report = await log.verify(known=[text])
        (found,) = report.findings
        assert found.where == "the checkpoint that was given"


async def test_verifying_goes_on_beside_signing(open_it, seal, folder: Path) -> None:
    async with open_it(checkpoint_records=3, checkpoint_seconds=0.01) as log:
        await fill(log, seal, 0, 250)
        async with anyio.create_task_group() as group:
            for n in range(250, 550):
                group.start_soon(log.append, seal(n))
            for _ in range(8):
                report = await log.verify()
                assert (report.findings, report.notes) == ((), ())
                assert report.signed <= report.records
                await anyio.sleep(0.01)
        report = await log.verify()
        assert (report.findings, report.notes, report.records) == ((), (), 550)


async def test_checkpoints_in_another_order_are_told(open_it, seal, folder: Path) -> None:
    async with open_it() as log:
        for n in range(3):
            await log.append(seal(n))
            await log.checkpoint()
    path = folder / "checkpoints"
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(second + first + third)
    async with open_it() as log:
        report = await log.verify()
        assert [(found.where, found.what) for found in report.findings] == [
            (f"checkpoints at byte {len(second)}", "1 records, after a checkpoint of 2")
        ]


async def test_a_clock_that_was_set_back_is_told(
    open_it, seal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(time=lambda: 2_000_000_000, monotonic=time.monotonic)
    monkeypatch.setattr(notary, "time", clock)
    async with open_it() as log:
        await log.append(seal(0))
        await log.checkpoint()
        clock.time = lambda: 1_999_990_000
        await log.append(seal(1))
        await log.checkpoint()
        report = await log.verify()
    assert report.sound
    (note,) = report.notes
    assert "it was signed 2033-05-18T00:46:40Z, after one that was signed 2033-05-18T03" in note


def test_an_id_that_stands_twice_is_found_however_many_there_are() -> None:
    with Seen() as seen:
        for number in range(5000):
            seen.add(number, f"{number % 4999:036x}")
        assert seen.twice() == [(4999, f"{0:036x}", 0)]
