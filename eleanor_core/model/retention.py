"""What is kept, held and erased: what a hold covers, holds and erasures as the log has them."""

from __future__ import annotations

import re

from attrs import Attribute, field, frozen

from eleanor_core.model import _checks as check

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGEST = re.compile(r"([0-9a-f]{64})?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def _moment(_: object, attribute: Attribute[check.T], value: check.T) -> None:
    if not isinstance(value, str) or (value and not _MOMENT.fullmatch(value)):
        raise ValueError(
            f"{attribute.name} must be a time such as 2026-01-31T12:00:00.000000Z, got "
            f"{value!r:.60}"
        )


def _ids(_: object, attribute: Attribute[check.T], value: check.T) -> None:
    if not isinstance(value, tuple) or not all(
        isinstance(item, str) and _ID.fullmatch(item) for item in value
    ):
        raise ValueError(f"{attribute.name} must be ids of records, got {value!r:.80}")


def _digest(_: object, attribute: Attribute[check.T], value: check.T) -> None:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError(f"{attribute.name} must be the digest of a case, 64 hex digits")


@frozen(kw_only=True)
class Covers:
    """Which records a hold covers: those that fit everything that is said here.

    - `records`: their ids; what is about one of them (a review, an outcome) is covered with it.
    - `trace_id`; `case`: the digest of a case, which all judgements of it share.
    - `start`, `end`: RFC 3339 UTC with microseconds; from `start` on, and before `end`.
    """

    records: tuple[str, ...] = field(default=(), validator=_ids)
    trace_id: str = field(default="", validator=check.text)
    case: str = field(default="", validator=_digest)
    start: str = field(default="", validator=_moment)
    end: str = field(default="", validator=_moment)

    def __attrs_post_init__(self) -> None:
        """Refuse a hold on everything that nobody meant."""
        if not (self.records or self.trace_id or self.case or self.start or self.end):
            raise ValueError("a hold must say what it covers: records, a trace, a case or a time")


@frozen(kw_only=True)
class Hold:
    """A legal hold: what it covers is not erased until it is released.

    `by`: who placed it; `key`: the reviewer's key that signed it, None where it was not signed.
    `reason` is None once it was erased. `released_by` is None while it holds.
    """

    hold_id: str
    covers: Covers
    by: str
    time: str
    reason: str | None = field(repr=False)
    key: str | None = None
    released_by: str | None = None
    released: str | None = None


@frozen(kw_only=True)
class Erasure:
    """An erasure as the log has it: whose payload, by whom, on what ground, and when.

    `waiting`: the logs that still hold the payload, and destroy it once the erasure reaches them.
    """

    record_id: str
    erasure_id: str
    by: str
    ground: str
    time: str
    reason: str | None = field(repr=False)
    key: str | None = None
    waiting: tuple[str, ...] = ()


@frozen(kw_only=True)
class Due:
    """A record whose payload is kept for long enough. `held_by`: the holds that cover it."""

    record_id: str
    kind: str
    time: str
    held_by: tuple[str, ...] = ()
