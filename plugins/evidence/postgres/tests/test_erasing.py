"""Erasing on a real server: what SQL no longer gives, and what is left in the server's files."""

from __future__ import annotations

import json

import pytest

from eleanor_core.api import SealedRecord
from eleanor_core.evidence import seal
from eleanor_core.testing import PostgresServer
from eleanor_core.testing.sinks import make_erasure

pytestmark = [pytest.mark.long, pytest.mark.anyio]


def record(number: int) -> SealedRecord:
    return seal(
        "assessment", trace_id=f"{number:032x}", payload={"case": {"text": f"words {number}"}}
    )


def left(server: PostgresServer, target: SealedRecord) -> list[str]:
    """The files of tables that hold the salt of a record."""
    salt = json.loads(target.payload)["case"]["salt"].encode()
    tables = (path for path in (server.folder / "data" / "base").rglob("*") if path.is_file())
    return [path.name for path in tables if salt in path.read_bytes()]


async def test_what_is_erased_is_cleared_and_the_table_can_be_written_anew(
    open_it, chosen, server: PostgresServer
) -> None:
    records = [record(number) for number in range(3)]
    async with open_it() as log:
        for each in records:
            await log.append(each)
        await log.append(make_erasure(records[1]))
        report = await log.verify()
        assert report.sound, report.findings
        assert report.notes == ("the payloads of 1 records have been erased",)
    table = f"{chosen['schema_name']}.records"
    times = f"SELECT vacuum_count FROM pg_stat_user_tables WHERE relid = '{table}'::regclass"
    assert server.ask(times) == "1"
    # What docs/evidence.md says to do so that the server's files lose it as well.
    server.ask(f"VACUUM FULL {table}")
    server.ask("CHECKPOINT")
    assert left(server, records[0])
    assert not left(server, records[1])


async def test_a_payload_that_is_gone_without_an_erasure_or_put_back_is_found(
    open_it, chosen, server: PostgresServer
) -> None:
    records = [record(number) for number in range(3)]
    table = f"{chosen['schema_name']}.records"
    async with open_it() as log:
        for each in records:
            await log.append(each)
        await log.append(make_erasure(records[1]))
        server.ask(f"UPDATE {table} SET payload = NULL WHERE position = 0")
        (found,) = (await log.verify()).findings
        assert (found.where, found.what) == (
            "record 0",
            "its payload is gone, and no erasure says why",
        )
        server.ask(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        server.ask(
            f"UPDATE {table} SET payload = '{records[1].payload.decode()}' WHERE position = 1"
        )
        server.ask(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        where = [finding.where for finding in (await log.verify()).findings]
        assert where == ["record 0", "record 1"]
