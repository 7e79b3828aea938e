"""Verifying a long evidence log: time for a record, and memory, which must not grow with it.

`python benchmarks/verifying.py 1000000` writes such a log, verifies it in a process of its own and
prints what that took; with `--keep FOLDER` the log stays there. Not a row of `run.py`: it takes
minutes, and some gigabytes of disk.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import anyio
import structlog
from appending import opened, records

from eleanor_core.api import EvidenceVerifier, SealedRecord, TransparencyLog, leaf_hash

AT_ONCE = 4096


def many(count: int, start: int) -> Iterator[SealedRecord]:
    """Yield records of 2 KB that differ in id and trace: sealing each would take longer."""
    (first,) = records(1)
    end = first.leaf.rindex(b'"record_id":"') + 13
    for number in range(start, start + count):
        record_id = f"01900000-0000-7000-8000-{number:012x}"
        leaf = first.leaf[:end] + record_id.encode() + first.leaf[end + 36 :]
        yield SealedRecord(
            record_id=record_id, leaf_hash=leaf_hash(leaf), leaf=leaf, payload=first.payload
        )


async def write(home: Path, count: int) -> None:
    """Fill the log up to `count` records and sign it."""
    async with opened(home) as log:
        assert isinstance(log, TransparencyLog)
        for start in range(await log.count(), count, AT_ONCE):
            async with anyio.create_task_group() as group:
                for record in many(min(AT_ONCE, count - start), start):
                    group.start_soon(log.append, record)
        await log.checkpoint()


async def verify(home: Path) -> None:
    """Verify the log and print what it took."""
    async with opened(home) as log:
        assert isinstance(log, EvidenceVerifier)
        before = _peak()
        started, busy = time.perf_counter(), time.process_time()
        report = await log.verify()
        taken, worked = time.perf_counter() - started, time.process_time() - busy
    assert report.sound, report.findings[:3]
    print(
        f"{report.records:,} records, {report.checkpoints} checkpoints verified in {taken:.1f} s "
        f"({worked:.1f} s of CPU, {worked / report.records * 1e6:.1f} us a record); memory "
        f"{_peak():.0f} MB at most, {before:.0f} MB before"
    )


def _peak() -> float:
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def apart(work: object, *arguments: object) -> None:
    """Run an async function in a new process, so that its peak of memory is its own."""
    process = get_context("spawn").Process(target=anyio.run, args=(work, *arguments))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


@contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """Yield the folder that was named, or one that goes away."""
    if keep:
        yield keep
        return
    with tempfile.TemporaryDirectory() as home:
        yield Path(home)


def main() -> None:
    """Read the command line and measure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("records", type=int, nargs="?", default=1_000_000)
    options.add_argument("--keep", type=Path)
    given = options.parse_args()
    with folder(given.keep) as home:
        apart(write, home, given.records)
        apart(verify, home)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    main()
