"""DESIGN 5, rule 9: a policy is a second check. It can refuse, also by failing, and never opens."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from types import SimpleNamespace

import anyio
import pytest
from attrs import frozen
from support.acts import Deeds, new_key, reviewed
from support.judging import TEXT
from support.panels import Member

from eleanor_core.api import (
    ExecutionRequest,
    PolicyDeclaration,
    PolicyVerdict,
    hookimpl,
)
from eleanor_core.errors import GateClosed, PolicyRefused
from eleanor_core.testing import Harness, MemoryLog
from eleanor_core.testing.makers import Ready

pytestmark = pytest.mark.anyio
CALM = Member(inline=True).plugin("calm")
TIER_3 = Member(score=0.7, escalates=("D1", "D2"), inline=True).plugin("three")
YES = PolicyVerdict(permitted=True)

Answer = Callable[[ExecutionRequest], Awaitable[PolicyVerdict]]


@frozen
class Policy:
    """A policy made of a function, and the plugin that carries it."""

    answer: Answer
    name: str = "house"

    @hookimpl
    def eleanor_register_policies(self) -> Iterable[PolicyDeclaration]:
        yield PolicyDeclaration(name=self.name, factory=Ready(self))

    async def decide(self, request: ExecutionRequest, /) -> PolicyVerdict:
        return await self.answer(request)


async def agrees(_: ExecutionRequest) -> PolicyVerdict:
    return YES


async def refuses(request: ExecutionRequest) -> PolicyVerdict:
    return PolicyVerdict(permitted=False, reasons=(f"no {request.action} on Sundays",))


async def raises(_: ExecutionRequest) -> PolicyVerdict:
    raise RuntimeError("out of order")


async def leaves(_: ExecutionRequest) -> PolicyVerdict:
    raise SystemExit(0)


async def hangs(_: ExecutionRequest) -> PolicyVerdict:
    await anyio.sleep(60)
    return YES


async def blocks(_: ExecutionRequest) -> PolicyVerdict:
    time.sleep(0.1)  # noqa: ASYNC251 -- that it blocks is the point
    return YES


async def swallows(_: ExecutionRequest) -> PolicyVerdict:
    with suppress(BaseException):
        await anyio.sleep(60)
    return YES


async def says_true(_: ExecutionRequest) -> PolicyVerdict:
    return True  # type: ignore[return-value] # that it is no verdict


async def lies(_: ExecutionRequest) -> PolicyVerdict:
    return SimpleNamespace(permitted=True, reasons=())  # type: ignore[return-value] # as above


NO: list[tuple[Answer, str]] = [
    (refuses, r"no bins\.empty on Sundays"),
    (raises, "out of order"),
    (leaves, "SystemExit"),
    (hangs, "no answer in"),
    (blocks, "late"),
    (swallows, "late"),
    (says_true, "True"),
    (lies, "namespace"),
]


@pytest.mark.parametrize(("answer", "said"), NO)
async def test_whatever_is_not_a_clear_yes_refuses(
    harness: Harness, answer: Answer, said: str
) -> None:
    log, deeds = MemoryLog(), Deeds()
    policies = [Policy(agrees, "a"), Policy(answer, "b"), Policy(agrees, "c")]
    timeout = {"gate": {"policy_timeout": 0.05}}
    async with harness(plugins=[CALM, *policies, log], settings=timeout) as engine:
        action = deeds.action()
        decision = await engine.executable(await engine.run(text=TEXT), action)
        with pytest.raises(PolicyRefused, match=f"policies/b refused.*{said}"):
            await engine.execute(decision, action)
        assert b'"code":"policy_refused"' in log.records[-1].leaf
    assert not deeds.done


async def test_a_policy_that_does_not_run_refuses(harness: Harness) -> None:
    class Broken(Policy):
        @hookimpl
        def eleanor_register_policies(self) -> Iterable[PolicyDeclaration]:
            yield PolicyDeclaration(name="house", factory=lambda *_: 1)  # type: ignore[arg-type, return-value] # that it is none

    deeds = Deeds()
    async with harness(plugins=[CALM, Broken(agrees), MemoryLog()]) as engine:
        action = deeds.action()
        result = await engine.run(text=TEXT)
        assert result.decision == "allow"
        with pytest.raises(PolicyRefused, match="policies/house"):
            await engine.execute(await engine.executable(result, action), action)
    assert not deeds.done


async def test_a_policy_opens_nothing_and_is_asked_last(harness: Harness) -> None:
    asked: list[ExecutionRequest] = []

    async def answer(request: ExecutionRequest) -> PolicyVerdict:
        asked.append(request)
        return YES

    deeds = Deeds()
    async with harness(plugins=[TIER_3, Policy(answer), MemoryLog()]) as engine:
        key = new_key()
        await engine.reviews.register(key.public, person="alice", by="root")
        action = deeds.action()
        result = await engine.run(text=TEXT)
        with pytest.raises(GateClosed):
            await engine.executable(result, action)
        await reviewed(engine, result, key, "proceed")
        decision = await engine.executable(result, action)
        assert not asked
        await reviewed(engine, result, key, "halt")
        with pytest.raises(GateClosed):
            await engine.execute(decision, action)
        assert not asked
    assert not deeds.done


async def test_a_policy_sees_what_the_log_holds(harness: Harness) -> None:
    asked: list[ExecutionRequest] = []

    async def answer(request: ExecutionRequest) -> PolicyVerdict:
        asked.append(request)
        return YES

    log, deeds = MemoryLog(), Deeds()
    settings = {"policy": {"prohibited_clauses": ["K1"]}, "gate": {"people": 2}}
    async with harness(plugins=[TIER_3, Policy(answer), log], settings=settings) as engine:
        action = deeds.action()
        result = await engine.run(text=TEXT)
        for person in ("alice", "bob"):
            key = new_key()
            await engine.reviews.register(key.public, person=person, by="root")
            await reviewed(engine, result, key, "proceed")
        await engine.execute(await engine.executable(result, action), action)
    (request,) = asked
    assert result.evidence is not None
    assert (request.record_id, request.leaf_hash) == (
        result.evidence.record_id,
        result.evidence.leaf_hash,
    )
    assert request.record in log.records
    assert len(request.reviews) == 2
    assert all(review in log.records for review in request.reviews)
    assert (request.action, request.prohibited, request.people) == ("bins.empty", ("K1",), 2)


async def test_the_doctrine_s_policies_agree_with_the_gate_and_do_not_need_it(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    deeds = Deeds()
    async with harness(plugins=[TIER_3, "policies/cedar", MemoryLog()]) as engine:
        key = new_key()
        await engine.reviews.register(key.public, person="alice", by="root")
        action = deeds.action()
        result, other = [await engine.run(text=TEXT) for _ in range(2)]
        await reviewed(engine, result, key, "proceed")
        await engine.execute(await engine.executable(result, action), action)
        with monkeypatch.context() as gate:
            # A gate that lets everything through.
            gate.setattr("eleanor_core._execution.conditions", lambda *_, **__: ())
            decision = await engine.executable(other, action)
            with pytest.raises(PolicyRefused, match="closed-gate"):
                await engine.execute(decision, action)
    assert len(deeds.done) == 1
