"""Where a call runs apart from the loop: in a thread, or in a worker process. Both are capped.

A call that passed its deadline is given up, not ended: a thread runs on until it returns, so it
keeps its place until then. A worker process is killed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio.from_thread
import anyio.to_process
import anyio.to_thread
from anyio import BrokenWorkerProcess, CancelScope, CapacityLimiter, current_time, fail_after

from eleanor_core.errors import describe
from eleanor_core.isolation.frames import VoiceRaisedError, outcome
from eleanor_core.model import Case
from eleanor_core.pipeline.voice import Remake
from eleanor_core.pipeline.worker import WorkerCall, call_in_worker, make_ready

START_SECONDS: Final = 20.0
"""At most for starting a worker process and making the voice in it."""
NOT_STARTED: Final = (
    "its worker process did not start; a script that runs an engine must do so under "
    'if __name__ == "__main__", for a worker imports the script'
)


class Threads:
    """Runs calls in at most `limit` threads, counting those that nobody waits for any more.

    anyio's own limiter forgets a thread that was abandoned, on asyncio, so that a voice that hangs
    would take one more thread with every case.
    """

    def __init__(self, limit: int) -> None:
        self._places = CapacityLimiter(limit)
        self._no_limit = CapacityLimiter(math.inf)

    @property
    def full(self) -> bool:
        """Whether the next call has to wait for a place."""
        return self._places.available_tokens <= 0

    async def run(self, call: Callable[[Case], object], case: Case) -> object:
        """Return what `call` returns. A cancellation gives the call up."""
        place = object()
        starts = itertools.count()
        await self._places.acquire_on_behalf_of(place)

        def work() -> object:
            if next(starts):
                return None
            try:
                return call(case)
            except Exception:
                raise
            except BaseException as error:
                # The loop would take it for a signal or a cancellation; a thread gets none of them.
                raise VoiceRaisedError(describe(error)) from error
            finally:
                # Fails once the loop has ended, and nobody needs the place then.
                with suppress(RuntimeError):
                    anyio.from_thread.run_sync(self._places.release_on_behalf_of, place)

        try:
            return await anyio.to_thread.run_sync(
                work, abandon_on_cancel=True, limiter=self._no_limit
            )
        finally:
            # The first of the two to count has the call: given up before it began, it never runs.
            if not next(starts):
                self._places.release_on_behalf_of(place)


class Workers:
    """Runs calls in at most `limit` worker processes, each of which serves one call at a time."""

    def __init__(self, limit: int) -> None:
        self._places = CapacityLimiter(limit)
        self._no_limit = CapacityLimiter(math.inf)

    @property
    def full(self) -> bool:
        """Whether the next call has to wait for a place."""
        return self._places.available_tokens <= 0

    async def run(self, remake: Remake, case: Case, deadline: CancelScope) -> object:
        """Return what the voice returns; a cancellation kills its worker.

        Starting a worker and making the voice in it takes a second and more. That is not the
        call's time: `deadline` is put off by it, or a voice whose worker was killed would be late
        ever after. Raises VoiceRaisedError, and MalformedError for what is no result.
        """
        work = WorkerCall(WorkerCall.pack(remake), case)
        async with self._places:
            await self._make_ready(work, deadline)
            try:
                reply = await anyio.to_process.run_sync(
                    call_in_worker, work, cancellable=True, limiter=self._no_limit
                )
            except BrokenWorkerProcess as error:
                raise VoiceRaisedError("its worker process ended in the call") from error
        return outcome(reply)

    async def _make_ready(self, work: WorkerCall, deadline: CancelScope) -> None:
        due, started = deadline.deadline, current_time()
        # A scope whose deadline passed stays cancelled, so it is lifted and not only put off.
        deadline.deadline = math.inf
        try:
            # Shielded: anyio forgets a process whose start is cancelled.
            with CancelScope(shield=True), fail_after(START_SECONDS):
                reply = await anyio.to_process.run_sync(
                    make_ready, work, cancellable=True, limiter=self._no_limit
                )
        except BrokenWorkerProcess as error:
            raise VoiceRaisedError(NOT_STARTED) from error
        except TimeoutError as error:
            raise VoiceRaisedError(f"not started in its worker in {START_SECONDS:g} s") from error
        finally:
            deadline.deadline = due + current_time() - started
        outcome(reply)
