"""One review: how it is signed, when it counts, and how it is read back from the log."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Final, cast

from eleanor_core._signatures import PrivateKey, verifies
from eleanor_core.api import commitment
from eleanor_core.codec import from_json
from eleanor_core.errors import ReviewRefused, UnresolvableRecord
from eleanor_core.evidence import canonical, now, open_payload
from eleanor_core.model import (
    Choice,
    Review,
    Reviewer,
    ReviewStatement,
    SignedReview,
    StoredRecord,
)
from eleanor_core.pipeline.gate import CLOSED_FOR_GOOD, Recorded

_SALT_BYTES: Final = 32
_NO_REASON: Final = "a review needs a reason, in words"


def sign_review(
    key: PrivateKey, judgement: Recorded, *, choice: Choice, reason: str
) -> SignedReview:
    """Return a review of a judgement, covering all of its escalations, signed with `key`.

    Raises ReviewRefused where there is no reason.
    """
    if not reason:
        raise ReviewRefused("malformed", _NO_REASON)
    salt = secrets.token_bytes(_SALT_BYTES)
    statement = ReviewStatement(
        record_id=judgement.record_id,
        leaf_hash=judgement.leaf_hash,
        choice=choice,
        escalations=tuple(
            sorted(judgement.escalations, key=lambda item: (item.critic, item.clause, item.tier))
        ),
        words=commitment(salt, canonical(reason)),
        time=now(),
    )
    return SignedReview(
        statement=statement,
        key=key.public,
        signature=key.sign(canonical(statement)),
        salt=salt.hex(),
        reason=reason,
    )


def check_signature(signed: SignedReview) -> None:
    """Raise ReviewRefused if a review is not as its key's holder signed it."""
    if not verifies(signed.key, signed.signature, canonical(signed.statement)):
        raise ReviewRefused(
            "altered",
            "the signature does not fit this review: it was altered, or signed by another key",
        )


def check_words(signed: SignedReview, mask: Callable[[str], str]) -> None:
    """Raise ReviewRefused if the reason is missing, another one, or must not be recorded."""
    if not _are_words(signed.statement, signed.salt, signed.reason):
        raise ReviewRefused("altered", "the reason is not the one that was signed")
    if not signed.reason.strip():
        raise ReviewRefused("malformed", _NO_REASON)
    if mask(signed.reason) != signed.reason:
        raise ReviewRefused(
            "secret", "the reason holds what looks like a secret: say it without, and sign again"
        )


def check_review(
    judgement: Recorded,
    signed: SignedReview,
    before: tuple[Review, ...],
    prohibited: frozenset[str],
) -> None:
    """Raise ReviewRefused if the log must not take this review of this judgement."""
    statement = signed.statement
    choice, record_id = statement.choice, judgement.record_id
    if statement.leaf_hash != judgement.leaf_hash:
        raise ReviewRefused("wrong_record", f"record {record_id} has another leaf hash")
    if any(review.statement == statement for review in before):
        raise ReviewRefused("replayed", f"this review of record {record_id} is in the log already")
    if any(review.statement.choice == "halt" for review in before):
        raise ReviewRefused("halted", f"record {record_id} was halted; {CLOSED_FOR_GOOD}")
    if choice == "halt":
        return
    if judgement.gate.requires == "prohibited" or judgement.clauses & prohibited:
        raise ReviewRefused(
            "prohibited", f"policy prohibits what record {record_id} is about: nobody can open it"
        )
    if judgement.gate.open:
        raise ReviewRefused(
            "open", f"the gate of record {record_id} is open; only 'halt' closes it"
        )
    if choice not in judgement.choices:
        raise ReviewRefused(
            "wrong_tier",
            f"record {record_id} requires {judgement.gate.requires} (tier {judgement.gate.tier}): "
            f"choose {', '.join((*judgement.choices, 'halt'))}, not {choice}",
        )
    covered = frozenset(statement.escalations)
    if missing := sorted({item.clause for item in judgement.escalations - covered}):
        raise ReviewRefused(
            "missing_escalation",
            f"the review of record {record_id} leaves out {', '.join(missing)}: "
            "it must cover every open escalation",
        )
    if covered - judgement.escalations:
        raise ReviewRefused(
            "malformed", f"the review names escalations that record {record_id} does not hold"
        )


def read_review(
    stored: StoredRecord, judgement: Recorded, reviewers: tuple[Reviewer, ...]
) -> Review:
    """Return the review in a record. Raises UnresolvableRecord unless all of it verifies."""
    facts = json.loads(stored.leaf)["facts"]
    statement = from_json(facts["statement"], ReviewStatement)
    reviewer = next(
        (
            item
            for item in reviewers
            if item.key == facts["key"]
            and item.registered < stored.index
            and (item.revoked is None or stored.index < item.revoked)
        ),
        None,
    )
    if (
        reviewer is None
        or (statement.record_id, statement.leaf_hash) != (judgement.record_id, judgement.leaf_hash)
        or not verifies(reviewer.key, facts["signature"], canonical(statement))
    ):
        raise UnresolvableRecord(
            f"review {stored.record_id} of record {judgement.record_id} does not verify: its key "
            "was not registered at that time, or it was changed; run `eleanor evidence verify`"
        )
    words = open_payload(stored)
    said = cast("Mapping[str, str]", words["review"]) if words else None
    if said and not _are_words(statement, said["salt"], said["reason"]):
        raise UnresolvableRecord(f"the reason of review {stored.record_id} is not what was signed")
    return Review(
        review_id=stored.record_id,
        person=reviewer.person,
        statement=statement,
        reason=said["reason"] if said else None,
    )


def _are_words(statement: ReviewStatement, salt: str, reason: str) -> bool:
    return commitment(bytes.fromhex(salt), canonical(reason)) == statement.words
