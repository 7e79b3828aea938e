"""How the contracts measure a voice: its cancellation, its hold on the loop, its CPU time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import TypeAlias

import anyio
from attrs import frozen

Call: TypeAlias = Callable[[], Awaitable[object]]

BEAT = 0.001
"""Seconds between two beats of the heart that listens for a held loop."""


@frozen(kw_only=True)
class Cancelled:
    """How a cancelled call ended. `swallowed`: it had waited, and returned all the same."""

    swallowed: bool
    went_on: float


class _Watched:
    """Awaits a call and notes whether it ever waited, which no loop tells."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.waited = False

    def __await__(self) -> Generator[object, object, object]:
        running = self._call().__await__()
        resume = partial(running.send, None)
        while True:
            try:
                waits_for = resume()
            except StopIteration as stop:
                return stop.value
            self.waited = True
            try:
                resume = partial(running.send, (yield waits_for))
            except BaseException as error:  # noqa: BLE001 -- handed on to the call
                resume = partial(running.throw, error)


async def cancelled_call(call: Call, delay: float) -> Cancelled:
    """Cancel a call `delay` seconds after its start, and see how long it goes on."""
    watched = _Watched(call)
    started = anyio.current_time()
    with anyio.CancelScope(deadline=started + delay) as scope:
        if delay <= 0:
            scope.cancel()
        await watched
    took = anyio.current_time() - started
    # Only a call that was cancelled from its first wait on has swallowed it for certain: later on
    # it may have come to its end at the same moment.
    swallowed = delay <= 0 and watched.waited and not scope.cancelled_caught
    return Cancelled(swallowed=swallowed, went_on=max(0.0, took - delay))


async def longest_hold(call: Call) -> float:
    """Return the longest time in seconds for which the loop could do nothing else."""
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            before = anyio.current_time()
            try:
                await anyio.sleep(BEAT)
            finally:
                # Also where it is cancelled: on a busy machine that may come before it has woken.
                longest = max(longest, anyio.current_time() - before - BEAT)

    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        await anyio.sleep(2 * BEAT)
        await call()
        await anyio.sleep(2 * BEAT)
        group.cancel_scope.cancel()
    return longest


def cpu_time(call: Callable[[], object]) -> float:
    """Return the CPU seconds that a plain call takes on this thread."""
    started = time.thread_time()
    call()
    return time.thread_time() - started
