"""Stage 8: the gate. It alone makes an `ExecutableDecision`, and only for a record that resolves.

What a caller holds is not believed: the gate reads the record back from the log, recomputes its
hash, and goes by the gate that stands in there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence

from attrs import evolve

from eleanor_core.api import check_payload
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

    def admit(
        self, assessment: Assessment, copies: Sequence[StoredRecord | None]
    ) -> ExecutableDecision:
        """Make the permission. `copies`: what each log holds of the record, the primary one first.

        Raises GateClosed or UnresolvableRecord, saying what failed.
        """
        permissions = [self._permission(assessment, stored) for stored in copies or (None,)]
        return permissions[0]

    def _permission(
        self, assessment: Assessment, stored: StoredRecord | None
    ) -> ExecutableDecision:
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
        constraints = _recorded_constraints(stored) if assessment.decision == "constrain" else ()
        if constraints != assessment.constraints:
            raise UnresolvableRecord(
                f"record {reference.record_id} holds other constraints than this result"
            )
        return ExecutableDecision(
            record_id=reference.record_id,
            leaf_hash=leaf_hash,
            trace_id=assessment.trace_id,
            decision=assessment.decision,
            constraints=constraints,
            seal=self._seal(
                reference.record_id,
                leaf_hash,
                assessment.trace_id,
                assessment.decision,
                constraints,
            ),
        )

    def made(self, decision: ExecutableDecision) -> bool:
        """Return whether this gate made `decision` and nobody changed it since."""
        if type(decision) is not ExecutableDecision or type(decision.seal) is not str:
            return False
        if not decision.seal.isascii():
            return False
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


def _recorded_constraints(stored: StoredRecord) -> tuple[Constraint, ...]:
    """Return the constraints of a record, from its payload: they are words, so no fact of the leaf.

    Raises UnresolvableRecord if the payload was erased or is not the one that was recorded: a
    decision to constrain is not to be carried out without its constraints.
    """
    if not stored.payload or check_payload(stored.leaf, stored.payload):
        raise UnresolvableRecord(
            f"the constraints of record {stored.record_id} were erased or changed in the log; "
            "judge the case again"
        )
    rows = json.loads(stored.payload)["result"]["value"]["constraints"]
    return tuple(Constraint(**row) for row in rows)
