"""A process that appends: `python child.py SETTINGS COUNT`; prints the position of each record."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio
import structlog
from eleanor_evidence_postgres import PostgresSettings, open_log

from eleanor_core.api import Services
from eleanor_core.evidence import seal


async def main(settings: str, count: str) -> None:
    services = Services(data_dir=Path(), log=structlog.get_logger("child"))
    async with open_log(PostgresSettings.model_validate(json.loads(settings)), services) as log:

        async def append(number: int) -> None:
            record = seal("assessment", trace_id=f"{number:032x}", payload={"case": {"n": number}})
            receipt = await log.append(record)
            print(receipt.index, receipt.record_id, flush=True)

        for start in range(0, int(count), 8):
            async with anyio.create_task_group() as group:
                for number in range(start, start + 8):
                    group.start_soon(append, number)


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
