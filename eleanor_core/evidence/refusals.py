"""What is refused is recorded: that it was asked, and why it was not done; no words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final, Literal, cast

from eleanor_core._log import Logger
from eleanor_core.errors import EleanorError, EvidenceUnavailable
from eleanor_core.evidence.canonical import Writable
from eleanor_core.evidence.fanout import FanOut
from eleanor_core.evidence.record import seal
from eleanor_core.model.evidence import SealedRecord
from eleanor_core.model.json import EMPTY_MAP

_PART: Final = 2**20
_RECORD_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_log = Logger("eleanor.gate")


def refused_input(
    code: str,
    reason: str,
    text: object,
    *,
    trace_id: str = "",
    facts: Mapping[str, Writable] = EMPTY_MAP,
) -> SealedRecord:
    """Return the record of an input that was not accepted: its digest and size, never the text."""
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
        facts={**facts, "code": code, "bytes": size},
        payload={"refusal": {"sha256": digest.hexdigest(), "reason": reason}},
    )


async def record_refusal(
    evidence: FanOut,
    error: EleanorError,
    *,
    of: Literal["execution", "review", "reviewer", "hold", "erasure"],
    about: object,
    seconds: float,
    mask: Callable[[str], str],
) -> None:
    """Record that something was refused; where no log takes it, only the program's log says so.

    `about`: the id of the record that was named. It comes from outside, so what is no id is left
    out: it would stand in the leaf for good. `mask` hides secrets in what a log says.
    """
    named = about if isinstance(about, str) and _RECORD_ID.fullmatch(about) else ""
    facts = {"of": of, "code": error.code, "record": named}
    try:
        await evidence.append_within(seal("refused", trace_id="", facts=facts), seconds)
    except EvidenceUnavailable as unavailable:
        _log.error("refusal_not_recorded", of=of, code=error.code, reason=mask(str(unavailable)))
