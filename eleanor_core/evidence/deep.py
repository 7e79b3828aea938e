"""Makes the canonical form of every record again: that what is stored is what would be written.

Hashes hold the stored bytes; this holds the bytes to RFC 8785, so that whoever reads the values
and writes them again gets the same hashes. It takes any sink.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Final

from eleanor_core.api import EvidenceSink
from eleanor_core.evidence.canonical import MAX_SAFE_INTEGER, canonical
from eleanor_core.model import Finding, StoredRecord


async def not_canonical(sink: EvidenceSink) -> AsyncIterator[Finding]:
    """Yield each stored leaf and payload that is not in canonical form.

    Raises what the sink's `read` raises.
    """
    async for stored in sink.read():
        for finding in _problems(stored):
            yield finding


def _problems(stored: StoredRecord) -> Iterator[Finding]:
    for part, text in (("leaf", stored.leaf), ("payload", stored.payload)):
        if text and (problem := _problem(text)):
            where = f"record {stored.index} ({stored.record_id})"
            yield Finding(where=where, what=f"its {part} is not in canonical form: {problem}")


def _problem(text: bytes) -> str:
    try:
        if canonical(_DECODER.decode(text.decode())) == text:
            return ""
    except (ValueError, RecursionError) as error:
        return str(error)
    return "written again, it gives other bytes"


def _number(digits: str) -> int | float:
    # A large float is written without a point; it was a double, and is read as one.
    number = int(digits)
    return number if abs(number) <= MAX_SAFE_INTEGER else float(digits)


_DECODER: Final = json.JSONDecoder(parse_int=_number)
