"""Appending to the evidence log within its deadline, and the record of what was never judged."""

from __future__ import annotations

import hashlib
from typing import Final, cast

import anyio

from eleanor_core._panel import Panel
from eleanor_core.errors import EvidenceUnavailable, InvalidInput, describe
from eleanor_core.evidence import seal
from eleanor_core.model import EMPTY_MAP, JsonObject, SealedRecord

_PART: Final = 2**20


def refused(
    error: InvalidInput, text: object, *, trace_id: str = "", facts: JsonObject = EMPTY_MAP
) -> SealedRecord:
    """Return the record of a refusal: digest and size of the text, and no word of it."""
    digest, size = hashlib.sha256(), 0
    if issubclass(type(text), str):
        words = str.__str__(cast("str", text))
        # In parts: what is refused for its length costs no memory of that length.
        for start in range(0, len(words), _PART):
            part = words[start : start + _PART].encode(errors="surrogatepass")
            digest.update(part)
            size += len(part)
    return seal(
        "refused",
        trace_id=trace_id,
        facts={**facts, "code": error.code, "bytes": size},
        payload={"refusal": {"sha256": digest.hexdigest(), "reason": str(error)}},
    )


async def append(panel: Panel, sealed: SealedRecord) -> None:
    """Append to the log within the deadline, shielded. Raises EvidenceUnavailable."""
    seconds = panel.settings.deadlines.record
    try:
        deadline = anyio.current_time() + seconds
        with anyio.CancelScope(deadline=deadline, shield=True):
            await panel.evidence.append(sealed)
            return
    except EvidenceUnavailable:
        raise
    except (Exception, SystemExit) as error:
        raise EvidenceUnavailable(f"the evidence log failed: {describe(error)}") from error
    raise EvidenceUnavailable(f"the evidence log did not acknowledge within {seconds:g} s")
