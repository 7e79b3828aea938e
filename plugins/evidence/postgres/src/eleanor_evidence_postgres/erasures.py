"""Which payloads are gone without an erasure that says so, and which are said to be and are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from eleanor_core.api import Finding, StoredRecord, erased_by, erasure_id

_SLICE: Final = 500
_LEAVES: Final = "SELECT leaf FROM records WHERE record_id = ANY(%s)"
_STANDING: Final = (
    "SELECT position FROM records WHERE record_id = ANY(%s) AND octet_length(payload) > 0"
    " ORDER BY position"
)


class Erasures:
    """Takes all records of a log, and asks the server about a slice of them at a time."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Ask with this connection, in the snapshot that it sees."""
        self._connection = connection
        self._gone: dict[str, int] = {}
        self._said: list[str] = []

    def take(self, record: StoredRecord) -> Iterator[Finding]:
        """Note a record; yield what is wrong with those of a slice that is full."""
        if record.payload is None:
            self._gone[record.record_id] = record.index
        if target := erased_by(record.leaf):
            self._said.append(target)
        if len(self._gone) + len(self._said) >= _SLICE:
            yield from self.rest()

    def rest(self) -> Iterator[Finding]:
        """Yield what is wrong with those that were not looked at yet."""
        erasures = [erasure_id(record_id) for record_id in self._gone]
        leaves = self._connection.execute(_LEAVES, (erasures,)).fetchall()
        witnessed = {erased_by(leaf) for (leaf,) in leaves}
        for record_id, position in self._gone.items():
            if record_id not in witnessed:
                what = "its payload is gone, and no erasure says why"
                yield Finding(where=f"record {position}", what=what)
        for (position,) in self._connection.execute(_STANDING, (self._said,)).fetchall():
            what = "its payload is still there, and a record says that it was erased"
            yield Finding(where=f"record {position}", what=what)
        self._gone, self._said = {}, []
