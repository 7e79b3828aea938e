"""The far side of a voice that runs in a process of its own.

A worker makes the voice once, from its importable factory, and keeps it for its life. The case
travels in and JSON travels out, what the voice raised too, and what comes back is checked like any
result. A worker is killed when a call passes its deadline, so a factory must not rely on being left
in order. It is for long work and no boundary: anyio carries the JSON in a pickle of its own, and a
voice that writes to the pipe itself could send another. The boundary is `isolation: process`.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import lru_cache
from typing import cast

from anyio.from_thread import start_blocking_portal
from attrs import field, frozen

from eleanor_core._log import Logger
from eleanor_core.api import Services
from eleanor_core.isolation.frames import READY, raised, said
from eleanor_core.model import Case
from eleanor_core.pipeline.voice import Remake


@frozen
class WorkerCall:
    """One call as it travels: the pickled recipe (equal for all calls of a voice) and the case."""

    recipe: bytes = field(repr=False)
    case: Case

    @staticmethod
    def pack(remake: Remake) -> bytes:
        """Return the recipe. Raises what pickle does if the factory cannot travel."""
        return pickle.dumps(remake)


def make_ready(work: WorkerCall) -> bytes:
    """Make the voice here, in the worker, if it is not there yet."""
    try:
        _voice(work.recipe)
    except BaseException as error:  # noqa: BLE001 -- SystemExit too would end the worker in mid-reply
        return raised(error)
    return READY


def call_in_worker(work: WorkerCall) -> bytes:
    """Run one call here, in the worker; return the result, or what went wrong, as JSON."""
    try:
        result = _voice(work.recipe)(work.case)
    except BaseException as error:  # noqa: BLE001 -- as above
        return raised(error)
    return said(result)


@lru_cache(maxsize=16)
def _voice(recipe: bytes) -> Callable[[Case], object]:
    return Resident(pickle.loads(recipe))  # noqa: S301 -- by this worker's parent # nosec B301


class Resident:
    """A voice that lives in this worker, with the thread and the loop that its factory runs in."""

    def __init__(self, remake: Remake) -> None:
        services = Services(
            data_dir=remake.data_dir,
            log=Logger("eleanor.worker"),
            thresholds=remake.thresholds,
        )
        manager = cast(
            "AbstractAsyncContextManager[Callable[[Case], object]]",
            remake.factory(remake.settings, services),
        )
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            self._call = stack.enter_context(portal.wrap_async_context_manager(manager))
            # Kept: the portal stops as soon as nothing refers to its context manager.
            self._open = stack.pop_all()

    def __call__(self, case: Case, /) -> object:
        """Judge."""
        return self._call(case)
