"""DESIGN 5, rule 9: one permission, one action, once; and every refusal is in the evidence."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable

import anyio
import pytest
from attrs import evolve
from support.acts import Deeds
from support.judging import TEXT
from support.panels import Member

from eleanor_core import EleanorEngine
from eleanor_core.errors import (
    ActionFailed,
    ActionUnknown,
    EvidenceUnavailable,
    ExpiredDecision,
    ForgedDecision,
    InvalidInput,
    NotRunning,
    ReplayedDecision,
    UnresolvableRecord,
    WrongAction,
    WrongCase,
)
from eleanor_core.model import (
    Action,
    Constraint,
    ExecutableDecision,
    Execution,
    Receipt,
    SealedRecord,
)
from eleanor_core.testing import Harness, MemoryLog

pytestmark = pytest.mark.anyio
CALM = Member(inline=True).plugin("calm")
MILD = Member(score=0.55, inline=True).plugin("mild")


def kinds(log: MemoryLog) -> list[str]:
    return [json.loads(record.leaf)["kind"] for record in log.records]


def facts(log: MemoryLog, at: int = -1) -> dict[str, object]:
    return dict(json.loads(log.records[at].leaf)["facts"])


async def permitted(engine: EleanorEngine, action: Action[str]) -> ExecutableDecision:
    result = await engine.run(text=action.text, context=action.context, kind=action.kind)
    return await engine.executable(result, action)


async def test_an_action_runs_between_its_intent_and_its_outcome(harness: Harness) -> None:
    log = MemoryLog()
    seen: list[list[str]] = []

    async def deed(execution: Execution) -> int:
        seen.append(kinds(log))
        return len(execution.constraints)

    async with harness(plugins=[MILD, log]) as engine:
        action = Action(name="bins.empty", run=deed, text=TEXT)
        decision = await engine.executable(await engine.run(text=TEXT), action)
        executed = await engine.execute(decision, action)
    assert executed.value == 1
    assert seen == [["settings", "assessment", "intent"]]
    assert kinds(log) == ["settings", "assessment", "intent", "outcome"]
    ids = [record.record_id for record in log.records]
    assert (executed.intent_id, executed.outcome_id) == (ids[2], ids[3])
    assert facts(log)["outcome"] == "done"
    assert facts(log, 2)["record"] == ids[1]


async def test_it_is_handed_the_case_that_was_judged_unmasked(harness: Harness) -> None:
    log, deeds = MemoryLog(), Deeds()
    arguments = {"floor": 3, "key": "AKIAIOSFODNN7EXAMPLE"}
    context = {"tool": "bins", "arguments": arguments, "reversible": True}
    async with harness(plugins=[CALM, "detectors/secrets", log]) as engine:
        action = deeds.action(context=context, kind="action")
        await engine.execute(await permitted(engine, action), action)
    (execution,) = deeds.done
    assert (execution.text, execution.kind) == (TEXT, "action")
    assert execution.context["arguments"] == arguments
    assert not [item for item in log.records if b"AKIAIOSFODNN7EXAMPLE" in (item.payload or b"")]


async def test_what_is_not_what_the_gate_made_is_refused_and_recorded(harness: Harness) -> None:
    log, deeds = MemoryLog(), Deeds()
    async with harness(plugins=[MILD, log]) as engine:
        action = deeds.action()
        decision = await permitted(engine, action)
        other = await engine.run(text="Sweep the yard.")
        assert other.evidence is not None
        softer = Constraint(critic="mild", clause=None, text="as you like")
        changes: list[dict[str, object]] = [
            {"record_id": other.evidence.record_id},
            {"leaf_hash": other.evidence.leaf_hash},
            {"trace_id": other.trace_id},
            {"decision": "allow"},
            {"constraints": ()},
            {"constraints": (softer,)},
            {"case_digest": "0" * 64},
            {"action_digest": "0" * 64},
            {"expires": "9999-01-01T00:00:00.000000Z"},
            {"seal": "0" * 64},
            {"seal": ""},
        ]
        for change in changes:
            with pytest.raises(ForgedDecision):
                await engine.execute(evolve(decision, **change), action)
            assert facts(log)["code"] == "forged_decision"
        assert kinds(log).count("refused") == len(changes)
        # What comes from outside does not reach the leaf, unless it is the id of a record.
        with pytest.raises(ForgedDecision):
            await engine.execute(evolve(decision, record_id="alice@example.org"), action)
        assert facts(log) == {"of": "execution", "code": "forged_decision", "record": ""}
        assert not deeds.done
        await engine.execute(decision, action)


async def test_another_installation_s_decision_is_forged(harness: Harness) -> None:
    log, deeds = MemoryLog(), Deeds()
    action = deeds.action()
    async with harness(plugins=[CALM, log]) as engine:
        decision = await permitted(engine, action)
    elsewhere = Harness(harness.home / "elsewhere")
    async with elsewhere(plugins=[CALM, log]) as engine:
        with pytest.raises(ForgedDecision):
            await engine.execute(decision, action)
    async with harness(plugins=[CALM, log]) as engine:
        await engine.execute(decision, action)
    assert len(deeds.done) == 1


async def test_a_judgement_is_used_once(harness: Harness) -> None:
    log, deeds = MemoryLog(), Deeds()
    action = deeds.action()
    async with harness(plugins=[CALM, log]) as first, harness(plugins=[CALM, log]) as second:
        result = await first.run(text=TEXT)
        decisions = [await engine.executable(result, action) for engine in (first, first, second)]
        await first.execute(decisions[0], action)
        for engine in (first, second):
            for decision in decisions:
                with pytest.raises(ReplayedDecision, match="outcome done"):
                    await engine.execute(decision, action)
                assert facts(log)["code"] == "replayed_decision"
        with pytest.raises(ReplayedDecision):
            await second.execute(await second.executable(result, action), action)
    assert len(deeds.done) == 1
    assert kinds(log).count("intent") == kinds(log).count("outcome") == 1


async def test_of_many_at_once_one_is_carried_out(harness: Harness) -> None:
    log, deeds = MemoryLog(), Deeds()
    action = deeds.action()
    refused: list[ReplayedDecision] = []
    async with harness(plugins=[CALM, log]) as first, harness(plugins=[CALM, log]) as second:
        decision = await permitted(first, action)

        async def attempt(engine: EleanorEngine) -> None:
            try:
                await engine.execute(decision, action)
            except ReplayedDecision as error:
                refused.append(error)

        async with anyio.create_task_group() as group:
            for engine in (first, second) * 3:
                group.start_soon(attempt, engine)
    assert (len(deeds.done), len(refused)) == (1, 5)


async def test_wrong_case_wrong_action_and_too_late(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, deeds = MemoryLog(), Deeds()
    async with harness(plugins=[CALM, log]) as engine:
        action = deeds.action(context={"floor": 3})
        result = await engine.run(text=TEXT, context={"floor": 3})
        decision = await engine.executable(result, action)
        for wrong in (
            deeds.action(text="Take out the cat.", context={"floor": 3}),
            deeds.action(context={"floor": 4}),
            deeds.action(context={"floor": 3}, kind="action"),
        ):
            with pytest.raises(WrongCase):
                await engine.executable(result, wrong)
            with pytest.raises(WrongCase):
                await engine.execute(decision, wrong)
            assert facts(log)["code"] == "wrong_case"
        with pytest.raises(WrongAction, match=r"than bins\.burn"):
            await engine.execute(decision, deeds.action(name="bins.burn", context={"floor": 3}))
        assert facts(log)["code"] == "wrong_action"
        with pytest.raises(WrongAction):
            await engine.execute(decision, None)  # type: ignore[arg-type] # that it is none
        with pytest.raises(InvalidInput):
            await engine.execute(decision, deeds.action(text=""))
        with monkeypatch.context() as clock:
            clock.setattr("eleanor_core._execution.now", lambda: decision.expires)
            with pytest.raises(ExpiredDecision):
                await engine.execute(decision, action)
            assert facts(log)["code"] == "expired_decision"
        assert not deeds.done
        await engine.execute(decision, action)


async def test_a_permission_holds_for_as_long_as_the_settings_say(harness: Harness) -> None:
    deeds = Deeds()
    async with harness(plugins=[CALM], settings={"gate": {"valid_seconds": 0.01}}) as engine:
        action = deeds.action()
        decision = await permitted(engine, action)
        await anyio.sleep(0.02)
        with pytest.raises(ExpiredDecision):
            await engine.execute(decision, action)
    assert not deeds.done


async def test_nothing_runs_once_the_record_is_gone(harness: Harness) -> None:
    log, deeds = MemoryLog(), Deeds()
    async with harness(plugins=[CALM, log]) as engine:
        action = deeds.action()
        decision = await permitted(engine, action)
        gone = log.records.pop(1)
        with pytest.raises(UnresolvableRecord):
            await engine.execute(decision, action)
        log.records.insert(1, evolve(gone, leaf=gone.leaf + b" "))
        with pytest.raises(UnresolvableRecord):
            await engine.execute(decision, action)
    assert not deeds.done


class Failing(MemoryLog):
    """Takes records until one of a kind comes. `answers`: whether it can still be asked."""

    def __init__(self, refuses: str, *, answers: bool = True) -> None:
        super().__init__()
        self.refuses = refuses
        self.answers = answers

    async def append(self, record: SealedRecord, /) -> Receipt:
        if f'"kind":"{self.refuses}"'.encode() in record.leaf:
            raise OSError(28, "No space left on device")
        return await super().append(record)


async def test_without_a_durable_intent_nothing_runs(harness: Harness) -> None:
    log, deeds = Failing("intent"), Deeds()
    async with harness(plugins=[CALM, log]) as engine:
        action = deeds.action()
        decision = await permitted(engine, action)
        with pytest.raises(EvidenceUnavailable, match="No space left"):
            await engine.execute(decision, action)
        assert facts(log)["code"] == "evidence_unavailable"
    assert not deeds.done


async def test_an_outcome_that_cannot_be_recorded_is_unknown(harness: Harness) -> None:
    log, deeds = Failing("outcome"), Deeds()
    async with harness(plugins=[CALM, log]) as engine:
        action = deeds.action()
        decision = await permitted(engine, action)
        with pytest.raises(ActionUnknown, match="could not be recorded") as caught:
            await engine.execute(decision, action)
        assert (caught.value.end, caught.value.value) == ("returned", f"{TEXT} Done.")
        assert await engine.reviews.outcome(decision.record_id) == "unknown"
        key = deeds.done[0].idempotency_key
        with pytest.raises(ReplayedDecision, match=f"outcome unknown.*{key}"):
            await engine.execute(decision, action)
    assert len(deeds.done) == 1


async def test_a_stopped_engine_carries_nothing_out(harness: Harness) -> None:
    deeds = Deeds()
    async with harness(plugins=[CALM]) as engine:
        action = deeds.action()
        decision = await permitted(engine, action)
        await engine.shutdown()
        with pytest.raises(NotRunning):
            await engine.execute(decision, action)
    assert not deeds.done


Ending = Callable[[Execution], Awaitable[str]]


async def raises(_: Execution) -> str:
    raise ValueError("the bin AKIAIOSFODNN7EXAMPLE is stuck")


async def hangs(_: Execution) -> str:
    await anyio.sleep(math.inf)
    return ""


async def raises_when_cut_off(_: Execution) -> str:
    try:
        await anyio.sleep(math.inf)
    finally:
        raise ValueError("cut off")


@pytest.mark.parametrize(
    ("run", "error", "outcome", "end"),
    [
        (raises, ActionFailed, "failed", "raised"),
        (hangs, ActionUnknown, "unknown", "timeout"),
        (raises_when_cut_off, ActionUnknown, "unknown", "timeout"),
    ],
)
async def test_what_came_of_it_is_recorded(
    harness: Harness, run: Ending, error: type[Exception], outcome: str, end: str
) -> None:
    log = MemoryLog()
    async with harness(plugins=[CALM, log]) as engine:
        action = Action(name="bins.empty", run=run, text=TEXT, timeout=0.02)
        decision = await permitted(engine, action)
        with pytest.raises(error) as caught:
            await engine.execute(decision, action)
        assert (facts(log)["outcome"], facts(log)["end"]) == (outcome, end)
        if error is ActionFailed:
            assert isinstance(caught.value.__cause__, ValueError)
        with pytest.raises(ReplayedDecision):
            await engine.execute(decision, action)


async def test_the_settings_give_the_time_of_an_action(harness: Harness) -> None:
    async with harness(plugins=[CALM], settings={"gate": {"action_timeout": 0.02}}) as engine:
        action = Action(name="bins.empty", run=hangs, text=TEXT)
        decision = await permitted(engine, action)
        with pytest.raises(ActionUnknown, match=r"timeout after 0\.02 s"):
            await engine.execute(decision, action)


async def test_who_is_cancelled_leaves_an_unknown_outcome(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[CALM, log]) as engine:
        action = Action(name="bins.empty", run=hangs, text=TEXT)
        decision = await permitted(engine, action)
        with anyio.move_on_after(0.02) as scope:
            await engine.execute(decision, action)
        assert scope.cancelled_caught
    assert (facts(log)["outcome"], facts(log)["end"]) == ("unknown", "cancelled")


async def test_stopping_waits_for_what_is_carried_out(harness: Harness) -> None:
    log = MemoryLog()
    order: list[str] = []

    async def stop() -> None:
        await engine.shutdown()
        order.append("stopped")

    async def slow(execution: Execution) -> str:
        group.start_soon(stop)
        await anyio.sleep(0.05)
        order.append("done")
        return "done"

    async with harness(plugins=[CALM, log]) as engine, anyio.create_task_group() as group:
        action = Action(name="bins.empty", run=slow, text=TEXT)
        await engine.execute(await permitted(engine, action), action)
    assert order == ["done", "stopped"]
    assert facts(log)["outcome"] == "done"


async def test_an_error_s_secrets_are_not_recorded(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[CALM, "detectors/secrets", log]) as engine:
        action = Action(name="bins.empty", run=raises, text=TEXT)
        with pytest.raises(ActionFailed):
            await engine.execute(await permitted(engine, action), action)
    assert b"is stuck" in (log.records[-1].payload or b"")
    assert not [record for record in log.records if b"AKIAIOSFODNN7EXAMPLE" in record.leaf]
    assert b"AKIAIOSFODNN7EXAMPLE" not in (log.records[-1].payload or b"")


async def test_cases_that_are_alike_do_not_look_alike_in_the_log(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[CALM, log]) as engine:
        for _ in range(2):
            await engine.run(text=TEXT)
    first, second = (json.loads(record.leaf)["facts"]["case"] for record in log.records[1:])
    assert first["digest"] != second["digest"]


def test_an_action_is_checked_when_it_is_made() -> None:
    def blocks(_: Execution) -> str:
        return ""

    with pytest.raises(TypeError, match="async function"):
        Action(name="bins.empty", run=blocks, text=TEXT)  # type: ignore[type-var, arg-type] # that it blocks
    for name in ("", "two words", "a" * 65, "alice@example.org", 7):
        with pytest.raises(ValueError, match="letter"):
            Action(name=name, run=hangs, text=TEXT)  # type: ignore[arg-type] # 7 is none
