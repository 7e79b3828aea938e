"""Workers on a Ray cluster: the same worker process, reached through an actor on its node.

Ray places the actors and carries bytes; all else is as on one machine. The parent keeps the order,
the evidence and the job, and a worker whose actor or node dies has died as any other. So each node
needs the same installation, and the same home for what plugins keep there, such as precedents.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, cast

import anyio
import ray
import ray.exceptions
from anyio import to_thread
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

_READ_BYTES: Final = 1 << 20
_STORE_BYTES: Final = 256 << 20
"""Of shared memory, where Ray is started here: what is under way is far less."""
_AT_ONCE: Final = 4
"""Calls that an actor takes at once: one writes, one reads, one waits for the end."""


class Relay:
    """What an actor does on its node: it holds the worker process and passes bytes on."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment, **os.environ},
        )

    def write(self, data: bytes) -> None:
        """Pass bytes to the worker."""
        stream = self._process.stdin
        assert stream is not None  # noqa: S101 -- it was asked for
        stream.write(data)
        stream.flush()

    def read(self) -> bytes:
        """Return what the worker has said, as soon as it says anything; nothing at its end."""
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 -- it was asked for
        return os.read(stream.fileno(), _READ_BYTES)

    def wait(self) -> int:
        """Return the worker's exit code once it has ended."""
        return self._process.wait()


class _Call(Protocol):
    def remote(self, *arguments: object) -> object: ...


class _Actor(Protocol):
    write: _Call
    read: _Call
    wait: _Call


class RemoteProcess(Process, ByteSendStream, ByteReceiveStream):
    """A worker behind an actor, with the shape of a process here."""

    def __init__(self, actor: _Actor) -> None:
        self._actor = actor
        self._lost = ray.exceptions.RayActorError
        self._code: int | None = None

    async def _ask(self, call: _Call, *arguments: object) -> object:
        get = partial(ray.get, call.remote(*arguments))
        return await to_thread.run_sync(get, abandon_on_cancel=True)

    async def send(self, item: bytes) -> None:
        """Pass bytes to the worker."""
        try:
            await self._ask(self._actor.write, item)
        except (self._lost, OSError) as error:
            raise anyio.BrokenResourceError from error

    async def receive(self, max_bytes: int = _READ_BYTES) -> bytes:  # noqa: ARG002 -- see below
        """Return what the worker says next. It may be more than asked for: a buffer takes it."""
        try:
            said = cast("bytes", await self._ask(self._actor.read))
        except self._lost:
            said = b""
        if not said:
            raise anyio.EndOfStream
        return said

    async def send_eof(self) -> None:
        """Do nothing: a worker is told to stop by a frame."""

    async def wait(self) -> int:
        """Return how the worker ended; as if killed where its actor is gone."""
        if self._code is None:
            try:
                self._code = cast("int", await self._ask(self._actor.wait))
            except self._lost:
                self._code = -signal.SIGKILL
        return self._code

    def kill(self) -> None:
        """End the actor, and with it the worker, which does not outlive it."""
        ray.kill(self._actor)

    def terminate(self) -> None:
        """As `kill`: signals do not cross nodes."""
        self.kill()

    def send_signal(self, signal: signal.Signals) -> None:  # noqa: ARG002 -- as it says
        """As `kill`: signals do not cross nodes."""
        self.kill()

    async def aclose(self) -> None:
        """End it."""
        self.kill()

    @property
    def pid(self) -> int:
        """It has none here."""
        return 0

    @property
    def returncode(self) -> int | None:
        """How it ended, None while it has not."""
        return self._code

    @property
    def stdin(self) -> ByteSendStream:
        """Where bytes for the worker go."""
        return self

    @property
    def stdout(self) -> ByteReceiveStream:
        """Where the worker's bytes come from."""
        return self

    @property
    def stderr(self) -> None:
        """Ray shows what the worker prints."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is connected. `cpus`: how many it has."""

    cpus: int

    async def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
        """Start a worker on the node that has the fewest."""
        # No CPU is claimed: the worker that judges suspects must start beside all others.
        placed = ray.remote(
            num_cpus=0, max_restarts=0, max_concurrency=_AT_ONCE, scheduling_strategy="SPREAD"
        )(Relay)
        return RemoteProcess(cast("_Actor", placed.remote(list(arguments), dict(environment))))


@asynccontextmanager
async def open_cluster() -> AsyncIterator[Cluster]:
    """Connect to the cluster that RAY_ADDRESS names, or start one on this machine."""
    # In a thread, where Ray leaves the signals of the program alone; and in one that stays, for
    # what Ray starts here is killed with the thread that started it (PR_SET_PDEATHSIG), and anyio's
    # end when they have been idle for some seconds.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ray") as resident:
        await to_thread.run_sync(lambda: resident.submit(_connect).result())
        try:
            yield Cluster(cpus=max(1, int(ray.cluster_resources().get("CPU", 1))))
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(lambda: resident.submit(ray.shutdown).result())


def _connect() -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if os.environ.get("RAY_ADDRESS"):
        ray.init(logging_level=logging.ERROR)
    else:
        ray.init(
            include_dashboard=False, logging_level=logging.ERROR, object_store_memory=_STORE_BYTES
        )
