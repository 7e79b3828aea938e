"""Import and export: all of a file or nothing, and what was exported comes back as it was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

import pytest
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite.faults import StoreError
from eleanor_precedents_sqlite.store import SqliteStore

from eleanor_core.api import Embedding, PrecedentCase

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]

pytestmark = pytest.mark.anyio

LIST = "Sell the address list of the members."


async def embed(text: str) -> Embedding:
    (embedding,) = await HashingEmbedder().embed([text])
    return embedding


def ruling(name: str, text: str = LIST, **fields: object) -> PrecedentCase:
    whole = {"outcome": "deny", "decided_by": "board", "reason": "nobody was asked", **fields}
    return PrecedentCase(id=name, text=text, **whole)  # type: ignore[arg-type] # fields of a case


async def found(store: SqliteStore, text: str, k: int = 9) -> list[str]:
    return [match.case.id for match in await store.nearest(await embed(text), k)]


async def lines(store: SqliteStore) -> list[str]:
    return [line async for line in store.export_lines()]


async def test_an_export_gives_the_same_store_and_again_changes_nothing(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened() as store:
        await store.add(ruling("b", domain="retail", jurisdiction="UK", decided_at="2026-03-31"))
        await store.add(ruling("a"))
        await store.retire("a", decided_by="court", reason="wrong", overruled_by="b")
        exported = await lines(store)
        report = await store.import_lines(exported)
        assert (report.added, report.known) == (0, 3)
    async with opened(folder=tmp_path / "other") as copy:
        report = await copy.import_lines([*exported, "", "\n"])
        assert (report.added, report.known) == (3, 0)
        assert await lines(copy) == exported
        assert await found(copy, LIST) == ["b"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1, 2]", "line 3: it must hold a JSON object, not a list"),
        ("{", "line 3: "),
        ("[" * 100_000, "line 3: "),
        ('{"id": "b", "text": "t", "outcome": "deny"}', "line 3: missing keys ['authority']"),
        ('{"id": "b", "id": "c"}', "line 3: JSON refused at $: the key 'id' stands there twice"),
        ('{"id":"a","text":"t","outcome":"deny","authority":"machine","colour":1}', "line 3: unkn"),
        (
            '{"id":"a","text":"t","outcome":"perhaps","authority":"machine"}',
            "line 3: outcome must be one of",
        ),
        (
            '{"id":"a","text":"t","outcome":"deny","authority":"machine","version":true}',
            "line 3: version must be a whole number, got True",
        ),
        (
            '{"id":"a","text":"t","outcome":"deny","authority":"machine","clauses":["Z9"]}',
            "line 3: clauses ['Z9'] are not in the clause registry",
        ),
        (
            '{"id":"a","text":"t","outcome":"deny","authority":"machine","clauses":"G1"}',
            "line 3: clauses must be a list of codes",
        ),
        (
            '{"id":"a","text":"t","outcome":"deny","authority":"machine","decided_at":"yesterday"}',
            "line 3: decided_at must be '2026-03-31'",
        ),
        (
            '{"id":"a","text":"t","outcome":"deny","authority":"machine","in_force":1}',
            "line 3: ",
        ),
        (
            '{"id":"a","text":"t","outcome":"deny","authority":"adjudicated"}',
            "line 3: precedent 'a' is refused: an adjudicated case needs decided_by",
        ),
        (
            '{"id":"m","text":"another","outcome":"deny","authority":"machine"}',
            "line 3: precedent 'm' is refused: version 1 is there already, with another content",
        ),
        (
            '{"id":"k","text":"another","outcome":"deny","authority":"machine"}',
            "line 3: precedent 'k' is refused: version 1 is there already, with another content",
        ),
    ],
)
async def test_a_bad_line_is_named_and_nothing_is_imported(
    opened: Opened, line: str, said: str
) -> None:
    good = '{"id":"k","text":"t","outcome":"deny","authority":"machine"}'
    async with opened() as store:
        await store.add(PrecedentCase(id="m", text="t", outcome="deny", authority="machine"))
        before = await lines(store)
        with pytest.raises(StoreError) as caught:
            await store.import_lines(["", good, line])
        assert "nothing was imported: " + said in str(caught.value)
        assert await lines(store) == before
