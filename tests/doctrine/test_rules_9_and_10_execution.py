"""DESIGN 5, rules 9 and 10: execution takes what the gate made, and nobody edits what was said."""

from __future__ import annotations

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from support.acts import Deeds
from support.judging import TEXT, with_engine
from support.panels import Member, panel_plugins, panels

from eleanor_core.engine import EleanorEngine
from eleanor_core.errors import EleanorError, GateClosed, UnresolvableRecord
from eleanor_core.model import EvidenceRef, Gate, SealedRecord
from eleanor_core.testing import Harness, MemoryLog

pytestmark = pytest.mark.anyio
ACTION = Deeds().action()
OPEN = Gate(open=True)


@given(panel=panels)
def test_an_executable_decision_exists_only_where_the_gate_is_open(panel: list[Member]) -> None:
    async def ask(engine: EleanorEngine) -> None:
        assessment = await engine.run(text=TEXT)
        if assessment.gate.open:
            decision = await engine.executable(assessment, ACTION)
            assert decision.constraints == assessment.constraints
            await engine.execute(decision, ACTION)
            return
        with pytest.raises(GateClosed, match="requires"):
            await engine.executable(assessment, ACTION)
        # Opening it by hand does not help: the gate goes by the record.
        with pytest.raises(EleanorError):
            await engine.executable(evolve(assessment, gate=OPEN), ACTION)
        with pytest.raises(EleanorError):
            await engine.executable(evolve(assessment, gate=OPEN, decision="allow"), ACTION)

    with_engine(panel_plugins(panel), ask)


async def test_a_record_that_does_not_resolve_opens_nothing(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[Member().plugin("calm"), log]) as engine:
        good = await engine.run(text=TEXT)
        other = await engine.run(text="Sweep the yard.")
        assert good.evidence is not None
        assert other.evidence is not None
        made_up = EvidenceRef(record_id="0" * 36, leaf_hash=good.evidence.leaf_hash)
        swapped = EvidenceRef(record_id=good.evidence.record_id, leaf_hash="0" * 64)
        for forged in (
            evolve(good, evidence=None),
            evolve(good, evidence=made_up),
            evolve(good, evidence=swapped),
            evolve(good, evidence=other.evidence),
        ):
            with pytest.raises(UnresolvableRecord):
                await engine.executable(forged, ACTION)
        settings_record = log.records[0]
        of_settings = EvidenceRef(
            record_id=settings_record.record_id, leaf_hash=settings_record.leaf_hash
        )
        with pytest.raises(UnresolvableRecord):
            await engine.executable(evolve(good, evidence=of_settings), ACTION)
        log.records[1] = evolve(log.records[1], leaf=log.records[1].leaf + b" ")
        with pytest.raises(UnresolvableRecord, match="leaf hash"):
            await engine.executable(good, ACTION)


async def test_what_was_said_cannot_be_edited(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[Member(score=0.7).plugin("alarm"), log]) as engine:
        assessment = await engine.run(text=TEXT)
        with pytest.raises(FrozenInstanceError):
            assessment.decision = "allow"  # type: ignore[misc] # that it is refused is the point
        with pytest.raises(FrozenInstanceError):
            assessment.dissent[0].justification = "never mind"  # type: ignore[misc] # as above
        with pytest.raises(TypeError):
            assessment.critics["alarm"] = None  # type: ignore[index] # as above
        stored = log.records[-1]
        rewritten = SealedRecord(record_id=stored.record_id, leaf_hash="0" * 64, leaf=b"{}")
        with pytest.raises(ValueError, match="another leaf"):
            await log.append(rewritten)
