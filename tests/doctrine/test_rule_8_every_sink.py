"""DESIGN 5, rule 8: recorded means durable where it must be, in time, and whatever else happens.

That is in the primary, which the other sinks follow, or, where that is required, in all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
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


@pytest.mark.parametrize("required", ["primary", "all"])
async def test_a_record_goes_to_every_sink(harness: Harness, required: str) -> None:
    logs = [MemoryLog(name="a"), MemoryLog(name="b"), MemoryLog(name="c")]
    settings = {"evidence": {"required": required}}
    async with harness(plugins=[CALM, *logs], settings=settings) as engine:
        assessment = await engine.run(text=TEXT)
        if required == "all":
            assert logs[0].records == logs[1].records == logs[2].records
        await engine.executable(assessment, Deeds().action())
    assert assessment.evidence is not None
    assert logs[0].records[-1].leaf_hash == assessment.evidence.leaf_hash
    assert logs[0].records == logs[1].records == logs[2].records


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MemoryLog(name="z", room=0), "full after 0 records"),
        (lambda: Silent(name="z"), "did not acknowledge within 0.1 s"),
        (lambda: Liar(name="z"), "acknowledged record"),
        (Lost, "the disk is not there"),
    ],
    ids=["full", "silent", "liar", "lost"],
)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("required", ["primary", "all"])
async def test_a_sink_that_fails_and_must_record_closes_the_gate(
    harness: Harness, make: Callable[[], object], said: str, required: str, *, first: bool
) -> None:
    sink = make()
    # Sinks are asked by name: the sound one stands before or after the other.
    sound = MemoryLog(name="zz" if first else "a")
    settings = {"deadlines": {"record": 0.1}, "evidence": {"required": required, "drain": 0.1}}
    if required == "primary" and not first:
        async with harness(plugins=[CALM, sink, sound], settings=settings) as engine:
            assessment = await engine.run(text=TEXT)
            await engine.executable(assessment, Deeds().action())
            (lag,) = await engine.lags()
        assert assessment.gate.open
        assert lag.sink == getattr(sink, "name", "lost")
        assert lag.why or lag.behind
        return
    async with harness(plugins=[CALM, sink, sound], settings=settings) as engine:
        started = anyio.current_time()
        with pytest.raises(EvidenceUnavailable, match=said) as caught:
            await engine.run(text=TEXT)
        assert anyio.current_time() - started < 8
    assessment = caught.value.assessment
    assert assessment is not None
    assert (assessment.decision, assessment.gate.open) == ("allow", False)
    assert assessment.evidence is None


@pytest.mark.parametrize("required", ["primary", "all"])
async def test_a_log_of_somebody_else_is_never_written_to(harness: Harness, required: str) -> None:
    theirs, ours = MemoryLog(name="z"), MemoryLog(name="a")
    async with harness(plugins=[CALM, theirs]) as engine:
        await engine.run(text=TEXT)
    before = [*theirs.records]
    settings = {"evidence": {"required": required}}
    async with harness(plugins=[CALM, ours, theirs], settings=settings) as engine:
        for _ in range(len(before)):
            if required == "all":
                with pytest.raises(EvidenceUnavailable, match="primary has fewer|another log"):
                    await engine.run(text=TEXT)
            else:
                await engine.run(text=TEXT)
        (lag,) = await engine.lags()
        assert lag.stopped
    assert theirs.records == before
    async with harness(plugins=[CALM, ours, theirs]) as engine:
        with anyio.fail_after(5):
            while not (await engine.lags())[0].stopped:
                await anyio.sleep(0.01)
    assert theirs.records == before


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
