"""Records that are counted: those of one kind about one subject, the first, the second, ...

Each is found by the id that is derived from kind, subject and number, and no log takes two records
under one id: so of two that write the next one at once, one has to look again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Final

from eleanor_core.api import leaf_hash
from eleanor_core.errors import EvidenceUnavailable, UnresolvableRecord
from eleanor_core.evidence import FanOut, derived_id
from eleanor_core.model import RecordKind, SealedRecord, StoredRecord

_TRIES: Final = 8


class Chains:
    """Reads and goes on with them. `seconds`: how long making one record durable may take."""

    def __init__(self, evidence: FanOut, seconds: float) -> None:
        self._evidence = evidence
        self._seconds = seconds

    async def read(self, label: RecordKind, subject: str = "") -> list[StoredRecord]:
        """Return the records of a kind about a subject, in order, as the primary log holds them.

        Raises UnresolvableRecord where one is not what belongs there.
        """
        records: list[StoredRecord] = []
        while True:
            record_id = derived_id(label, subject, len(records))
            stored = (await self._evidence.copies(record_id))[0]
            if stored is None:
                return records
            leaf = json.loads(stored.leaf)
            if (leaf["record_id"], leaf["kind"]) != (record_id, label) or (
                leaf_hash(stored.leaf) != stored.leaf_hash
            ):
                raise UnresolvableRecord(
                    f"record {record_id} is not what belongs there; run `eleanor evidence verify`"
                )
            records.append(stored)

    async def append(
        self, label: RecordKind, subject: str, build: Callable[[str], Awaitable[SealedRecord]]
    ) -> SealedRecord:
        """Append one more record about a subject; `build` checks anew if another was first."""
        for _ in range(_TRIES):
            number = len(await self.read(label, subject))
            sealed = await build(derived_id(label, subject, number))
            if await self._evidence.append_first(sealed, self._seconds):
                return sealed
        raise EvidenceUnavailable(
            f"others kept on writing {label} records at the same time: try again"
        )
