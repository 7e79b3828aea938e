"""Running a verb's coroutine so that SIGINT and SIGTERM end it in order.

The first signal cancels the work: the engine stops its plugins and flushes the evidence on the way
out. A second one ends the program at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskStatus

from eleanor_cli import exits
from eleanor_cli.faults import say

Main = Callable[[], Awaitable[int]]


def run(main: Main) -> int:
    """Run `main` and return its exit code, or 128 + the number of the signal that stopped it."""
    # No event loop delivers signals on Windows; there Ctrl-C arrives as KeyboardInterrupt.
    return anyio.run(_plain if sys.platform == "win32" else _watched, main)


async def _plain(main: Main) -> int:
    return await main()


async def _watched(main: Main) -> int:
    caught: list[signal.Signals] = []
    work = anyio.CancelScope()
    code = exits.FAULT
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        await tasks.start(_watch, work, caught)
        with work:
            try:
                code = await main()
            except Exception as error:  # noqa: BLE001 -- raised below, outside the task group
                failure = error
        tasks.cancel_scope.cancel()
    if caught and work.cancelled_caught:
        say(f"stopped by {caught[0].name}")
        return exits.SIGNALLED + caught[0]
    if failure is not None:
        raise failure
    return code


async def _watch(
    work: anyio.CancelScope,
    caught: list[signal.Signals],
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for received in signals:
            if caught:
                os._exit(exits.SIGNALLED + received)
            caught.append(received)
            work.cancel()
