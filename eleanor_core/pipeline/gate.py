"""Stage 8: the gate. It alone makes an `ExecutableDecision`, and only for a record that resolves.

What a caller holds is not believed: the gate reads the record back from the log, recomputes its
hash, and goes by the gate that stands in there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable

from attrs import evolve

from eleanor_core.errors import GateClosed, UnresolvableRecord
from eleanor_core.model import (
    Assessment,
    Constraint,
    ExecutableDecision,
    Gate,
    StoredRecord,
)


def closed(assessment: Assessment) -> Assessment:
    """Return the assessment with its gate closed for want of a record."""
    gate = assessment.gate
    if gate.open:
        gate = Gate(open=False, tier=0, requires="record")
    return evolve(assessment, gate=gate, evidence=None)


class GateKeeper:
    """Makes and recognises executable decisions. Its key lives as long as one engine."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def admit(self, assessment: Assessment, stored: StoredRecord | None) -> ExecutableDecision:
        """Make the permission. Raises GateClosed or UnresolvableRecord, saying what failed."""
        reference = assessment.evidence
        if reference is None or stored is None:
            raise UnresolvableRecord(
                f"the evidence log holds no record for trace {assessment.trace_id}; "
                "judge the case again and keep the result that `run` returns"
            )
        leaf_hash = hashlib.sha256(b"\x00" + stored.leaf).hexdigest()
        if not leaf_hash == stored.leaf_hash == reference.leaf_hash:
            raise UnresolvableRecord(
                f"record {reference.record_id} does not match its leaf hash; "
                "run `eleanor evidence verify`"
            )
        record = json.loads(stored.leaf)
        facts = record["facts"]
        if record["trace_id"] != assessment.trace_id or record["kind"] != "assessment":
            raise UnresolvableRecord(f"record {reference.record_id} is of another case")
        if not facts["gate"]["open"] or not assessment.gate.open:
            raise GateClosed(
                f"the gate of record {reference.record_id} is closed: it requires "
                f"{facts['gate']['requires'] or assessment.gate.requires}"
            )
        if facts["decision"] != assessment.decision:
            raise UnresolvableRecord(
                f"record {reference.record_id} says {facts['decision']}, not {assessment.decision}"
            )
        return ExecutableDecision(
            record_id=reference.record_id,
            leaf_hash=leaf_hash,
            trace_id=assessment.trace_id,
            decision=assessment.decision,
            constraints=assessment.constraints,
            seal=self._seal(
                reference.record_id,
                leaf_hash,
                assessment.trace_id,
                assessment.decision,
                assessment.constraints,
            ),
        )

    def made(self, decision: ExecutableDecision) -> bool:
        """Return whether this gate made `decision` and nobody changed it since."""
        seal = self._seal(
            decision.record_id,
            decision.leaf_hash,
            decision.trace_id,
            decision.decision,
            decision.constraints,
        )
        return hmac.compare_digest(seal.encode(), decision.seal.encode())

    def _seal(
        self,
        record_id: str,
        leaf_hash: str,
        trace_id: str,
        decision: str,
        constraints: Iterable[Constraint],
    ) -> str:
        parts = [[item.critic, item.clause, item.text] for item in constraints]
        message = json.dumps([record_id, leaf_hash, trace_id, decision, parts]).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
