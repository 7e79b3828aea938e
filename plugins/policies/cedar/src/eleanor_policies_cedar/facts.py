"""What the log says of an execution, as attributes for policies: read from its bytes, anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, TypeAlias, TypedDict

from eleanor_core.api import ExecutionRequest, StoredRecord, leaf_hash

Attributes: TypeAlias = dict[str, bool | int | str | list[str]]

NOTHING: Final[Attributes] = {
    "resolves": False,
    "decision": "",
    "gate_open": False,
    "requires": "",
    "tier": 0,
    "escalated": [],
    "uncovered": [],
    "prohibited": [],
    "choices": [],
    "signers": 0,
    "people": 0,
}
"""Of a record that the log does not hold as the permission names it."""

OPENING: Final = frozenset(("acknowledge", "proceed", "modify"))
Escalation: TypeAlias = tuple[str, str, int]


def attributes(request: ExecutionRequest) -> Attributes:
    """Return the attributes of the record. Raises ValueError or KeyError where it is no record."""
    stored = request.record
    if stored is None or leaf_hash(stored.leaf) != request.leaf_hash:
        return NOTHING
    record = json.loads(stored.leaf)
    if (record["record_id"], record["kind"]) != (request.record_id, "assessment"):
        return NOTHING
    facts = record["facts"]
    escalations = _escalations(facts["escalations"])
    objecting = {
        clause
        for name in facts["dissent"]
        for clause in facts["critics"].get(name, {}).get("clauses", ())
    }
    clauses = objecting | {clause for _, clause, _ in escalations}
    statements = [_statement(review) for review in request.reviews]
    of_this = [item for item in statements if item["leaf_hash"] == request.leaf_hash]
    opening = [item for item in of_this if item["choice"] in OPENING]
    covered = [_escalations(item["escalations"]) for item in opening]
    open_still = escalations - frozenset.intersection(*covered) if covered else escalations
    return {
        "resolves": True,
        "decision": facts["decision"],
        "gate_open": facts["gate"]["open"],
        "requires": facts["gate"]["requires"] or "",
        "tier": facts["gate"]["tier"],
        "escalated": sorted({clause for _, clause, _ in escalations}),
        "uncovered": sorted({clause for _, clause, _ in open_still}),
        "prohibited": sorted(clauses & set(request.prohibited)),
        "choices": sorted({item["choice"] for item in of_this}),
        "signers": len({item["key"] for item in opening}),
        "people": request.people,
    }


def _escalations(rows: list[Mapping[str, str | int]]) -> frozenset[Escalation]:
    return frozenset((str(row["critic"]), str(row["clause"]), int(row["tier"])) for row in rows)


class Statement(TypedDict):
    """What one review says, as its record holds it, and the key that signed it."""

    key: str
    leaf_hash: str
    choice: str
    escalations: list[Mapping[str, str | int]]


def _statement(review: StoredRecord) -> Statement:
    facts = json.loads(review.leaf)["facts"]
    said = facts["statement"]
    return {
        "key": facts["key"],
        "leaf_hash": said["leaf_hash"],
        "choice": said["choice"],
        "escalations": said["escalations"],
    }
