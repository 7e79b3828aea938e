"""The evidence record in its final form, and what a sink stores and acknowledges."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen

from eleanor_core.model.json import EMPTY_MAP, FrozenMap
from eleanor_core.model.made import quick

RecordKind: TypeAlias = Literal[
    "assessment",
    "abandoned",
    "refused",
    "settings",
    "reviewer",
    "review",
    "intent",
    "outcome",
    "hold",
    "erasure",
]
SCHEMA_ID = "eleanor/record/1"


@frozen(kw_only=True)
class EvidenceRecord:
    """The leaf of the log: facts that hold no personal text, and commitments to what does.

    - `record_id`: UUIDv7 (RFC 9562), sortable by time; of a reviewer, review, intent, outcome, hold
      or erasure UUIDv8, derived from what it is about. The position in the log is its sequence.
    - `time`: RFC 3339 UTC with microseconds.
    - `facts`: kind-specific; for an assessment the decision, the gate, and of each voice status,
      severity, score, confidence, clauses and provenance. No word that a person or critic wrote.
    - `commitments`: name of a payload part -> hex SHA-256(salt || RFC 8785 bytes of the part).

    The leaf hash is SHA-256(0x00 || RFC 8785 bytes of the record), as in RFC 6962, section 2.1.
    """

    record_id: str
    kind: RecordKind
    time: str
    trace_id: str
    facts: FrozenMap = EMPTY_MAP
    commitments: FrozenMap = EMPTY_MAP
    schema: str = SCHEMA_ID


@frozen(kw_only=True)
class SealedRecord:
    """A record ready to append. `payload` can be erased later without touching `leaf`.

    `leaf`: RFC 8785 bytes of the record. `payload`: RFC 8785 bytes of
    `{part: {"salt": hex of 32 random bytes, "value": ...}}`, b"" where there is none, None where it
    was erased before this log got the record. `leaf_hash`: hex.
    """

    record_id: str
    leaf_hash: str
    leaf: bytes = field(repr=False)
    payload: bytes | None = field(default=b"", repr=False)


@quick
@frozen(kw_only=True)
class Receipt:
    """A sink's acknowledgement: the record is on stable storage at position `index` (from 0)."""

    index: int
    record_id: str
    leaf_hash: str


@quick
@frozen(kw_only=True)
class StoredRecord:
    """A record as read back. `payload` is None once erased, b"" where there never was one."""

    index: int
    record_id: str
    leaf_hash: str
    leaf: bytes = field(repr=False)
    payload: bytes | None = field(default=None, repr=False)


@frozen(kw_only=True)
class Finding:
    """One thing that verification found wrong: where (file and offset, or record) and what."""

    where: str
    what: str


@frozen(kw_only=True)
class VerifyReport:
    """The outcome of `evidence verify`. `notes` are facts worth telling that break nothing.

    `checkpoints`: how many signed ones the log keeps whose signature is right. `signed`: how many
    of the records the newest of them holds.
    """

    records: int
    root: str
    checkpoints: int = 0
    signed: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """True if nothing was found wrong."""
        return not self.findings


@frozen(kw_only=True)
class Lag:
    """How far a log is behind the primary that it follows.

    `held`, `behind`: how many records it holds, and how many it lacks. `since`: the time of the
    oldest that it lacks, as in its leaf, "" where it lacks none. `why`: what the last attempt to
    give it more failed with, "" if it did not. `stopped`: it holds something else than the primary,
    and gets no more.
    """

    sink: str
    held: int
    behind: int
    since: str = ""
    why: str = ""
    stopped: bool = False


@frozen(kw_only=True)
class EvidenceRef:
    """What a result says of its record."""

    record_id: str
    leaf_hash: str
