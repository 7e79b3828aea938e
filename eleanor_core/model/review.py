"""What a human decides about a closed gate, and who may: statements, signatures, reviewers."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from attrs import Attribute, field, frozen

from eleanor_core.model import _checks as check
from eleanor_core.model.clauses import Tier

Choice: TypeAlias = Literal["acknowledge", "proceed", "modify", "halt"]
CHOICES: tuple[Choice, ...] = ("acknowledge", "proceed", "modify", "halt")
"""`acknowledge` opens tier 2; `proceed` and `modify` determine tier 3, `modify` with conditions;
`halt` closes any gate for good."""

_HEX = re.compile(r"[0-9a-f]*")
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def _hex(size: int) -> check.Check:
    def validate(_: object, attribute: Attribute[check.T], value: check.T) -> None:
        if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
            raise ValueError(f"{attribute.name} must be {2 * size} lower-case hex digits")

    return validate


def _person(_: object, attribute: Attribute[check.T], value: check.T) -> None:
    if not isinstance(value, str) or not _PERSON.fullmatch(value):
        raise ValueError(
            f"{attribute.name} must be an id of 1 to 64 letters, digits or any of '._@-', got "
            f"{value!r:.80}"
        )


@frozen(kw_only=True)
class Covered:
    """An escalation that a review answers, as the record names it."""

    critic: str = field(validator=check.words)
    clause: str = field(validator=check.clause)
    tier: Tier = field(validator=check.one_of(2, 3))


@frozen(kw_only=True)
class ReviewStatement:
    """What a reviewer signs: the choice, the record it is about, and every escalation it covers.

    It holds no word of anybody, so it stands in the leaf, and its signature can be checked for
    ever: `words` is the hex SHA-256(salt || RFC 8785 bytes of the reason). `time`: RFC 3339 UTC,
    the reviewer's clock. Signed are the RFC 8785 bytes of its wire form.
    """

    record_id: str = field(validator=check.words)
    leaf_hash: str = field(validator=_hex(32))
    choice: Choice = field(validator=check.one_of(*CHOICES))
    escalations: tuple[Covered, ...]
    words: str = field(validator=_hex(32))
    time: str = field(validator=check.words)
    schema: Literal["eleanor/review/1"] = field(
        default="eleanor/review/1", validator=check.one_of("eleanor/review/1")
    )


@frozen(kw_only=True)
class SignedReview:
    """A statement with its Ed25519 signature (RFC 8032) and what only the payload holds.

    `key`: the reviewer's public key, 32 bytes, hex. `salt`: 32 bytes, hex. `reason`: the
    reviewer's own words; with `modify` they are the conditions.
    """

    statement: ReviewStatement
    key: str = field(validator=_hex(32))
    signature: str = field(validator=_hex(64), repr=False)
    salt: str = field(validator=_hex(32), repr=False)
    reason: str = field(validator=check.words, repr=False)


@frozen(kw_only=True)
class Reviewer:
    """A person's registered key. `person`: an id by which the house knows them; no full name.

    `registered` and `revoked` are the positions of those records in the log, `revoked` None while
    the key is good.
    """

    key: str = field(validator=_hex(32))
    person: str = field(validator=_person)
    registered_by: str = field(validator=_person)
    registered: int
    revoked: int | None = None
    revoked_by: str | None = None


@frozen(kw_only=True)
class Review:
    """A recorded review that verified: who chose what. `reason` is None once it was erased."""

    review_id: str
    person: str
    statement: ReviewStatement
    reason: str | None = field(repr=False)
