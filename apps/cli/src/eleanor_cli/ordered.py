"""Several things under way at once, their results in the order in which they were asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectSendStream

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Slot(Generic[Result]):
    """A place in the order, filled when its work is done."""

    def __init__(self) -> None:
        self._done = anyio.Event()
        self._result: Result

    def fill(self, result: Result) -> None:
        self._result = result
        self._done.set()

    async def take(self) -> Result:
        await self._done.wait()
        return self._result


async def in_order(
    items: Iterable[Item],
    work: Callable[[Item], Awaitable[Result]],
    done: Callable[[Result], None],
    *,
    limit: int,
) -> None:
    """Call `work` on each item, at most `limit` at once, and `done` on each result, in order.

    A slow item holds back fewer than `limit` finished ones, so memory stays bounded. The first
    error cancels the rest and passes through, in an exception group.
    """
    # The stream holds the places but one: that one is waited for below. A full stream stops `feed`.
    send, receive = anyio.create_memory_object_stream[_Slot[Result]](limit - 1)

    async def fill(slot: _Slot[Result], item: Item) -> None:
        slot.fill(await work(item))

    async def feed(send: MemoryObjectSendStream[_Slot[Result]]) -> None:
        async with send:
            for item in items:
                slot = _Slot[Result]()
                await send.send(slot)
                tasks.start_soon(fill, slot, item)

    async with receive, anyio.create_task_group() as tasks:
        tasks.start_soon(feed, send)
        async for slot in receive:
            done(await slot.take())
