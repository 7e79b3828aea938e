"""The one writer of the evidence: it makes durable what the worker processes hand over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio

from eleanor_core import Redaction, open_fan_out
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.evidence import FanOut
from eleanor_core.model import SealedRecord
from eleanor_core.settings import Settings


class Log:
    """Every sink that the settings ask for, behind one call."""

    def __init__(self, sinks: FanOut, redaction: Redaction) -> None:
        self._sinks = sinks
        self._redaction = redaction

    async def append(self, records: Sequence[SealedRecord]) -> list[int | str]:
        """Append all at once; return each one's position, or why it was not recorded."""
        answers: list[int | str] = [""] * len(records)

        async def one(place: int, record: SealedRecord) -> None:
            try:
                answers[place] = (await self._sinks.append(record)).index
            except EvidenceUnavailable as error:
                answers[place] = self._redaction.text(str(error))

        async with anyio.create_task_group() as tasks:
            for place, record in enumerate(records):
                tasks.start_soon(one, place, record)
        return answers


@asynccontextmanager
async def open_log(settings: Settings, redaction: Redaction) -> AsyncIterator[Log]:
    """Open the log. Raises EvidenceUnavailable unless every sink runs that must record."""
    async with open_fan_out(settings, redaction=redaction) as evidence:
        yield Log(evidence, redaction)
