"""The files that vectors are searched in: written in the background, lost, damaged and shared."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite import index, search, store
from eleanor_precedents_sqlite.files import DamagedBlockError, read_block, rows_of, write_block
from eleanor_precedents_sqlite.store import SqliteStore
from structlog.testing import capture_logs

from eleanor_core.api import Embedding, PrecedentCase

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]

pytestmark = pytest.mark.anyio

WORDS = ("sell", "rent", "close", "open", "the", "a", "list", "hall", "door", "tenant")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a block from eight cases on."""
    monkeypatch.setattr(index, "LATE", 7)


async def embed(text: str) -> Embedding:
    (embedding,) = await HashingEmbedder().embed([text])
    return embedding


def lines(count: int, start: int = 0) -> Iterator[str]:
    for number in range(start, start + count):
        text = " ".join(WORDS[int(digit)] for digit in f"{number:04}")
        yield f'{{"id":"c{number:04}","text":"{text}","outcome":"deny","authority":"machine"}}'


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("vectors/*.block"))


async def written(folder: Path, count: int = 1) -> list[Path]:
    """Wait until there are so many blocks."""
    with anyio.fail_after(20):
        while len(files(folder)) != count:
            await anyio.sleep(0.01)
    return files(folder)


async def found(store: SqliteStore, text: str, k: int = 5) -> list[tuple[str, float]]:
    return [
        (match.case.id, match.similarity) for match in await store.nearest(await embed(text), k)
    ]


async def expected(store: SqliteStore, text: str, k: int) -> list[tuple[str, float]]:
    """What one pass of the backend over all cases in force gives."""
    cases = [case async for case in store.newest() if case.in_force]
    rows = NumpyBackend().load(await HashingEmbedder().embed([case.text for case in cases]))
    near = [
        (cases[row].id, max(0.0, min(1.0, cosine)))
        for row, cosine in rows.topk(await embed(text), k)
    ]
    return sorted(near, key=lambda item: (-item[1], item[0]))


async def test_however_it_grew_it_finds_what_one_pass_over_all_cases_finds(
    opened: Opened, tmp_path: Path
) -> None:
    chance = random.Random(11)
    versions: dict[str, int] = {}
    async with opened() as store:
        for step in range(150):
            name = f"case-{chance.randrange(60):02}"
            versions[name] = versions.get(name, 0) + 1
            case = PrecedentCase(
                id=name,
                text=" ".join(chance.choices(WORDS, k=5)),
                outcome="deny",
                decided_by="board",
                reason="nobody was asked",
                version=versions[name],
                in_force=chance.random() > 0.2,
            )
            await store.add(case)
            if step % 10 == 9:
                text = " ".join(chance.choices(WORDS, k=4))
                for k in (1, 3, 100):
                    assert await found(store, text, k) == await expected(store, text, k)
                held = [case async for case in store.newest() if case.in_force]
                assert await store.count() == len(held)
    assert 0 < len(files(tmp_path)) < 5


async def test_a_start_reads_the_blocks_and_embeds_nothing(opened: Opened, tmp_path: Path) -> None:
    async with opened() as store:
        await store.import_lines(lines(30))
        (block,) = await written(tmp_path)
        before = await found(store, "sell the hall")
    assert block.stat().st_mode & 0o777 == 0o600
    with capture_logs() as logged:
        async with opened() as store:
            assert await found(store, "sell the hall") == before
    assert logged == []
    assert files(tmp_path) == [block]


@pytest.mark.parametrize("harm", ["removed", "cut", "emptied", "another form", "of another size"])
async def test_a_block_that_is_lost_is_written_again(
    opened: Opened, tmp_path: Path, harm: str
) -> None:
    async with opened() as store:
        await store.import_lines(lines(40))
        (block,) = await written(tmp_path)
        before = await found(store, "rent the hall")
    whole = block.read_bytes()
    block.unlink()
    if harm != "removed":
        harmed = {
            "cut": whole[:-4],
            "emptied": b"",
            "another form": b"x" + whole[1:],
            "of another size": whole[:12] + b"\1" + whole[13:],
        }
        block.write_bytes(harmed[harm])
    with capture_logs() as logged:
        async with opened() as store:
            assert await found(store, "rent the hall") == before
            with anyio.fail_after(20):
                while logged[-1]["event"] != "precedents.block_written" or len(files(tmp_path)) > 1:
                    await anyio.sleep(0.01)
    assert [entry["event"] for entry in logged] == [
        "precedents.block_lost",
        "precedents.block_written",
    ]
    assert files(tmp_path)[0].read_bytes() == whole


async def test_a_block_most_of_which_was_retired_is_written_anew(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened() as store:
        await store.import_lines(lines(40))
        (block,) = await written(tmp_path)
        for number in range(20):
            await store.retire(f"c{number:04}", decided_by="court", reason="the law changed")
        with anyio.fail_after(20):
            while block in files(tmp_path) or len(files(tmp_path)) != 1:
                await anyio.sleep(0.01)
        for text in ("sell sell sell sell", "rent the hall"):
            assert await found(store, text, 50) == await expected(store, text, 50)
        assert await store.count() == 20


async def test_many_cases_are_searched_once_they_are_in_a_file(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST", 10)
    monkeypatch.setattr(store, "AT_ONCE", 20)
    async with opened() as big:
        await big.import_lines(lines(60))
        assert len(files(tmp_path)) == 1
        assert await big.count() == 60
        assert await found(big, "sell the hall", 9) == await expected(big, "sell the hall", 9)


async def test_what_a_crash_has_left_goes_away_after_a_day(opened: Opened, tmp_path: Path) -> None:
    async with opened() as store:
        await store.import_lines(lines(9))
        (block,) = await written(tmp_path)
    old, new = (block.with_name(f"{name}.block") for name in ("old", "new"))
    for stray in (old, new):
        stray.write_bytes(block.read_bytes()[:100])
    for path in (old, block):
        os.utime(path, (time.time() - 90_000,) * 2)
    async with opened():
        assert files(tmp_path) == sorted((block, new))


async def test_stores_that_share_a_file_share_its_blocks(opened: Opened, tmp_path: Path) -> None:
    async with opened() as one, opened() as other:
        for start in range(0, 60, 6):
            await one.import_lines(lines(3, start))
            await other.import_lines(lines(3, start + 3))
            assert await found(one, "sell the hall", 70) == await found(other, "sell the hall", 70)
        assert await found(one, "sell the hall", 9) == await expected(one, "sell the hall", 9)
        assert await one.count() == await other.count() == 60
    with capture_logs() as logged:
        async with opened() as store:
            assert await store.count() == 60
    assert logged == []


def test_a_block_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.block"
    with pytest.raises(DamagedBlockError, match="1 vectors for 2 rows"):
        write_block(path, 1, rows_of([4, 2]), [bytes(4)])
    assert list(tmp_path.iterdir()) == []
    write_block(path, 1, rows_of([4, 2]), [b"\0\0\x80?", bytes(4)])
    with pytest.raises(FileExistsError):
        write_block(path, 1, rows_of([4]), [bytes(4)])
    rows, vectors = read_block(path, "one", 1)
    assert (len(rows), rows[0], rows[1]) == (2, 4, 2)
    assert bytes(vectors.data) == b"\0\0\x80?" + bytes(4)
    with pytest.raises(DamagedBlockError, match="not a whole block of 2 values a vector"):
        read_block(path, "one", 2)
