"""Searching by words as well as by vectors, and among some of the cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite import index, words
from eleanor_precedents_sqlite.blocks import Head
from eleanor_precedents_sqlite.store import SqliteStore
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import (
    PrecedentCase,
    PrecedentMatch,
    PrecedentQuery,
    PrecedentSearch,
    fused,
)

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]

CASES = (
    ("sold", "Sell the members' address list to an insurer.", "deny", ("P4",), "privacy"),
    ("lent", "Lend the address book to the neighbouring club.", "review", ("P4", "P2"), "privacy"),
    ("hall", "Rent out the hall on Sunday.", "allow", (), "general"),
    ("door", "Close the door of the hall at night.", "allow", (), "general"),
    ("loan", "Refuse the loan since the tenant is old.", "deny", ("F1",), "credit"),
)


async def filled(store: SqliteStore) -> None:
    for name, text, outcome, clauses, domain in CASES:
        await store.add(
            PrecedentCase(
                id=name,
                text=text,
                outcome=outcome,  # type: ignore[arg-type] # one of the four
                clauses=clauses,
                domain=domain,
                decided_by="board",
                reason="it was asked",
            )
        )


async def search(
    store: SqliteStore, text: str, k: int = 9, **wanted: str
) -> Sequence[PrecedentMatch]:
    (query,) = await HashingEmbedder().embed([text])
    return await store.search(PrecedentQuery(text=text, **wanted), query, k)  # type: ignore[arg-type] # as named


async def ids(store: SqliteStore, text: str, k: int = 9, **wanted: str) -> list[str]:
    return [match.case.id for match in await search(store, text, k, **wanted)]


@pytest.mark.anyio
async def test_words_find_what_shares_one_in_any_form(opened: Opened) -> None:
    async with opened() as store:
        await filled(store)
        assert isinstance(store, PrecedentSearch)
        assert await ids(store, "renting halls", by="words") == ["hall", "door"]
        assert await ids(store, "RENTED", by="words") == ["hall"]
        assert await ids(store, "zebra", by="words") == []
        assert await ids(store, "?!", by="words") == []
        assert await ids(store, 'the "hall" OR NEAR( * \0 :', by="words", outcome="allow") == [
            "hall",
            "door",
        ]


@pytest.mark.anyio
async def test_vectors_are_those_of_nearest(opened: Opened) -> None:
    async with opened() as store:
        await filled(store)
        for text in ("sell the list", "rent the hall", "zebra"):
            (query,) = await HashingEmbedder().embed([text])
            for k in (0, 1, 3, 9):
                assert await search(store, text, k, by="vectors") == await store.nearest(query, k)


@pytest.mark.anyio
async def test_both_hold_what_either_finds_with_its_cosine(opened: Opened) -> None:
    async with opened() as store:
        await filled(store)
        found = await search(store, "lend the hall")
        assert {match.case.id for match in found} == {name for name, *_ in CASES}
        (query,) = await HashingEmbedder().embed(["lend the hall"])
        cosines = {match.case.id: match.similarity for match in await store.nearest(query, 9)}
        assert {match.case.id: match.similarity for match in found} == cosines
        assert await search(store, "lend the hall", 2) == found[:2]


@pytest.mark.anyio
@pytest.mark.parametrize("by", ["vectors", "words", "both"])
async def test_only_what_is_wanted_is_found(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr(index, "LATE", 2)
    text = "the address list of the tenant and the hall"
    async with opened() as store:
        await filled(store)
        assert set(await ids(store, text, by=by, clause="P4")) == {"sold", "lent"}
        assert await ids(store, text, by=by, clause="P2") == ["lent"]
        assert await ids(store, text, by=by, domain="credit") == ["loan"]
        assert set(await ids(store, text, by=by, outcome="allow")) == {"hall", "door"}
        assert await ids(store, text, by=by, clause="P4", outcome="deny", domain="privacy") == [
            "sold"
        ]
        assert await ids(store, text, by=by, clause="D1") == []
        assert len(await ids(store, text, 1, by=by, clause="P4")) == 1
        await store.retire("lent", decided_by="court", reason="the law changed")
        assert await ids(store, text, by=by, clause="P4") == ["sold"]


@pytest.mark.anyio
async def test_equal_cases_go_by_id(opened: Opened) -> None:
    async with opened() as store:
        for name in ("d", "a", "c", "b"):
            case = PrecedentCase(id=name, text="Sell it.", outcome="deny", authority="machine")
            await store.add(case)
        for by in ("vectors", "words", "both"):
            assert await ids(store, "sell", by=by) == ["a", "b", "c", "d"]
            assert await ids(store, "sell", 2, by=by) == ["a", "b"]


@pytest.mark.anyio
async def test_a_word_that_is_everywhere_is_sought_only_alone(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "_COMMON", 2)
    async with opened() as store:
        await filled(store)
        assert await ids(store, "the loan", by="words") == ["loan"]
        assert set(await ids(store, "the", by="words")) == {name for name, *_ in CASES}


RANKINGS = st.lists(st.lists(st.integers(0, 9), unique=True), max_size=3)


@given(RANKINGS)
def test_fusing_keeps_every_case_once_and_depends_on_places_alone(given: list[list[int]]) -> None:
    rankings = [[Head(f"c{number}", number) for number in ranking] for ranking in given]
    found = fused(rankings)
    assert sorted(found) == sorted({head for ranking in rankings for head in ranking})
    assert fused(rankings[::-1]) == found
    if len(rankings) == 1:
        assert found == rankings[0]
    both = [ranking for ranking in rankings if ranking]
    if len(both) == len(rankings) > 0 and len({ranking[0] for ranking in both}) == 1:
        assert found[0] == both[0][0]
