"""Batches: who waits gets their own, whatever becomes of the others."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import Batcher, in_halves

pytestmark = pytest.mark.anyio


class Held:
    """Doubles numbers, and keeps each batch until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.go.acquire()
        return [2 * item for item in items]

    async def busy(self, batches: int) -> None:
        while len(self.batches) < batches:
            await anyio.sleep(0.001)


async def test_what_comes_while_it_works_goes_together() -> None:
    held, answers = Held(), {}

    async def ask(item: int) -> None:
        answers[item] = await batcher.ask(item)

    async with Batcher(held, max_batch=3) as batcher, anyio.create_task_group() as group:
        group.start_soon(ask, 0)
        await held.busy(1)
        for item in range(1, 6):
            group.start_soon(ask, item)
        await anyio.wait_all_tasks_blocked()
        held.go.release(3)
    assert [len(batch) for batch in held.batches] == [1, 3, 2]
    assert answers == {item: 2 * item for item in range(6)}
    assert batcher.sizes == {1: 1, 2: 1, 3: 1}


async def test_one_waits_for_company_and_no_longer_than_told() -> None:
    held = Held()
    held.go.release(2)
    async with Batcher(held, max_batch=2, max_wait=0.02) as batcher:
        assert await batcher.ask(1) == 2
    # A full batch does not wait: an hour would show.
    async with Batcher(held, max_batch=2, max_wait=3600.0) as batcher:
        assert await batcher.ask_all([1, 2]) == [2, 4]
    assert held.batches == [[1], [1, 2]]


async def test_who_is_cancelled_leaves_the_others_alone() -> None:
    held, answers = Held(), {}

    async def ask(item: int) -> None:
        answers[item] = await batcher.ask(item)

    async with Batcher(held) as batcher, anyio.create_task_group() as group:
        with anyio.CancelScope() as working, anyio.CancelScope() as waiting:
            async with anyio.create_task_group() as gone:
                gone.start_soon(ask, 1)
                await held.busy(1)
                gone.start_soon(ask, 2)
                group.start_soon(ask, 3)
                await anyio.wait_all_tasks_blocked()
                gone.cancel_scope.cancel()
        assert not working.cancelled_caught
        assert not waiting.cancelled_caught
        held.go.release(2)
    # The first was at work already; the second waited for nobody any more.
    assert held.batches == [[1], [3]]
    assert answers == {3: 6}


async def test_one_bad_item_fails_alone() -> None:
    def run(items: Sequence[int]) -> list[int]:
        if 0 in items:
            raise ZeroDivisionError("0 among them")
        return [10 // item for item in items]

    async with Batcher(run) as batcher:
        answers: list[object] = []

        async def ask(item: int) -> None:
            try:
                answers.append(await batcher.ask(item))
            except ZeroDivisionError as error:
                answers.append(str(error))

        async with anyio.create_task_group() as group:
            for item in (5, 0, 2):
                group.start_soon(ask, item)
    assert sorted(answers, key=str) == ["0 among them", 2, 5]


async def test_a_result_too_few_is_an_error() -> None:
    async with Batcher(lambda _items: [1]) as batcher:
        assert await batcher.ask(7) == 1
        with pytest.raises(RuntimeError, match="0 results for 1 items"):
            async with Batcher(lambda _items: []) as empty:
                await empty.ask(7)


async def test_nobody_is_left_waiting_when_it_closes() -> None:
    held, errors = Held(), []

    async def ask(item: int) -> None:
        try:
            errors.append(await batcher.ask(item))
        except RuntimeError as error:
            errors.append(str(error))

    async with anyio.create_task_group() as group, Batcher(held) as batcher:
        group.start_soon(ask, 1)
        await held.busy(1)
        group.start_soon(ask, 2)
        await anyio.wait_all_tasks_blocked()
        held.go.release()
    assert sorted(errors, key=str) == [2, "the batcher was closed before this was done"]
    with pytest.raises(RuntimeError, match="closed"):
        await batcher.ask(3)


@pytest.mark.parametrize("wrong", [{"max_batch": 0}, {"max_wait": -1.0}])
async def test_what_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="max_batch must be"):
        Batcher(lambda items: items, **wrong)


@given(items=st.lists(st.integers()), room=st.integers(0, 9))
def test_halves_do_what_fits_and_the_rest_elsewhere(items: list[int], room: int) -> None:
    def on_device(part: Sequence[int]) -> list[tuple[str, int]]:
        if len(part) > room:
            raise MemoryError
        return [("device", item) for item in part]

    done = in_halves(
        on_device,
        items,
        too_large=lambda error: isinstance(error, MemoryError),
        last_resort=lambda part: [("host", item) for item in part],
    )
    where = "device" if room else "host"
    assert done == [(where, item) for item in items]


def test_another_error_is_no_lack_of_room() -> None:
    def broken(_part: Sequence[int]) -> list[int]:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        in_halves(broken, [1], too_large=lambda _error: False, last_resort=list)
