"""Batches: many callers' items in one call, and one call that did not fit in halves."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import MappingProxyType
from typing import Generic, Self, TypeVar

import anyio
import anyio.to_thread
from attrs import define, field

T = TypeVar("T")
R = TypeVar("R")


@define(eq=False)
class _Ask(Generic[T, R]):
    """One item and what became of it."""

    item: T
    settled: anyio.Event = field(factory=anyio.Event)
    dropped: bool = False
    result: list[R] = field(factory=list)
    error: BaseException | None = None

    def settle(self, *result: R, error: BaseException | None = None) -> None:
        if not self.settled.is_set():
            self.result += result
            self.error = error
            self.settled.set()


class Batcher(Generic[T, R]):
    """Gathers the items of concurrent callers and works on them together, in a thread.

    `run` takes at most `max_batch` items and returns one result for each, in order. While it works,
    the next batch gathers; an item that finds nothing at work waits `max_wait` seconds for company.
    A caller that is cancelled leaves the others alone: its item is dropped if it still waits, else
    its result. Where `run` raises for several items, each is tried alone, so that only those at
    fault get the error. `limiter` bounds the threads of several batchers together.

    It is an async context manager. Who leaves it ends it: what still waits gets a RuntimeError.
    """

    def __init__(
        self,
        run: Callable[[Sequence[T]], Sequence[R]],
        *,
        max_batch: int = 64,
        max_wait: float = 0.0,
        limiter: anyio.CapacityLimiter | None = None,
    ) -> None:
        if max_batch < 1 or not 0.0 <= max_wait < math.inf:
            msg = f"max_batch must be 1 or more and max_wait seconds, got {max_batch}, {max_wait}"
            raise ValueError(msg)
        self._run = run
        self._max_batch = max_batch
        self._max_wait = max_wait
        self._limiter = limiter
        self._waiting: deque[_Ask[T, R]] = deque()
        self._sizes: Counter[int] = Counter()
        self._open = False

    @property
    def sizes(self) -> Mapping[int, int]:
        """Size of a batch -> how many there were."""
        return MappingProxyType(self._sizes)

    async def ask(self, item: T) -> R:
        """Return what `run` makes of the item. Raises what it raised for it."""
        (result,) = await self.ask_all((item,))
        return result

    async def ask_all(self, items: Sequence[T]) -> list[R]:
        """Return what `run` makes of the items, in order. Raises the first one's error."""
        if not self._open:
            raise RuntimeError("the batcher is closed")
        asks = [_Ask[T, R](item) for item in items]
        self._waiting.extend(asks)
        self._arrived.set()
        if len(self._waiting) >= self._max_batch:
            self._full.set()
        try:
            for ask in asks:
                await ask.settled.wait()
        finally:
            for ask in asks:
                ask.dropped = True
        for ask in asks:
            if ask.error is not None:
                raise ask.error
        return [ask.result[0] for ask in asks]

    async def __aenter__(self) -> Self:
        self._arrived, self._full = anyio.Event(), anyio.Event()
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(anyio.create_task_group())
            group.start_soon(self._work)
            stack.callback(group.cancel_scope.cancel)
            self._stack = stack.pop_all()
        self._open = True
        return self

    async def __aexit__(self, *_raised: object) -> None:
        self._open = False
        # The body's error is not the group's: it leaves as it is, not in an ExceptionGroup.
        await self._stack.aclose()

    async def _work(self) -> None:
        batch: list[_Ask[T, R]] = []
        try:
            while True:
                await self._arrived.wait()
                with anyio.move_on_after(self._max_wait):
                    await self._full.wait()
                batch = self._take()
                if batch:
                    await self._settle(batch)
        finally:
            for ask in (*batch, *self._waiting):
                ask.settle(error=RuntimeError("the batcher was closed before this was done"))
            self._waiting.clear()

    def _take(self) -> list[_Ask[T, R]]:
        """Return the next batch, without the items that nobody waits for."""
        batch: list[_Ask[T, R]] = []
        while self._waiting and len(batch) < self._max_batch:
            ask = self._waiting.popleft()
            if not ask.dropped:
                batch.append(ask)
        if not self._waiting:
            self._arrived = anyio.Event()
        if len(self._waiting) < self._max_batch:
            self._full = anyio.Event()
        return batch

    async def _settle(self, batch: list[_Ask[T, R]]) -> None:
        self._sizes[len(batch)] += 1
        work = partial(self._run, [ask.item for ask in batch])
        try:
            results = await anyio.to_thread.run_sync(work, limiter=self._limiter)
            if len(results) != len(batch):
                msg = f"{len(results)} results for {len(batch)} items"
                raise RuntimeError(msg)  # noqa: TRY301 -- it is tried again alone like any other
        except Exception as error:  # noqa: BLE001 -- whatever it is, it belongs to the callers
            if len(batch) == 1:
                batch[0].settle(error=error)
                return
            for ask in batch:
                await self._settle([ask])
            return
        for ask, result in zip(batch, results, strict=True):
            ask.settle(result)


def in_halves(
    run: Callable[[Sequence[T]], Sequence[R]],
    items: Sequence[T],
    *,
    too_large: Callable[[Exception], bool],
    last_resort: Callable[[Sequence[T]], Sequence[R]],
) -> list[R]:
    """Return `run(items)`; where it is too large for the device, in halves, each again if need be.

    `too_large` tells that error from others, which are raised. One item that does not fit alone
    goes to `last_resort`, and with it all that is left: the device is full.
    """
    done: list[R] = []
    size = len(items)
    while len(done) < len(items):
        try:
            done += run(items[len(done) : len(done) + size])
            continue
        except Exception as error:
            if not too_large(error):
                raise
        # Out of the handler the error is gone, and what its frames held on the device with it.
        if size <= 1:
            done += last_resort(items[len(done) :])
        size = (size + 1) // 2
    return done
