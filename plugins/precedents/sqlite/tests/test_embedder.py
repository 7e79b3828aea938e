"""A change of the embedder: every vector is computed anew, and no case is passed over meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import anyio
import pytest
from attrs import evolve
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite import store
from eleanor_precedents_sqlite.faults import StoreError
from eleanor_precedents_sqlite.store import SqliteStore
from structlog.testing import capture_logs

from eleanor_core.api import Embedding, PrecedentCase
from eleanor_core.testing import LetterEmbedder

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


class Scripted:
    """The hashing embedder under another name, which can wait or fail."""

    dim = HashingEmbedder.dim

    def __init__(self, name: str, *, wait: float = 0.0, fails: bool = False) -> None:
        self.encoder_id = name
        self.texts = 0
        self.wait = wait
        self.fails = fails

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]:
        await anyio.sleep(self.wait)
        if self.fails:
            raise ConnectionError("the model is gone")
        self.texts += len(texts)
        return [
            evolve(vector, encoder_id=self.encoder_id)
            for vector in await HashingEmbedder().embed(texts)
        ]


async def test_an_embedder_that_fails_adds_nothing(opened: Opened) -> None:
    async with opened(embedder=Scripted("one", fails=True)) as store:
        with pytest.raises(ConnectionError):
            await store.add(ruling("a"))
        assert [line async for line in store.export_lines()] == []


async def test_after_a_change_of_the_embedder_all_is_computed_once_and_logged(
    opened: Opened,
) -> None:
    async with opened(embedder=Scripted("one")) as store:
        for number in range(70):
            await store.add(ruling(f"a{number:02}", f"{number} {LIST}"))
        await store.add(ruling("old", version=1))
        await store.retire("old", decided_by="court", reason="it was wrong")
    new = Scripted("two", wait=0.01)
    with capture_logs() as logged:
        async with opened(embedder=new) as store:
            (query,) = await new.embed([f"3 {LIST}"])
            matches = await store.nearest(query, 80)
    assert len(matches) == 70
    assert matches[0].case.id == "a03"
    assert new.texts == 71
    started, ended = (entry for entry in logged if entry["event"].startswith("precedents."))
    assert (started["event"], started["encoder_id"], started["cases"]) == (
        "precedents.encoding",
        "two",
        70,
    )
    assert ended["event"] == "precedents.encoded"
    for name in ("two", "one"):
        again = Scripted(name)
        async with opened(embedder=again) as store:
            (query,) = await again.embed([LIST])
            assert len(await store.nearest(query, 80)) == 70
        assert again.texts == 1


async def test_while_vectors_are_missing_no_case_is_passed_over(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PATIENCE", 0.05)
    async with opened() as filled:
        await filled.add(ruling("a"))
    slow = Scripted("two", wait=0.3)
    async with opened(embedder=slow) as waiting:
        query = evolve(await embed(LIST), encoder_id="two")
        with pytest.raises(StoreError, match="1 vectors of the encoder 'two' are still being"):
            await waiting.nearest(query, 1)
        await anyio.sleep(0.5)
        assert [match.case.id for match in await waiting.nearest(query, 1)] == ["a"]


async def test_an_embedder_that_fails_in_the_background_fails_the_question(opened: Opened) -> None:
    async with opened() as store:
        await store.add(ruling("a"))
    gone = Scripted("two", fails=True)
    async with opened(embedder=gone) as store:
        query = evolve(await embed(LIST), encoder_id="two")
        with pytest.raises(StoreError, match="did not embed the cases in the store: the model is"):
            await store.nearest(query, 1)
        gone.fails = False
        assert [match.case.id for match in await store.nearest(query, 1)] == ["a"]


async def test_two_stores_with_two_embedders_share_one_file(opened: Opened) -> None:
    letters = LetterEmbedder()
    async with opened() as one, opened(embedder=letters) as other:
        for number, writer in zip(range(6), itertools.cycle((one, other))):
            await writer.add(ruling(f"a{number}", f"{LIST} {number}"))
            assert len(await found(one, LIST)) == number + 1
            assert len(await other.nearest(letters.vector(LIST), 9)) == number + 1
