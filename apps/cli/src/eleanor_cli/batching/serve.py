"""What a worker process does: an engine of its own, and the lines that the parent sends it."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO, Final, cast

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio.abc import TaskGroup

from eleanor_cli import crash, logs
from eleanor_cli.batching.frames import Frame, encode, read_frame
from eleanor_cli.batching.handover import NAME, Handover
from eleanor_cli.batching.job import plugins_of
from eleanor_cli.batching.judge import Judged, judge
from eleanor_cli.escape import masking
from eleanor_cli.faults import cause, describe
from eleanor_cli.lines import RawLine
from eleanor_core import Redaction
from eleanor_core.engine import EleanorEngine
from eleanor_core.model import JsonValue, Receipt, SealedRecord
from eleanor_core.settings import LoadedSettings, Settings

PLACES: Final = 16
"""Cases judged at once in each worker: two workers weigh on the one log as one process does."""


def serve(hello: Frame, source: BinaryIO, sink: BinaryIO) -> None:
    """Judge what comes from `source` until told to stop; `hello` holds the settings."""
    anyio.run(_serve, hello, source, sink)


async def _serve(hello: Frame, source: BinaryIO, sink: BinaryIO) -> None:
    await _Server(hello, source, sink).run()


class _Server:
    def __init__(self, hello: Frame, source: BinaryIO, sink: BinaryIO) -> None:
        self._loaded = LoadedSettings(
            Settings.model_validate(hello.head["settings"]),
            cast("dict[str, str]", hello.head["origins"]),
        )
        self._redaction = Redaction.of(self._loaded)
        self._source, self._sink = source, sink
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self._at_work = 0
        self._handover = Handover(self._send_records, lambda: self._at_work)
        self._places = anyio.Semaphore(PLACES)
        self._life = anyio.CancelScope()
        self._ready = False
        self._chunks: TaskGroup

    async def run(self) -> None:
        """Tell the parent `ready`, judge, and tell it why if this cannot go on."""
        logs.configure(self._loaded.settings, self._redaction)
        masking.set(self._redaction)
        crash.install(self._redaction)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen)
                tasks.start_soon(self._handover.hand_over)
                with self._life:
                    await self._live()
                tasks.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001 -- the parent reports it
            code, message = describe(cause(error))
            self._send("failed", {"code": code, "message": message})

    async def _live(self) -> None:
        async with EleanorEngine(
            self._loaded, plugins=[self._handover], redaction=self._redaction
        ) as engine:
            self._engine = engine
            plugins = plugins_of(engine.registry)
            del plugins[f"evidence/{NAME}"]
            async with anyio.create_task_group() as self._chunks:
                self._ready = True
                self._send("ready", {"plugins": cast("JsonValue", plugins)})
                await anyio.sleep_forever()

    # -- from the parent --------------------------------------------------------------------------

    def _read(self) -> None:
        """Read in a thread that waits for nothing else: no plugin can outlive the parent.

        A plugin that blocks the loop would hold up whoever hands the frames over to it.
        """
        while (frame := read_frame(self._source)) is not None:
            self._frames.put(frame)
        os._exit(1)

    async def _listen(self) -> None:
        threading.Thread(target=self._read, name="eleanor-batch-parent", daemon=True).start()
        await anyio.to_thread.run_sync(self._deliver, abandon_on_cancel=True)

    def _deliver(self) -> None:
        # It fails once the loop has ended, and nobody needs the frames then.
        with suppress(RuntimeError):
            while True:
                anyio.from_thread.run_sync(self._take, self._frames.get())

    def _take(self, frame: Frame) -> None:
        match frame.form:
            case "chunk":
                self._chunks.start_soon(self._chunk, frame)
            case "recorded":
                self._recorded(frame)
            case "stop" if not self._ready:
                # Nothing is under way, so there is nothing to record and nobody to wait for.
                os._exit(0)
            case "stop":
                self._life.cancel()

    def _recorded(self, frame: Frame) -> None:
        answers = cast("list[tuple[str, str, int | str]]", frame.head["answers"])
        for record_id, leaf_hash, said in answers:
            self._handover.answered(
                record_id,
                said
                if isinstance(said, str)
                else Receipt(index=said, record_id=record_id, leaf_hash=leaf_hash),
            )

    async def _chunk(self, frame: Frame) -> None:
        numbers = cast("list[int]", frame.head["lines"])
        judged: dict[int, Judged] = {}
        started: list[float] = []

        async def work(raw: RawLine) -> None:
            async with self._places:
                started.append(time.perf_counter())
                self._at_work += 1
                try:
                    judged[raw.number] = await judge(self._engine, raw)
                finally:
                    self._at_work -= 1

        async with anyio.create_task_group() as cases:
            for number, data in zip(numbers, frame.blobs, strict=True):
                # An empty blob is a line that was too long to be kept: no other line is empty.
                cases.start_soon(work, RawLine(number, data or None))
        self._send(
            "judged",
            {
                "chunk": frame.head["chunk"],
                "verdicts": [judged[number].verdict for number in numbers],
                "seconds": time.perf_counter() - started[0],
            },
            [judged[number].data for number in numbers],
        )

    # -- to the parent ----------------------------------------------------------------------------

    def _send_records(self, records: Sequence[SealedRecord]) -> None:
        self._send(
            "records",
            {"records": [[record.record_id, record.leaf_hash] for record in records]},
            # None is for what was erased, and this is a judgement just made.
            [part for record in records for part in (record.leaf, record.payload or b"")],
        )

    def _send(self, form: str, head: dict[str, JsonValue], blobs: Sequence[bytes] = ()) -> None:
        # It blocks while the pipe is full; the parent reads all the time.
        self._sink.write(encode(form, head, blobs))
        self._sink.flush()
