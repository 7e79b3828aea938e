"""DESIGN 5, rules 9 and 10: a person opens a gate, by name, for all that is open, and edits nothing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest
from attrs import evolve
from support.acts import Deeds, new_key, reviewed
from support.judging import TEXT
from support.panels import Member

from eleanor_core import EleanorEngine, PrivateKey, sign_review
from eleanor_core.api import CriticViolation
from eleanor_core.errors import ExpiredDecision, GateClosed, ReviewRefused, UnresolvableRecord
from eleanor_core.model import (
    Assessment,
    Choice,
    Covered,
    FrozenMap,
    JsonObject,
    Receipt,
    SealedRecord,
    SignedReview,
)
from eleanor_core.pipeline.gate import Recorded
from eleanor_core.testing import Harness, MemoryLog

pytestmark = pytest.mark.anyio
CALM = Member(inline=True).plugin("calm")
TIER_2 = Member(score=0.7, escalates=("D1",), inline=True).plugin("two")
TIER_3 = Member(score=0.7, escalates=("D1", "D2"), inline=True).plugin("three")
GRAVE = Member(
    score=0.99,
    violations=(CriticViolation(clause="D2", severity=3, rationale="It degrades."),),
    inline=True,
).plugin("grave")
DEEDS = Deeds()
ACTION = DEEDS.action()


async def people(engine: EleanorEngine, *names: str) -> list[PrivateKey]:
    """Return the keys of registered reviewers."""
    keys = [new_key() for _ in names]
    for key, name in zip(keys, names, strict=True):
        await engine.reviews.register(key.public, person=name, by="root")
    return keys


async def judgement_of(engine: EleanorEngine, assessment: Assessment) -> Recorded:
    assert assessment.evidence is not None
    return await engine.reviews.judgement(assessment.evidence.record_id)


def last(log: MemoryLog) -> dict[str, object]:
    return dict(json.loads(log.records[-1].leaf)["facts"])


@pytest.mark.parametrize(
    ("plugin", "opens", "does_not"),
    [
        (TIER_2, ("acknowledge",), ("proceed", "modify")),
        (TIER_3, ("proceed", "modify"), ("acknowledge",)),
        (GRAVE, ("proceed", "modify"), ("acknowledge",)),
        (CALM, (), ("acknowledge", "proceed", "modify")),
    ],
)
async def test_each_tier_has_its_choices(
    harness: Harness, plugin: object, opens: tuple[Choice, ...], does_not: tuple[Choice, ...]
) -> None:
    log = MemoryLog()
    async with harness(plugins=[plugin, log]) as engine:
        (key,) = await people(engine, "alice")
        for choice in does_not:
            result = await engine.run(text=TEXT)
            with pytest.raises(ReviewRefused) as caught:
                await reviewed(engine, result, key, choice)
            assert caught.value.reason == ("open" if plugin is CALM else "wrong_tier")
            assert last(log)["code"] == f"review_{caught.value.reason}"
        for choice in opens:
            result = await engine.run(text=TEXT)
            with pytest.raises(GateClosed):
                await engine.executable(result, ACTION)
            await reviewed(engine, result, key, choice)
            decision = await engine.executable(result, ACTION)
            await engine.execute(decision, ACTION)


async def test_a_review_changes_no_byte_of_what_was_judged(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[TIER_3, log]) as engine:
        (key,) = await people(engine, "alice")
        result = await engine.run(text=TEXT)
        before = log.records[-1]
        for choice in ("proceed", "halt"):
            await reviewed(engine, result, key, choice)
        assert before in log.records
        assert (result.decision, result.gate.open) == ("review", False)
        assert [json.loads(item.leaf)["kind"] for item in log.records[-2:]] == ["review", "review"]


async def test_what_a_reviewer_sets_binds_who_executes(harness: Harness) -> None:
    deeds = Deeds()
    async with harness(plugins=[TIER_3, MemoryLog()]) as engine:
        alice, bob = await people(engine, "alice", "bob")
        action = deeds.action()
        result = await engine.run(text=TEXT)
        await reviewed(engine, result, alice, "proceed")
        before = await engine.executable(result, action)
        await reviewed(engine, result, bob, "modify", "Only on Mondays.")
        with pytest.raises(ExpiredDecision, match="other conditions"):
            await engine.execute(before, action)
        await engine.execute(await engine.executable(result, action), action)
    (execution,) = deeds.done
    (own,) = execution.constraints
    assert (own.critic, own.clause, own.text) == ("reviewer:bob", None, "Only on Mondays.")


async def test_conditions_that_were_erased_cannot_be_kept(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[TIER_3, log]) as engine:
        (key,) = await people(engine, "alice")
        result = await engine.run(text=TEXT)
        await reviewed(engine, result, key, "modify", "Only on Mondays.")
        log.records[-1] = evolve(log.records[-1], payload=None)
        with pytest.raises(UnresolvableRecord, match="erased"):
            await engine.executable(result, ACTION)


async def test_a_halt_is_final_and_reaches_permissions_that_are_out(harness: Harness) -> None:
    for plugin in (CALM, TIER_2):
        deeds = Deeds()
        async with harness(plugins=[plugin, MemoryLog()]) as engine:
            alice, bob = await people(engine, "alice", "bob")
            action = deeds.action()
            result = await engine.run(text=TEXT)
            if plugin is TIER_2:
                await reviewed(engine, result, alice, "acknowledge")
            decision = await engine.executable(result, action)
            await reviewed(engine, result, bob, "halt")
            with pytest.raises(GateClosed, match="it was halted"):
                await engine.execute(decision, action)
            with pytest.raises(GateClosed, match="it was halted"):
                await engine.executable(result, action)
            with pytest.raises(ReviewRefused, match="a halt is final"):
                await reviewed(engine, result, alice, "acknowledge")
        assert not deeds.done


class Waiting(MemoryLog):
    """Lets something happen just before an intent is kept."""

    before: Callable[[], Awaitable[object]] | None = None

    async def append(self, record: SealedRecord, /) -> Receipt:
        if b'"kind":"intent"' in record.leaf and self.before is not None:
            await self.before()
        return await super().append(record)


async def test_a_halt_that_stands_before_the_intent_stops_it(harness: Harness) -> None:
    log, deeds = Waiting(), Deeds()
    async with harness(plugins=[CALM, log]) as engine:
        (key,) = await people(engine, "alice")
        action = deeds.action()
        result = await engine.run(text=TEXT)
        decision = await engine.executable(result, action)
        log.before = lambda: reviewed(engine, result, key, "halt")
        with pytest.raises(GateClosed, match="it was halted"):
            await engine.execute(decision, action)
        kinds = [json.loads(item.leaf)["kind"] for item in log.records[-4:]]
        assert kinds == ["review", "intent", "outcome", "refused"]
        assert await engine.reviews.outcome(decision.record_id) == "failed"
    assert not deeds.done


async def test_what_policy_prohibits_opens_by_nothing(harness: Harness) -> None:
    log = MemoryLog()
    prohibits = {"policy": {"prohibited_clauses": ["D2"]}}
    async with harness(plugins=[TIER_3, log], settings=prohibits) as engine:
        (key,) = await people(engine, "alice")
        result = await engine.run(text=TEXT)
        assert (result.decision, result.gate.requires) == ("deny", "prohibited")
        for choice in ("acknowledge", "proceed", "modify"):
            with pytest.raises(ReviewRefused) as caught:
                await reviewed(engine, result, key, choice)
            assert caught.value.reason == "prohibited"
        with pytest.raises(GateClosed):
            await engine.executable(result, ACTION)


async def test_what_policy_prohibits_later_is_closed_as_well(harness: Harness) -> None:
    for plugin in (TIER_3, GRAVE):
        log, deeds = MemoryLog(), Deeds()
        action = deeds.action()
        async with harness(plugins=[plugin, log]) as engine:
            (key,) = await people(engine, "alice")
            result = await engine.run(text=TEXT)
            await reviewed(engine, result, key, "proceed")
            decision = await engine.executable(result, action)
        prohibits = {"policy": {"prohibited_clauses": ["D2"]}}
        async with harness(plugins=[plugin, log], settings=prohibits) as engine:
            with pytest.raises(GateClosed, match="policy prohibits D2"):
                await engine.execute(decision, action)
            with pytest.raises(ReviewRefused, match="nobody can open it"):
                await reviewed(engine, result, key, "modify")
        assert not deeds.done


async def test_a_tier_3_can_need_two_people(harness: Harness) -> None:
    two: JsonObject = {"gate": {"people": 2}}
    async with harness(plugins=[TIER_3, MemoryLog()], settings=two) as engine:
        alice, again, bob = await people(engine, "alice", "alice", "bob")
        result = await engine.run(text=TEXT)
        for key in (alice, again):
            await reviewed(engine, result, key, "proceed")
            with pytest.raises(GateClosed, match="of 2 people"):
                await engine.executable(result, ACTION)
        await reviewed(engine, result, bob, "proceed")
        await engine.execute(await engine.executable(result, ACTION), ACTION)
    async with harness(plugins=[TIER_2, MemoryLog()], settings=two) as engine:
        (key,) = await people(engine, "alice")
        result = await engine.run(text=TEXT)
        await reviewed(engine, result, key, "acknowledge")
        await engine.executable(result, ACTION)


async def test_false_reviews_are_refused_and_recorded(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[TIER_3, log]) as engine:
        alice, gone = await people(engine, "alice", "bob")
        await engine.reviews.revoke(gone.public, by="root")
        result, other = [await engine.run(text=TEXT) for _ in range(2)]
        judgement = await judgement_of(engine, result)
        other_id = (await judgement_of(engine, other)).record_id
        stranger = Covered(critic="nobody", clause="K1", tier=3)

        def sign(changed: Recorded = judgement, key: PrivateKey = alice) -> SignedReview:
            return sign_review(key, changed, choice="proceed", reason="So be it.")

        good = sign()
        fewer = frozenset(item for item in judgement.escalations if item.clause != "D1")
        false = {
            "altered": [
                evolve(good, statement=evolve(good.statement, choice="modify")),
                evolve(good, statement=evolve(good.statement, record_id=other_id)),
                evolve(good, key=gone.public),
                evolve(good, reason="Something else."),
                evolve(good, salt="0" * 64),
                evolve(good, signature="0" * 128),
            ],
            "unknown_key": [sign(key=new_key())],
            "revoked_key": [sign(key=gone)],
            "wrong_record": [
                sign(evolve(judgement, record_id="0" * 36)),
                sign(evolve(judgement, record_id=log.records[0].record_id)),
                sign(evolve(judgement, leaf_hash="0" * 64)),
                sign(evolve(judgement, record_id=other_id)),
            ],
            "missing_escalation": [sign(evolve(judgement, escalations=fewer))],
            "malformed": [
                sign(evolve(judgement, escalations=judgement.escalations | {stranger})),
                sign_review(alice, judgement, choice="proceed", reason=" "),
            ],
        }
        for reason, reviews in false.items():
            for signed in reviews:
                with pytest.raises(ReviewRefused) as caught:
                    await engine.reviews.submit(signed)
                assert caught.value.reason == reason
                assert last(log)["code"] == f"review_{reason}"
        with pytest.raises(GateClosed):
            await engine.executable(result, ACTION)
        await engine.reviews.submit(good)
        with pytest.raises(ReviewRefused) as caught:
            await engine.reviews.submit(good)
        assert caught.value.reason == "replayed"
        await engine.executable(result, ACTION)


async def test_a_reason_with_a_secret_is_refused(harness: Harness) -> None:
    async with harness(plugins=[TIER_2, "detectors/secrets", MemoryLog()]) as engine:
        (key,) = await people(engine, "alice")
        result = await engine.run(text=TEXT)
        with pytest.raises(ReviewRefused, match="secret") as caught:
            await reviewed(engine, result, key, "acknowledge", "It is AKIAIOSFODNN7EXAMPLE.")
        assert caught.value.reason == "secret"


async def test_a_revoked_key_is_refused_from_then_on(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[TIER_2, log]) as engine:
        (key,) = await people(engine, "alice")
        before, after = [await engine.run(text=TEXT) for _ in range(2)]
        await reviewed(engine, before, key, "acknowledge")
        revoked = await engine.reviews.revoke(key.public, by="root")
        assert revoked.revoked_by == "root"
        await engine.executable(before, ACTION)
        for again in (
            reviewed(engine, after, key, "acknowledge"),
            reviewed(engine, before, key, "halt"),
            engine.reviews.revoke(key.public, by="root"),
        ):
            with pytest.raises(ReviewRefused, match="revoked"):
                await again
        with pytest.raises(ReviewRefused, match="registered before"):
            await engine.reviews.register(key.public, person="alice", by="root")
        assert last(log)["code"] == "review_known_key"


@pytest.mark.parametrize("wrong", [{"key": "00"}, {"person": "Alice Doe"}, {"by": ""}])
async def test_a_reviewer_is_an_id_and_a_key(harness: Harness, wrong: dict[str, str]) -> None:
    async with harness(plugins=[CALM, MemoryLog()]) as engine:
        given = {"key": new_key().public, "person": "alice", "by": "root", **wrong}
        with pytest.raises(ReviewRefused) as caught:
            await engine.reviews.register(**given)
        assert caught.value.reason == "malformed"


async def test_the_log_is_not_believed_about_reviews(harness: Harness) -> None:
    """Whoever writes records into the log cannot open a gate without a registered key."""
    log = MemoryLog()
    async with harness(plugins=[TIER_3, log]) as engine:
        (key,) = await people(engine, "alice")
        result = await engine.run(text=TEXT)
        judgement = await judgement_of(engine, result)
        good = sign_review(key, judgement, choice="proceed", reason="So be it.")
        stranger = sign_review(new_key(), judgement, choice="proceed", reason="So be it.")
        for false in (
            stranger,
            evolve(good, signature=stranger.signature),
            sign_review(
                key, evolve(judgement, leaf_hash="0" * 64), choice="proceed", reason="So be it."
            ),
        ):
            planted = _planted(false, judgement)
            log._keep(planted)
            with pytest.raises(UnresolvableRecord, match="does not verify"):
                await engine.executable(result, ACTION)
            log.records.pop()
        log._keep(_planted(good, judgement))
        await engine.executable(result, ACTION)
        log.records.insert(0, log.records.pop())
        log.records[:] = [evolve(item, index=number) for number, item in enumerate(log.records)]
        with pytest.raises(UnresolvableRecord, match="not registered at that time"):
            await engine.executable(result, ACTION)


def _planted(signed: SignedReview, judgement: Recorded):
    from eleanor_core.codec import to_json
    from eleanor_core.evidence import derived_id, seal

    return seal(
        "review",
        trace_id=judgement.trace_id,
        facts=FrozenMap(
            {
                "statement": to_json(signed.statement),
                "key": signed.key,
                "signature": signed.signature,
            }
        ),
        payload={"review": {"reason": signed.reason, "salt": signed.salt}},
        record_id=derived_id("review", judgement.record_id),
    )


async def test_a_review_that_one_log_lacks_opens_nothing(harness: Harness) -> None:
    first, second = MemoryLog(name="a"), MemoryLog(name="b")
    hidden, find = set(), second._find
    second._find = lambda name: None if name in hidden else find(name)
    settings = {"evidence": {"required": "all"}}
    async with harness(plugins=[TIER_2, first, second], settings=settings) as engine:
        (key,) = await people(engine, "alice")
        result = await engine.run(text=TEXT)
        hidden.add((await reviewed(engine, result, key, "acknowledge")).review_id)
        with pytest.raises(GateClosed):
            await engine.executable(result, ACTION)
        hidden.clear()
        await engine.executable(result, ACTION)
        hidden.add((await reviewed(engine, result, key, "halt")).review_id)
        with pytest.raises(GateClosed, match="halted"):
            await engine.executable(result, ACTION)


async def test_what_waits_for_a_person_is_listed(harness: Harness) -> None:
    async with harness(plugins=[TIER_2, MemoryLog()]) as engine:
        (key,) = await people(engine, "alice")
        results = [await engine.run(text=TEXT) for _ in range(2)]
        await reviewed(engine, results[0], key, "acknowledge")
        await engine.execute(await engine.executable(results[0], ACTION), ACTION)
        found = [item async for item in engine.reviews.closed(100)]
        assert [(item.state, len(item.reviews), item.outcome) for item in found] == [
            ("open", 1, "done"),
            ("waits", 0, None),
        ]
        assert [item async for item in engine.reviews.closed(1)] == []
