"""What is found on a real server: by vectors, by words, within filters, exactly and by the graph."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import anyio
import pytest
from attrs import evolve
from eleanor_precedents_pgvector.store import PgvectorStore

from eleanor_core.api import (
    Embedding,
    PrecedentCase,
    PrecedentMatch,
    PrecedentQuery,
    PrecedentSearch,
    precedent_line,
)
from eleanor_core.testing import LetterEmbedder, PostgresServer

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[PgvectorStore]]

pytestmark = [pytest.mark.long, pytest.mark.anyio]

CASES = (
    ("sold", "Sell the members' address list to an insurer.", "deny", ("P4",), "privacy"),
    ("lent", "Lend the address book to the neighbouring club.", "review", ("P4", "P2"), "privacy"),
    ("hall", "Rent out the hall on Sunday.", "allow", (), "general"),
    ("door", "Close the door of the hall at night.", "allow", (), "general"),
    ("loan", "Refuse the loan since the tenant is old.", "deny", ("F1",), "credit"),
)


def case(name: str, text: str, **fields: object) -> PrecedentCase:
    said = {"outcome": "deny", "decided_by": "board", "reason": "as asked", **fields}
    return PrecedentCase(id=name, text=text, **said)  # type: ignore[arg-type] # fields of a case


async def filled(store: PgvectorStore) -> None:
    for name, text, outcome, clauses, domain in CASES:
        await store.add(case(name, text, outcome=outcome, clauses=clauses, domain=domain))


async def embedded(text: str) -> Embedding:
    return LetterEmbedder().vector(text)


async def search(
    store: PgvectorStore, text: str, k: int = 9, **wanted: str
) -> Sequence[PrecedentMatch]:
    query = PrecedentQuery(text=text, **wanted)  # type: ignore[arg-type] # as named
    return await store.search(query, await embedded(text), k)


async def ids(store: PgvectorStore, text: str, k: int = 9, **wanted: str) -> list[str]:
    return [match.case.id for match in await search(store, text, k, **wanted)]


@pytest.mark.parametrize("index", ["none", "hnsw"])
async def test_the_cosines_are_those_of_the_vectors(opened: Opened, index: str) -> None:
    async with opened(index=index) as store:
        await filled(store)
        for text in ("sell the list", "rent the hall", "zebra"):
            query = await embedded(text)
            asked = memoryview(query.data).cast("f")
            by_hand = {}
            for name, said, *_ in CASES:
                held = memoryview((await embedded(said)).data).cast("f")
                by_hand[name] = max(0.0, sum(a * b for a, b in zip(asked, held, strict=True)))
            found = await store.nearest(query, 9)
            assert [match.case.id for match in found] == sorted(
                by_hand, key=lambda name: (-round(by_hand[name], 6), name)
            )
            for match in found:
                assert match.similarity == pytest.approx(by_hand[match.case.id], abs=1e-6)
            for k in (0, 1, 3):
                assert await store.nearest(query, k) == found[:k]
                assert await search(store, text, k, by="vectors") == found[:k]


async def test_words_find_what_shares_one_in_any_form(opened: Opened) -> None:
    async with opened() as store:
        await filled(store)
        assert isinstance(store, PrecedentSearch)
        assert await ids(store, "renting halls", by="words") == ["hall", "door"]
        assert await ids(store, "RENTED", by="words") == ["hall"]
        for nothing in ("zebra", "?!", "the of"):
            assert await ids(store, nothing, by="words") == []
        hostile = "the \"hall\" | & ! ( :* \\' '' \0 <-> %s %(clause)s"
        assert set(await ids(store, hostile, by="words", outcome="allow")) == {"hall", "door"}


async def test_words_with_marks_are_sought_as_they_are_written(opened: Opened) -> None:
    async with opened() as store:
        await store.add(case("path", r"Delete C:\users\o'neil and http://a.example/x'y\z."))
        for text in (r"C:\users\o'neil", r"http://a.example/x'y\z", "o'neil"):
            assert await ids(store, text, by="words") == ["path"]


async def test_both_hold_what_either_finds_with_its_cosine(opened: Opened) -> None:
    async with opened() as store:
        await filled(store)
        found = await search(store, "lend the hall")
        cosines = {
            match.case.id: match.similarity
            for match in await store.nearest(await embedded("lend the hall"), 9)
        }
        assert {match.case.id: match.similarity for match in found} == cosines
        assert await search(store, "lend the hall", 2) == found[:2]


@pytest.mark.parametrize("index", ["none", "hnsw"])
@pytest.mark.parametrize("by", ["vectors", "words", "both"])
async def test_only_what_is_wanted_is_found(opened: Opened, by: str, index: str) -> None:
    text = "the address list of the tenant and the hall"
    async with opened(index=index) as store:
        await filled(store)
        assert set(await ids(store, text, by=by, clause="P4")) == {"sold", "lent"}
        assert await ids(store, text, by=by, clause="P2") == ["lent"]
        assert await ids(store, text, by=by, domain="credit") == ["loan"]
        assert set(await ids(store, text, by=by, outcome="allow")) == {"hall", "door"}
        wanted = {"clause": "P4", "outcome": "deny", "domain": "privacy"}
        assert await ids(store, text, by=by, **wanted) == ["sold"]
        assert await ids(store, text, by=by, clause="D1") == []
        assert len(await ids(store, text, 1, by=by, clause="P4")) == 1
        await store.retire("lent", decided_by="court", reason="the law changed")
        assert await ids(store, text, by=by, clause="P4") == ["sold"]


async def test_equal_cases_go_by_id(opened: Opened) -> None:
    async with opened() as store:
        for name in ("d", "a", "Z", "c", "b"):
            await store.add(case(name, "Sell it."))
        for by in ("vectors", "words", "both"):
            assert await ids(store, "sell", by=by) == ["Z", "a", "b", "c", "d"]
            assert await ids(store, "sell", 2, by=by) == ["Z", "a"]


async def test_a_vector_of_zeros_is_like_nothing(opened: Opened) -> None:
    class Silent(LetterEmbedder):
        def vector(self, text: str) -> Embedding:
            held = super().vector(text)
            return evolve(held, data=bytes(4 * held.dim)) if text == "silence" else held

    async with opened(Silent()) as store:
        await store.add(case("none", "silence"))
        await store.add(case("hall", "Rent out the hall."))
        assert [
            match.similarity for match in await store.nearest(Silent().vector("silence"), 9)
        ] == [
            0.0,
            0.0,
        ]
        found = await store.nearest(await embedded("zebra"), 9)
        assert [match.case.id for match in found] == ["hall", "none"]
        assert found[1].similarity == 0.0


class Spread(LetterEmbedder):
    """Vectors that lie anywhere, the same for one text each time."""

    encoder_id = "spread"
    dim = 16

    def vector(self, text: str) -> Embedding:
        chance = random.Random(text)
        values = [chance.gauss(0.0, 1.0) for _ in range(16)]
        data = array("f", (value / math.hypot(*values) for value in values)).tobytes()
        return Embedding(encoder_id="spread", dim=16, data=data)


async def test_the_graph_finds_most_and_goes_on_behind_a_filter(
    opened: Opened, chosen: dict[str, object], server: PostgresServer
) -> None:
    spread, schema = Spread(), chosen["schema_name"]
    questions = [spread.vector(f"question {n}") for n in range(40)]
    rare = PrecedentQuery(text="x", by="vectors", domain="rare")

    async def asked(store: PgvectorStore) -> list[list[str]]:
        found = [await store.nearest(query, 10) for query in questions]
        found.append(await store.search(rare, questions[0], 30))
        return [[match.case.id for match in matches] for matches in found]

    def scans() -> int:
        query = f"SELECT idx_scan FROM pg_stat_all_indexes WHERE schemaname = '{schema}'"
        return int(server.ask(f"{query} AND indexrelname LIKE '%hnsw%'"))

    async with opened(spread, index="hnsw") as store:
        domains = ("rare", *["general"] * 99)
        made = (case(f"c{n:04}", f"text {n}", domain=domains[n % 100]) for n in range(3000))
        await store.import_lines(map(precedent_line, made))
    server.ask(f"ANALYZE {schema}.vectors, {schema}.heads, {schema}.versions")
    async with opened(spread) as store:
        exact = await asked(store)
    await anyio.sleep(1.1)  # the server counts at the end of a connection, a moment later
    assert scans() == 0, "every case is compared, although there is a graph"
    async with opened(spread, index="hnsw") as store:
        graph = await asked(store)
    await anyio.sleep(1.1)
    assert scans() > 0
    hits = sum(len({*one} & {*other}) for one, other in zip(exact[:-1], graph[:-1], strict=True))
    assert hits >= 0.95 * 400
    assert (len(exact[-1]), len({*exact[-1]} & {*graph[-1]})) == (30, 30)
