"""Several processes on one file, and one that is killed while it writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

import pytest
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite.session import open_sessions
from eleanor_precedents_sqlite.store import SqliteStore

from eleanor_core.api import PrecedentCase

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]

pytestmark = pytest.mark.anyio

# Adds cases called NAME-0, NAME-1, ... to the store in FOLDER, and says so after each.
CHILD = """
import sys, anyio, structlog
from pathlib import Path
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite.plugin import SqliteSettings, open_store
from eleanor_core.api import PrecedentCase, Services

async def main(folder, name, count):
    services = Services(
        data_dir=Path(folder), log=structlog.get_logger(),
        backend=NumpyBackend(), embedder=HashingEmbedder(),
    )
    async with open_store(SqliteSettings(busy_timeout=60.0), services) as store:
        print("open", flush=True)
        for number in range(int(count)):
            case = PrecedentCase(
                id=f"{name}-{number:05}", text=f"{name} asks for the list, time {number}",
                outcome="deny", authority="machine",
            )
            await store.add(case)
            print(case.id, flush=True)

anyio.run(main, *sys.argv[1:])
"""


def child(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.long
async def test_processes_that_open_a_new_file_together_share_it(
    opened: Opened, tmp_path: Path
) -> None:
    children = [child(tmp_path, name, 5) for name in "pqrs"]
    async with opened(busy_timeout=60.0) as store:
        said = [process.communicate(timeout=120)[0].split() for process in children]
        assert [process.returncode for process in children] == [0] * 4
        (query,) = await HashingEmbedder().embed(["q asks for the list, time 3"])
        best, *rest = await store.nearest(query, 100)
        assert best.case.id == "q-00003"
        names = sorted(match.case.id for match in (best, *rest))
        assert names == sorted(name for one in said for name in one[1:])
        assert len(names) == 20
        await store.add(PrecedentCase(id="t", text="done", outcome="allow", authority="machine"))


@pytest.mark.long
@pytest.mark.parametrize("kills", [1, 7, 20])
async def test_a_killed_writer_leaves_a_sound_file(
    opened: Opened, tmp_path: Path, kills: int
) -> None:
    process = child(tmp_path, "k", 100_000)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    acknowledged = [process.stdout.readline().strip() for _ in range(kills)]
    os.kill(process.pid, signal.SIGKILL)
    # communicate() would pass over what the stream has buffered.
    acknowledged += process.stdout.read().split()
    process.stdout.close()
    process.wait(timeout=60)
    async with opened() as store:
        held = [case.id async for case in store.newest()]
        # One more may have been written than was said.
        assert held[: len(acknowledged)] == acknowledged
        assert len(held) <= len(acknowledged) + 1
        (query,) = await HashingEmbedder().embed(["k asks for the list, time 0"])
        assert (await store.nearest(query, 1))[0].case.id == "k-00000"
    for session in open_sessions(tmp_path / "precedents.sqlite3", busy_timeout=0.0):
        with session.reading() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        session.close()
