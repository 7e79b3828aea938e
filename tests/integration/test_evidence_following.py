"""A log on a real server follows one in files: killed, cut off, locked, full, and beside others."""

from __future__ import annotations

import json
import random
import resource
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from subprocess import PIPE, Popen

import anyio
import pytest
import structlog
from support.followers import opened, record
from support.tree import ROOT

from eleanor_core.api import EvidenceSink, EvidenceVerifier, Services, StoredRecord
from eleanor_core.evidence import FanOut
from eleanor_core.settings import EvidenceSettings
from eleanor_core.testing import MemoryLog, PostgresServer

pytest.importorskip("eleanor_evidence_postgres")
from eleanor_evidence_local import LocalSettings, open_log

pytestmark = [pytest.mark.long, pytest.mark.anyio]
CHILD = ROOT / "tests" / "support" / "followers.py"
_numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if missing := PostgresServer.missing():
        pytest.skip(missing)
    with PostgresServer() as server:
        yield server


@pytest.fixture
def chosen(server: PostgresServer) -> dict[str, object]:
    return {**server.address, "schema_name": f"log_{next(_numbers)}", "timeout": 1.0}


async def read(sink: EvidenceSink) -> list[StoredRecord]:
    return [stored async for stored in sink.read()]


async def same(fanout: FanOut, *, within: float = 40.0) -> int:
    """Wait until the log on the server is as the one in files; return how many records they hold."""
    local, postgres = fanout.sinks.values()
    with anyio.fail_after(within):
        while await postgres.count() < await local.count():
            await anyio.sleep(0.05)
    assert await read(postgres) == await read(local)
    assert isinstance(local, EvidenceVerifier)
    assert isinstance(postgres, EvidenceVerifier)
    reports = await local.verify(), await postgres.verify()
    assert all(report.sound for report in reports)
    assert reports[0].root == reports[1].root
    (lag,) = await fanout.lags()
    assert (lag.behind, lag.stopped) == (0, False)
    return reports[0].records


async def test_a_server_that_is_killed_misses_nothing(tmp_path, chosen) -> None:
    with PostgresServer() as own:
        async with opened(tmp_path, {**chosen, "port": own.port}) as fanout:
            for number in range(30):
                await fanout.append(record(number))
            own.kill()
            for number in range(300):
                await fanout.append(record(number))
            await anyio.sleep(0.5)
            (lag,) = await fanout.lags()
            assert lag.why
            own.start()
            assert await same(fanout) == 330


async def test_a_server_that_is_not_there_at_the_start_is_followed_up(tmp_path, chosen) -> None:
    with PostgresServer() as own:
        own.stop()
        async with opened(tmp_path, {**chosen, "port": own.port}) as fanout:
            for number in range(20):
                await fanout.append(record(number))
            own.start()
            assert await same(fanout) == 20


async def test_connections_that_are_cut_repeat_nothing(tmp_path, chosen, server) -> None:
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'eleanor'"
    )
    async with opened(tmp_path, chosen) as fanout, anyio.create_task_group() as group:

        async def disturb() -> None:
            for _ in range(12):
                await anyio.to_thread.run_sync(server.ask, cut)
                await anyio.sleep(0.03)

        group.start_soon(disturb)
        for number in range(400):
            await fanout.append(record(number))
            await anyio.sleep(0.001)
    async with opened(tmp_path, chosen) as fanout:
        assert await same(fanout) == 400


async def test_a_server_that_is_locked_holds_nobody_up(tmp_path, chosen, server) -> None:
    async with opened(tmp_path, chosen) as fanout, anyio.create_task_group() as group:
        await fanout.append(record(0))
        assert await same(fanout) == 1
        hold = f"BEGIN; SELECT * FROM {chosen['schema_name']}.tree FOR UPDATE; SELECT pg_sleep(3)"
        group.start_soon(anyio.to_thread.run_sync, server.ask, hold)
        await anyio.sleep(0.5)
        with anyio.fail_after(2):
            for number in range(20):
                await fanout.append(record(number))
        assert await same(fanout) == 21


async def test_where_all_must_hold_it_the_server_is_waited_for(tmp_path, chosen) -> None:
    settings = EvidenceSettings(required="all")
    async with opened(tmp_path, chosen, settings) as fanout:
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(fanout.append, record(number))
        assert await fanout.sinks["postgres"].count() == 200
        assert await same(fanout) == 200


async def test_a_log_of_others_is_left_alone(tmp_path, chosen, server) -> None:
    async with opened(tmp_path / "one", chosen) as fanout:
        for number in range(5):
            await fanout.append(record(number))
    async with opened(tmp_path / "two", chosen) as fanout:
        await fanout.append(record(0))
        await anyio.sleep(0.3)
        (lag,) = await fanout.lags()
        assert lag.stopped
        assert "the primary has fewer" in lag.why
        for number in range(6):
            await fanout.append(record(number))
        assert await fanout.sinks["postgres"].count() == 5
    async with opened(tmp_path / "two", chosen) as fanout:
        await anyio.sleep(0.3)
        (lag,) = await fanout.lags()
        assert lag.stopped
        assert "it is another log" in lag.why
        assert await fanout.sinks["postgres"].count() == 5


async def test_a_full_disk_behind_is_caught_up_with_once_there_is_room(tmp_path) -> None:
    services = Services(data_dir=tmp_path / "log", log=structlog.get_logger("test"))
    primary = MemoryLog()
    async with open_log(LocalSettings(), services) as behind:
        fanout = FanOut({"primary": primary, "behind": behind})
        async with fanout.following():
            await fanout.append(record(0))
            await anyio.sleep(0.3)
            (segment,) = (tmp_path / "log" / "segments").iterdir()
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (segment.stat().st_size + 2000, hard))
            try:
                for number in range(40):
                    await fanout.append(record(number))
                await anyio.sleep(0.5)
                (lag,) = await fanout.lags()
                assert "bytes are free" in lag.why
                assert lag.behind > 0
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert (await read(behind))[0] == primary.records[0]
            with anyio.fail_after(20):
                while await behind.count() < 41:
                    await anyio.sleep(0.05)
        assert await read(behind) == primary.records


def start(command: list[str]) -> Popen[str]:
    return Popen(command, stdout=PIPE, stderr=PIPE, text=True)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_processes_that_are_killed_lose_and_double_nothing(
    tmp_path: Path, chosen, anyio_backend
) -> None:
    """Two processes with one home: one of them writes, both carry over."""
    chance, acknowledged = random.Random(7), {}
    command = [sys.executable, str(CHILD), str(tmp_path), json.dumps(chosen), "100000"]
    for _ in range(6):
        writer = start(command)
        said = await anyio.to_thread.run_sync(writer.stdout.readline)
        follower = start(command)
        await anyio.sleep(chance.uniform(0.5, 2.5))
        writer.kill()
        # The other one takes over, if it is there yet.
        await anyio.sleep(chance.uniform(0, 0.5))
        follower.kill()
        for child in (writer, follower):
            said += child.communicate()[0]
            for line in said.splitlines(keepends=True):
                if line.endswith("\n"):
                    place, record_id = line.split()
                    acknowledged[record_id] = int(place)
            said = ""
    async with opened(tmp_path, chosen) as fanout:
        assert await same(fanout) >= len(acknowledged) > 100
        stored = {item.record_id: item.index for item in await read(fanout.sinks["postgres"])}
        assert acknowledged.items() <= stored.items()


async def test_two_that_follow_at_once_write_each_record_once(tmp_path, chosen) -> None:
    async with opened(tmp_path, chosen) as first, opened(tmp_path, chosen) as second:
        for number in range(300):
            await first.append(record(number))
        assert await same(first) == 300
        assert await same(second) == 300
