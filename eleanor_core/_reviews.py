"""Reviews: who may decide about a closed gate, what they decided, and that it counts.

Everything here is a record of the log, found by the id that is derived from what it is about: the
reviewers one after the other, and the reviews of each judgement. Nothing is believed because it
stands there: each signature is checked again whenever a review is read.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Literal

from attrs import evolve, frozen

from eleanor_core._chains import Chains
from eleanor_core._review import check_review, check_signature, check_words, read_review
from eleanor_core.api import EvidenceSink
from eleanor_core.codec import to_json
from eleanor_core.errors import (
    EleanorError,
    EvidenceUnavailable,
    ReviewRefused,
    UnresolvableRecord,
)
from eleanor_core.evidence import (
    FanOut,
    derived_id,
    record_refusal,
    seal,
)
from eleanor_core.evidence.fanout import NO_SINK
from eleanor_core.model import (
    EvidenceRef,
    JsonObject,
    JsonValue,
    OutcomeValue,
    Review,
    Reviewer,
    SealedRecord,
    SignedReview,
    StoredRecord,
)
from eleanor_core.pipeline.gate import GateState, Recorded, read_judgement, recorded, state
from eleanor_core.settings import Settings


@frozen(kw_only=True)
class Reviewed:
    """A judgement, its reviews, how its gate stands now, and what was carried out on it.

    `outcome`: None where nothing was.
    """

    judgement: Recorded
    reviews: tuple[Review, ...]
    state: GateState
    outcome: OutcomeValue | None


class Reviews:
    """The reviewers and the reviews of one set of logs."""

    def __init__(self, evidence: FanOut, settings: Settings, mask: Callable[[str], str]) -> None:
        """Take the logs, the policy in force, and what masks that which must not be recorded."""
        self._evidence = evidence
        self._seconds = settings.deadlines.record
        self._prohibited = frozenset(settings.policy.prohibited_clauses)
        self._people = settings.gate.people
        self._chains = Chains(evidence, settings.deadlines.record)
        self._mask = mask

    # -- reviewers --------------------------------------------------------------------------------

    async def reviewers(self) -> tuple[Reviewer, ...]:
        """Return all keys that were ever registered, oldest first.

        Raises UnresolvableRecord if what the log holds of them is damaged.
        """
        known: dict[str, Reviewer] = {}
        for stored in await self._chains.read("reviewer"):
            facts = _facts(stored)
            key = str(facts["key"])
            if facts["event"] == "revoked":
                known[key] = evolve(known[key], revoked=stored.index, revoked_by=str(facts["by"]))
            else:
                known[key] = Reviewer(
                    key=key,
                    person=str(facts["person"]),
                    registered_by=str(facts["by"]),
                    registered=stored.index,
                )
        return tuple(known.values())

    async def register(self, key: str, *, person: str, by: str) -> Reviewer:
        """Let the holder of a key review from now on. `key`: the public key, 64 hex digits.

        `person` and `by` (who registers) are ids that stand in the log for good. Raises
        ReviewRefused if the key is known already: one that was revoked never comes back.
        """
        try:
            Reviewer(key=key, person=person, registered_by=by, registered=0)
        except ValueError as error:
            raise ReviewRefused(
                "malformed", f"the reviewer cannot be registered: {error}"
            ) from None

        async def check() -> JsonObject:
            if any(reviewer.key == key for reviewer in await self.reviewers()):
                raise ReviewRefused(
                    "known_key", f"key {key[:16]}... was registered before: make a new one"
                )
            return {"event": "registered", "key": key, "person": person, "by": by}

        return await self._changed(key, check)

    async def revoke(self, key: str, *, by: str) -> Reviewer:
        """Refuse this key from now on; what it signed before stands. Raises ReviewRefused."""

        async def check() -> JsonObject:
            await self.good(key)
            return {"event": "revoked", "key": key, "by": by}

        return await self._changed(key, check)

    # -- reviews ----------------------------------------------------------------------------------

    async def judgement(self, record_id: str) -> Recorded:
        """Return a judgement as the log holds it. Raises UnresolvableRecord."""
        copies = await self._evidence.copies(record_id)
        stored = copies[0]
        known = stored.leaf_hash if stored else ""
        return recorded(EvidenceRef(record_id=record_id, leaf_hash=known), copies)

    async def submit(self, signed: SignedReview) -> Review:
        """Record a review. It opens or closes the gate of its judgement, and changes nothing else.

        Raises ReviewRefused, which is recorded too, and EvidenceUnavailable.
        """
        try:
            return await self._submitted(signed)
        except (ReviewRefused, UnresolvableRecord) as error:
            await self._refused(error, of="review", about=signed.statement.record_id)
            raise

    async def of(self, judgement: Recorded) -> tuple[Review, ...]:
        """Return the reviews of a judgement, oldest first, each verified again.

        One that opens counts only once every log holds it that must. Raises UnresolvableRecord
        where one does not verify.
        """
        return tuple([review for review, _ in await self.records_of(judgement)])

    async def records_of(self, judgement: Recorded) -> list[tuple[Review, StoredRecord]]:
        """Return the reviews of a judgement with their records."""
        found: list[tuple[Review, StoredRecord]] = []
        chain = await self._chains.read("review", judgement.record_id)
        reviewers = await self.reviewers() if chain else ()
        for stored in chain:
            review = read_review(stored, judgement, reviewers)
            copies = await self._evidence.copies(stored.record_id)
            everywhere = all(copy and copy.leaf == stored.leaf for copy in copies)
            if everywhere or review.statement.choice == "halt":
                found.append((review, stored))
        return found

    async def look(self, judgement: Recorded) -> Reviewed:
        """Return how a judgement stands now."""
        reviews = await self.of(judgement)
        return Reviewed(
            judgement=judgement,
            reviews=reviews,
            state=state(judgement, reviews, prohibited=self._prohibited, people=self._people),
            outcome=await self.outcome(judgement.record_id),
        )

    async def closed(self, last: int) -> AsyncIterator[Reviewed]:
        """Yield those of the newest `last` records that were judged with a closed gate."""
        primary = self._primary
        start = max(0, await primary.count() - last)
        async for stored in primary.read(start):
            if json.loads(stored.leaf)["kind"] == "assessment":
                judgement = read_judgement(stored)
                if not judgement.gate.open:
                    yield await self.look(judgement)

    async def outcome(self, record_id: str) -> OutcomeValue | None:
        """Return what came of the one execution of a judgement; None: it was not executed.

        An intent without an outcome is `unknown`: it is running, or was cut off.
        """
        if await self._primary.get(derived_id("intent", record_id)) is None:
            return None
        stored = await self._primary.get(derived_id("outcome", record_id))
        if stored is None:
            return "unknown"
        outcome: OutcomeValue = json.loads(stored.leaf)["facts"]["outcome"]
        return outcome

    async def _submitted(self, signed: SignedReview) -> Review:
        statement = signed.statement
        reviewer = await self._signed_by(signed)
        check_words(signed, self._mask)
        try:
            judgement = await self.judgement(statement.record_id)
        except UnresolvableRecord as error:
            raise ReviewRefused("wrong_record", str(error)) from error

        async def build(record_id: str) -> SealedRecord:
            check_review(judgement, signed, await self.of(judgement), self._prohibited)
            return seal(
                "review",
                trace_id=judgement.trace_id,
                facts={
                    "statement": to_json(statement),
                    "key": signed.key,
                    "signature": signed.signature,
                },
                payload={"review": {"reason": signed.reason, "salt": signed.salt}},
                record_id=record_id,
            )

        sealed = await self._chains.append("review", judgement.record_id, build)
        return Review(
            review_id=sealed.record_id,
            person=reviewer.person,
            statement=statement,
            reason=signed.reason,
        )

    async def _signed_by(self, signed: SignedReview) -> Reviewer:
        check_signature(signed)
        return await self.good(signed.key)

    async def good(self, key: str) -> Reviewer:
        """Return the reviewer who holds a key. Raises ReviewRefused if it is not good now."""
        reviewer = next((item for item in await self.reviewers() if item.key == key), None)
        if reviewer is None:
            raise ReviewRefused(
                "unknown_key",
                f"no reviewer has the key {key[:16]}...: register it with "
                "`eleanor review keys add`",
            )
        if reviewer.revoked is not None:
            raise ReviewRefused(
                "revoked_key", f"the key {key[:16]}... of {reviewer.person} was revoked"
            )
        return reviewer

    # -- the log ----------------------------------------------------------------------------------

    @property
    def _primary(self) -> EvidenceSink:
        primary = self._evidence.primary
        if primary is None:
            raise EvidenceUnavailable(NO_SINK)
        return primary

    async def _changed(self, key: str, check: Callable[[], Awaitable[JsonObject]]) -> Reviewer:
        async def build(record_id: str) -> SealedRecord:
            return seal("reviewer", trace_id="", facts=await check(), record_id=record_id)

        try:
            await self._chains.append("reviewer", "", build)
        except ReviewRefused as error:
            await self._refused(error, of="reviewer", about="")
            raise
        return next(item for item in await self.reviewers() if item.key == key)

    async def _refused(
        self, error: EleanorError, *, of: Literal["review", "reviewer"], about: str
    ) -> None:
        await record_refusal(
            self._evidence,
            error,
            of=of,
            about=about,
            seconds=self._seconds,
            mask=self._mask,
        )


def _facts(stored: StoredRecord) -> Mapping[str, JsonValue]:
    facts: Mapping[str, JsonValue] = json.loads(stored.leaf)["facts"]
    return facts
