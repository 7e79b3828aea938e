"""The index may be lost, altered or another's: records are found all the same, and it is told."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from eleanor_core.api import VerifyReport

pytestmark = pytest.mark.anyio


@pytest.fixture
async def written(open_it, seal, folder: Path) -> Path:
    async with open_it(segment_bytes=4096) as log:
        for n in range(30):
            await log.append(seal(n))
    return folder


def run(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / "index.sqlite")
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def remove(folder: Path) -> None:
    for path in folder.glob("index.sqlite*"):
        path.unlink()


async def check(log, seal, ids: Iterable[int]) -> VerifyReport:
    """Find every record, and no other; return what verification says."""
    for n in ids:
        stored = await log.get(seal(n).record_id)
        assert stored is not None, n
        assert stored.leaf == seal(n).leaf
    assert await log.get(seal(99).record_id) is None
    report = await log.verify()
    assert report.findings == ()
    assert report.records == len(list(ids))
    return report


DAMAGE: dict[str, Callable[[Path], object]] = {
    "deleted": remove,
    "emptied": lambda folder: (folder / "index.sqlite").write_bytes(b""),
    "no database": lambda folder: (folder / "index.sqlite").write_bytes(b"garbage " * 999),
    "cut short": lambda folder: (folder / "index.sqlite").write_bytes(
        (folder / "index.sqlite").read_bytes()[:5000]
    ),
    "table dropped": lambda folder: run(folder, "DROP TABLE records"),
    "row deleted": lambda folder: run(folder, "DELETE FROM records WHERE position = 7"),
    "row deleted and counted": lambda folder: run(
        folder, "DELETE FROM records WHERE position = 7", "UPDATE state SET records = 29"
    ),
    "row added": lambda folder: run(
        folder, "INSERT INTO records VALUES (30, 'x', 'x', 0, 0, 0, 'x', 'x', 'x')"
    ),
    "row added and counted": lambda folder: run(
        folder,
        "INSERT INTO records VALUES (30, 'x', 'x', 0, 0, 0, 'x', 'x', 'x')",
        "UPDATE state SET records = 31",
    ),
    "id changed": lambda folder: run(
        folder, "UPDATE records SET record_id = 'other' WHERE position = 7"
    ),
    "offset changed": lambda folder: run(
        folder, "UPDATE records SET leaf_at = leaf_at + 1 WHERE position = 7"
    ),
    "payload offset changed": lambda folder: run(
        folder, "UPDATE records SET payload_at = 'here' WHERE position = 7"
    ),
    "segment changed": lambda folder: run(
        folder, "UPDATE records SET segment = 12345 WHERE position = 7"
    ),
    "last row changed": lambda folder: run(
        folder, "UPDATE records SET leaf_hash = 'x' WHERE position = 29"
    ),
    "rows exchanged": lambda folder: run(
        folder,
        "UPDATE records SET position = 1000 WHERE position = 3",
        "UPDATE records SET position = 3 WHERE position = 4",
        "UPDATE records SET position = 4 WHERE position = 1000",
    ),
    "time changed": lambda folder: run(
        folder, "UPDATE records SET time = '1999' WHERE position = 7"
    ),
    "version unknown": lambda folder: run(folder, "UPDATE state SET version = 99"),
    "state doubled": lambda folder: run(folder, "INSERT INTO state VALUES (1, 30, 0)"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_damaged_index_is_made_anew_and_told(
    open_it, seal, written: Path, said, damage: str
) -> None:
    DAMAGE[damage](written)
    async with open_it() as log:
        report = await check(log, seal, range(30))
        assert any("rebuilt from 30 records" in note for note in report.notes), report.notes
        assert any("rebuilt from 30 records" in line for line in said.lines)
        assert (await log.append(seal(30))).index == 30
        assert (await log.append(seal(3))).index == 3
    async with open_it() as log:
        assert (await check(log, seal, range(31))).notes == ()


async def test_an_older_index_is_brought_up_to_date_and_told(
    open_it, seal, written: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.sqlite"
    shutil.copy(written / "index.sqlite", old)
    async with open_it() as log:
        for n in range(30, 35):
            await log.append(seal(n))
    remove(written)
    shutil.copy(old, written / "index.sqlite")
    async with open_it() as log:
        report = await check(log, seal, range(35))
        assert report.notes == ("the index was 5 records behind; it was brought up to date",)


async def test_the_index_of_another_log_is_not_believed(
    open_it, seal, written: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(written, mine)
    shutil.rmtree(written)
    async with open_it() as log:
        for n in range(20):
            await log.append(seal(n, "other", other=True))
    shutil.copy(written / "index.sqlite", mine / "index.sqlite")
    shutil.rmtree(written)
    mine.rename(written)
    async with open_it() as log:
        report = await check(log, seal, range(30))
        assert any("rebuilt from 30 records" in note for note in report.notes)


async def test_an_index_damaged_while_the_log_is_open_is_made_anew(
    open_it, seal, written: Path
) -> None:
    async with open_it() as log:
        await log.count()
        run(written, "UPDATE records SET leaf_at = 1 WHERE position = 7")
        run(written, "UPDATE records SET record_id = 'gone' WHERE position = 9")
        assert (await log.get(seal(7).record_id)).leaf == seal(7).leaf
        assert (await log.get(seal(9).record_id)).leaf == seal(9).leaf
        report = await check(log, seal, range(30))
        assert any("led to a wrong place" in note for note in report.notes)
