"""DESIGN 5, rule 8: `run` is the drain of `stream`, and nothing is decided without its record."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import anyio
import pytest
from attrs import evolve
from hypothesis import given
from support.judging import TEXT, judge, with_engine
from support.panels import Member, contexts, panel_plugins, panels

from eleanor_core.api import Receipt, SealedRecord
from eleanor_core.codec import to_json
from eleanor_core.engine import EleanorEngine
from eleanor_core.errors import EvidenceUnavailable, InvalidInput, NoPanel
from eleanor_core.model import Assessment, DecisionMade, Event, FrozenMap, StoredRecord
from eleanor_core.testing import Harness, MemoryLog

pytestmark = pytest.mark.anyio


def _plain(assessment: Assessment) -> Assessment:
    """Return what two judgements of one case must share: all but the clock and the record's id."""
    return evolve(assessment, timings_ms=FrozenMap(), evidence=None)


def _facts(record: StoredRecord) -> dict[str, object]:
    return dict(json.loads(record.leaf))


@given(panel=panels, context=contexts)
def test_run_is_the_drain_of_stream(panel: list[Member], context: dict[str, str] | None) -> None:
    log = MemoryLog()

    async def both(engine: EleanorEngine) -> tuple[Assessment, list[Event]]:
        drained = await engine.run(text=TEXT, context=context, trace_id="t")
        events = [event async for event in engine.stream(text=TEXT, context=context, trace_id="t")]
        return drained, events

    drained, events = with_engine([*panel_plugins(panel), log], both)
    last = events[-1]
    assert isinstance(last, DecisionMade)
    assert not last.provisional
    assert all(event.provisional for event in events[:-1])
    assert to_json(_plain(last.assessment)) == to_json(_plain(drained))
    first, second = (_facts(record)["facts"] for record in log.records[-2:])
    assert first == second


@given(panel=panels)
def test_the_events_come_in_order_and_name_every_voice(panel: list[Member]) -> None:
    async def drain(engine: EleanorEngine) -> list[Event]:
        return [event async for event in engine.stream(text=TEXT)]

    events = with_engine(panel_plugins(panel), drain)
    kinds = [event.type for event in events]
    order = ["accepted", "scanned", "detector", "critic", "precedent", "uncertainty", "decision"]
    assert kinds == sorted(kinds, key=order.index)
    assert kinds.count("critic") == len(panel)
    assert kinds.count("decision") == 1


class SlowLog(MemoryLog):
    """Acknowledges an assessment only once it is told that the record is durable."""

    def __init__(self) -> None:
        super().__init__()
        self.durable = anyio.Event()

    async def append(self, record: SealedRecord, /) -> Receipt:
        if b'"assessment"' in record.leaf:
            await self.durable.wait()
        return await super().append(record)


async def test_the_decision_leaves_only_after_its_record_is_durable(harness: Harness) -> None:
    log = SlowLog()
    events: list[Event] = []

    async def read(engine: EleanorEngine) -> None:
        async for event in engine.stream(text=TEXT):
            events.append(event)

    async with (
        harness(plugins=[Member().plugin("calm"), log]) as engine,
        anyio.create_task_group() as group,
    ):
        group.start_soon(read, engine)
        while "uncertainty" not in {event.type for event in events}:
            await anyio.sleep(0.001)
        await anyio.sleep(0.05)
        assert "decision" not in {event.type for event in events}
        log.durable.set()
    last = events[-1]
    assert isinstance(last, DecisionMade)
    reference = last.assessment.evidence
    assert reference is not None
    assert reference.record_id == log.records[-1].record_id
    assert reference.leaf_hash == log.records[-1].leaf_hash


@pytest.mark.parametrize("after", ["accepted", "scanned", "critic"])
async def test_a_consumer_that_walks_away_leaves_an_abandoned_record(
    harness: Harness, after: str
) -> None:
    log = MemoryLog()
    slow = Member(fault="hangs").plugin("slow")
    quick = Member(inline=True).plugin("quick")
    async with harness(plugins=[slow, quick, log]) as engine:
        stream = engine.stream(text=TEXT)
        async for event in stream:
            if event.type == after:
                break
        await stream.aclose()
        await engine.shutdown()
    kinds = [_facts(record)["kind"] for record in log.records]
    assert kinds == ["settings", "abandoned"]


async def test_a_cancelled_run_leaves_an_abandoned_record(harness: Harness) -> None:
    log = MemoryLog()
    async with harness(plugins=[Member(fault="hangs").plugin("slow"), log]) as engine:
        with anyio.move_on_after(0.01):
            await engine.run(text=TEXT, trace_id="walked-away")
        record = _facts(log.records[-1])
        assert (record["kind"], record["trace_id"]) == ("abandoned", "walked-away")


async def test_refused_input_leaves_a_record_without_its_text(harness: Harness) -> None:
    log, text = MemoryLog(), "secret words " * 10_000
    async with harness(plugins=[Member().plugin("calm"), log]) as engine:
        with pytest.raises(InvalidInput, match=r"limit is 100000"):
            await engine.run(text=text)
        stored = log.records[-1]
        record = _facts(stored)
        assert record["kind"] == "refused"
        assert record["facts"]["bytes"] == 130_000  # type: ignore[index] # an object
        assert hashlib.sha256(text.encode()).hexdigest().encode() in (stored.payload or b"")
        assert b"secret words" not in stored.leaf + (stored.payload or b"")


@pytest.mark.parametrize("way", ["run", "stream"])
async def test_a_sink_that_cannot_acknowledge_closes_the_gate(harness: Harness, way: str) -> None:
    full = MemoryLog(room=1)
    async with harness(plugins=[Member().plugin("calm"), full]) as engine:
        with pytest.raises(EvidenceUnavailable, match="full after 1 records") as caught:
            if way == "run":
                await engine.run(text=TEXT)
            else:
                events = [event async for event in engine.stream(text=TEXT)]
                assert not any(isinstance(event, DecisionMade) for event in events)
        assessment = caught.value.assessment
        assert assessment is not None
        assert assessment.decision == "allow"
        assert not assessment.gate.open
        assert assessment.gate.requires == "record"
        assert assessment.evidence is None


async def test_without_any_sink_the_judgement_is_made_and_nothing_may_run(tmp_path: Path) -> None:
    settings = {"home": str(tmp_path), "plugins": {"exact": []}}
    async with EleanorEngine(settings, plugins=[Member().plugin("calm")]) as engine:
        with pytest.raises(EvidenceUnavailable, match="eleanor-evidence-local") as caught:
            await engine.run(text=TEXT)
    assert caught.value.assessment is not None
    assert not caught.value.assessment.gate.open


async def test_without_a_critic_nothing_is_ever_allowed(harness: Harness) -> None:
    async with harness() as engine:
        with pytest.raises(NoPanel, match="eleanor-critics-constitutional"):
            await engine.run(text=TEXT)
        with pytest.raises(NoPanel):
            _ = [event async for event in engine.stream(text=TEXT)]


@given(panel=panels)
def test_every_voice_is_in_the_record(panel: list[Member]) -> None:
    log = MemoryLog()
    assessment = judge([*panel_plugins(panel), log])
    facts = _facts(log.records[-1])["facts"]
    assert isinstance(facts, dict)
    assert facts["decision"] == assessment.decision
    assert set(facts["critics"]) == set(assessment.critics)
    assert len(facts["escalations"]) == len(assessment.escalations)
    payload = json.loads(log.records[-1].payload or b"{}")
    told = payload["result"]["value"]
    whole = to_json(assessment)
    assert isinstance(whole, dict)
    for key in ("decision", "critics", "dissent", "escalations", "gate"):
        assert told[key] == whole[key]
