"""DESIGN 5, rule 8: recorded means durable in every sink, in time, and whatever else happens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

import anyio
import pytest
from attrs import evolve
from support.acts import Deeds
from support.judging import TEXT
from support.panels import Member

from eleanor_core.api import (
    EvidenceDeclaration,
    EvidenceSink,
    PluginSettings,
    Receipt,
    SealedRecord,
    Services,
    hookimpl,
)
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.testing import Harness, MemoryLog

pytestmark = pytest.mark.anyio
CALM = Member(inline=True).plugin("calm")


class Silent(MemoryLog):
    """Never acknowledges a judgement."""

    async def append(self, record: SealedRecord, /) -> Receipt:
        if b'"assessment"' in record.leaf:
            await anyio.sleep_forever()
        return await super().append(record)


class Slow(MemoryLog):
    """Takes its time over every record."""

    async def append(self, record: SealedRecord, /) -> Receipt:
        await anyio.sleep(0.05)
        return await super().append(record)


class Liar(MemoryLog):
    """Acknowledges another record than the one it was given."""

    async def append(self, record: SealedRecord, /) -> Receipt:
        return evolve(await super().append(record), leaf_hash="0" * 64)


class Lost:
    """A sink that cannot start."""

    @hookimpl
    def eleanor_register_evidence(self) -> Iterable[EvidenceDeclaration]:
        """Declare it."""
        yield EvidenceDeclaration(name="lost", factory=self._open)

    def _open(
        self, _settings: PluginSettings, _services: Services
    ) -> AbstractAsyncContextManager[EvidenceSink]:
        raise ConnectionError("the disk is not there")


def _kinds(log: MemoryLog) -> list[str]:
    return [json.loads(record.leaf)["kind"] for record in log.records]


async def test_a_record_goes_to_every_sink(harness: Harness) -> None:
    logs = [MemoryLog(name="a"), MemoryLog(name="b")]
    async with harness(plugins=[CALM, *logs]) as engine:
        assessment = await engine.run(text=TEXT)
        await engine.executable(assessment, Deeds().action())
    assert assessment.evidence is not None
    for log in logs:
        assert log.records[-1].leaf_hash == assessment.evidence.leaf_hash
    assert logs[0].records == logs[1].records


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        (MemoryLog(name="z", room=0), "full after 0 records"),
        (Silent(name="z"), "did not acknowledge within 0.1 s"),
        (Liar(name="z"), "acknowledged record"),
        (Lost(), "the disk is not there"),
    ],
    ids=["full", "silent", "liar", "lost"],
)
@pytest.mark.parametrize("first", [True, False])
async def test_one_sink_that_fails_closes_the_gate(
    harness: Harness, sink: object, said: str, *, first: bool
) -> None:
    # Sinks are asked by name: the sound one stands before or after the other.
    sound = MemoryLog(name="zz" if first else "a")
    settings = {"deadlines": {"record": 0.1}}
    async with harness(plugins=[CALM, sink, sound], settings=settings) as engine:
        started = anyio.current_time()
        with pytest.raises(EvidenceUnavailable, match=said) as caught:
            await engine.run(text=TEXT)
        assert anyio.current_time() - started < 8
    assessment = caught.value.assessment
    assert assessment is not None
    assert (assessment.decision, assessment.gate.open) == ("allow", False)
    assert assessment.evidence is None


@pytest.mark.parametrize("way", ["run", "stream"])
@pytest.mark.parametrize("delay", [0.0, 0.001, 0.01, 0.03, 0.06])
async def test_a_case_that_is_cut_off_at_any_moment_has_one_whole_record(
    harness: Harness, way: str, delay: float
) -> None:
    log = Slow()
    async with harness(plugins=[CALM, log]) as engine:
        with anyio.move_on_after(delay):
            if way == "run":
                await engine.run(text=TEXT)
            else:
                stream = engine.stream(text=TEXT)
                try:
                    _ = [event async for event in stream]
                finally:
                    with anyio.CancelScope(shield=True):
                        await stream.aclose()
        await engine.shutdown()
    kinds = _kinds(log)
    assert kinds in (["settings", "assessment"], ["settings", "abandoned"])
    ids = [json.loads(record.leaf)["record_id"] for record in log.records]
    assert ids == [record.record_id for record in log.records]


async def test_a_refusal_that_cannot_be_recorded_says_so(harness: Harness) -> None:
    async with harness(plugins=[CALM, MemoryLog(room=1)]) as engine:
        with pytest.raises(EvidenceUnavailable, match="full after 1 records"):
            await engine.run(text="")
