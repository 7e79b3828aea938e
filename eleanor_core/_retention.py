"""What is kept, held and erased: all of it records of the log, so that nothing goes in silence.

An erasure is a record that names another one; every log that takes it destroys that payload. A hold
covers records, and binds every erasure that begins once it is recorded.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias, cast

from attrs import evolve

from eleanor_core._chains import Chains
from eleanor_core._panel import LostSink
from eleanor_core._reviews import Reviews
from eleanor_core._signatures import PrivateKey
from eleanor_core._vouching import facts_of, leaf_of, reason_of, signed, signed_by
from eleanor_core.api import ErasableLog, erasure_id, leaf_hash
from eleanor_core.codec import from_json, to_json
from eleanor_core.errors import (
    EvidenceUnavailable,
    RetentionRefused,
    ReviewRefused,
    UnresolvableRecord,
)
from eleanor_core.evidence import FanOut, record_refusal, seal
from eleanor_core.evidence.fanout import NO_SINK
from eleanor_core.model import (
    Covers,
    Due,
    Erasure,
    Hold,
    JsonObject,
    JsonValue,
    SealedRecord,
    StoredRecord,
)
from eleanor_core.settings import Settings

RETENTION: Final = "retention"
"""The ground of an erasure whose time has come; any other one is a legal ground."""

_GROUND: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ().,/_-]{0,63}")
_PERSON: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
Who: TypeAlias = str | PrivateKey
"""Who asks: an id that stands in the log for good, or a registered reviewer's key, which signs."""


class Retention:
    """The holds and the erasures of one set of logs."""

    def __init__(
        self, evidence: FanOut, settings: Settings, mask: Callable[[str], str], reviews: Reviews
    ) -> None:
        """Take the logs, the profile in force, what masks secrets, and who has a key."""
        self._evidence = evidence
        self._seconds = settings.deadlines.record
        self._name = settings.evidence.retention
        self._profile = settings.evidence.profile
        self._mask = mask
        self._reviews = reviews
        self._chains = Chains(evidence, self._seconds)

    # -- holds ------------------------------------------------------------------------------------

    async def holds(self) -> tuple[Hold, ...]:
        """Return all holds there ever were, oldest first. Raises UnresolvableRecord.

        It does where what the log holds of them is damaged, or a signature is not right.
        """
        holds: dict[str, Hold] = {}
        chain = await self._chains.read("hold")
        reviewers = await self._reviews.reviewers() if chain else ()
        for stored in chain:
            leaf, facts = leaf_of(stored), facts_of(stored)
            key = signed_by(stored, reviewers)
            if facts["event"] == "released":
                held = holds[str(facts["hold"])]
                holds[held.hold_id] = evolve(
                    held, released_by=str(facts["by"]), released=str(leaf["time"])
                )
            else:
                holds[stored.record_id] = Hold(
                    hold_id=stored.record_id,
                    covers=from_json(facts["covers"], Covers),
                    by=str(facts["by"]),
                    time=str(leaf["time"]),
                    reason=reason_of(stored),
                    key=key,
                )
        return tuple(holds.values())

    async def hold(self, covers: Covers, *, by: Who, reason: str) -> Hold:
        """Place a hold. Raises RetentionRefused, ReviewRefused for a key that is not good."""

        async def build(record_id: str) -> SealedRecord:
            facts = {"event": "placed", "covers": to_json(covers)}
            self._check_clean(covers.trace_id)
            return await self._sealed("hold", record_id, facts, by, reason)

        return await self._changed(build, reason, of=None)

    async def release(self, hold_id: str, *, by: Who, reason: str) -> Hold:
        """Release a hold; what it covered can be erased then. Raises as `hold` does."""

        async def build(record_id: str) -> SealedRecord:
            held = next((item for item in await self.holds() if item.hold_id == hold_id), None)
            if held is None:
                raise RetentionRefused("unknown_hold", f"the log has no hold {hold_id!r:.60}")
            if held.released_by is not None:
                raise RetentionRefused(
                    "released", f"hold {hold_id} was released by {held.released_by}"
                )
            facts: JsonObject = {"event": "released", "hold": hold_id}
            return await self._sealed("hold", record_id, facts, by, reason)

        return await self._changed(build, reason, of=hold_id)

    # -- erasures ---------------------------------------------------------------------------------

    async def erasure(self, record_id: str) -> Erasure | None:
        """Return the erasure of a record's payload; None if it was not erased."""
        stored = (await self._evidence.copies(erasure_id(record_id)))[0]
        if stored is None:
            return None
        key = signed_by(stored, await self._reviews.reviewers())
        facts = facts_of(stored)
        return Erasure(
            record_id=record_id,
            erasure_id=stored.record_id,
            by=str(facts["by"]),
            ground=str(facts["ground"]),
            time=str(leaf_of(stored)["time"]),
            reason=reason_of(stored),
            key=key,
            waiting=await self._waiting(record_id),
        )

    async def erase(
        self, record_id: str, *, by: Who, ground: str = RETENTION, reason: str = ""
    ) -> Erasure:
        """Erase a record's payload, and its salts, from every log; its leaf stays.

        `ground`: the law or order that it rests on, in a form that may stand in the log for good;
        such a one needs a reason, and is heard also before the profile's minimum. A record that was
        erased before is erased where it still stands. Raises RetentionRefused, ReviewRefused for a
        key that is not good, UnresolvableRecord: each of them is recorded. EvidenceUnavailable: a
        log cannot erase, or could not yet.
        """
        try:
            return await self._erased(record_id, by=by, ground=ground, reason=reason)
        except (RetentionRefused, ReviewRefused, UnresolvableRecord) as error:
            await self._refused(error, of="erasure", about=record_id)
            raise

    async def due(self, now: datetime | None = None) -> AsyncIterator[Due]:
        """Yield the records whose payload has been kept for as long as the profile says."""
        if self._profile.maximum_days is None:
            return
        until = _ago(now, self._profile.maximum_days)
        holds = [hold for hold in await self.holds() if hold.released_by is None]
        async for stored in self._primary.read():
            leaf = leaf_of(stored)
            if stored.payload and str(leaf["time"]) < until:
                yield Due(
                    record_id=stored.record_id,
                    kind=str(leaf["kind"]),
                    time=str(leaf["time"]),
                    held_by=tuple(hold.hold_id for hold in holds if covered(hold.covers, leaf)),
                )

    async def _erased(self, record_id: str, *, by: Who, ground: str, reason: str) -> Erasure:
        if not _GROUND.fullmatch(ground):
            raise RetentionRefused(
                "malformed",
                "the ground stands in the log for good: at most 64 letters, digits, spaces or any "
                "of '().,/_-', such as 'GDPR 17(1)(b)'; what else is to be said is the reason",
            )
        self._check_clean(ground)
        if ground != RETENTION or reason:
            self._check_words(reason)
        stored = await self._standing(record_id)
        if stored is not None:
            await self._check_time(stored, ground)
            facts: JsonObject = {
                "record": record_id,
                "leaf_hash": stored.leaf_hash,
                "commitments": cast("JsonObject", leaf_of(stored)["commitments"]),
                "ground": ground,
                "profile": self._name,
            }
            sealed = await self._sealed("erasure", erasure_id(record_id), facts, by, reason)
            await self._evidence.append_first(sealed, self._seconds)
        # Appended once more, it is carried out wherever it was not yet: also if another was first.
        held = (await self._evidence.copies(erasure_id(record_id)))[0]
        if held is None:
            raise EvidenceUnavailable(f"the erasure of record {record_id} is not in the log")
        await self._evidence.append_within(
            SealedRecord(
                record_id=held.record_id,
                leaf_hash=held.leaf_hash,
                leaf=held.leaf,
                payload=held.payload,
            ),
            self._seconds,
        )
        # Who follows the primary destroys it too, now if it can.
        await self._evidence.catch_up(self._seconds)
        found = await self.erasure(record_id)
        if found is None:
            raise EvidenceUnavailable(f"the erasure of record {record_id} is not in the log")
        return found

    async def _waiting(self, record_id: str) -> tuple[str, ...]:
        """Return the logs that hold a payload still, or that nobody can ask whether they do."""
        readable = await self._evidence.still_readable(record_id)
        sinks = self._evidence.sinks.items()
        return tuple(name for name, sink in sinks if name in readable or isinstance(sink, LostSink))

    async def _standing(self, record_id: str) -> StoredRecord | None:
        """Return a record with a payload that may be erased; None if it was erased before."""
        unable = [
            name
            for name, sink in self._evidence.sinks.items()
            # One that did not start gets the erasure with all that it missed, once it does.
            if not isinstance(sink, ErasableLog | LostSink)
        ]
        if unable:
            raise EvidenceUnavailable(
                f"evidence/{', evidence/'.join(unable)} cannot erase a payload: nothing was done"
            )
        stored = (await self._evidence.copies(record_id))[0]
        if stored is None or leaf_hash(stored.leaf) != stored.leaf_hash:
            raise UnresolvableRecord(
                f"the log holds no record {record_id!r:.60} that matches its hash"
            )
        if await self._primary.get(erasure_id(record_id)) is not None:
            return None
        if not leaf_of(stored)["commitments"]:
            raise RetentionRefused("no_payload", f"record {record_id} has no words to erase")
        if stored.payload is None:
            raise UnresolvableRecord(
                f"the payload of record {record_id} is gone and no erasure says why: run "
                "`eleanor evidence verify`"
            )
        return stored

    async def _check_time(self, stored: StoredRecord, ground: str) -> None:
        leaf = leaf_of(stored)
        holding = [
            hold.hold_id
            for hold in await self.holds()
            if hold.released_by is None and covered(hold.covers, leaf)
        ]
        if holding:
            raise RetentionRefused(
                "held",
                f"record {stored.record_id} is held by {', '.join(holding)}: a hold is released "
                "with `eleanor evidence hold release`",
            )
        days = self._profile.minimum_days
        if ground == RETENTION and str(leaf["time"]) >= _ago(None, days):
            raise RetentionRefused(
                "too_early",
                f"record {stored.record_id} is of {leaf['time']}, and the profile {self._name} "
                f"keeps it for {days} days; before that it takes a legal ground",
            )

    # -- the log ----------------------------------------------------------------------------------

    @property
    def _primary(self) -> ErasableLog:
        primary = self._evidence.primary
        if primary is None:
            raise EvidenceUnavailable(NO_SINK)
        return cast("ErasableLog", primary)

    async def _changed(
        self, build: Callable[[str], Awaitable[SealedRecord]], reason: str, *, of: str | None
    ) -> Hold:
        try:
            self._check_words(reason)
            sealed = await self._chains.append("hold", "", build)
        except (RetentionRefused, ReviewRefused) as error:
            await self._refused(error, of="hold", about=of or "")
            raise
        hold_id = of or sealed.record_id
        return next(item for item in await self.holds() if item.hold_id == hold_id)

    def _check_words(self, reason: str) -> None:
        if not reason.strip():
            raise RetentionRefused("malformed", "it needs a reason, in words")
        self._check_clean(reason)

    def _check_clean(self, text: str) -> None:
        if self._mask(text) != text:
            raise RetentionRefused(
                "secret", "it holds what looks like a secret: say it without, and ask again"
            )

    async def _sealed(
        self,
        label: Literal["hold", "erasure"],
        record_id: str,
        facts: Mapping[str, JsonValue],
        by: Who,
        reason: str,
    ) -> SealedRecord:
        if isinstance(by, str):
            self._check_clean(by)
            if not _PERSON.fullmatch(by):
                raise RetentionRefused(
                    "malformed",
                    "who asks is an id of 1 to 64 letters, digits or any of '._@-', not "
                    f"{by!r:.60}",
                )
            said: JsonObject = {**facts, "by": by}
        else:
            named = {**facts, "by": (await self._reviews.good(by.public)).person}
            said = signed(label, record_id, named, by)
        payload: JsonObject = {label: {"reason": reason}} if reason else {}
        return seal(label, trace_id="", facts=said, payload=payload, record_id=record_id)

    async def _refused(
        self,
        error: RetentionRefused | ReviewRefused | UnresolvableRecord,
        *,
        of: Literal["hold", "erasure"],
        about: str,
    ) -> None:
        await record_refusal(
            self._evidence, error, of=of, about=about, seconds=self._seconds, mask=self._mask
        )


def covered(covers: Covers, leaf: Mapping[str, JsonValue]) -> bool:
    """Return whether a hold on this covers a record, or what that record is about."""
    facts = cast("JsonObject", leaf["facts"])
    statement = cast("JsonObject", facts.get("statement") or {})
    about = {leaf["record_id"], facts.get("record"), statement.get("record_id")}
    case = cast("JsonObject", facts.get("case") or {})
    time = str(leaf["time"])
    return (
        (not covers.records or not about.isdisjoint(covers.records))
        and covers.trace_id in ("", leaf["trace_id"])
        and covers.case in ("", case.get("digest"))
        and covers.start <= time
        and (not covers.end or time < covers.end)
    )


def _ago(now: datetime | None, days: int) -> str:
    """Return the time so many days ago as a record writes it."""
    moment = (now or datetime.now(UTC)) - timedelta(days=days)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
