"""`eleanor batch --executor ray`: the same results as here, also where a worker or its actor dies."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec

import psutil
import pyarrow.parquet as pq
import pytest

from eleanor_cli import batch
from eleanor_cli.batching.place import Place
from eleanor_cli.faults import UsageError
from eleanor_cli.options import Options

WORDS = ("fine", "unfair", "worrying", "grave")
DECISIONS = ("allow", "constrain", "review", "deny")
with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")


def test_without_ray_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(batch, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r'needs Ray: pip install "eleanor-cli\[ray\]"'):
        batch.batch(
            Options(settings=None, sets=(), home=tmp_path, traceback=False),
            tmp_path / "in.jsonl",
            tmp_path / "out.jsonl",
            force=False,
            resume=False,
            workers=None,
            executor="ray",
        )


def of_run(process, word):
    """Return the processes below this one whose command line holds a word."""
    with suppress(psutil.NoSuchProcess):  # one that ended while it was looked at
        below = psutil.Process(process.pid).children(recursive=True)
        return [item for item in below if word in " ".join(item.cmdline())]
    return []


@with_ray
@pytest.mark.long
@pytest.mark.parametrize(
    ("killed", "target"),
    [
        ("", "out.parquet"),
        ("eleanor_cli.batching.worker", "out.parquet"),
        ("ray::Relay", "out.jsonl"),
    ],
)
def test_every_line_is_judged_once_whatever_is_killed(chaos, write, killed, target):
    count = 300
    write(
        "in.jsonl",
        *(
            {"id": f"n{i}", "text": f"a {WORDS[i % 4]} text that takes a moment"}
            for i in range(count)
        ),
    )
    process = chaos.start("batch", "--executor", "ray", "--workers", "2", "in.jsonl", target)
    out = Place(chaos.work / target).lines
    while killed and process.poll() is None:
        if (
            out.exists()
            and out.read_bytes().count(b"\n") > 20
            and (found := of_run(process, killed))
        ):
            found[0].kill()
            break
        time.sleep(0.002)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    if target == "out.parquet":
        lines = pq.read_table(chaos.work / target)["json"].to_pylist()
    else:
        lines = out.read_text().splitlines()
    done = [json.loads(line) for line in lines]
    assert [line["id"] for line in done] == [f"n{i}" for i in range(count)]
    assert [line["decision"] for line in done] == [DECISIONS[i % 4] for i in range(count)]
    log = chaos.home / "evidence" / "lines" / "log.jsonl"
    recorded = {json.loads(line)["record_id"] for line in log.read_text().splitlines()}
    assert {line["evidence"]["record_id"] for line in done} <= recorded


LATER = """
import os, time
from subprocess import run

import anyio
from anyio import to_thread
from anyio._backends._asyncio import WorkerThread

from eleanor_cli.batching.cluster import open_cluster

WorkerThread.MAX_IDLE_TIME = 0


async def main():
    async with open_cluster():
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(to_thread.run_sync, time.sleep, 0.2)
        await to_thread.run_sync(time.sleep, 1)  # those that are idle now are ended
        await anyio.sleep(1)
        print(run(["ps", "-o", "comm=,stat=", "--ppid", str(os.getpid())], stdout=-1).stdout.decode())


anyio.run(main)
"""


@with_ray
@pytest.mark.long
def test_what_ray_starts_outlives_the_threads_that_come_and_go():
    # The system kills it with the thread that started it.
    done = subprocess.run(
        [sys.executable, "-c", LATER],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    states = dict(line.split()[:2] for line in done.stdout.splitlines() if line.strip())
    assert not states.get("gcs_server", "Z").startswith("Z"), done.stdout + done.stderr
