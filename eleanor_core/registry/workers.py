"""The workers of an isolated voice: started, asked, killed and replaced.

A worker that breaks the protocol, dies or passes its deadline is killed and replaced; one that
keeps failing is replaced ever more slowly, so that a plugin which dies on purpose costs the host a
process now and then and no more.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, cast

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from attrs import asdict, field, frozen

from eleanor_core._log import Logger
from eleanor_core.api import PluginSettings, Services
from eleanor_core.isolation.frames import (
    HEAD,
    TAG_BYTES,
    MalformedError,
    VoiceRaisedError,
    frame,
    length_of,
    outcome,
    parsed,
)
from eleanor_core.isolation.process import command, environment
from eleanor_core.model import Case, JsonObject
from eleanor_core.registry.faults import Defect
from eleanor_core.registry.registry import Found, Stage
from eleanor_core.settings.isolation import Confinement

_log = Logger("eleanor.isolation")

START_SECONDS: Final = 30.0
"""For one process to start, to import the plugin and to make the voice."""
STEADY: Final = 3
"""Workers that may be lost in a row before replacing one is put off."""
_CHUNK: Final = 1 << 16
SLOWEST: Final = 60.0
"""Seconds at most between two attempts to replace one."""

CHILD: Final = "eleanor_core.registry.child"


@frozen(kw_only=True)
class Recipe:
    """All that a worker needs to know. `first`: what it is told before it imports anything."""

    found: Found
    confinement: Confinement
    first: bytes = field(repr=False)


def spawn() -> subprocess.Popen[bytes]:
    """Start a process that becomes a worker, in a session of its own: it gets no Ctrl-C."""
    return subprocess.Popen(  # noqa: S603 -- this interpreter, with code of ours
        command(CHILD),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=environment(),
        start_new_session=True,
    )


def pipes(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Return where a worker reads and where it writes."""
    if process.stdin is None or process.stdout is None:
        raise TypeError("a process without pipes")
    return process.stdin.fileno(), process.stdout.fileno()


def readable(descriptor: int, seconds: float) -> bool:
    """Wait so long at most for something to read, or for the end."""
    # Not select(2), which knows no descriptor above 1023.
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


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
    voice = Isolated(recipe, json.dumps(start).encode())
    try:
        async with anyio.create_task_group() as group:
            try:
                await voice.open(group)
                yield voice
            finally:
                group.cancel_scope.cancel()
    finally:
        # Nobody starts one any more: the group, which replaces them, is gone.
        with anyio.CancelScope(shield=True):
            await voice.close()


class Isolated:
    """A voice that lives in workers: each serves one call at a time and keeps nothing of ours."""

    def __init__(self, recipe: Recipe, start: bytes) -> None:
        self._recipe = recipe
        self._start = start
        self._group: TaskGroup | None = None
        self._all: set[Worker] = set()
        self._send, self._idle = anyio.create_memory_object_stream[Worker](
            recipe.confinement.workers
        )
        self._lost = 0
        """In a row, since one of them answered."""
        self._running = 0

    async def open(self, group: TaskGroup) -> None:
        """Start one worker, and the others in the background. Raises Defect."""
        self._group = group
        await self._add()
        for _ in range(1, self._recipe.confinement.workers):
            group.start_soon(self._replace)

    async def close(self) -> None:
        """End all workers."""
        while self._all:
            await self._all.pop().end()
        self._send.close()
        self._idle.close()

    async def __call__(self, case: Case, /) -> object:
        """Judge in a worker. Raises VoiceRaisedError, and MalformedError for what is no result."""
        worker = await self._take()
        sound = False
        try:
            reply = await worker.ask(pickle.dumps(case))
            parsed(reply)
            sound = True
        finally:
            await self._give_back(worker, sound=sound)
        self._lost = 0
        return outcome(reply)

    async def _take(self) -> Worker:
        while True:
            if not self._running and self._lost > STEADY:
                raise VoiceRaisedError(f"{self._lost} of its workers were lost in a row")
            worker = await self._idle.receive()
            if worker.fit:
                return worker
            # It died, or wrote into the pipe, while nobody asked anything of it.
            await self._give_back(worker, sound=False)

    async def _give_back(self, worker: Worker, *, sound: bool) -> None:
        if sound and worker.spent() < self._recipe.confinement.cpu_seconds / 2:
            self._send.send_nowait(worker)
            return
        self._running -= 1
        if not sound:
            self._lost += 1
            self._warn("worker_lost")
        with anyio.CancelScope(shield=True):
            self._all.discard(worker)
            await worker.end()
        if self._group is not None:
            self._group.start_soon(self._replace)

    async def _replace(self) -> None:
        while True:
            await anyio.sleep(self._delay())
            try:
                await self._add()
            except (Defect, MalformedError, VoiceRaisedError, OSError) as error:
                self._lost += 1
                self._warn("worker_not_replaced", reason=str(error))
            else:
                return

    def _delay(self) -> float:
        """Return how many seconds the next start is put off: 2, 4, 8, ... once too many failed."""
        over = self._lost - STEADY
        return min(SLOWEST, 2.0 ** min(over, 10)) if over > 0 else 0.0

    def _warn(self, event: str, **fields: str) -> None:
        _log.warning(event, plugin=self._recipe.found.ref, **fields, in_a_row=self._lost)

    async def _add(self) -> None:
        worker = await Worker.start(self._recipe.first, self._start)
        self._all.add(worker)
        self._running += 1
        self._send.send_nowait(worker)


class Worker:
    """One process, and the pipe to it."""

    def __init__(self) -> None:
        self._process = spawn()
        self._requests, self._replies = pipes(self._process)
        for descriptor in (self._requests, self._replies):
            os.set_blocking(descriptor, False)

    @classmethod
    async def start(cls, first: bytes, start: bytes) -> Worker:
        """Start a worker with its voice in it. Raises Defect."""
        worker = cls()
        try:
            with anyio.fail_after(START_SECONDS):
                checked(await worker.ask(first))
                checked(await worker.ask(start))
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await worker.end()
            if isinstance(error, TimeoutError):
                late = f"its worker did not start within {START_SECONDS:g} s"
                raise Defect("start", late) from error
            raise
        return worker

    @property
    def fit(self) -> bool:
        """Whether it lives and has said nothing that nobody asked for."""
        return self._process.poll() is None and not readable(self._replies, 0.0)

    def spent(self) -> float:
        """Return its CPU time in seconds; 0 where the system does not tell."""
        try:
            # The clock of another process: clock_getcpuclockid(3).
            return time.clock_gettime((~self._process.pid << 3) | 2)
        except (OSError, AttributeError, OverflowError):
            return 0.0

    async def ask(self, request: bytes) -> bytes:
        """Return the answer. Raises VoiceRaisedError if the process ends, and MalformedError."""
        tag = os.urandom(TAG_BYTES)
        try:
            await self._send(frame(request, tag))
            length = length_of(await self._receive(HEAD.size), tag)
            return await self._receive(length)
        except (OSError, anyio.ClosedResourceError) as error:
            raise VoiceRaisedError("its worker process ended in the call") from error

    async def end(self) -> None:
        """Kill the process and wait until it is gone."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                anyio.notify_closing(stream)
                stream.close()
        await anyio.to_thread.run_sync(self._process.wait)

    async def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            await anyio.wait_writable(self._requests)
            with suppress(BlockingIOError):
                rest = rest[os.write(self._requests, rest[:_CHUNK]) :]

    async def _receive(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            await anyio.wait_readable(self._replies)
            with suppress(BlockingIOError):
                part = os.read(self._replies, min(size, _CHUNK))
                if not part:
                    raise BrokenPipeError
                parts.append(part)
                size -= len(part)
        return b"".join(parts)
