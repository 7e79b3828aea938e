"""Whatever happens to it on the way, a log that follows ends up as its primary: DESIGN 6."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import anyio
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import EvidenceDiffers, Receipt, SealedRecord, StoredRecord
from eleanor_core.evidence import FanOut, seal
from eleanor_core.settings import EvidenceSettings
from eleanor_core.testing import MemoryLog
from eleanor_core.testing.sinks import make_erasure


class Unsteady(MemoryLog):
    """Fails while `away`; and the answer to what it wrote gets lost now and then."""

    away = False
    forgets = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.chance = random.Random(1)

    def _reach(self) -> None:
        if self.away:
            raise ConnectionError("nobody is there")

    def _answer(self) -> None:
        self._reach()
        if self.chance.random() < self.forgets:
            raise ConnectionError("the answer was lost")

    async def append(self, record: SealedRecord, /) -> Receipt:
        self._reach()
        receipt = await super().append(record)
        self._answer()
        return receipt

    async def get(self, record_id: str, /) -> StoredRecord | None:
        self._reach()
        return await super().get(record_id)

    async def count(self) -> int:
        self._reach()
        return await super().count()


class Replica(Unsteady):
    """As it, and takes many at once; what was lost on the way may be any part of them."""

    async def replicate(self, records: Sequence[StoredRecord], /) -> None:
        self._reach()
        for stored in records:
            await anyio.lowlevel.checkpoint()
            held = self._find(stored.record_id)
            there = held.index if held else len(self.records)
            if there != stored.index or (held and held.leaf != stored.leaf):
                raise EvidenceDiffers(f"record {stored.index} would stand at {there}")
            if not held:
                self.records.append(stored)
            self._answer()


class Life:
    """A primary and two logs that follow it, and engines that come and go."""

    def __init__(self) -> None:
        self.primary = MemoryLog()
        self.others: list[Unsteady] = [Unsteady(), Replica()]
        self.acknowledged: list[SealedRecord] = []

    def engine(self) -> FanOut:
        plain, replica = self.others
        sinks = {"primary": self.primary, "plain": plain, "replica": replica}
        return FanOut(sinks, EvidenceSettings(drain=0.05))

    async def append(self, engines: Sequence[FanOut], many: int) -> None:
        async def one(engine: FanOut) -> None:
            sealed = seal("assessment", trace_id="t", payload={"case": len(self.acknowledged)})
            await engine.append(sealed)
            self.acknowledged.append(sealed)

        async with anyio.create_task_group() as group:
            for number in range(many):
                group.start_soon(one, engines[number % len(engines)])

    async def live(self, acts: Sequence[tuple[str, int]], *, killed: bool) -> None:
        """Two engines of one home run side by side, until they stop or are killed."""
        engines = [self.engine(), self.engine()]
        async with anyio.create_task_group() as group:
            stop = anyio.Event()

            async def run(engine: FanOut) -> None:
                async with engine.following():
                    await stop.wait()

            async def run_until_killed(engine: FanOut) -> None:
                async with anyio.create_task_group() as inner:
                    for follower in engine._followers.values():
                        inner.start_soon(follower.follow)

            for engine in engines:
                group.start_soon(run_until_killed if killed else run, engine)
            for act, number in acts:
                log = self.others[number % 2]
                if act == "append":
                    await self.append(engines, number)
                elif act == "away":
                    log.away = not log.away
                elif act == "forgets":
                    log.forgets = 0.3 - log.forgets
                elif act == "erase" and self.primary.records:
                    place = number % len(self.primary.records)
                    self.primary.records[place] = evolve(self.primary.records[place], payload=None)
                else:
                    await anyio.sleep(number / 1000)
            stop.set()
            if killed:
                group.cancel_scope.cancel()

    async def settle(self) -> None:
        for log in self.others:
            log.away, log.forgets = False, 0.0
        engine = self.engine()
        async with engine.following():
            with anyio.fail_after(20):
                for follower in engine._followers.values():
                    await follower.reached(len(self.primary.records))


ACTS = st.tuples(
    st.sampled_from(["append", "append", "append", "away", "forgets", "sleep", "erase"]),
    st.integers(0, 12),
)
LIVES = st.lists(st.tuples(st.lists(ACTS, max_size=8), st.booleans()), min_size=1, max_size=4)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(lives=LIVES)
def test_it_holds_the_same_records_in_the_same_order(
    backend: str, lives: list[tuple[list[tuple[str, int]], bool]]
) -> None:
    async def main() -> None:
        life = Life()
        for acts, killed in lives:
            await life.live(acts, killed=killed)
        await life.settle()
        ids = [stored.record_id for stored in life.primary.records]
        assert sorted(ids) == sorted(sealed.record_id for sealed in life.acknowledged)
        for log in life.others:
            assert [stored.record_id for stored in log.records] == ids
            assert [stored.index for stored in log.records] == list(range(len(ids)))
            assert [stored.leaf for stored in log.records] == [
                stored.leaf for stored in life.primary.records
            ]

    anyio.run(main, backend=backend)


@pytest.mark.anyio
async def test_an_erased_payload_is_copied_as_that() -> None:
    primary, plain, replica = MemoryLog(), Unsteady(), Replica()
    fanout = FanOut({"primary": primary, "plain": plain, "replica": replica})
    for _ in range(3):
        await primary.append(seal("assessment", trace_id="t", payload={"case": "words"}))
    primary.records[1] = evolve(primary.records[1], payload=None)
    async with fanout.following():
        pass
    assert replica.records == plain.records == primary.records


@pytest.mark.anyio
async def test_an_erasure_is_carried_out_by_each_log_that_gets_it() -> None:
    primary, behind = MemoryLog(), Unsteady()
    fanout = FanOut({"primary": primary, "behind": behind}, EvidenceSettings(drain=0.1))
    sealed = [seal("assessment", trace_id="t", payload={"case": "words"}) for _ in range(2)]
    async with fanout.following():
        await fanout.append(sealed[0])
        await fanout.catch_up(5)
        behind.away = True
        await fanout.append(make_erasure(sealed[0]))
        await fanout.append(sealed[1])
        await fanout.append(make_erasure(sealed[1]))
        assert await fanout.still_readable(sealed[0].record_id) == ("behind",)
        behind.away = False
        assert await fanout.catch_up(5) == {}
        for record in sealed:
            assert await fanout.still_readable(record.record_id) == ()
    assert behind.records == primary.records


@pytest.mark.anyio
@pytest.mark.parametrize("make", [Unsteady, Replica])
async def test_it_keeps_up_with_many_writers(make: Callable[[], Unsteady]) -> None:
    primary, behind = MemoryLog(), make()
    fanout = FanOut({"primary": primary, "behind": behind}, EvidenceSettings(required="all"))
    async with fanout.following(), anyio.create_task_group() as group:
        for _ in range(300):
            group.start_soon(fanout.append, seal("assessment", trace_id="t"))
    assert behind.records == primary.records
    assert len(behind.records) == 300
