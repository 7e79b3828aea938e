"""DESIGN 5, rule 9: what may be executed is what was recorded, not what the caller holds."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from attrs import evolve
from support.acts import Deeds
from support.judging import TEXT
from support.panels import Member

from eleanor_core.errors import EleanorError, UnresolvableRecord
from eleanor_core.model import Constraint
from eleanor_core.testing import Harness, MemoryLog

pytestmark = pytest.mark.anyio
ACTION = Deeds().action()
MILD = Member(score=0.55, inline=True).plugin("mild")


async def test_another_decision_than_the_recorded_one_is_refused(harness: Harness) -> None:
    async with harness(plugins=[MILD]) as engine:
        assessment = await engine.run(text=TEXT)
        assert assessment.decision == "constrain"
        for decision in ("allow", "review", "deny"):
            with pytest.raises(UnresolvableRecord, match=f"says constrain, not {decision}"):
                await engine.executable(evolve(assessment, decision=decision), ACTION)


async def test_other_constraints_than_the_recorded_ones_are_refused(harness: Harness) -> None:
    async with harness(plugins=[MILD, Member(inline=True).plugin("calm")]) as engine:
        assessment = await engine.run(text=TEXT)
        (own,) = assessment.constraints
        assert (await engine.executable(assessment, ACTION)).constraints == (own,)
        softened = Constraint(critic=own.critic, clause=own.clause, text="as you like")
        for constraints in ((), (softened,), (own, own)):
            with pytest.raises(UnresolvableRecord, match="other constraints"):
                await engine.executable(evolve(assessment, constraints=constraints), ACTION)
            with pytest.raises(EleanorError):
                await engine.executable(
                    evolve(assessment, decision="allow", constraints=constraints), ACTION
                )


async def test_no_constraints_may_be_added_to_what_was_allowed(harness: Harness) -> None:
    async with harness(plugins=[Member(inline=True).plugin("calm")]) as engine:
        assessment = await engine.run(text=TEXT)
        invented = (Constraint(critic="calm", clause=None, text="only on Sundays"),)
        with pytest.raises(UnresolvableRecord, match="other constraints"):
            await engine.executable(evolve(assessment, constraints=invented), ACTION)


async def test_constraints_that_were_erased_cannot_be_kept(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[MILD, log]) as engine:
        assessment = await engine.run(text=TEXT)
        payload = log.records[-1].payload or b""
        for changed in (None, payload.replace(b"mild weighed", b"mild praised")):
            log.records[-1] = evolve(log.records[-1], payload=changed)
            with pytest.raises(UnresolvableRecord, match="erased or changed"):
                await engine.executable(assessment, ACTION)


@pytest.mark.parametrize("required", ["primary", "all"])
async def test_every_log_that_must_record_must_hold_the_record(
    harness: Harness, required: str
) -> None:
    logs = [MemoryLog(name="a"), MemoryLog(name="b")]
    settings = {"evidence": {"required": required}}
    async with harness(plugins=[MILD, *logs], settings=settings) as engine:
        assessment = await engine.run(text=TEXT)
        await engine.executable(assessment, ACTION)
        for log in logs:
            forget = patch.object(log, "_find", lambda _record_id: None)
            with forget:
                if required == "all" or log is logs[0]:
                    with pytest.raises(UnresolvableRecord, match="holds no record"):
                        await engine.executable(assessment, ACTION)
                else:
                    await engine.executable(assessment, ACTION)
        await engine.executable(assessment, ACTION)


async def test_a_record_of_another_engine_s_log_is_none(harness: Harness) -> None:
    async with harness(plugins=[MILD]) as engine:
        elsewhere = await engine.run(text=TEXT)
    async with harness(plugins=[MILD]) as engine:
        with pytest.raises(UnresolvableRecord, match="holds no record"):
            await engine.executable(elsewhere, ACTION)
