"""A log that follows another: it gets its records, in their order, however long it was away.

Where it stands is asked of that log itself and remembered nowhere else. It holds the first records
of the primary, each in the place that it has there; so its count is the cursor, which no crash can
lose or set wrong, and which all processes of a home share.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import anyio
from attrs import evolve

from eleanor_core._log import Logger
from eleanor_core.api.protocols import EvidenceReplica, EvidenceSink
from eleanor_core.errors import EleanorError, EvidenceDiffers, EvidenceUnavailable, describe
from eleanor_core.model.evidence import Lag, SealedRecord, StoredRecord

_POLL: Final = 1.0
"""Seconds after which a follower looks by itself: other processes append, too."""
_SHORTEST: Final = 0.1
_LONGEST: Final = 15.0
"""Seconds of the first and of the longest pause after a failure."""
_STEP: Final = 10.0
"""Seconds that a log may take over one question or one batch."""
_BATCH: Final = 256
_BATCH_BYTES: Final = 4 << 20
_log = Logger("eleanor.evidence")


class Follower:
    """One log that follows the primary.

    `held`: how many records it is known to hold. `why`: what its last attempt failed with, "" if it
    did not. `stopped`: nothing is written to it any more, and `why` says what is wrong with it.
    """

    def __init__(
        self, name: str, primary: EvidenceSink, sink: EvidenceSink, mask: Callable[[str], str]
    ) -> None:
        """Take both logs, and what hides secrets in what they raise."""
        self.name = name
        self.primary = primary
        self.sink = sink
        self.held = 0
        self.why = ""
        self.stopped = False
        self._mask = mask
        self._checked = False
        self._attempt = self._failed = self._caught_up = 0
        self._woken = anyio.Event()
        self._told = anyio.Event()

    def wake(self) -> None:
        """Let it look for new records, unless it pauses after a failure."""
        if not self.why:
            self._woken.set()

    def lose(self, why: str) -> None:
        """Write nothing to it any more."""
        self.stopped = True
        self._fail(EvidenceUnavailable(why))
        self._woken.set()

    async def reached(self, count: int) -> None:
        """Wait until it holds `count` records. Raises EvidenceUnavailable once an attempt fails."""
        before = self._hurry()
        while self.held < count:
            if self.stopped or self._failed > before:
                raise EvidenceUnavailable(f"evidence sink {self.name!r} did not record: {self.why}")
            await self._told.wait()

    async def drained(self) -> None:
        """Wait until it has caught up, or an attempt to do so has failed."""
        before = self._hurry()
        while not self.stopped and max(self._caught_up, self._failed) <= before:
            await self._told.wait()

    async def follow(self) -> None:
        """Copy what is new, until the two logs contradict each other."""
        pause = _SHORTEST
        while not self.stopped:
            # Made before it looks: what is appended meanwhile is not slept through.
            self._woken = anyio.Event()
            self._attempt += 1
            try:
                await self._catch_up()
            except EvidenceDiffers as error:
                self.stopped = True
                self._fail(error)
            except Exception as error:  # noqa: BLE001 -- whatever a log raises, it is tried again
                self._fail(error)
                pause = min(2 * pause, _LONGEST)
            else:
                self._succeed()
                pause = _SHORTEST
            wait = pause if self.why else _POLL
            with anyio.move_on_after(random.uniform(wait / 2, wait)):  # noqa: S311 -- jitter
                await self._woken.wait()

    async def lag(self) -> Lag:
        """Return how far it is behind, asked of both logs now."""
        now = await lag(self.name, self.primary, self.sink)
        stopped = self.stopped or now.stopped
        return evolve(now, why=self.why or self._mask(now.why), stopped=stopped)

    def _hurry(self) -> int:
        """Let it look now, also in a pause; return the number of the attempt that may be running.

        That one may have begun too early to count.
        """
        self._woken.set()
        return self._attempt

    async def _catch_up(self) -> None:
        with anyio.fail_after(_STEP):
            held = await self.sink.count()
            if held != self.held or not self._checked:
                await check_end(self.name, self.primary, self.sink, held)
        self._checked = True
        self._hold(held)
        async with _reading(self.primary, held) as records:
            while batch := await _batch(records):
                with anyio.fail_after(_STEP):
                    await _copy(self.name, self.sink, batch)
                self._hold(batch[-1].index + 1)

    def _hold(self, held: int) -> None:
        self.held = held
        self._tell()

    def _succeed(self) -> None:
        if self.why:
            _log.warning("evidence.sink_caught_up", sink=self.name, held=self.held)
        self.why, self._caught_up = "", self._attempt
        self._tell()

    def _fail(self, error: Exception) -> None:
        said = self._mask(_words(error))
        if said != self.why:
            tell, event = (
                (_log.error, "evidence.sink_stopped")
                if self.stopped
                else (_log.warning, "evidence.sink_behind")
            )
            tell(event, sink=self.name, held=self.held, reason=said)
        self.why, self._failed, self._checked = said, self._attempt, False
        self._tell()

    def _tell(self) -> None:
        self._told.set()
        self._told = anyio.Event()


async def lag(name: str, primary: EvidenceSink, sink: EvidenceSink) -> Lag:
    """Return how far a log is behind the primary. Raises nothing: what fails is the reason."""
    held, behind, since, why, stopped = 0, 0, "", "", False
    try:
        # In this order: what is appended in between does not make it look as if it were ahead.
        held = await sink.count()
        behind = max(0, await primary.count() - held)
        await check_end(name, primary, sink, held)
        if behind and (first := await _at(primary, held)):
            since = str(json.loads(first.leaf)["time"])
    except EvidenceDiffers as error:
        why, stopped = str(error), True
    except Exception as error:  # noqa: BLE001 -- a log that cannot be asked is what this tells of
        why = _words(error)
    return Lag(sink=name, held=held, behind=behind, since=since, why=why, stopped=stopped)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"it did not answer within {_STEP:g} s"
    return str(error) if isinstance(error, EleanorError) else describe(error)


async def check_end(name: str, primary: EvidenceSink, sink: EvidenceSink, held: int) -> None:
    """Raise EvidenceDiffers unless the last record of a log is the primary's in that place."""
    if not held:
        return
    ours, theirs = await _at(primary, held - 1), await _at(sink, held - 1)
    if ours is None:
        raise EvidenceDiffers(
            f"evidence sink {name!r} holds {held} records, and the primary has fewer: the primary "
            "was replaced or set back. Nothing is written to it: put the primary back, or give it "
            "a new log to follow it"
        )
    if theirs is None or (ours.record_id, ours.leaf_hash) != (theirs.record_id, theirs.leaf_hash):
        raise _differs(name, ours, theirs)


def _differs(name: str, ours: StoredRecord, theirs: StoredRecord | None) -> EvidenceDiffers:
    found = f"record {theirs.record_id} at {theirs.index}" if theirs else "nothing there"
    return EvidenceDiffers(
        f"evidence sink {name!r} holds {found}, where the primary has record {ours.record_id} at "
        f"{ours.index} with leaf {ours.leaf_hash}: it is another log, or one of the two was "
        "changed. Nothing is written to it: run `eleanor evidence verify`, or give the primary a "
        "new log to follow it"
    )


async def _at(sink: EvidenceSink, index: int) -> StoredRecord | None:
    async with _reading(sink, index) as records:
        async for stored in records:
            return stored
    return None


@asynccontextmanager
async def _reading(sink: EvidenceSink, start: int) -> AsyncIterator[AsyncIterator[StoredRecord]]:
    """Yield the records from `start` on, and leave no generator behind half-way."""
    records = sink.read(start)
    try:
        yield records
    finally:
        if isinstance(records, AsyncGenerator):
            await records.aclose()


async def _batch(records: AsyncIterator[StoredRecord]) -> list[StoredRecord]:
    """Return the next records, none at the end."""
    batch: list[StoredRecord] = []
    size = 0
    async for stored in records:
        batch.append(stored)
        size += len(stored.leaf) + len(stored.payload or b"")
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            break
    return batch


async def _copy(name: str, sink: EvidenceSink, batch: Sequence[StoredRecord]) -> None:
    """Return once a log holds these records, each in its place. Raises EvidenceDiffers."""
    if isinstance(sink, EvidenceReplica):
        await sink.replicate(batch)
        return
    for stored in batch:
        sealed = SealedRecord(
            record_id=stored.record_id,
            leaf_hash=stored.leaf_hash,
            leaf=stored.leaf,
            payload=stored.payload,
        )
        try:
            receipt = await sink.append(sealed)
        except Exception:
            held = await sink.get(stored.record_id)
            if held and held.leaf_hash != stored.leaf_hash:
                raise _differs(name, stored, held) from None
            raise
        if (receipt.index, receipt.record_id, receipt.leaf_hash) != (
            stored.index,
            stored.record_id,
            stored.leaf_hash,
        ):
            raise EvidenceDiffers(
                f"evidence sink {name!r} acknowledged record {receipt.record_id} at "
                f"{receipt.index} with leaf {receipt.leaf_hash}, where record {stored.record_id} "
                f"was to stand at {stored.index} with leaf {stored.leaf_hash}. Nothing more is "
                "written to it: give the primary a new log to follow it, or block this sink until "
                "its author has repaired it"
            )
