"""One record to every sink: it counts as recorded once those hold it that must.

The primary takes it; the other sinks follow the primary, each at its own pace. So each of them
holds the same records in the same order, and no sink ever gets a record in two ways.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final

import anyio

from eleanor_core._log import Logger
from eleanor_core.api.protocols import EvidenceSink
from eleanor_core.errors import EleanorError, EvidenceUnavailable, describe
from eleanor_core.evidence.following import Follower
from eleanor_core.model.evidence import Lag, Receipt, SealedRecord, StoredRecord
from eleanor_core.settings import EvidenceSettings

NO_SINK: Final = (
    "no evidence sink is enabled, so nothing can be recorded: install and enable one, "
    "such as eleanor-evidence-local"
)
_PAUSE: Final = 0.2
"""Seconds at most between two attempts to append a record, where it may wait."""
_log = Logger("eleanor.evidence")


class FanOut:
    """Several sinks, of which the first is the primary: its receipt is the answer.

    The others follow it while `following` is entered.
    """

    def __init__(
        self,
        sinks: Mapping[str, EvidenceSink],
        settings: EvidenceSettings = EvidenceSettings(),  # noqa: B008 -- frozen
        mask: Callable[[str], str] = str,
    ) -> None:
        """Take the sinks by name, the primary first, and what is required of them.

        `mask` hides secrets in what a sink that follows raises, which is only logged.
        """
        self.sinks: Mapping[str, EvidenceSink] = MappingProxyType(dict(sinks))
        self._settings = settings
        self._followers = {
            name: Follower(name, primary, sink, mask)
            for primary in [*self.sinks.values()][:1]
            for name, sink in [*self.sinks.items()][1:]
        }

    @property
    def primary(self) -> EvidenceSink | None:
        """The sink that answers questions about records; None where there is none at all."""
        return next(iter(self.sinks.values()), None)

    @property
    def required(self) -> tuple[str, ...]:
        """The names of those that must hold every record, the primary's first."""
        return tuple(self.sinks)[: None if self._settings.required == "all" else 1]

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Let the other sinks follow the primary; at the end they may catch up for a while."""
        raised: Exception | None = None
        async with anyio.create_task_group() as group:
            for follower in self._followers.values():
                group.start_soon(follower.follow)
            try:
                yield
            except Exception as error:  # noqa: BLE001 -- raised again below: not in a group
                raised = error
            finally:
                with anyio.CancelScope(shield=True):
                    behind = await self.catch_up(self._settings.drain)
                for name, why in behind.items():
                    held = self._followers[name].held
                    _log.warning("evidence.sink_left_behind", sink=name, held=held, reason=why)
                group.cancel_scope.cancel()
        if raised is not None:
            raise raised

    async def lags(self) -> tuple[Lag, ...]:
        """Return how far each sink is behind the primary, asked of them now."""
        return tuple([await follower.lag() for follower in self._followers.values()])

    def lose(self, name: str, instead: EvidenceSink, why: str) -> None:
        """Let another one stand for a sink that failed; what that would still do, nobody knows."""
        self.sinks = MappingProxyType({**self.sinks, name: instead})
        if name in self._followers:
            self._followers[name].lose(why)

    async def append(self, record: SealedRecord, /) -> Receipt:
        """Return the primary's receipt once all that must hold the record have it durably.

        Those are the primary alone, or all (`evidence.required`). The first that fails ends it with
        `EvidenceUnavailable`, which says which and why; those before it may hold the record then.
        Appending the same record again is safe: a sink that has it returns its first receipt.
        """
        primary = next(iter(self.sinks), None)
        if primary is None:
            raise EvidenceUnavailable(NO_SINK)
        try:
            receipt = await self.sinks[primary].append(record)
        except Exception as error:
            raise EvidenceUnavailable(
                f"evidence sink {primary!r} did not record {record.record_id}: "
                f"{str(error) or type(error).__name__}"
            ) from error
        _check(receipt, primary, record)
        if self._followers:
            for follower in self._followers.values():
                follower.wake()
            for name in self.required[1:]:
                await self._followers[name].reached(receipt.index + 1)
        return receipt

    async def append_within(self, record: SealedRecord, seconds: float, /) -> None:
        """Append within a deadline, shielded from cancellation. Raises EvidenceUnavailable.

        Where a sink cannot take it, it is tried again for as long as `evidence.wait` says.
        """
        try:
            start = anyio.current_time()
            deadline = start + seconds
            with anyio.CancelScope(deadline=deadline, shield=True):
                try:
                    await self.append(record)
                except EvidenceUnavailable as error:
                    await self._append_again(record, error, start + self._settings.wait)
                return
        except EvidenceUnavailable:
            raise
        except (Exception, SystemExit) as error:
            raise EvidenceUnavailable(f"the evidence log failed: {describe(error)}") from error
        raise EvidenceUnavailable(f"the evidence log did not acknowledge within {seconds:g} s")

    async def append_first(self, record: SealedRecord, seconds: float, /) -> bool:
        """Append as `append_within` does; False if another record has this id already."""
        try:
            await self.append_within(record, seconds)
        except EvidenceUnavailable:
            held = (await self.copies(record.record_id))[0]
            if held is None or held.leaf == record.leaf:
                raise
            return False
        return True

    async def copies(self, record_id: str, /) -> list[StoredRecord | None]:
        """Return what each sink that must hold a record has under an id, the primary's first.

        Raises EvidenceUnavailable if there is no sink, or one that cannot be asked.
        """
        copies: list[StoredRecord | None] = []
        for name in self.required:
            try:
                copies.append(await self.sinks[name].get(record_id))
            except EleanorError:
                raise
            except Exception as error:
                raise EvidenceUnavailable(
                    f"evidence sink {name!r} cannot be asked for record {record_id}: "
                    f"{describe(error)}"
                ) from error
        if not copies:
            raise EvidenceUnavailable(NO_SINK)
        return copies

    async def _append_again(
        self, record: SealedRecord, failed: EvidenceUnavailable, until: float
    ) -> None:
        """Append again and again until that moment, where it is not refused for good."""
        while True:
            if anyio.current_time() + _PAUSE > until:
                raise failed
            held = (await self.copies(record.record_id))[0]
            if held is not None and held.leaf != record.leaf:
                raise failed
            await anyio.sleep(random.uniform(_PAUSE / 2, _PAUSE))  # noqa: S311 -- jitter
            try:
                await self.append(record)
            except EvidenceUnavailable as error:
                failed = error
            else:
                return

    async def catch_up(self, seconds: float) -> Mapping[str, str]:
        """Let the followers go on for as long as they get on; return who is behind then, and why.

        `seconds`: at most.
        """
        behind = dict.fromkeys(self._followers, f"it would take longer than {seconds:g} s")

        async def drain(name: str) -> None:
            await self._followers[name].drained()
            behind[name] = self._followers[name].why

        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as group:
                for name in self._followers:
                    group.start_soon(drain, name)
        return {name: why for name, why in behind.items() if why}

    async def still_readable(self, record_id: str, /) -> tuple[str, ...]:
        """Return the sinks in which a record's payload stands, or may: they cannot be asked."""
        names: list[str] = []
        for name, sink in self.sinks.items():
            try:
                copy = await sink.get(record_id)
            except Exception:  # noqa: BLE001 -- what it holds, nobody knows then
                names.append(name)
            else:
                if copy and copy.payload:
                    names.append(name)
        return tuple(names)


def _check(receipt: Receipt, sink: str, record: SealedRecord) -> None:
    """Raise EvidenceUnavailable where a receipt is not the one for this record."""
    if (receipt.record_id, receipt.leaf_hash) != (record.record_id, record.leaf_hash):
        raise EvidenceUnavailable(
            f"evidence sink {sink!r} acknowledged record {receipt.record_id} with leaf "
            f"{receipt.leaf_hash} where {record.record_id} with leaf {record.leaf_hash} was "
            "appended: block this sink until its author has repaired it"
        )
