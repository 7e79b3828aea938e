"""What is kept on a real server: versions and their rules, imports, several processes, lost servers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import anyio
import psycopg
import pytest
from attrs import evolve
from eleanor_precedents_pgvector import ledger, server, store
from eleanor_precedents_pgvector.faults import StoreError
from eleanor_precedents_pgvector.store import PgvectorStore

from eleanor_core.api import Embedding, PrecedentArchive, PrecedentCase, precedent_line
from eleanor_core.testing import LetterEmbedder, PostgresServer

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[PgvectorStore]]

pytestmark = [pytest.mark.long, pytest.mark.anyio]


def case(name: str, **fields: object) -> PrecedentCase:
    made = PrecedentCase(
        id=name,
        text=f"The text of the case {name}.",
        outcome="deny",
        decided_by="board",
        reason="as asked",
    )
    return evolve(made, **fields)


async def embedded(text: str) -> Embedding:
    return LetterEmbedder().vector(text)


async def exported(held: PrecedentArchive) -> list[str]:
    return [line async for line in held.export_lines()]


async def test_versions_are_added_found_and_retired(opened: Opened) -> None:
    async with opened() as held:
        assert isinstance(held, PrecedentArchive)
        await held.add(case("p1"))
        await held.add(case("p1"))
        await held.add(case("p1", version=2, outcome="allow", text="Something else."))
        (match,) = await held.nearest(await embedded("Something else."), 5)
        assert (match.case.version, match.similarity) == (2, pytest.approx(1.0, abs=1e-6))
        with pytest.raises(StoreError, match="needs a version above 4"):
            await held.import_lines(
                lines([case("p3"), case("p1", version=4), case("p1", version=3)])
            )
        await held.add(case("p2"))
        retired = await held.retire("p1", decided_by="court", reason="so", overruled_by="p2")
        assert (retired.version, retired.in_force) == (3, False)
        assert [item.version for item in await held.versions("p1")] == [1, 2, 3]
        assert [item.id async for item in held.newest()] == ["p1", "p2"]
        assert await held.count() == 1
        with pytest.raises(StoreError, match="'p1' is not in force"):
            await held.retire("p1", decided_by="court", reason="so")
    async with opened() as held:
        assert await held.count() == 1
        assert await held.versions("p9") == await held.versions("\0") == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (case("p1", reason="another"), "version 1 is there already, with another content"),
        (case("p1", version=2, authority="machine"), "people decided version 1"),
        (case("p2", decided_by=""), "needs decided_by"),
        (case("p2", in_force=False, overruled_by="p9"), "overruled_by names 'p9'"),
        (case("p\0"), "id holds a NUL"),
        (case("p2", domain="a\0"), "domain holds a NUL"),
    ],
)
async def test_what_breaks_a_rule_is_refused_whole(
    opened: Opened, bad: PrecedentCase, said: str
) -> None:
    async with opened() as held:
        await held.add(case("p1"))
        with pytest.raises(StoreError, match=said):
            await held.add(bad)
        lines = [precedent_line(case("p0")), "", precedent_line(bad)]
        with pytest.raises(StoreError, match=f"nothing was imported: line 3: .*{said}"):
            await held.import_lines(lines)
        assert await exported(held) == [precedent_line(case("p1"))]


async def test_any_text_comes_out_as_it_went_in(opened: Opened) -> None:
    texts = ("\0", "a\0b", "\u2028 'quoted' \\ %s", "Überschrift 判例 \U0001f600", "x" * 2_000_000)
    async with opened() as held:
        given = [case(f"p{n}", text=text, reason=text[:9] + ".") for n, text in enumerate(texts)]
        for item in given:
            await held.add(item)
        assert await exported(held) == [precedent_line(item) for item in given]
        assert [item async for item in held.newest()] == given


async def test_nobody_edits_or_deletes_a_version(
    opened: Opened, server: PostgresServer, chosen: dict[str, object]
) -> None:
    async with opened() as held:
        await held.add(case("p1"))
    table = f"{chosen['schema_name']}.versions"
    for statement in (
        f"UPDATE {table} SET content = ''",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        with pytest.raises(RuntimeError, match="a change is a new version, never an edit"):
            server.ask(statement)


# -- imports --------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "AT_ONCE", 20)
    monkeypatch.setattr(store, "_BATCH", 7)
    monkeypatch.setattr(store, "_PAGE", 9)
    monkeypatch.setattr(ledger, "_AT_A_TIME", 10)


def many() -> list[PrecedentCase]:
    made = [case(f"p{n:03}") for n in range(55)]
    made[3] = case("p003", in_force=False, overruled_by="p050")
    return [*made, case("p004", version=2, outcome="allow")]


def lines(cases: Sequence[PrecedentCase]) -> Iterator[str]:
    return (precedent_line(item) for item in cases)


@pytest.mark.usefixtures("small")
async def test_a_long_import_is_whole_and_found(opened: Opened) -> None:
    async with opened() as held:
        await held.add(case("p007"))
        done = await held.import_lines(lines(many()))
        assert (done.added, done.known) == (55, 1)
        assert await held.count() == 54
        assert len(await held.nearest(await embedded("text"), 99)) == 54
        inorder = sorted(many(), key=lambda item: (item.id, item.version))
        assert await exported(held) == list(lines(inorder))
        done = await held.import_lines(lines(many()))
        assert (done.added, done.known) == (0, 56)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("place", "bad", "said"),
    [
        (47, "{", "line 48: "),
        (47, precedent_line(case("p005", reason="other")), "line 48: precedent 'p005' is refused"),
        (
            3,
            precedent_line(case("p003", in_force=False, overruled_by="no")),
            "line 4: overruled_by",
        ),
    ],
)
async def test_one_bad_line_of_many_leaves_nothing(
    opened: Opened, place: int, bad: str, said: str
) -> None:
    given = list(lines(many()))
    given[place] = bad
    async with opened() as held:
        with pytest.raises(StoreError, match=f"nothing was imported: {said}"):
            await held.import_lines(iter(given))
        assert await exported(held) == []


@pytest.mark.usefixtures("small")
async def test_a_server_that_goes_in_the_middle_of_an_import_leaves_nothing(
    opened: Opened, server: PostgresServer
) -> None:
    def interrupted() -> Iterator[str]:
        for number, line in enumerate(lines(many())):
            if number == 40:
                server.ask(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'admin' AND pid <> pg_backend_pid()"
                )
            yield line

    async with opened() as held:
        await held.add(case("p007"))
        with pytest.raises(StoreError, match="did not answer as it should"):
            await held.import_lines(interrupted())
        assert await exported(held) == [precedent_line(case("p007"))]
        await held.import_lines(lines(many()))
        assert await held.count() == 54


# -- several of them ------------------------------------------------------------------------------


async def test_a_lost_server_is_found_again(opened: Opened, server: PostgresServer) -> None:
    async with opened() as held:
        await held.add(case("p1"))
        server.stop()
        for call in (held.count, lambda: held.add(case("p2"))):
            with pytest.raises(StoreError, match=r"did not answer .* see that the server runs"):
                await call()
        server.start()
        await held.add(case("p2"))
        assert await held.count() == 2


async def test_what_one_process_adds_the_other_finds_at_once(opened: Opened) -> None:
    async with opened() as one, opened() as other:
        for number in range(5):
            await one.add(case(f"p{number}"))
            found = await other.nearest(await embedded("text"), 99)
            assert len(found) == await other.count() == number + 1
        await other.retire("p1", decided_by="court", reason="so")
        assert "p1" not in {match.case.id for match in await one.nearest(await embedded("x"), 9)}


async def test_who_writes_long_is_told_of(opened: Opened, chosen: dict[str, object]) -> None:
    async with opened(timeout=0.2) as held:
        other = {key: chosen[key] for key in ("host", "port", "user")}
        with psycopg.connect(**other, dbname=chosen["database"]) as connection:  # type: ignore[arg-type] # as they are
            connection.execute(f"LOCK TABLE {chosen['schema_name']}.heads IN SHARE MODE")
            with pytest.raises(StoreError, match="another process is writing"):
                await held.add(case("p1"))
        await held.add(case("p1"))


async def test_many_at_once_are_all_added(opened: Opened) -> None:
    async with opened() as one, opened() as other, anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon((one, other)[number % 2].add, case(f"p{number}"))
    async with opened() as held:
        assert await held.count() == 20


class Another(LetterEmbedder):
    """Another encoder, with another number of values."""

    encoder_id = "another"
    dim = 2
    works = True

    def vector(self, text: str) -> Embedding:
        if not self.works:
            raise RuntimeError("no room on the device")
        return Embedding(encoder_id="another", dim=2, data=struct.pack("<2f", 1.0, 0.0))


@pytest.mark.parametrize("index", ["none", "hnsw"])
async def test_each_encoder_has_vectors_of_its_own(opened: Opened, index: str) -> None:
    another = Another()
    query = another.vector("x")
    async with opened(index=index) as one:
        await one.add(case("p1"))
        await one.add(case("p2"))
        async with opened(another, index=index) as other:
            assert [match.similarity for match in await other.nearest(query, 9)] == [1.0, 1.0]
            await other.add(case("p3"))
            assert len(await one.nearest(await embedded("x"), 9)) == 3
            with pytest.raises(ValueError, match="of the encoder 'another'"):
                await one.nearest(query, 9)
            another.works = False
            await one.add(case("p4"))
            with pytest.raises(StoreError, match="did not embed the cases in the store: no room"):
                await other.nearest(query, 9)
            another.works = True
            assert len(await other.nearest(query, 9)) == 4


async def test_a_question_does_not_wait_for_ever(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Another):
        async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
            await anyio.sleep(30)
            return []

    monkeypatch.setattr(store, "PATIENCE", 0.05)
    async with opened() as one, opened(Slow()) as other:
        await one.add(case("p1"))
        with pytest.raises(StoreError, match="1 vectors of the encoder 'another' are still"):
            await other.nearest(Another().vector("x"), 9)


# -- what cannot be used --------------------------------------------------------------------------


async def test_another_format_is_refused(
    opened: Opened, server: PostgresServer, chosen: dict[str, object]
) -> None:
    async with opened():
        pass
    server.ask(f"UPDATE {chosen['schema_name']}.format SET name = 'eleanor/precedents-pgvector/9'")
    with pytest.raises(StoreError, match="another schema_name"):
        async with opened():
            pass


async def test_a_role_that_may_not_make_the_extension_is_told_who_may(
    opened: Opened, server: PostgresServer, chosen: dict[str, object]
) -> None:
    name = str(chosen["schema_name"])
    place = {"database": name, "user": name}
    server.ask(f"CREATE ROLE {name} LOGIN")
    server.ask(f"CREATE DATABASE {name}")
    with pytest.raises(StoreError, match="let an administrator run CREATE EXTENSION vector"):
        async with opened(**place):
            pass
    server.ask("CREATE SCHEMA elsewhere; CREATE EXTENSION vector SCHEMA elsewhere", name)
    server.ask(f"GRANT USAGE ON SCHEMA elsewhere TO {name}", name)
    server.ask(f"GRANT CREATE ON DATABASE {name} TO {name}", name)
    async with opened(**place) as held:
        await held.add(case("p1"))
        assert await held.count() == 1


async def test_a_graph_needs_a_newer_extension(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ITERATIVE", (99, 0))
    with pytest.raises(StoreError, match=r"index: hnsw needs 0\.8 or newer"):
        async with opened(index="hnsw"):
            pass


async def test_drift_is_reported(opened: Opened) -> None:
    async with opened() as held:
        await held.import_lines(
            lines(
                [
                    case(f"p{n}", text=f"subject {n} {n * n}", decided_at="2026-02-03")
                    for n in range(5)
                ]
            )
        )
        await held.add(case("q1", text="the neighbour plays the trumpet at night"))
        await held.add(case("q2", text="the neighbour plays the trumpet at night", outcome="allow"))
        report = await held.drift()
    assert (report.cases, report.undated) == (7, 2)
    assert [pair.ids for pair in report.unlike_pairs] == [("q1", "q2")]
    assert [(period.period, period.cases) for period in report.periods] == [("2026-Q1", 5)]
