"""Records: how a judgement becomes a leaf that lasts and a payload that can be erased."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Final, cast

from attrs import define

from eleanor_core.api import RECORD_LIMITS, parse_json
from eleanor_core.api.evidence import check_payload, commitment, leaf_hash
from eleanor_core.errors import EvidenceCorrupt, InvalidInput
from eleanor_core.evidence.canonical import Writable, Written, canonical, member_order, written
from eleanor_core.model.evidence import SCHEMA_ID, RecordKind, SealedRecord, StoredRecord
from eleanor_core.model.json import EMPTY_MAP, JsonValue
from eleanor_core.model.made import unchecked

SALT_BYTES = 32

_VARIANTS: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The first digit of the fourth group of a UUID (RFC 9562, section 4.1), by a random one."""

_sealed: Final = unchecked(SealedRecord)


@define
class _Leaf:
    """An `EvidenceRecord` before its facts are JSON."""

    record_id: str
    kind: RecordKind
    time: str
    trace_id: str
    facts: object
    commitments: Written
    schema: str = SCHEMA_ID


def new_record_id() -> str:
    """Return a UUIDv7 (RFC 9562): later calls in this process give greater ids, in any thread."""
    return _clock().next_id()


def now() -> str:
    """Return the time as RFC 3339 in UTC with microseconds, `2026-01-31T12:00:00.000000Z`."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_to_the_second(seconds)}.{nanoseconds // 1000:06}Z"


@lru_cache(maxsize=2)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def seal(
    kind: RecordKind,
    *,
    trace_id: str,
    facts: Writable = EMPTY_MAP,
    payload: Mapping[str, Writable] = EMPTY_MAP,
    record_id: str | None = None,
) -> SealedRecord:
    """Return a record ready to append; `record_id` is a new one unless given.

    `facts` go into the leaf, which nobody can erase: no word of a person belongs there. `payload`
    maps a part's name to its value; each part gets a salt of its own, so that the commitment in the
    leaf tells nothing about the value once the part is erased. Values are JSON or of the model.
    Raises ValueError where one has no canonical form.
    """
    commitments: list[str] = []
    parts: list[bytes] = []
    # One call for all: each one goes to the operating system.
    salts = secrets.token_bytes(SALT_BYTES * len(payload))
    for position, name in enumerate(sorted(payload, key=_order)):
        salt = salts[position * SALT_BYTES : (position + 1) * SALT_BYTES]
        key, value = _key(name), canonical(payload[name])
        commitments.append(f'{key}:"{commitment(salt, value)}"')
        parts.append(b'%b:{"salt":"%b","value":%b}' % (key.encode(), salt.hex().encode(), value))
    committed = Written(f"{{{','.join(commitments)}}}")
    leaf = _Leaf(record_id or new_record_id(), kind, now(), trace_id, facts, committed)
    data = canonical(leaf)
    return _sealed(
        record_id=leaf.record_id,
        leaf_hash=leaf_hash(data),
        leaf=data,
        payload=b"{" + b",".join(parts) + b"}" if parts else b"",
    )


# Parts of a payload have few names, all of which are ours.
_order: Final = lru_cache(maxsize=64)(member_order)


@lru_cache(maxsize=64)
def _key(name: str) -> str:
    return written(name).text


def open_payload(stored: StoredRecord) -> Mapping[str, JsonValue] | None:
    """Return the payload's parts by name, checked against the leaf; None once it is erased.

    Raises `EvidenceCorrupt` where the payload is not what the leaf committed to.
    """
    if stored.payload is None:
        return None
    problems = check_payload(stored.leaf, stored.payload)
    if problems:
        raise EvidenceCorrupt(
            f"the payload of record {stored.record_id} is not the one that was recorded: "
            f"{'; '.join(problems)}. Run `eleanor evidence verify`."
        )
    try:
        value = parse_json(stored.payload or b"{}", RECORD_LIMITS)
    except InvalidInput as error:
        raise EvidenceCorrupt(f"the payload of record {stored.record_id}: {error}") from None
    parts = cast("dict[str, dict[str, JsonValue]]", value)
    return {name: part["value"] for name, part in parts.items()}


class _Clock:
    """Time in 1/4096 ms that never stands still or goes back (RFC 9562, section 6.2, method 3)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next_id(self) -> str:
        with self._lock:
            ticks = self._last = max(self._last + 1, time.time_ns() * 4096 // 1_000_000)
        # A zero, 48 bits of milliseconds, 12 of what is less, and 64 random ones.
        digits = (ticks.to_bytes(8, "big") + secrets.token_bytes(8)).hex()
        head = f"{digits[1:9]}-{digits[9:13]}-7{digits[13:16]}"
        return f"{head}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


@cache
def _clock() -> _Clock:
    return _Clock()
