"""Floor 4: how a judgement becomes evidence: redaction, canonical form, sealing, the sinks."""

from eleanor_core.api.evidence import (
    Frontier,
    check_payload,
    derived_id,
    leaf_hash,
    merkle_root,
)
from eleanor_core.evidence.bundle import Bundle, prove_growth, prove_record, write_bundle
from eleanor_core.evidence.canonical import canonical
from eleanor_core.evidence.deep import not_canonical
from eleanor_core.evidence.fanout import NO_SINK, FanOut
from eleanor_core.evidence.following import lag
from eleanor_core.evidence.known import KnownSecrets
from eleanor_core.evidence.record import new_record_id, now, open_payload, seal
from eleanor_core.evidence.redact import Redactor, is_usable, over_strings
from eleanor_core.evidence.refusals import record_refusal, refused_input

__all__ = [
    "NO_SINK",
    "Bundle",
    "FanOut",
    "Frontier",
    "KnownSecrets",
    "Redactor",
    "canonical",
    "check_payload",
    "derived_id",
    "is_usable",
    "lag",
    "leaf_hash",
    "merkle_root",
    "new_record_id",
    "not_canonical",
    "now",
    "open_payload",
    "over_strings",
    "prove_growth",
    "prove_record",
    "record_refusal",
    "refused_input",
    "seal",
    "write_bundle",
]
