"""The evidence sink of a worker process: it hands each record to the process that owns the log.

An ordinary plugin, given to the engine as an object: a log has one writer, and that is the parent.
`append` returns once the parent says that the log made the record durable. Records that are ready
at about the same time travel together, so that one write and one sync serve all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

import anyio

from eleanor_core.api import (
    EvidenceDeclaration,
    EvidenceSink,
    EvidenceUnavailable,
    PluginSettings,
    Receipt,
    SealedRecord,
    Services,
    StoredRecord,
    hookimpl,
)

NAME: Final = "handover"
_TOGETHER: Final = 8
_LINGER_SECONDS: Final = 0.02
_ELSEWHERE: Final = "this process only writes records; the log is read in the process that owns it"


class _Wait:
    def __init__(self) -> None:
        self.done = anyio.Event()
        self.answer: Receipt | str = ""


class Handover:
    """Sends records with `send`, and waits for what `answered` is told.

    `at_work` returns how many cases are under way: when all of them wait for the log, nothing
    more can come that would be worth waiting for.
    """

    def __init__(
        self, send: Callable[[Sequence[SealedRecord]], None], at_work: Callable[[], int]
    ) -> None:
        self._send = send
        self._at_work = at_work
        self._waits: dict[str, _Wait] = {}
        self._gathered: list[SealedRecord] = []
        self._some = anyio.Event()
        self._enough = anyio.Event()

    @hookimpl
    def eleanor_register_evidence(self) -> Iterable[EvidenceDeclaration]:
        """Declare this very object as the sink."""
        return [EvidenceDeclaration(name=NAME, factory=self._open)]

    def _open(
        self, _settings: PluginSettings, _services: Services
    ) -> AbstractAsyncContextManager[EvidenceSink]:
        return nullcontext(self)

    async def append(self, record: SealedRecord, /) -> Receipt:
        """Return once the log has it. Raises EvidenceUnavailable with what the log said."""
        wait = self._waits[record.record_id] = _Wait()
        self._gathered.append(record)
        self._some.set()
        if len(self._gathered) >= _TOGETHER or len(self._waits) >= self._at_work():
            self._enough.set()
        try:
            await wait.done.wait()
        finally:
            del self._waits[record.record_id]
        if isinstance(wait.answer, str):
            raise EvidenceUnavailable(wait.answer)
        return wait.answer

    def answered(self, record_id: str, answer: Receipt | str) -> None:
        """Take the log's receipt, or its reason for having none."""
        wait = self._waits.get(record_id)
        if wait is not None:
            wait.answer = answer
            wait.done.set()

    async def hand_over(self) -> None:
        """Send what gathers, until cancelled."""
        while True:
            await self._some.wait()
            with anyio.move_on_after(_LINGER_SECONDS):
                await self._enough.wait()
            records, self._gathered = self._gathered, []
            self._some, self._enough = anyio.Event(), anyio.Event()
            self._send(records)

    async def get(self, _record_id: str, /) -> StoredRecord | None:
        """Refuse."""
        raise EvidenceUnavailable(_ELSEWHERE)

    def read(self, _start: int = 0, /) -> AsyncIterator[StoredRecord]:
        """Refuse."""
        raise EvidenceUnavailable(_ELSEWHERE)

    async def count(self) -> int:
        """Refuse."""
        raise EvidenceUnavailable(_ELSEWHERE)
