"""Several worker processes behind one call, and what happens when one of them dies.

A chunk whose worker died is judged again line by line in a worker that does nothing else, so that
it is known which line was under way. A line that ends two more workers is at fault; all others get
their results.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from eleanor_cli.batching.judge import Judged, not_judged
from eleanor_cli.batching.log import Log
from eleanor_cli.batching.process import Terms, Work, Worker, WorkerDiedError
from eleanor_cli.lines import RawLine, parse
from eleanor_core.errors import EleanorError
from eleanor_core.evidence import seal

DEPTH: Final = 2
"""Chunks that a worker holds at once, so that it never waits for the next."""

WINDOW: Final = 8
"""Chunks per worker that are under way or wait for an earlier one: what bounds the memory."""

_TARGET_SECONDS: Final = 0.1
_FIRST_LINES: Final = 8
_MOST_LINES: Final = 512
_MOST_BYTES: Final = 1 << 18
_ALONE: Final = 2
_STARTS: Final = 3

_log = structlog.get_logger("eleanor.batch")


class Lane:
    """A place for one worker process at a time: started on first use, replaced when it died."""

    def __init__(self, terms: Terms, log: Log, tasks: TaskGroup) -> None:
        self._terms, self._log, self._tasks = terms, log, tasks
        self._starting = anyio.Lock()
        self._worker: Worker | None = None
        self._life = anyio.CancelScope()

    async def judge(self, lines: Sequence[RawLine]) -> Work:
        """Judge in this lane's worker. Raises WorkerDiedError if it ends meanwhile."""
        worker = await self._ready()
        return await worker.judge(lines)

    async def _ready(self) -> Worker:
        async with self._starting:
            for _ in range(_STARTS):
                if self._worker is None or self._worker.died:
                    self._worker = Worker(self._terms, self._log)
                    self._tasks.start_soon(self._live, self._worker)
                try:
                    await self._worker.ready()
                except WorkerDiedError as death:
                    reason = death
                else:
                    return self._worker
        raise EleanorError(
            f"a worker process {reason} before it could judge anything, {_STARTS} times in a row. "
            "--workers 1 judges in this process and shows why"
        )

    async def _live(self, worker: Worker) -> None:
        # Shielded: whoever cancels the run wants the records of what is under way. `stop` ends it.
        with anyio.CancelScope(shield=True) as self._life:
            await worker.run()

    def stop(self) -> None:
        """Ask the worker to end."""
        if self._worker is not None:
            self._worker.stop()

    async def gone(self) -> None:
        """Wait until the worker has ended, if there is one."""
        if self._worker is not None:
            await self._worker.gone.wait()

    def kill(self) -> None:
        """End the worker."""
        self._life.cancel()


class Pool:
    """Judges chunks of lines in `workers` processes. Made by `open_pool`."""

    def __init__(self, terms: Terms, log: Log, workers: int, tasks: TaskGroup) -> None:
        self._evidence = log
        self._limits = terms.limits
        self._lanes = [Lane(terms, log, tasks) for _ in range(workers)]
        self._ward = Lane(terms, log, tasks)
        self._one_suspect = anyio.Lock()
        self._give_back, self._free = anyio.create_memory_object_stream[Lane](DEPTH * workers)
        self._seconds_a_line = _TARGET_SECONDS / _FIRST_LINES
        for lane in self._lanes * DEPTH:
            self._give_back.send_nowait(lane)

    def chunks(self, lines: Iterator[RawLine]) -> Iterator[list[RawLine]]:
        """Yield chunks that should each take about 100 ms."""
        chunk: list[RawLine] = []
        size = 0
        for line in lines:
            chunk.append(line)
            size += len(line.data or b"")
            if len(chunk) >= self._lines_a_chunk or size >= _MOST_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    @property
    def _lines_a_chunk(self) -> int:
        return max(1, min(_MOST_LINES, round(_TARGET_SECONDS / self._seconds_a_line)))

    async def judge(self, chunk: Sequence[RawLine]) -> list[Judged]:
        """Return how each line ended, in order."""
        lane = await self._free.receive()
        try:
            work = await lane.judge(chunk)
        except WorkerDiedError as death:
            _log.warning("worker_died", how=str(death), lines=len(chunk))
        else:
            self._seconds_a_line += (work.seconds / len(chunk) - self._seconds_a_line) / 4
            return work.judged
        finally:
            self._give_back.send_nowait(lane)
        async with self._one_suspect:
            return [await self._suspect(line) for line in chunk]

    async def _suspect(self, line: RawLine) -> Judged:
        for _ in range(_ALONE):
            try:
                return (await self._ward.judge([line])).judged[0]
            except WorkerDiedError as death:
                how = str(death)
        message = (
            f"its worker process {how}, as did the one before: a plugin cannot stand this case"
        )
        return await self._lost(line, message)

    async def _lost(self, line: RawLine, message: str) -> Judged:
        """Record a case that no process lived to record, without its text: nobody scanned it."""
        data = line.data or b""
        record = seal(
            "abandoned",
            trace_id="",
            facts={"error": "worker_died", "bytes": len(data)},
            payload={"refusal": {"sha256": hashlib.sha256(data).hexdigest(), "reason": message}},
        )
        (answer,) = await self._evidence.append([record])
        if isinstance(answer, str):
            message += f"; nor could that be recorded: {answer}"
        return not_judged(parse(line, self._limits), "worker_died", message)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """All of them."""
        return (*self._lanes, self._ward)

    async def stop(self, seconds: float) -> None:
        """Let the workers record what is under way and end; kill those that take longer."""
        for lane in self._all:
            lane.stop()
        with anyio.move_on_after(seconds):
            for lane in self._all:
                await lane.gone()
        for lane in self._all:
            lane.kill()
        self._give_back.close()
        self._free.close()

    @property
    def _all(self) -> tuple[Lane, ...]:
        return (*self._lanes, self._ward)


@asynccontextmanager
async def open_pool(
    terms: Terms, log: Log, workers: int, *, stop_seconds: float
) -> AsyncIterator[Pool]:
    """Yield a pool. On the way out its workers get `stop_seconds` to record and end."""
    async with anyio.create_task_group() as lives:
        pool = Pool(terms, log, workers, lives)
        try:
            yield pool
        finally:
            with anyio.CancelScope(shield=True):
                await pool.stop(stop_seconds)
