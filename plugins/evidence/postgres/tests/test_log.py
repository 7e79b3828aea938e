"""The log on a real server: killed, full of writers, changed behind its back."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
import structlog
from eleanor_evidence_postgres import PostgresSettings, open_log

from eleanor_core import Action, EleanorEngine, Execution
from eleanor_core.api import EvidenceUnavailable, Receipt, SealedRecord, Services, merkle_root
from eleanor_core.evidence import seal
from eleanor_core.model import CriticResult
from eleanor_core.testing import PostgresServer, critic_plugin

pytestmark = [pytest.mark.long, pytest.mark.anyio]
CHILD = Path(__file__).with_name("child.py")


def record(number: int) -> SealedRecord:
    return seal("assessment", trace_id=f"{number:032x}", payload={"case": {"n": number}})


async def appended(log, count: int) -> list[Receipt]:
    return [await log.append(record(number)) for number in range(count)]


async def test_an_engine_judges_with_it_alone(chosen, server: PostgresServer, tmp_path) -> None:
    def calm(_case, /) -> CriticResult:
        return CriticResult(critic="calm", score=0.0, confidence=1.0)

    settings = {
        "home": str(tmp_path),
        "plugins.exact": ["evidence/postgres"],
        "sinks.postgres.settings": chosen,
    }

    async def carry_out(_execution: Execution) -> str:
        return "done"

    action = Action(name="bins.empty", run=carry_out, text="Take out the trash.")
    async with EleanorEngine(settings, plugins=[critic_plugin("calm", calm)]) as engine:
        result = await engine.run(text="Take out the trash.")
        decision = await engine.executable(result, action)
        assert (await engine.execute(decision, action)).value == "done"
    kinds = server.ask(
        "SELECT string_agg(convert_from(leaf, 'UTF8')::jsonb ->> 'kind', ',' ORDER BY position) "
        f"FROM {chosen['schema_name']}.records"
    )
    assert kinds == "settings,assessment,intent,outcome"


async def test_many_at_once_share_transactions_and_the_root_is_that_of_the_leaves(
    open_it, server: PostgresServer
) -> None:
    receipts: list[Receipt] = []
    async with open_it() as log:
        before = int(
            server.ask("SELECT xact_commit FROM pg_stat_database WHERE datname='postgres'")
        )

        async def append(number: int) -> None:
            receipts.append(await log.append(record(number)))

        async with anyio.create_task_group() as group:
            for number in range(700):
                group.start_soon(append, number)
        report = await log.verify()
        assert sorted(receipt.index for receipt in receipts) == list(range(700))
        assert (report.records, report.findings) == (700, ())
        ordered = sorted(receipts, key=lambda receipt: receipt.index)
        leaves = [bytes.fromhex(receipt.leaf_hash) for receipt in ordered]
        assert report.root == merkle_root(leaves).hex()
    await anyio.sleep(0.6)  # what the server counts is told with a delay
    spent = int(server.ask("SELECT xact_commit FROM pg_stat_database WHERE datname='postgres'"))
    assert spent - before < 100


async def test_several_processes_write_one_log_without_a_gap(open_it, chosen) -> None:
    command = [sys.executable, str(CHILD), json.dumps(chosen), "96"]
    async with open_it() as log:
        said: list[bytes] = []

        async def other() -> None:
            said.append((await anyio.run_process(command)).stdout)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(other)
            receipts = await appended(log, 40)
        places = [int(line.split()[0]) for out in said for line in out.splitlines()]
        places += [receipt.index for receipt in receipts]
        assert sorted(places) == list(range(3 * 96 + 40))
        report = await log.verify()
        assert (report.records, report.findings) == (3 * 96 + 40, ())


async def test_what_was_acknowledged_survives_a_kill_and_what_was_not_is_refused(
    open_it,
) -> None:
    with PostgresServer() as own:
        async with open_it(port=own.port, timeout=2.0) as log:
            receipts = await appended(log, 30)
            own.kill()
            with pytest.raises(EvidenceUnavailable, match="did not answer as it should"):
                await log.append(record(99))
            own.start()
            # The log goes on by itself, over a new connection.
            receipts += [await log.append(record(100))]
            assert [receipt.index for receipt in receipts] == list(range(31))
            assert (await log.verify()).sound
            for receipt in receipts:
                stored = await log.get(receipt.record_id)
                assert stored is not None
                assert stored.leaf_hash == receipt.leaf_hash


async def test_a_connection_that_is_cut_loses_nothing(open_it, server: PostgresServer) -> None:
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'eleanor'"
    )
    async with open_it() as log:
        receipts: list[Receipt] = []

        async def write() -> None:
            for number in range(150):
                sealed = record(number)
                while len(receipts) == number:
                    # Cut twice in a row, it is refused; given again, it is there once.
                    with suppress(EvidenceUnavailable):
                        receipts.append(await log.append(sealed))

        async def disturb() -> None:
            for _ in range(8):
                await anyio.to_thread.run_sync(server.ask, cut)
                await anyio.sleep(0.02)

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            group.start_soon(disturb)
        assert [receipt.index for receipt in receipts] == list(range(150))
        assert (await log.verify()).sound


async def test_a_locked_tree_is_waited_for_no_longer_than_the_timeout(
    open_it, chosen, server: PostgresServer
) -> None:
    hold = f"BEGIN; SELECT * FROM {chosen['schema_name']}.tree FOR UPDATE; SELECT pg_sleep(2)"
    async with open_it(timeout=0.3) as log, anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, server.ask, hold)
        await anyio.sleep(0.7)
        with pytest.raises(EvidenceUnavailable, match="lock timeout|statement timeout"):
            await log.append(record(1))
    async with open_it() as log:
        assert (await log.append(record(2))).index == 0


async def test_a_server_that_does_not_sync_is_refused(open_it) -> None:
    with PostgresServer() as own:
        own.stop()
        own.start(fsync="off")
        with pytest.raises(EvidenceUnavailable, match="fsync = off"):
            async with open_it(port=own.port):
                pass


async def test_no_server_is_said_in_words(open_it) -> None:
    async with open_it(port=1) as log:
        for ask in (log.append(record(1)), log.get("x"), log.count(), log.verify()):
            with pytest.raises(EvidenceUnavailable, match="did not answer as it should.*refused"):
                await ask


async def test_a_server_that_comes_later_is_found(open_it) -> None:
    with PostgresServer() as own:
        own.stop()
        async with open_it(port=own.port) as log:
            with pytest.raises(EvidenceUnavailable, match="refused"):
                await log.append(record(1))
            own.start()
            assert await log.count() == 0
            assert (await log.append(record(2))).index == 0
            assert (await log.verify()).sound


async def test_too_many_waiting_is_refused_and_says_so(open_it, chosen, server) -> None:
    hold = f"BEGIN; SELECT * FROM {chosen['schema_name']}.tree FOR UPDATE; SELECT pg_sleep(1)"
    async with open_it(queue=2) as log, anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, server.ask, hold)
        await anyio.sleep(0.5)
        for number in range(3):
            group.start_soon(log.append, record(number))
            await anyio.sleep(0.02)
        with pytest.raises(EvidenceUnavailable, match="raise it"):
            await log.append(record(9))


async def test_an_id_never_gets_another_leaf(open_it) -> None:
    async with open_it() as log:
        first = record(1)
        receipt = await log.append(first)
        assert await log.append(first) == receipt
        forged = seal("assessment", trace_id="other", record_id=first.record_id)
        with pytest.raises(EvidenceUnavailable, match="with another leaf"):
            await log.append(forged)
        # One that is refused takes nobody with it who wrote in the same transaction.
        assert (await log.append(record(2))).index == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET leaf = leaf || 'x' WHERE position = 1",
        "UPDATE records SET payload = payload || 'x' WHERE position = 1",
        "DELETE FROM records WHERE position = 1",
        "TRUNCATE records",
    ],
)
async def test_records_are_not_changed_by_mistake(open_it, chosen, server, change) -> None:
    async with open_it() as log:
        await appended(log, 3)
        with pytest.raises(RuntimeError, match="only appended to"):
            server.ask(f"SET search_path = {chosen['schema_name']}; {change}")
        assert (await log.verify()).sound


ATTACKS = {
    "a leaf": ("UPDATE records SET leaf = overlay(leaf placing 'X' from 20)", "match its hash"),
    "a leaf and its hash": (
        "UPDATE records SET leaf = (SELECT leaf FROM records WHERE position = 2), "
        "leaf_hash = (SELECT leaf_hash FROM records WHERE position = 2)",
        "is not that of record",
    ),
    "a payload": ("UPDATE records SET payload = overlay(payload placing 'X' from 90)", "payload"),
    "one taken out": ("DELETE FROM records", "stands where record 1 should"),
    "the tree": ("UPDATE tree SET size = 5, peaks = peaks || peaks; DELETE FROM tree", "tree"),
    "the end": ("DELETE FROM records WHERE position > 1; SELECT 1 FROM records", "it states 4"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_who_drops_the_triggers_is_found_out(open_it, chosen, server, attack) -> None:
    change, said = ATTACKS[attack]
    one = " WHERE position = 1" if "WHERE position >" not in change and "tree" not in change else ""
    async with open_it() as log:
        await appended(log, 4)
        server.ask(
            f"SET search_path = {chosen['schema_name']}; "
            f"ALTER TABLE records DISABLE TRIGGER ALL; {change}{one}"
        )
        if attack == "the tree":
            with pytest.raises(EvidenceUnavailable, match="somebody changed it"):
                await log.verify()
        else:
            findings = (await log.verify()).findings
            assert any(said in f"{item.where}: {item.what}" for item in findings), findings


async def test_another_format_is_not_written_to(open_it, chosen, server) -> None:
    async with open_it():
        pass
    server.ask(f"UPDATE {chosen['schema_name']}.tree SET format = 'eleanor/evidence-postgres/9'")
    with pytest.raises(EvidenceUnavailable, match="has the format eleanor/evidence-postgres/9"):
        async with open_it():
            pass


async def test_a_password_comes_from_a_provider(chosen, server, tmp_path) -> None:
    services = Services(data_dir=tmp_path, log=structlog.get_logger("test"))
    settings = PostgresSettings.model_validate({**chosen, "password": "env:DB_PASSWORD"})
    with pytest.raises(EvidenceUnavailable, match="no secrets provider"):
        async with open_log(settings, services):
            pass
