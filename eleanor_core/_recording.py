"""A record's way into the log, and what a failure on it may say."""

from __future__ import annotations

import hashlib

import anyio

from eleanor_core._panel import Panel
from eleanor_core._redaction import Redaction
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.evidence import seal
from eleanor_core.model import SealedRecord


async def append(panel: Panel, redaction: Redaction, sealed: SealedRecord) -> None:
    """Append to the log within the deadline, shielded. Raises EvidenceUnavailable."""
    seconds = panel.settings.deadlines.record
    failed: BaseException | None = None
    try:
        deadline = anyio.current_time() + seconds
        with anyio.CancelScope(deadline=deadline, shield=True):
            await panel.evidence.append(sealed)
            return
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- raised below, in words that may leave
        failed = error
    if failed is None:
        raise EvidenceUnavailable(f"the evidence log did not acknowledge within {seconds:g} s")
    told = redaction.told(failed)
    if isinstance(told, EvidenceUnavailable):
        raise told
    if isinstance(failed, EvidenceUnavailable):
        raise EvidenceUnavailable(redaction.text(str(failed))) from told
    raise EvidenceUnavailable(f"the evidence log failed: {redaction.error(failed)}") from told


def refusal(code: str, reason: str, text: object) -> SealedRecord:
    """Return the record of a refused case: its digest and size, and why; none of its text."""
    raw = str.encode(text, errors="surrogatepass") if isinstance(text, str) else b""
    return seal(
        "refused",
        trace_id="",
        facts={"code": code, "bytes": len(raw)},
        payload={"refusal": {"sha256": hashlib.sha256(raw).hexdigest(), "reason": reason}},
    )
