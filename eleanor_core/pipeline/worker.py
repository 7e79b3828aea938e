"""The far side of a voice that runs in a process of its own.

A worker makes the voice once, from its importable factory, and keeps it for its life. Only the
case travels in and only JSON travels out: what comes back is checked like any result. A worker is
killed when a call passes its deadline, so a factory must not rely on being left in order.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import cast

import structlog
from anyio.from_thread import start_blocking_portal
from attrs import field, frozen

from eleanor_core.api import Services
from eleanor_core.codec import from_json, to_json
from eleanor_core.model import Case, CriticResult, DetectorResult, JsonValue
from eleanor_core.pipeline.voice import Remake


@frozen
class WorkerCall:
    """One call as it travels: the pickled recipe (equal for all calls of a voice) and the case."""

    recipe: bytes = field(repr=False)
    case: Case

    @classmethod
    def of(cls, remake: Remake, case: Case) -> WorkerCall:
        """Pack a call. Raises PicklingError or AttributeError if the factory cannot travel."""
        return cls(pickle.dumps(remake), case)

    @staticmethod
    def result(reply: bytes) -> object:
        """Unpack a reply. Raises ValueError if it is no result."""
        data = json.loads(reply)
        if data["form"] == "critic":
            return from_json({**data["result"], "critic": data["name"]}, CriticResult)
        signals = [{**signal, "detector": data["name"]} for signal in data["result"]["signals"]]
        return from_json(
            {**data["result"], "detector": data["name"], "signals": signals}, DetectorResult
        )


def call_in_worker(work: WorkerCall) -> bytes:
    """Run one call here, in the worker; return the result as JSON. Raises what the voice raises."""
    result = _voice(work.recipe)(work.case)
    if isinstance(result, CriticResult):
        form, name = "critic", result.critic
    elif isinstance(result, DetectorResult):
        form, name = "detector", result.detector
    else:
        msg = f"returned {type(result).__name__}, not a result"
        raise TypeError(msg)
    wire = cast("dict[str, JsonValue]", to_json(result))
    body = {key: value for key, value in wire.items() if key not in ("status", "provenance")}
    return json.dumps({"form": form, "name": name, "result": body}).encode()


@lru_cache(maxsize=16)
def _voice(recipe: bytes) -> Callable[[Case], object]:
    remake: Remake = pickle.loads(recipe)  # noqa: S301 -- packed by the parent of this worker
    services = Services(
        data_dir=remake.data_dir,
        log=structlog.get_logger("eleanor.worker"),
        thresholds=remake.thresholds,
    )
    manager = cast(
        "AbstractAsyncContextManager[Callable[[Case], object]]",
        remake.factory(remake.settings, services),
    )
    # The portal's thread and loop live as long as the worker, so that what the factory made does.
    portal = start_blocking_portal().__enter__()
    return portal.wrap_async_context_manager(manager).__enter__()
