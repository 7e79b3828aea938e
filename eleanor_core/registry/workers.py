"""The workers of an isolated voice: started, asked, killed and replaced.

A worker that breaks the protocol, dies or passes its deadline is killed and replaced; one that
keeps failing is replaced ever more slowly, so that a plugin which dies on purpose costs the host a
process now and then and no more.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, cast

import anyio
import structlog
from anyio.abc import ByteSendStream, Process, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream
from attrs import asdict, field, frozen

from eleanor_core.api import PluginSettings, Services
from eleanor_core.isolation.frames import (
    HEAD,
    MAX_FRAME,
    MalformedError,
    VoiceRaisedError,
    frame,
    outcome,
    parsed,
)
from eleanor_core.isolation.process import command, environment
from eleanor_core.model import Case, JsonObject
from eleanor_core.registry.faults import Defect
from eleanor_core.registry.registry import Found, Stage
from eleanor_core.settings.isolation import Confinement

START_SECONDS: Final = 30.0
"""For one process to start, to import the plugin and to make the voice."""
STEADY: Final = 3
"""Workers that may be lost in a row before replacing one is put off."""
_GONE: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError)
SLOWEST: Final = 60.0
"""Seconds at most between two attempts to replace one."""

CHILD: Final = "eleanor_core.registry.child"


@frozen(kw_only=True)
class Recipe:
    """All that a worker needs to know. `first`: what it is told before it imports anything."""

    found: Found
    confinement: Confinement
    first: bytes = field(repr=False)


def length_of(head: bytes) -> int:
    """Return the length of a reply from its head. Raises MalformedError beyond the limit."""
    (length,) = HEAD.unpack(head)
    if length > MAX_FRAME:
        raise MalformedError(f"its reply is longer than {MAX_FRAME} bytes")
    return int(length)


def checked(reply: bytes) -> JsonObject:
    """Return the first word of a worker. Raises Defect if it says that the plugin is broken."""
    told = parsed(reply)
    if told.get("form") == "broken":
        words = {key: str(told.get(key, ""))[:2000] for key in ("error", "frame", "hint")}
        stage = cast("Stage", str(told.get("stage"))[:20])
        raise Defect(stage, words["error"], frame=words["frame"], hint=words["hint"])
    return told


@asynccontextmanager
async def open_isolated(
    recipe: Recipe, settings: PluginSettings, services: Services
) -> AsyncIterator[Callable[[Case], object]]:
    """Start the workers and yield the voice. The factory of every isolated declaration."""
    start = {
        "settings": settings.model_dump(mode="json", exclude_unset=True),
        "data_dir": str(services.data_dir),
        "thresholds": asdict(services.thresholds),
    }
    async with anyio.create_task_group() as group:
        voice = Isolated(recipe, frame(json.dumps(start).encode()), group)
        try:
            await voice.open()
            yield voice
        finally:
            with anyio.CancelScope(shield=True):
                await voice.close()
            group.cancel_scope.cancel()


class Isolated:
    """A voice that lives in workers: each serves one call at a time and keeps nothing of ours."""

    def __init__(self, recipe: Recipe, start: bytes, group: TaskGroup) -> None:
        self._recipe = recipe
        self._start = start
        self._group = group
        self._all: set[Worker] = set()
        self._send, self._idle = anyio.create_memory_object_stream[Worker](
            recipe.confinement.workers
        )
        self._lost = 0
        """In a row, since one of them answered."""
        self._running = 0
        self._log = structlog.get_logger("eleanor.isolation").bind(plugin=recipe.found.ref)

    async def open(self) -> None:
        """Start one worker, and the others in the background. Raises Defect."""
        await self._add()
        for _ in range(1, self._recipe.confinement.workers):
            self._group.start_soon(self._replace, 0.0)

    async def close(self) -> None:
        """End all workers."""
        for worker in tuple(self._all):
            await worker.end()
        self._send.close()
        self._idle.close()

    async def __call__(self, case: Case, /) -> object:
        """Judge in a worker. Raises VoiceRaisedError, and MalformedError for what is no result."""
        worker = await self._take()
        sound = False
        try:
            reply = await worker.ask(pickle.dumps(case))
            parsed(reply)
            sound = worker.quiet
        finally:
            await self._give_back(worker, sound=sound)
        self._lost = 0
        return outcome(reply)

    async def _take(self) -> Worker:
        while True:
            if not self._running and self._lost > STEADY:
                raise VoiceRaisedError(f"{self._lost} of its workers were lost in a row")
            worker = await self._idle.receive()
            if worker.alive:
                return worker
            # It died while nobody asked anything of it.
            await self._give_back(worker, sound=False)

    async def _give_back(self, worker: Worker, *, sound: bool) -> None:
        if sound and worker.spent() < self._recipe.confinement.cpu_seconds / 2:
            self._send.send_nowait(worker)
            return
        self._running -= 1
        if not sound:
            self._lost += 1
            self._log.warning("worker_lost", in_a_row=self._lost)
        with anyio.CancelScope(shield=True):
            self._all.discard(worker)
            await worker.end()
        delay = min(SLOWEST, 2.0 ** (self._lost - STEADY)) if self._lost > STEADY else 0.0
        self._group.start_soon(self._replace, delay)

    async def _replace(self, delay: float) -> None:
        while True:
            await anyio.sleep(delay)
            try:
                await self._add()
            except (Defect, MalformedError, VoiceRaisedError, OSError) as error:
                self._lost += 1
                delay = min(SLOWEST, 2.0**self._lost)
                self._log.warning("worker_not_replaced", reason=str(error), seconds=delay)
            else:
                return

    async def _add(self) -> None:
        worker = await Worker.start(self._recipe.first, self._start)
        self._all.add(worker)
        self._running += 1
        self._send.send_nowait(worker)


class Worker:
    """One process, and the pipe to it."""

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise TypeError("a process without pipes")
        self._process = process
        self._requests: ByteSendStream = process.stdin
        self._replies = BufferedByteReceiveStream(process.stdout)

    @classmethod
    async def start(cls, first: bytes, start: bytes) -> Worker:
        """Start a worker with its voice in it. Raises Defect."""
        # Shielded: a process whose start is cut off would be nobody's.
        with anyio.CancelScope(shield=True):
            worker = cls(
                await anyio.open_process(
                    command(CHILD),
                    stderr=subprocess.DEVNULL,
                    env=environment(),
                    start_new_session=True,
                )
            )
        try:
            with anyio.fail_after(START_SECONDS):
                checked(await worker.ask(first[HEAD.size :]))
                checked(await worker.ask(start[HEAD.size :]))
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await worker.end()
            if isinstance(error, TimeoutError):
                late = f"its worker did not start within {START_SECONDS:g} s"
                raise Defect("start", late) from error
            raise
        return worker

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    @property
    def quiet(self) -> bool:
        """Whether it has said no more than it was asked."""
        return not self._replies.buffer

    def spent(self) -> float:
        """Return its CPU time in seconds; 0 where the system does not tell."""
        try:
            # The clock of another process: clock_getcpuclockid(3).
            return time.clock_gettime((~self._process.pid << 3) | 2)
        except (OSError, AttributeError, OverflowError):
            return 0.0

    async def ask(self, request: bytes) -> bytes:
        """Send a request and return the reply. Raises VoiceRaisedError if the process ends."""
        try:
            await self._requests.send(frame(request))
            length = length_of(await self._replies.receive_exactly(HEAD.size))
            return await self._replies.receive_exactly(length)
        except (
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
            anyio.IncompleteRead,
        ) as error:
            raise VoiceRaisedError("its worker process ended in the call") from error

    async def end(self) -> None:
        """Kill the process and wait until it is gone."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._requests.aclose()
        await self._replies.aclose()
