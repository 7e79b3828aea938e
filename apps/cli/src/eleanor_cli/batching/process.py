"""One worker process as the parent sees it: started, talked to, watched, and brought to an end."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar, cast

import anyio
from anyio.abc import Process, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

from eleanor_cli.batching.frames import PREFIX, Frame, decode, encode
from eleanor_cli.batching.judge import Judged
from eleanor_cli.batching.log import Log
from eleanor_cli.lines import RawLine
from eleanor_core.api import JsonLimits
from eleanor_core.errors import EleanorError
from eleanor_core.model import JsonValue, SealedRecord

Result = TypeVar("Result")
_TICK_SECONDS: Final = 0.5
_END_SECONDS: Final = 2.0
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_ARGUMENTS: Final = ("-m", "eleanor_cli.batching.worker")

Start: TypeAlias = Callable[[Sequence[str], Mapping[str, str]], Awaitable[Process]]
"""Starts Python with these arguments, and these variables where there are no such ones yet."""


async def start_here(arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
    """Start a worker process on this machine."""
    command = (sys.executable, *arguments)
    return await anyio.open_process(command, stderr=None, env={**environment, **os.environ})


class WorkerDiedError(Exception):
    """A worker process ended, or was ended, with work under way. Says how."""


class WorkerFailedError(EleanorError):
    """What a worker process says of why it cannot go on, in its own words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What every worker of a run is told, and held to.

    `plugins`: what it must have loaded, by ref, evidence aside. `silence`: seconds without a sign
    of life, with work under way, from which it counts as hung. `limits`: of one line. `start`: how
    it is started, here or elsewhere.
    """

    hello: Mapping[str, JsonValue]
    plugins: Mapping[str, str]
    silence: float
    limits: JsonLimits
    start: Start = start_here


class _Slot(Generic[Result]):
    """What somebody waits for."""

    def __init__(self) -> None:
        self._done = anyio.Event()
        self._result: Result | Exception

    def fill(self, result: Result | Exception) -> None:
        if not self._done.is_set():
            self._result = result
            self._done.set()

    async def take(self) -> Result:
        await self._done.wait()
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


@dataclass(frozen=True, slots=True)
class Work:
    """A finished chunk: its lines, and the seconds from the first one's start to the end."""

    judged: list[Judged]
    seconds: float


class Worker:
    """A worker process. `run` is its life; `judge` may be called by several tasks at once."""

    def __init__(self, terms: Terms, log: Log) -> None:
        self._terms = terms
        self._log = log
        self._ready = _Slot[None]()
        self._under_way: dict[int, _Slot[Work]] = {}
        self._next = 0
        self._silence = 0.0
        self._hung = False
        self._end: Exception | None = None
        self.gone = anyio.Event()
        self._send, self._to_send = anyio.create_memory_object_stream[bytes](math.inf)

    @property
    def died(self) -> bool:
        """Whether another one should take its place. One that failed would fail again."""
        return isinstance(self._end, WorkerDiedError)

    async def ready(self) -> None:
        """Wait until it can judge. Raises WorkerDiedError or WorkerFailedError if it never will."""
        await self._ready.take()

    async def judge(self, lines: Sequence[RawLine]) -> Work:
        """Judge some lines. Raises WorkerDiedError if it ends before, WorkerFailedError as said."""
        if self._end is not None:
            raise self._end
        if not self._under_way:
            self._silence = 0.0
        number, self._next = self._next, self._next + 1
        slot = self._under_way[number] = _Slot[Work]()
        head: dict[str, JsonValue] = {
            "chunk": number,
            "lines": [line.number for line in lines],
        }
        self._send.send_nowait(encode("chunk", head, [line.data or b"" for line in lines]))
        try:
            return await slot.take()
        finally:
            del self._under_way[number]

    def stop(self) -> None:
        """Have it end what is under way, with a record of each case, and go."""
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._send.send_nowait(encode("stop", {}))

    # -- its life ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live until the process has ended; cancelling ends it at once."""
        end: Exception = WorkerDiedError("was ended")
        try:
            async with await self._start() as process:
                try:
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(self._write, process)
                        tasks.start_soon(self._watch, process)
                        failure = await self._read(process, tasks)
                        # It is ending by itself, and how it does is worth knowing.
                        with anyio.move_on_after(_END_SECONDS):
                            await process.wait()
                        tasks.cancel_scope.cancel()
                finally:
                    with suppress(ProcessLookupError):
                        process.kill()
            end = failure or WorkerDiedError(self._how(process))
        finally:
            self._end = end
            self._ready.fill(end)
            for slot in self._under_way.values():
                slot.fill(end)
            self._send.close()
            self._to_send.close()
            self.gone.set()

    async def _start(self) -> Process:
        # N workers on N cores leave none over for the threads of a maths library.
        return await self._terms.start(_ARGUMENTS, dict.fromkeys(_ONE_THREAD, "1"))

    async def _write(self, process: Process) -> None:
        stream = process.stdin
        assert stream is not None  # noqa: S101 -- it was asked for
        # A process that is gone is noticed where it is read.
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await stream.send(encode("hello", self._terms.hello))
            async for frame in self._to_send:
                await stream.send(frame)

    async def _watch(self, process: Process) -> None:
        """Kill a worker that is silent for too long."""
        # Ticks are counted, and not the clock: a machine that slept could not hear anything.
        while self._silence <= self._terms.silence:
            await anyio.sleep(_TICK_SECONDS)
            if self._under_way:
                self._silence += _TICK_SECONDS
        self._hung = True
        with suppress(ProcessLookupError):
            process.kill()

    async def _read(self, process: Process, tasks: TaskGroup) -> Exception | None:
        """Take what it says until it ends. Return why it says that it cannot go on, if it does."""
        assert process.stdout is not None  # noqa: S101 -- it was asked for
        stream = BufferedByteReceiveStream(process.stdout)
        failure: Exception | None = None
        with suppress(anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
            while failure is None:
                sizes = PREFIX.unpack(await stream.receive_exactly(PREFIX.size))
                head, body = [await stream.receive_exactly(size) if size else b"" for size in sizes]
                self._silence = 0.0
                failure = self._take(decode(head, body), tasks)
        return failure

    def _take(self, frame: Frame, tasks: TaskGroup) -> Exception | None:
        match frame.form:
            case "records":
                tasks.start_soon(self._record, frame)
            case "judged":
                self._judged(frame)
            case "ready" if frame.head["plugins"] == self._terms.plugins:
                self._ready.fill(None)
            case "ready":
                return WorkerFailedError(
                    "plugins_changed",
                    "the installed plugins changed while the batch ran, so its results would be "
                    "of two kinds. Install the former ones again and give --resume, or --force",
                )
            case "failed":
                return WorkerFailedError(str(frame.head["code"]), str(frame.head["message"]))
        return None

    def _judged(self, frame: Frame) -> None:
        verdicts = cast("list[str]", frame.head["verdicts"])
        slot = self._under_way.get(cast("int", frame.head["chunk"]))
        if slot is not None:
            judged = [*map(Judged, verdicts, frame.blobs)]
            slot.fill(Work(judged, cast("float", frame.head["seconds"])))

    async def _record(self, frame: Frame) -> None:
        names = cast("list[tuple[str, str]]", frame.head["records"])
        records = [
            SealedRecord(record_id=record_id, leaf_hash=leaf_hash, leaf=leaf, payload=payload)
            for (record_id, leaf_hash), leaf, payload in zip(
                names, frame.blobs[::2], frame.blobs[1::2], strict=True
            )
        ]
        said = await self._log.append(records)
        answers: JsonValue = [[*name, answer] for name, answer in zip(names, said, strict=True)]
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._send.send_nowait(encode("recorded", {"answers": answers}))

    def _how(self, process: Process) -> str:
        code = process.returncode or 0
        if self._hung:
            return f"gave no sign of life for {self._terms.silence:g} s and was killed"
        if code < 0:
            names = {number.value: number.name for number in signal.Signals}
            return f"was ended by {names.get(-code, f'signal {-code}')}"
        return f"ended with exit code {code}"
