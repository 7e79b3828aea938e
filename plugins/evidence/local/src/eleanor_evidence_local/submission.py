"""What is handed to the log to be appended, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from eleanor_core.api import EvidenceDiffers, Receipt, SealedRecord
from eleanor_evidence_local.index import Row
from eleanor_evidence_local.layout import Heading, Place


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


def differing(record: SealedRecord, at: int, known: Row | None, end: Place) -> Refusal | None:
    """Return why a record cannot stand at a position, None if it can, or does already."""
    there = known.position if known else end.position
    if there == at and (known is None or known.leaf_hash == record.leaf_hash):
        return None
    held = f"holds it at {there} with leaf {known.leaf_hash}" if known else f"ends before {there}"
    message = (
        f"record {record.record_id} with leaf {record.leaf_hash} belongs at {at}, and this log "
        f"{held}: it is not the log of the same records. Nothing was written"
    )
    return Refusal(message, EvidenceDiffers(message))


def held_by(process: str, folder: Path) -> str:
    """Return what is told of a log that another process writes."""
    return (
        f"process {process} has the evidence log in {folder} open for writing: stop it, or give "
        "this one an ELEANOR_HOME of its own"
    )


def unwritable(folder: Path, error: OSError) -> str:
    """Return what is told of a log whose files cannot be written."""
    return f"the evidence log in {folder} cannot be written: {error}"


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
