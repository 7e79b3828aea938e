"""Floor 4: how a judgement becomes evidence: redaction, canonical form, sealing, the sinks."""

from eleanor_core.api.evidence import Frontier, check_payload, leaf_hash, merkle_root
from eleanor_core.evidence.bundle import Bundle, prove_growth, prove_record, write_bundle
from eleanor_core.evidence.canonical import canonical
from eleanor_core.evidence.deep import not_canonical
from eleanor_core.evidence.fanout import FanOut
from eleanor_core.evidence.record import new_record_id, now, open_payload, seal
from eleanor_core.evidence.redact import Redactor

__all__ = [
    "Bundle",
    "FanOut",
    "Frontier",
    "Redactor",
    "canonical",
    "check_payload",
    "leaf_hash",
    "merkle_root",
    "new_record_id",
    "not_canonical",
    "now",
    "open_payload",
    "prove_growth",
    "prove_record",
    "seal",
    "write_bundle",
]
