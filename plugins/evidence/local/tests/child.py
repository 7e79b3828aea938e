"""A process of its own that appends to the log, for the tests that kill it or fill its disk.

    python child.py MODE FOLDER

It prints what happened, a line each, as soon as it is known.
"""

from __future__ import annotations

import hashlib
import json
import sys
from itertools import count
from pathlib import Path

import anyio
import attrs
from eleanor_evidence_local import LocalSettings, open_log

from eleanor_core.api import EvidenceSink, EvidenceUnavailable, SealedRecord, Services


class Silent:
    """A logger that says nothing."""

    def debug(self, event: str, **fields: object) -> None: ...
    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


def record(n: int) -> SealedRecord:
    leaf = json.dumps(
        {
            "commitments": {},
            "facts": {"pad": "p" * 500},
            "kind": "assessment",
            "record_id": f"01900000-0000-7000-8000-{n:012x}",
            "schema": "eleanor/record/1",
            "time": "2026-01-31T12:00:00.000000Z",
            "trace_id": str(n),
        },
        separators=(",", ":"),
    ).encode()
    return SealedRecord(
        record_id=f"01900000-0000-7000-8000-{n:012x}",
        leaf_hash=hashlib.sha256(b"\x00" + leaf).hexdigest(),
        leaf=leaf,
    )


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def size_of_segment(folder: Path) -> int:
    (path,) = folder.glob("segments/*")
    return path.stat().st_size


async def append_for_ever(log: EvidenceSink) -> None:
    """Append from sixteen tasks at once, and say the number of each record once it is durable."""
    numbers = count(await log.count())

    async def client() -> None:
        for n in numbers:
            await log.append(record(n))
            say(n)

    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(client)


async def fill_the_disk(log: EvidenceSink, folder: Path) -> None:
    """Append to a file that may not grow any more, until it fails; then let it grow again."""
    import resource

    size = size_of_segment(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5000, hard))
    try:
        for n in count(1):
            await log.append(record(n))
            say(n)
    except EvidenceUnavailable as error:
        say("failed", n, error)
    try:
        await log.append(record(n + 1))
    except EvidenceUnavailable as error:
        say("failed", n + 1, error)
    say("size", size_of_segment(folder))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await log.append(attrs.evolve(record(n)))
    say(n)
    await log.append(record(n + 1))
    say(n + 1)


async def try_to_append(log: EvidenceSink) -> None:
    """Say why an append is refused, and what can be read."""
    try:
        await log.append(record(10**6))
    except EvidenceUnavailable as error:
        say("refused", error)
    say("count", await log.count())
    say("sound", (await log.verify()).sound)


async def main(mode: str, folder: Path) -> None:
    async with open_log(LocalSettings(), Services(data_dir=folder, log=Silent())) as log:
        if mode == "append":
            await append_for_ever(log)
        elif mode == "fill":
            await log.append(record(0))
            say(0)
            await fill_the_disk(log, folder)
        else:
            await try_to_append(log)


anyio.run(main, sys.argv[1], Path(sys.argv[2]), backend="asyncio")
