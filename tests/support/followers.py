"""A process that appends to a log in files which a log in PostgreSQL follows: for tests that kill it.

    python tests/support/followers.py HOME SETTINGS COUNT

It prints the position and the id of each record, a line each, once it is acknowledged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import structlog
from eleanor_evidence_local import LocalSettings
from eleanor_evidence_local import open_log as open_local
from eleanor_evidence_postgres import PostgresSettings
from eleanor_evidence_postgres import open_log as open_postgres

from eleanor_core.api import EvidenceUnavailable, SealedRecord, Services
from eleanor_core.evidence import FanOut, seal
from eleanor_core.settings import EvidenceSettings


def record(number: int) -> SealedRecord:
    return seal("assessment", trace_id=f"{number:032x}", payload={"case": {"text": "t" * 500}})


@asynccontextmanager
async def opened(
    home: Path, server: Mapping[str, object], settings: EvidenceSettings | None = None
) -> AsyncIterator[FanOut]:
    """Open a log in files and one on a server that follows it."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    log = structlog.get_logger("test")
    services = Services(data_dir=home / "log", keys_dir=home / "keys", log=log)
    async with (
        open_local(LocalSettings(segment_bytes=50_000), services) as local,
        open_postgres(PostgresSettings.model_validate(server), services) as postgres,
    ):
        fanout = FanOut({"local": local, "postgres": postgres}, settings or EvidenceSettings())
        async with fanout.following():
            yield fanout


async def main(home: str, server: str, count: str) -> None:
    async with opened(Path(home), json.loads(server)) as fanout:
        for number in range(int(count)):
            try:
                with anyio.fail_after(1.0):
                    receipt = await fanout.append(record(number))
            except (EvidenceUnavailable, TimeoutError):
                continue
            sys.stdout.write(f"{receipt.index} {receipt.record_id}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
