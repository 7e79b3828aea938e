"""`eleanor review list`, `show`, `decide` and `submit`. Only the evidence plugins are started."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from eleanor_cli import exits
from eleanor_cli.faults import UsageError
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_cli.review.opening import with_reviews
from eleanor_cli.review.show import show_list, show_one, show_review
from eleanor_core import PrivateKey, Reviewed, Reviews, sign_review
from eleanor_core.api import parse_json
from eleanor_core.codec import from_json, to_json
from eleanor_core.errors import InvalidInput
from eleanor_core.evidence import open_payload
from eleanor_core.model import Choice, JsonObject, SignedReview


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a reviewer decides, as typed."""

    record_id: str
    choice: Choice
    key: Path
    reason: str


def list_waiting(options: Options, *, last: int, everything: bool, as_json: bool) -> int:
    """List judgements with a closed gate, oldest first."""

    async def main(reviews: Reviews) -> int:
        found = [item async for item in reviews.closed(last) if everything or item.state == "waits"]
        if as_json:
            write_json([_in_short(item) for item in found])
        else:
            show_list(found)
        return exits.OK

    return with_reviews(options, main)


def show_judgement(options: Options, record_id: str, *, as_json: bool) -> int:
    """Show one judgement and its reviews."""

    async def main(reviews: Reviews) -> int:
        found = await reviews.look(await reviews.judgement(record_id))
        payload = open_payload(found.judgement.stored)
        if as_json:
            write_json(
                {
                    **_in_short(found),
                    "leaf_hash": found.judgement.leaf_hash,
                    "gate": to_json(found.judgement.gate),
                    "choices": list(found.judgement.choices),
                    "payload": None if payload is None else dict(payload),
                    "reviews": [to_json(review) for review in found.reviews],
                }
            )
        else:
            show_one(found, payload)
        return exits.OK

    return with_reviews(options, main)


def decide(options: Options, decision: Decision, *, sign_only: bool, as_json: bool) -> int:
    """Sign a review that covers all escalations, and submit it unless it is only to be signed."""
    key = PrivateKey.load(decision.key)

    async def main(reviews: Reviews) -> int:
        judgement = await reviews.judgement(decision.record_id)
        signed = sign_review(key, judgement, choice=decision.choice, reason=decision.reason)
        if sign_only:
            write_json(to_json(signed))
            return exits.OK
        return await _submitted(reviews, signed, as_json=as_json)

    return with_reviews(options, main)


def submit(options: Options, file: Path, *, as_json: bool) -> int:
    """Submit a signed review from a file."""
    given = str(file) == "-"
    try:
        data = parse_json(sys.stdin.buffer.read() if given else file.read_bytes())
        signed = from_json(data, SignedReview)
    except OSError:
        raise
    except Exception as error:
        why = str(error) if isinstance(error, InvalidInput) else "a key is missing or wrong"
        where = "standard input" if given else file
        msg = (
            f"{where} holds no signed review ({why}); "
            "`eleanor review decide ... --sign-only` prints one"
        )
        raise UsageError(msg) from error

    async def main(reviews: Reviews) -> int:
        return await _submitted(reviews, signed, as_json=as_json)

    return with_reviews(options, main)


async def _submitted(reviews: Reviews, signed: SignedReview, *, as_json: bool) -> int:
    review = await reviews.submit(signed)
    if as_json:
        write_json(to_json(review))
    else:
        show_review(review)
    return exits.OK


def _in_short(item: Reviewed) -> JsonObject:
    judgement = item.judgement
    return {
        "record_id": judgement.record_id,
        "decision": judgement.decision,
        "requires": judgement.gate.requires,
        "clauses": sorted({covered.clause for covered in judgement.escalations}),
        "state": item.state,
        "reviews": [
            {"person": review.person, "choice": review.statement.choice} for review in item.reviews
        ],
        "outcome": item.outcome,
    }
