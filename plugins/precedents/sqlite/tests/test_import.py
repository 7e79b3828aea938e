"""An import of more lines than are held at once: all of them or none, and the line is named."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import TypeAlias

import pytest
from attrs import evolve
from eleanor_precedents_sqlite import ledger, store
from eleanor_precedents_sqlite.faults import StoreError
from eleanor_precedents_sqlite.session import open_sessions
from eleanor_precedents_sqlite.store import SqliteStore

from eleanor_core.api import PrecedentCase, precedent_line

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]
COUNT = 55


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "AT_ONCE", 20)
    monkeypatch.setattr(ledger, "_AT_A_TIME", 10)


def case(number: int, **fields: object) -> PrecedentCase:
    made = PrecedentCase(
        id=f"p{number:04}",
        text=f"The text of the case {number}.",
        outcome="deny",
        decided_by="board",
        reason="as asked",
    )
    return evolve(made, **fields)


def cases() -> list[PrecedentCase]:
    made = [case(number) for number in range(COUNT)]
    # Overruled by one that comes in a later batch, and a second version two batches on.
    made[3] = case(3, in_force=False, overruled_by="p0050")
    made.append(case(4, version=2, outcome="allow"))
    return made


def lines(cases: list[PrecedentCase]) -> Iterator[str]:
    return (precedent_line(item) for item in cases)


@pytest.mark.anyio
async def test_all_are_added_and_found(opened: Opened) -> None:
    async with opened() as held:
        await held.add(case(7))
        done = await held.import_lines(lines(cases()))
        assert (done.added, done.known) == (COUNT, 1)
        assert await held.count() == COUNT - 1
        done = await held.import_lines(lines(cases()))
        assert (done.added, done.known) == (0, COUNT + 1)
        assert [version.outcome for version in await held.versions("p0004")] == ["deny", "allow"]
        exported = [line async for line in held.export_lines()]
        assert exported == list(lines(sorted(cases(), key=lambda item: (item.id, item.version))))


@pytest.mark.parametrize(
    ("place", "bad", "said"),
    [
        (47, "{", "nothing was imported: line 48: "),
        (47, precedent_line(case(5, reason="other")), "line 48: precedent 'p0005' is refused"),
        (47, precedent_line(case(900, decided_by="")), "line 48: precedent 'p0900' is refused"),
        (
            3,
            precedent_line(case(3, in_force=False, overruled_by="nobody")),
            "line 4: overruled_by names 'nobody', which is not there",
        ),
    ],
)
@pytest.mark.anyio
async def test_one_bad_line_leaves_nothing(opened: Opened, place: int, bad: str, said: str) -> None:
    given = list(lines(cases()))
    given[place] = bad
    async with opened() as held:
        await held.add(case(7))
        with pytest.raises(StoreError) as raised:
            await held.import_lines(iter(given))
        assert said in str(raised.value)
        assert "correct the line or remove it" in str(raised.value)
        assert [line async for line in held.export_lines()] == [precedent_line(case(7))]


def test_memory_is_that_of_a_batch(tmp_path: Path) -> None:
    given = ((n, case(n, text=f"{n} " + "x" * 10_000)) for n in range(400))
    sessions = open_sessions(tmp_path / "precedents.sqlite3", 1.0)
    with closing(sessions.writer), closing(sessions.reader), closing(sessions.weaver):
        tracemalloc.start()
        ledger.Ledger(sessions.writer).add_stream(given)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1_000_000
