"""A sound log of evidence, and what bytes make of it."""

from __future__ import annotations

import asyncio
import shutil
from functools import cache
from itertools import islice
from pathlib import Path

import structlog
from fuzz.making import folder

from eleanor_core.api import Services, merkle_root
from eleanor_core.evidence import seal


@cache
def sound_log() -> tuple[dict[str, bytes], frozenset[str]]:
    """Return the files of a sound log by name, and the root of each beginning of it."""
    from eleanor_evidence_local import LocalSettings, open_log

    place = folder() / "sound"

    async def fill() -> list[bytes]:
        services = Services(data_dir=place, log=structlog.get_logger())
        async with open_log(LocalSettings(segment_bytes=4096), services) as log:
            sealed = [
                seal("assessment", trace_id=str(n), facts={"n": n}, payload={"case": "x" * n})
                for n in range(12)
            ]
            for record in sealed:
                await log.append(record)
            return [bytes.fromhex(record.leaf_hash) for record in sealed]

    leaves = asyncio.run(fill())
    roots = frozenset(merkle_root(leaves[:count]).hex() for count in range(len(leaves) + 1))
    files = {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.suffix in (".seg", ".pay")
    }
    shutil.rmtree(place)
    return files, roots


def write(place: Path, content: dict[str, bytes]) -> None:
    """Make the files of a log, and no others, in a folder.

    Its folders stay: to take one away costs more than to verify the log.
    """
    for path in place.rglob("*"):
        if path.is_file():
            path.unlink()
    for name, data in content.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def changed(content: bytes, data: bytes) -> bytes:
    """Cut, put in or overwrite, as the bytes say: a place of two bytes, how, and how much."""
    changed = bytearray(content)
    at = iter(data)
    for high in at:
        place = (high * 256 + next(at, 0)) % (len(changed) + 1)
        how, count = divmod(next(at, 0), 64)
        piece = bytes(islice(at, count))
        if how == 0:
            changed[place : place + len(piece)] = piece
        elif how == 1:
            changed[place:place] = piece
        elif how == 2:
            del changed[place : place + count]
        else:
            del changed[place:]
    return bytes(changed)
