"""One record to every sink: it counts as recorded only when all of them acknowledged it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import anyio

from eleanor_core.api.protocols import EvidenceSink
from eleanor_core.errors import EleanorError, EvidenceUnavailable, describe
from eleanor_core.model.evidence import Receipt, SealedRecord, StoredRecord

NO_SINK: Final = (
    "no evidence sink is enabled, so nothing can be recorded: install and enable one, "
    "such as eleanor-evidence-local"
)


class FanOut:
    """Appends to several sinks in order. The first is the primary: its receipt is the answer."""

    def __init__(self, sinks: Mapping[str, EvidenceSink]) -> None:
        """Take the sinks by name, in the order in which they are asked."""
        self.sinks: Mapping[str, EvidenceSink] = MappingProxyType(dict(sinks))

    @property
    def primary(self) -> EvidenceSink | None:
        """The sink that answers questions about records; None where there is none at all."""
        return next(iter(self.sinks.values()), None)

    async def append(self, record: SealedRecord, /) -> Receipt:
        """Return the primary sink's receipt once every sink has the record on stable storage.

        The first sink that fails ends it with `EvidenceUnavailable`, which says which and why;
        those before it may hold the record then. Appending the same record again is safe: a sink
        that has it returns its first receipt.
        """
        receipts = [await self._append(name, record) for name in self.sinks]
        if not receipts:
            raise EvidenceUnavailable(NO_SINK)
        return receipts[0]

    async def append_within(self, record: SealedRecord, seconds: float, /) -> None:
        """Append within a deadline, shielded from cancellation. Raises EvidenceUnavailable."""
        try:
            deadline = anyio.current_time() + seconds
            with anyio.CancelScope(deadline=deadline, shield=True):
                await self.append(record)
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
        """Return what each sink holds under an id, the primary's first.

        Raises EvidenceUnavailable if there is no sink, or one that cannot be asked.
        """
        copies: list[StoredRecord | None] = []
        for name, sink in self.sinks.items():
            try:
                copies.append(await sink.get(record_id))
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

    async def _append(self, name: str, record: SealedRecord) -> Receipt:
        try:
            receipt = await self.sinks[name].append(record)
        except Exception as error:
            raise EvidenceUnavailable(
                f"evidence sink {name!r} did not record {record.record_id}: "
                f"{str(error) or type(error).__name__}"
            ) from error
        if (receipt.record_id, receipt.leaf_hash) != (record.record_id, record.leaf_hash):
            raise EvidenceUnavailable(
                f"evidence sink {name!r} acknowledged record {receipt.record_id} with leaf "
                f"{receipt.leaf_hash} where {record.record_id} with leaf {record.leaf_hash} was "
                "appended: block this sink until its author has repaired it"
            )
        return receipt
