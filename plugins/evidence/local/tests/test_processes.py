"""Real processes: killed in the middle, out of disk, and beside one another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from eleanor_evidence_local import LocalSettings, disk, open_log

from eleanor_core.api import EvidenceUnavailable, Services

pytestmark = pytest.mark.anyio
CHILD = Path(__file__).with_name("child.py")


@contextmanager
def child(mode: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, CHILD, mode, folder], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run_child(mode: str, folder: Path) -> list[list[str]]:
    with child(mode, folder) as process:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    return [line.split(" ", 2) for line in output.splitlines()]


def segment(folder: Path) -> Path:
    (path,) = folder.glob("segments/*")
    return path


def identifier(n: int) -> str:
    return f"01900000-0000-7000-8000-{n:012x}"


@pytest.mark.long
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_was_acknowledged_survives_kill_9(open_it, folder: Path) -> None:
    acknowledged: set[int] = set()
    for round_ in range(5):
        with child("append", folder) as process:
            assert process.stdout is not None
            acknowledged.add(int(process.stdout.readline()))
            await anyio.sleep(0.05 + 0.07 * round_)
            process.kill()
            # What it had said before it died; the last line may be cut short.
            *whole, _ = process.stdout.read().split("\n")
            acknowledged.update(map(int, whole))
        async with open_it() as log:
            stored = {record.record_id async for record in log.read()}
            missing = [n for n in acknowledged if identifier(n) not in stored]
            assert missing == []
            report = await log.verify()
            assert report.findings == ()
            assert report.records == len(stored)
    assert len(acknowledged) > 100


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_full_disk_refuses_and_goes_on_when_there_is_room(open_it, folder: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("RLIMIT_FSIZE, which stands in for a full disk, is of Unix")
    said = run_child("fill", folder)
    failures = [line for line in said if line[0] == "failed"]
    recorded = [int(line[0]) for line in said if line[0].isdecimal()]
    assert len(failures) == 2
    for _, _, message in failures:
        assert "did not record: [Errno 27]" in message
        assert str(folder) in message
        assert "bytes are free" in message
    first_failed = int(failures[0][1])
    assert recorded == [*range(first_failed), first_failed, first_failed + 1]
    async with open_it() as log:
        stored = [record.record_id async for record in log.read()]
        assert stored == [identifier(n) for n in recorded]
        report = await log.verify()
        assert (report.findings, report.notes) == ((), ())


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_another_process_can_read_but_not_write(open_it, seal, folder: Path) -> None:
    async with open_it() as log:
        for n in range(3):
            await log.append(seal(n))
        said = await anyio.to_thread.run_sync(run_child, "try", folder)
        assert said[0][0] == "refused"
        assert f"process {os.getpid()} has the evidence log" in " ".join(said[0])
        assert said[1:] == [["count", "3"], ["sound", "True"]]
        assert (await log.append(seal(3))).index == 3
    said = await anyio.to_thread.run_sync(run_child, "try", folder)
    assert said == [["count", "5"], ["sound", "True"]]


async def test_a_reader_sees_what_the_writer_appends(open_it, seal, said) -> None:
    async with open_it(segment_bytes=4096) as writer:
        async with open_it() as early:
            assert await early.count() == 0
            assert [record async for record in early.read()] == []
            for n in range(20):
                await writer.append(seal(n))
            async with open_it() as late:
                for reader in (early, late):
                    assert await reader.count() == 20
                    assert (await reader.get(seal(19).record_id)).leaf == seal(19).leaf
                for n in range(20, 40):
                    await writer.append(seal(n))
                for reader in (early, late):
                    assert (await reader.get(seal(39).record_id)).index == 39
                    assert await reader.get(seal(99).record_id) is None
                    assert [record.index async for record in reader.read(15)] == [*range(15, 40)]
                    report = await reader.verify()
                    assert (report.records, report.findings, report.notes) == (40, (), ())
                    assert report.root == (await writer.verify()).root
                    with pytest.raises(EvidenceUnavailable, match="open for writing"):
                        await reader.append(seal(50))
        assert (await writer.append(seal(40))).index == 40
    assert any("read-only" in line for line in said.lines)


async def test_a_reader_takes_an_unfinished_append_for_none(open_it, seal, folder: Path) -> None:
    async with open_it() as writer:
        await writer.append(seal(0))
        path = segment(folder)
        whole = path.read_bytes()
        with path.open("ab") as file:
            file.write(b"%020d 300 " % 1)
        async with open_it() as reader:
            assert await reader.count() == 1
            report = await reader.verify()
            assert (report.records, report.findings) == (1, ())
        path.write_bytes(whole)


async def test_a_file_that_somebody_else_writes_to_is_not_written_on(
    open_it, seal, folder: Path
) -> None:
    async with open_it() as log:
        await log.append(seal(0))
        path = segment(folder)
        whole = path.read_bytes()
        path.write_bytes(whole + b"more")
        with pytest.raises(EvidenceUnavailable, match="somebody changed it"):
            await log.append(seal(1))
        path.write_bytes(whole)
        assert (await log.append(seal(2))).index == 1
        assert (await log.verify()).sound


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, said) -> None:
    (tmp_path / "file").write_text("in the way")
    services = Services(data_dir=tmp_path / "file" / "evidence", log=said)
    with pytest.raises(EvidenceUnavailable, match="cannot be written"):
        async with open_log(LocalSettings(), services):
            pass


async def test_a_sync_that_fails_refuses_its_batch_and_leaves_nothing(
    open_it, seal, replace_sync
) -> None:
    sync = disk.sync

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    async with open_it() as log:
        await log.append(seal(0))
        replace_sync(failing)
        with pytest.raises(EvidenceUnavailable, match="Input/output error") as info:
            await log.append(seal(1))
        assert isinstance(info.value.__cause__, OSError)
        assert await log.count() == 1
        report = await log.verify()
        assert (report.records, report.findings, report.notes) == (1, (), ())
        replace_sync(sync)
        assert (await log.append(seal(2))).index == 1
    async with open_it() as log:
        assert (await log.verify()).notes == ()
        assert await log.count() == 2


async def test_the_log_waits_for_its_turn_to_write(open_it, seal, folder: Path) -> None:
    async with open_it() as first:
        await first.append(seal(0))
        async with open_it() as second:
            assert await second.count() == 1

            async def let_go() -> None:
                await anyio.sleep(0.2)
                await first.append(seal(1))
                await anyio.to_thread.run_sync(first.close)

            with anyio.fail_after(30):
                async with anyio.create_task_group() as group:
                    group.start_soon(let_go)
                    for n in (2, 3, 4):
                        group.start_soon(second.append, seal(n))
            assert await second.count() == 5
            assert (await second.get(seal(1).record_id)).index == 1
            assert (await second.verify()).sound


async def test_who_waits_in_vain_is_told_before_the_deadline(open_it, seal) -> None:
    async with open_it() as first, open_it() as second:
        with anyio.fail_after(0.5), pytest.raises(EvidenceUnavailable, match="open for writing"):
            await second.append(seal(0))
        assert (await first.append(seal(0))).index == 0
