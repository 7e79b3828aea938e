"""A disk that fails for a while: records are refused meanwhile, and nobody has to do anything."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from eleanor_evidence_local import catalog, disk

from eleanor_core.api import EvidenceUnavailable

pytestmark = pytest.mark.anyio


@contextmanager
def failing(
    monkeypatch: pytest.MonkeyPatch, number: int, name: str
) -> Iterator[Callable[[], None]]:
    """Let files with a name be opened for writing by nobody, until the disk is put right."""
    really = os.open

    def opened(path, flags, *args, **more) -> int:
        if Path(path).name.startswith(name) and flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(number, os.strerror(number), str(path))
        return really(path, flags, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(disk.os, "open", opened)
        yield patch.undo


@pytest.mark.parametrize("name", ["lock", "0"])
async def test_a_file_system_that_is_read_only_at_the_start(
    open_it, seal, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with open_it() as log:
        await log.append(seal(0))
    with failing(monkeypatch, errno.EROFS, name) as put_right:
        async with open_it() as log:
            for number in (1, 2):
                with pytest.raises(EvidenceUnavailable, match="Read-only file system"):
                    await log.append(seal(number))
            assert (await log.get(seal(0).record_id)).index == 0
            put_right()
            assert (await log.append(seal(1))).index == 1
            assert (await log.append(seal(2))).index == 2
            report = await log.verify()
            assert (report.records, report.findings) == (3, ())
    async with open_it() as log:
        assert await log.count() == 3
        assert (await log.verify()).sound


async def test_one_that_was_held_when_the_disk_came_back_is_waited_for(
    open_it, seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing(monkeypatch, errno.EROFS, "lock") as put_right:
        async with open_it() as late:
            with pytest.raises(EvidenceUnavailable, match="Read-only"):
                await late.append(seal(0))
            put_right()
            async with open_it() as other:
                assert (await other.append(seal(0))).index == 0
                with pytest.raises(EvidenceUnavailable, match="open for writing"):
                    await late.append(seal(1))
            assert (await late.append(seal(1))).index == 1


@pytest.mark.parametrize("name", ["00000000000000000001.seg", "00000000000000000001.pay"])
async def test_a_file_that_could_not_be_made_is_not_in_the_way(
    open_it, seal, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with open_it(segment_bytes=4096) as log:
        await log.append(seal(0, "t" * 5000))
        really = os.open
        opened: list[int] = []

        def out_of_files(path, flags, *args, **more) -> int:
            # It can be made, and not be opened again.
            if Path(path).name == name and not flags & os.O_CREAT and not opened:
                opened.append(flags)
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))
            return really(path, flags, *args, **more)

        monkeypatch.setattr(disk.os, "open", out_of_files)
        with pytest.raises(EvidenceUnavailable, match="Too many open files"):
            await log.append(seal(1))
        assert (await log.append(seal(2))).index == 1
        assert (await log.verify()).sound


@pytest.mark.parametrize("when", ["built", "installed"])
async def test_an_index_that_cannot_be_made_is_kept_in_memory(
    open_it, seal, folder: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    async with open_it() as log:
        for number in range(5):
            await log.append(seal(number))
    (folder / "index.sqlite").unlink()
    really = catalog.Index

    def broken(path: Path | None, *, writable: bool, scratch: bool = False) -> catalog.Index:
        if path and scratch == (when == "built"):
            raise sqlite3.OperationalError("disk I/O error")
        return really(path, writable=writable, scratch=scratch)

    with monkeypatch.context() as patch:
        patch.setattr(catalog, "Index", broken)
        async with open_it() as log:
            assert (await log.append(seal(5))).index == 5
            assert (await log.append(seal(2))).index == 2
            report = await log.verify()
            assert report.sound
            assert any("in memory (disk I/O error)" in note for note in report.notes)
    async with open_it() as log:
        assert (await log.get(seal(5).record_id)).index == 5
        assert (await log.verify()).sound


async def test_reading_from_any_place_is_reading_from_there(open_it, seal) -> None:
    async with open_it(segment_bytes=4096) as log:
        for number in range(60):
            await log.append(seal(number, "t" * 300))
        for start in range(62):
            assert [item.index async for item in log.read(start)] == [*range(start, 60)]
    async with open_it(segment_bytes=4096) as log:
        for start in (0, 1, 7, 59, 60, 61):
            assert [item.index async for item in log.read(start)] == [*range(start, 60)]
