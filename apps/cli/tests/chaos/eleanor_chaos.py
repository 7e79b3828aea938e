"""A plugin for the tests of batch: a detector that ends or blocks its process, a log that lasts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

from eleanor_core.api import (
    Case,
    DetectorDeclaration,
    DetectorResult,
    EvidenceDeclaration,
    PluginSettings,
    Receipt,
    SealedRecord,
    Services,
    StoredRecord,
    hookimpl,
)


def testify(case: Case, /) -> DetectorResult:
    """Do to the process what the text says, and leave a mark; `poison once` heeds it next time."""
    mark = Path(os.environ["CHAOS_MARK"])
    if "poison always" in case.text:
        os._exit(3)
    if "poison once" in case.text and not mark.exists():
        mark.touch()
        os._exit(4)
    if "block always" in case.text:
        mark.touch()
        time.sleep(3600)
    if "a moment" in case.text:
        time.sleep(0.01)
    return DetectorResult(detector="chaos", score=0.0)


class Lines:
    """A log whose records are lines, each written in one piece."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._count = file.read_bytes().count(b"\n")

    async def append(self, record: SealedRecord, /) -> Receipt:
        line = {
            "record_id": record.record_id,
            "leaf_hash": record.leaf_hash,
            "leaf": json.loads(record.leaf),
            "writer": os.getpid(),
        }
        os.write(self._log, json.dumps(line).encode() + b"\n")
        self._count += 1
        return Receipt(
            index=self._count - 1, record_id=record.record_id, leaf_hash=record.leaf_hash
        )

    async def get(self, record_id: str, /) -> StoredRecord | None:
        return None

    async def read(self, start: int = 0, /) -> AsyncIterator[StoredRecord]:
        for record in ():
            yield record

    async def count(self) -> int:
        return self._count


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector."""

    def make(_: PluginSettings, __: Services) -> AbstractAsyncContextManager[object]:
        if os.environ.get("CHAOS_START"):
            os._exit(5)
        return nullcontext(testify)

    return [DetectorDeclaration(name="chaos", factory=make, execution="inline")]


@hookimpl
def eleanor_register_evidence() -> Iterable[EvidenceDeclaration]:
    """Declare the log."""

    def make(_: PluginSettings, services: Services) -> AbstractAsyncContextManager[Lines]:
        return nullcontext(Lines(services.data_dir / "log.jsonl"))

    return [EvidenceDeclaration(name="lines", factory=make)]
