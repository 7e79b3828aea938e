"""A record's way into the log, and what a failure on it may say."""

from __future__ import annotations

import hashlib

from eleanor_core._panel import Panel
from eleanor_core._redaction import Redaction
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.evidence import seal
from eleanor_core.model import SealedRecord


async def append(panel: Panel, redaction: Redaction, sealed: SealedRecord) -> None:
    """Append to the log within the deadline, shielded. Raises EvidenceUnavailable."""
    failed: EvidenceUnavailable | None = None
    try:
        await panel.evidence.append_within(sealed, panel.settings.deadlines.record)
    except EvidenceUnavailable as error:  # raised below, in words that may leave
        failed = error
    if failed is not None:
        raise masked(redaction, failed)


def masked(redaction: Redaction, failed: EvidenceUnavailable) -> EvidenceUnavailable:
    """Return what a log says, and what it was raised from, without a secret."""
    told = redaction.told(failed)
    if told is failed:
        return failed
    said = EvidenceUnavailable(redaction.text(str(failed)), assessment=failed.assessment)
    said.__cause__ = told
    return said


def refusal(code: str, reason: str, text: object) -> SealedRecord:
    """Return the record of a refused case: its digest and size, and why; none of its text."""
    raw = str.encode(text, errors="surrogatepass") if isinstance(text, str) else b""
    return seal(
        "refused",
        trace_id="",
        facts={"code": code, "bytes": len(raw)},
        payload={"refusal": {"sha256": hashlib.sha256(raw).hexdigest(), "reason": reason}},
    )
