"""What the store takes, keeps and finds."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest
from attrs import evolve
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite import index, plugin
from eleanor_precedents_sqlite.faults import StoreError
from eleanor_precedents_sqlite.store import SqliteStore

from eleanor_core.api import (
    EleanorError,
    Embedding,
    PrecedentArchive,
    PrecedentCase,
    PrecedentStore,
    Services,
)

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]

pytestmark = pytest.mark.anyio

LIST = "Sell the address list of the members."
HALL = "Rent out the hall on Sunday."


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


# -- cases and versions ---------------------------------------------------------------------------


async def test_it_is_a_store_and_an_archive(opened: Opened) -> None:
    async with opened() as store:
        assert isinstance(store, PrecedentArchive)
        typed: PrecedentStore = store
        assert await typed.count() == 0
        assert await typed.nearest(await embed("anything"), 5) == []
        assert await lines(store) == []
        assert [case async for case in store.newest()] == []


async def test_a_new_version_supersedes_and_the_old_one_is_kept(opened: Opened) -> None:
    first, second = ruling("a"), ruling("a", HALL, version=2, outcome="allow")
    async with opened() as store:
        await store.add(first)
        (match,) = await store.nearest(await embed(LIST), 5)
        assert match.case == first
        assert match.similarity == pytest.approx(1.0)
        await store.add(second)
        (match,) = await store.nearest(await embed(HALL), 5)
        assert match.case == second
        assert match.similarity == pytest.approx(1.0)
    async with opened() as store:
        assert await store.versions("a") == [first, second]
        assert await store.versions("b") == []
        assert [case async for case in store.newest()] == [second]
        assert await store.count() == 1


async def test_the_very_version_again_changes_nothing(opened: Opened) -> None:
    async with opened() as store:
        await store.add(ruling("a"))
        await store.add(ruling("a", HALL, version=2))
        await store.add(ruling("a"))
        assert len(await store.versions("a")) == 2
        assert (await store.nearest(await embed(HALL), 1))[0].case.version == 2


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (ruling("a", HALL, version=2), "version 2 is there already, with another content"),
        (ruling("a", version=1), "it needs a version above 2, got 1: a change is a new version"),
        (ruling("b", decided_by=""), "an adjudicated case needs decided_by"),
        (ruling("b", reason=" "), "needs decided_by (who answers for it) and a reason"),
        (ruling("b", authority="example"), "authority 'example' does not fit the id"),
        (ruling("example-b"), "authority 'adjudicated' does not fit the id"),
        (ruling("example-b", authority="machine"), "authority 'machine' does not fit the id"),
        (ruling("b", authority="machine", in_force=False, reason=""), "taking a case out of force"),
        (ruling("b", in_force=False, overruled_by="b"), "a case cannot overrule itself"),
        (ruling("b", in_force=False, overruled_by="z"), "overruled_by names 'z', which is not"),
        (ruling("a", authority="machine", version=3), "people decided version 2: 'machine' cannot"),
        (ruling("m", version=2, decided_by="engine"), "only when somebody else decides it"),
        (ruling("b", version=2**31), "its version 2147483648 is too large"),
    ],
)
async def test_what_cannot_follow_is_refused_and_nothing_is_written(
    opened: Opened, case: PrecedentCase, said: str
) -> None:
    async with opened() as store:
        await store.add(ruling("a", version=2))
        await store.add(ruling("m", authority="machine", decided_by="engine", reason=""))
        before = await lines(store)
        with pytest.raises(StoreError) as caught:
            await store.add(case)
        assert said in str(caught.value)
        assert str(caught.value).startswith("precedents/sqlite (eleanor-precedents-sqlite): ")
        assert await lines(store) == before


async def test_people_can_adopt_what_the_machine_decided(opened: Opened) -> None:
    async with opened() as store:
        await store.add(ruling("m", authority="machine", decided_by="engine", reason=""))
        await store.add(ruling("m", version=2, decided_by="board"))
        (match,) = await store.nearest(await embed(LIST), 1)
        assert (match.case.authority, match.case.version) == ("adjudicated", 2)


# -- out of force ---------------------------------------------------------------------------------


async def test_a_retired_case_is_kept_and_no_longer_found(opened: Opened) -> None:
    async with opened() as store:
        await store.add(ruling("a"))
        await store.add(ruling("b"))
        retired = await store.retire(
            "a", decided_by="court", reason="the law changed", overruled_by="b"
        )
        assert await found(store, LIST) == ["b"]
        assert await store.count() == 1
    assert (retired.version, retired.in_force, retired.overruled_by) == (2, False, "b")
    assert (retired.decided_by, retired.reason, retired.text) == ("court", "the law changed", LIST)
    assert retired.decided_at.endswith("Z")
    async with opened() as store:
        assert await found(store, LIST) == ["b"]
        assert await store.versions("a") == [ruling("a"), retired]
        assert [case.id async for case in store.newest()] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("z", {}, "precedent 'z' does not exist"),
        ("old", {}, "precedent 'old' is not in force"),
        ("a", {"reason": ""}, "taking a case out of force needs decided_by"),
        ("a", {"decided_by": " "}, "taking a case out of force needs decided_by"),
        ("a", {"overruled_by": "z"}, "overruled_by names 'z', which is not there"),
    ],
)
async def test_what_cannot_be_retired(
    opened: Opened, name: str, given: dict[str, str], said: str
) -> None:
    async with opened() as store:
        await store.add(ruling("a"))
        await store.add(ruling("old"))
        await store.retire("old", decided_by="court", reason="it was wrong")
        with pytest.raises(StoreError, match=said):
            await store.retire(name, **{"decided_by": "court", "reason": "wrong", **given})
        assert await found(store, LIST) == ["a"]


async def test_a_retired_case_comes_back_by_a_new_version(opened: Opened) -> None:
    async with opened() as store:
        await store.add(ruling("a"))
        retired = await store.retire("a", decided_by="court", reason="it was wrong")
        back = evolve(retired, version=3, in_force=True, reason="it was right")
        await store.add(back)
        assert (await store.nearest(await embed(LIST), 1))[0].case == back


# -- search ---------------------------------------------------------------------------------------


async def test_equal_similarities_go_by_id_also_where_some_came_late(opened: Opened) -> None:
    async with opened() as store:
        for name in ("d", "b"):
            await store.add(ruling(name))
    async with opened() as store:
        for name in ("c", "a"):
            await store.add(ruling(name))
        assert await found(store, LIST) == ["a", "b", "c", "d"]
        assert await found(store, LIST, 2) == ["a", "b"]
        assert await found(store, LIST, 0) == []


async def test_a_snapshot_that_grew_finds_what_a_fresh_one_finds(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "LATE", 7)
    chance = random.Random(7)
    words = ("sell", "rent", "close", "open", "the", "a", "list", "hall", "door", "tenant")
    versions: dict[str, int] = {}
    async with opened() as store:
        for step in range(60):
            name = f"case-{chance.randrange(12)}"
            versions[name] = versions.get(name, 0) + 1
            text = " ".join(chance.choices(words, k=5))
            force = chance.random() > 0.3
            await store.add(ruling(name, text, version=versions[name], in_force=force))
            if step % 5 == 0:
                query = await embed(" ".join(chance.choices(words, k=4)))
                async with opened() as fresh:
                    for k in (1, 3, 20):
                        assert await store.nearest(query, k) == await fresh.nearest(query, k)
                    assert await store.count() == await fresh.count()


async def test_opposite_vectors_have_no_similarity(opened: Opened) -> None:
    towards = await embed("alpha")
    flipped = bytes(
        byte ^ 0x80 if place % 4 == 3 else byte for place, byte in enumerate(towards.data)
    )
    async with opened() as store:
        await store.add(ruling("a", "alpha"))
        (match,) = await store.nearest(evolve(towards, data=flipped), 1)
        assert match.similarity == 0.0


async def test_a_query_of_another_encoder_is_refused(opened: Opened) -> None:
    async with opened() as store:
        await store.add(ruling("a"))
        with pytest.raises(ValueError, match="do not compare"):
            await store.nearest(Embedding(encoder_id="other", dim=1, data=bytes(4)), 1)


@pytest.mark.long
async def test_questions_do_not_hold_the_loop_and_can_be_asked_at_once(opened: Opened) -> None:
    async with opened() as store:
        await store.import_lines(
            f'{{"id":"m{n}","text":"{n} {LIST}","outcome":"deny","authority":"machine"}}'
            for n in range(3000)
        )
        query = await embed(LIST)
        answers: list[object] = []

        async def ask() -> None:
            answers.append(await store.nearest(query, 5))

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(ask)
        assert len(answers) == 20
        assert all(answer == answers[0] for answer in answers)


async def test_a_question_that_is_given_up_stops_nothing(opened: Opened) -> None:
    async with opened() as store:
        await store.add(ruling("a"))
        query = await embed(LIST)
        for wait in (0.0, 0.0001, 0.0005):
            with anyio.move_on_after(wait):
                await store.nearest(query, 1)
        await store.add(ruling("b"))
        assert await found(store, LIST) == ["a", "b"]
        with anyio.move_on_after(0.0):
            await store.nearest(query, 1)


# -- another process, as far as one can tell ------------------------------------------------------


async def test_what_another_store_writes_is_found(opened: Opened) -> None:
    async with opened() as one, opened() as other:
        assert await found(one, LIST) == []
        await other.add(ruling("a"))
        assert await found(one, LIST) == ["a"]
        await one.retire("a", decided_by="court", reason="it was wrong")
        assert await found(other, LIST) == []
        with pytest.raises(StoreError, match="version 2 is there already"):
            await other.add(ruling("a", version=2))


async def test_a_count_is_a_tenth_of_a_second_old_at_most(opened: Opened) -> None:
    async with opened() as one, opened() as other:
        await other.add(ruling("a"))
        await anyio.sleep(0.12)
        assert await one.count() == 1


# -- examples, and what it needs ------------------------------------------------------------------


async def test_the_starter_is_added_once_and_what_was_retired_stays_so(opened: Opened) -> None:
    async with opened(starter=True) as store:
        before = await lines(store)
        assert len(before) == await store.count() == 48
        await store.retire("example-truth-pretend-human", decided_by="board", reason="not ours")
    async with opened(starter=True) as store:
        assert len(await lines(store)) == 49
        assert await store.count() == 47


@pytest.mark.parametrize("missing", ["embedder", "backend"])
async def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    services = Services(
        data_dir=tmp_path,
        log=None,  # type: ignore[arg-type] # it is not reached
        backend=None if missing == "backend" else NumpyBackend(),
        embedder=None if missing == "embedder" else HashingEmbedder(),
    )
    with pytest.raises(EleanorError, match=f"no {missing} is running: enable one"):
        async with plugin.open_store(plugin.SqliteSettings(), services):
            pass
    assert not (tmp_path / plugin.FILE).exists()
