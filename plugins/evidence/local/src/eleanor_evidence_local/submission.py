"""What is handed to the log to be appended, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from eleanor_core.api import Receipt, SealedRecord
from eleanor_evidence_local.index import Row
from eleanor_evidence_local.layout import Heading


class Submission(NamedTuple):
    """A record to append, with its heading."""

    record: SealedRecord
    heading: Heading


class Refusal(NamedTuple):
    """Why a record was not appended, or an erasure not carried out."""

    message: str
    cause: Exception | None = None


CLOSED = Refusal("the evidence log is closed")


def receipt(row: Row, record: SealedRecord) -> Receipt | Refusal:
    """Return the receipt for a record whose id has this row."""
    if row.leaf_hash != record.leaf_hash:
        return Refusal(
            f"record {row.record_id} is in the log at position {row.position} with another leaf "
            f"({row.leaf_hash}); a record never changes: append a new one"
        )
    return Receipt(index=row.position, record_id=row.record_id, leaf_hash=row.leaf_hash)


def without_erasures(
    batch: Sequence[Submission], outcomes: Sequence[Receipt | Refusal], error: OSError
) -> list[Receipt | Refusal]:
    """Return the outcomes of a batch whose payloads could not be destroyed: no erasure counts."""
    refusal = Refusal(
        f"the erasure is in the evidence log, and the payload could not be destroyed yet: {error}. "
        "It is tried again with each record that is appended, and when the log is opened",
        error,
    )
    return [
        refusal if submission.heading.kind == "erasure" else outcome
        for submission, outcome in zip(batch, outcomes, strict=True)
    ]
