"""Stage 8: the gate. It alone makes an `ExecutableDecision`, and only for a record that resolves.

What a caller holds is not believed: the gate goes by what the log holds, recomputes its hash, and
reads there whether the gate is open and what people have decided since.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from attrs import evolve, field, frozen

from eleanor_core.api import check_payload, leaf_hash
from eleanor_core.errors import GateClosed, UnresolvableRecord
from eleanor_core.model import (
    Assessment,
    Choice,
    Constraint,
    Covered,
    DecisionValue,
    EvidenceRef,
    ExecutableDecision,
    Gate,
    Requirement,
    Review,
    StoredRecord,
)

DETERMINATIONS: Final[tuple[Choice, ...]] = ("proceed", "modify")
GateState: TypeAlias = Literal["open", "waits", "halted", "prohibited"]
"""`open`: by itself, or people opened it. `waits`: for people. The other two stay closed."""

CLOSED_FOR_GOOD: Final = "a halt is final: judge the case again"


def closed(assessment: Assessment) -> Assessment:
    """Return the assessment with its gate closed for want of a record."""
    gate = assessment.gate
    if gate.open:
        gate = Gate(open=False, tier=0, requires="record")
    return evolve(assessment, gate=gate, evidence=None)


@frozen(kw_only=True)
class Recorded:
    """A judgement as the log holds it. `clauses`: all that its escalations and objections name.

    `case_digest` is empty where the engine had no key to make it with.
    """

    record_id: str
    leaf_hash: str
    index: int
    trace_id: str
    decision: DecisionValue
    gate: Gate
    constraints: tuple[Constraint, ...] = field(repr=False)
    escalations: frozenset[Covered]
    clauses: frozenset[str]
    case_digest: str = field(repr=False)
    stored: StoredRecord = field(repr=False)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What a human may choose that opens this gate; nothing where it is open or prohibited."""
        opening: dict[Requirement | None, tuple[Choice, ...]] = {
            "acknowledgement": ("acknowledge",),
            "determination": DETERMINATIONS,
        }
        return opening.get(self.gate.requires, ())


def recorded(reference: EvidenceRef | None, copies: Sequence[StoredRecord | None]) -> Recorded:
    """Return what the logs hold of a judgement that must hold it. `copies`: the primary's first.

    Raises UnresolvableRecord if one of them has none, or another than `reference` names.
    """
    if reference is None:
        raise UnresolvableRecord(
            "the result names no record: judge the case again and keep the result of `run`"
        )
    judgements = [_of_copy(reference, stored) for stored in copies or (None,)]
    return judgements[0]


def _of_copy(reference: EvidenceRef, stored: StoredRecord | None) -> Recorded:
    if stored is None:
        raise UnresolvableRecord(
            f"the evidence log holds no record {reference.record_id!r:.60}; "
            "judge the case again and keep the result that `run` returns"
        )
    if not leaf_hash(stored.leaf) == stored.leaf_hash == reference.leaf_hash:
        raise UnresolvableRecord(
            f"record {reference.record_id} does not match its leaf hash; "
            "run `eleanor evidence verify`"
        )
    return read_judgement(stored)


def read_judgement(stored: StoredRecord) -> Recorded:
    """Return the judgement in a record. Raises UnresolvableRecord if it holds none."""
    record = json.loads(stored.leaf)
    if record["kind"] != "assessment" or record["record_id"] != stored.record_id:
        raise UnresolvableRecord(f"record {stored.record_id} is not that of a judgement")
    facts = record["facts"]
    objecting = [facts["critics"].get(name, {}).get("clauses", ()) for name in facts["dissent"]]
    escalations = frozenset(Covered(**item) for item in facts["escalations"])
    return Recorded(
        record_id=stored.record_id,
        leaf_hash=stored.leaf_hash,
        index=stored.index,
        trace_id=record["trace_id"],
        decision=facts["decision"],
        gate=Gate(**facts["gate"]),
        constraints=_constraints(stored) if facts["decision"] == "constrain" else (),
        escalations=escalations,
        clauses=frozenset({code for codes in objecting for code in codes})
        | {item.clause for item in escalations},
        case_digest=facts["case"].get("digest", ""),
        stored=stored,
    )


def _constraints(stored: StoredRecord) -> tuple[Constraint, ...]:
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


def compare(judgement: Recorded, assessment: Assessment) -> None:
    """Raise unless the assessment that a caller holds is the one that was recorded."""
    record_id = judgement.record_id
    if judgement.trace_id != assessment.trace_id:
        raise UnresolvableRecord(f"record {record_id} is of another case")
    if judgement.decision != assessment.decision:
        raise UnresolvableRecord(
            f"record {record_id} says {judgement.decision}, not {assessment.decision}"
        )
    if judgement.constraints != assessment.constraints:
        raise UnresolvableRecord(f"record {record_id} holds other constraints than this result")


def state(
    judgement: Recorded,
    reviews: Sequence[Review],
    *,
    prohibited: frozenset[str] = frozenset(),
    people: int = 1,
) -> GateState:
    """Return how a gate stands now.

    `reviews`: all of this judgement, verified. `prohibited`: the clauses that policy opens to
    nobody now; what it prohibited when it was judged stands in the record. `people`: how many
    different ones must determine a tier 3.
    """
    if judgement.gate.requires == "prohibited" or judgement.clauses & prohibited:
        return "prohibited"
    if any(review.statement.choice == "halt" for review in reviews):
        return "halted"
    if judgement.gate.open:
        return "open"
    needed = people if judgement.gate.requires == "determination" else 1
    persons = {review.person for review in reviews if _opens(judgement, review)}
    return "open" if judgement.choices and len(persons) >= needed else "waits"


def conditions(
    judgement: Recorded,
    reviews: Sequence[Review],
    *,
    prohibited: frozenset[str] = frozenset(),
    people: int = 1,
) -> tuple[Constraint, ...]:
    """Return the conditions under which a gate is open now, or raise GateClosed: what it needs."""
    now = state(judgement, reviews, prohibited=prohibited, people=people)
    why = {
        "prohibited": "policy prohibits "
        + (", ".join(sorted(judgement.clauses & prohibited)) or "what it is about")
        + ", and no human action opens that",
        "halted": f"it was halted; {CLOSED_FOR_GOOD}",
        "waits": f"it requires {judgement.gate.requires}"
        + (f" of {people} people" if people > 1 and judgement.gate.tier == 3 else ""),
    }
    if now != "open":
        raise GateClosed(f"the gate of record {judgement.record_id} is closed: {why[now]}")
    return tuple(
        _condition(review)
        for review in reviews
        if _opens(judgement, review) and review.statement.choice == "modify"
    )


def _opens(judgement: Recorded, review: Review) -> bool:
    statement = review.statement
    return (
        (statement.record_id, statement.leaf_hash) == (judgement.record_id, judgement.leaf_hash)
        and statement.choice in judgement.choices
        and judgement.escalations <= frozenset(statement.escalations)
    )


def _condition(review: Review) -> Constraint:
    if review.reason is None:
        raise UnresolvableRecord(
            f"the conditions of review {review.review_id} were erased from the log; "
            "they cannot be kept without being known: judge the case again"
        )
    return Constraint(critic=f"reviewer:{review.person}", clause=None, text=review.reason)


class GateKeeper:
    """Makes and recognises executable decisions with the key of this installation."""

    def __init__(self, key: bytes) -> None:
        """Take the key, at least 32 bytes that nobody else knows."""
        self._key = key

    def permit(
        self,
        judgement: Recorded,
        conditions: tuple[Constraint, ...],
        *,
        action_digest: str,
        expires: str,
    ) -> ExecutableDecision:
        """Make the permission, once nothing stands against it any more."""
        unsealed = ExecutableDecision(
            record_id=judgement.record_id,
            leaf_hash=judgement.leaf_hash,
            trace_id=judgement.trace_id,
            decision=judgement.decision,
            constraints=judgement.constraints + conditions,
            case_digest=judgement.case_digest,
            action_digest=action_digest,
            expires=expires,
            seal="",
        )
        return evolve(unsealed, seal=self._seal(unsealed))

    def made(self, decision: object) -> bool:
        """Return whether a gate with this key made `decision` and nobody changed it since."""
        if type(decision) is not ExecutableDecision or type(decision.seal) is not str:
            return False
        try:
            seal = self._seal(decision)
        except (TypeError, ValueError, AttributeError):
            return False  # its fields are not even of the right kind
        return hmac.compare_digest(seal.encode(), decision.seal.encode(errors="replace"))

    def _seal(self, decision: ExecutableDecision) -> str:
        parts = [[item.critic, item.clause, item.text] for item in decision.constraints]
        fields = [
            "eleanor/decision/1",
            decision.record_id,
            decision.leaf_hash,
            decision.trace_id,
            decision.decision,
            decision.case_digest,
            decision.action_digest,
            decision.expires,
            parts,
        ]
        message = json.dumps(fields).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
