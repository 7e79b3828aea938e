"""A record counts as recorded once those hold it that must: the primary, or every sink."""

from __future__ import annotations

import json
from typing import Literal

import anyio
import attrs
import pytest

from eleanor_core.api import Receipt, SealedRecord
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.evidence import FanOut, seal
from eleanor_core.settings import EvidenceSettings
from eleanor_core.testing import MemoryLog

pytestmark = pytest.mark.anyio
ALL = EvidenceSettings(required="all")


class Broken(MemoryLog):
    """Cannot be written to while `broken`."""

    broken = True
    tries = 0

    async def append(self, record: SealedRecord, /) -> Receipt:
        self.tries += 1
        if self.broken:
            raise OSError(f"no room for {len(record.leaf)} bytes")
        return await super().append(record)


class Liar(MemoryLog):
    async def append(self, record: SealedRecord, /) -> Receipt:
        return attrs.evolve(await super().append(record), leaf_hash="0" * 64)


def record(record_id: str | None = None) -> SealedRecord:
    return seal("assessment", trace_id="t", payload={"case": "c"}, record_id=record_id)


async def until(done) -> None:
    with anyio.fail_after(10):
        while not done():
            await anyio.sleep(0.005)


async def test_the_primary_answers_and_the_others_follow_in_its_order() -> None:
    ahead, behind = MemoryLog(), MemoryLog()
    for _ in range(3):
        await ahead.append(record())
    fanout = FanOut({"ahead": ahead, "behind": behind})
    assert fanout.primary is ahead
    async with fanout.following():
        sealed = record()
        receipt = await fanout.append(sealed)
        assert receipt == Receipt(index=3, record_id=sealed.record_id, leaf_hash=sealed.leaf_hash)
    assert behind.records == ahead.records


async def test_all_must_hold_it_where_that_is_required() -> None:
    ahead, behind = MemoryLog(), MemoryLog()
    fanout = FanOut({"ahead": ahead, "behind": behind}, ALL)
    async with fanout.following(), anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(fanout.append, record())
        sealed = record()
        await fanout.append(sealed)
        assert await behind.get(sealed.record_id) is not None
        assert None not in await fanout.copies(sealed.record_id)
        assert len(await fanout.copies(sealed.record_id)) == 2
    assert behind.records == ahead.records


@pytest.mark.parametrize("required", ["primary", "all"])
@pytest.mark.parametrize("order", [("sound", "broken"), ("broken", "sound")])
async def test_a_failure_of_one_that_must_hold_it_is_a_failure_and_says_which_and_why(
    order: tuple[str, ...], required: Literal["primary", "all"]
) -> None:
    sinks = {"sound": MemoryLog(), "broken": Broken()}
    fanout = FanOut({name: sinks[name] for name in order}, EvidenceSettings(required=required))
    async with fanout.following():
        if order[0] == "sound" and required == "primary":
            await fanout.append(record())
            await until(lambda: sinks["broken"].tries)
            (lag,) = await fanout.lags()
            assert (lag.sink, lag.held, lag.behind, lag.stopped) == ("broken", 0, 1, False)
            assert "no room for" in lag.why
            assert lag.since == json.loads(sinks["sound"].records[0].leaf)["time"]
        else:
            with pytest.raises(EvidenceUnavailable, match=r"sink 'broken' .*no room for \d+ bytes"):
                await fanout.append(record())


async def test_a_sink_that_comes_back_gets_what_it_missed() -> None:
    ahead, behind = MemoryLog(), Broken()
    fanout = FanOut({"ahead": ahead, "behind": behind})
    async with fanout.following():
        for _ in range(5):
            await fanout.append(record())
        await until(lambda: behind.tries)
        behind.broken = False
        await until(lambda: len(behind.records) == 5)
        (lag,) = await fanout.lags()
        assert (lag.held, lag.behind, lag.since, lag.stopped) == (5, 0, "", False)
    assert behind.records == ahead.records


async def test_while_one_is_away_it_is_asked_ever_more_rarely() -> None:
    behind = Broken()
    fanout = FanOut({"ahead": MemoryLog(), "behind": behind})
    async with fanout.following():
        for _ in range(60):
            await fanout.append(record())
            await anyio.sleep(0.01)
        assert 1 <= behind.tries <= 8
    assert behind.tries <= 9, "at the end it is asked once more"


@pytest.mark.parametrize("required", ["primary", "all"])
async def test_a_sink_that_holds_something_else_is_stopped_and_never_written_to(
    required: Literal["primary", "all"],
) -> None:
    first, other = record(), record()
    ahead, behind = MemoryLog(), MemoryLog()
    await ahead.append(first)
    await behind.append(other)
    fanout = FanOut({"ahead": ahead, "behind": behind}, EvidenceSettings(required=required))
    async with fanout.following():
        if required == "all":
            with pytest.raises(EvidenceUnavailable, match="it is another log, or one of the two"):
                await fanout.append(record())
        else:
            await fanout.append(record())
        await until(lambda: fanout._followers["behind"].stopped)
        (lag,) = await fanout.lags()
        assert lag.stopped
        assert other.record_id in lag.why
    assert [held.record_id for held in behind.records] == [other.record_id]


async def test_another_leaf_under_the_same_id_stops_it() -> None:
    first, forged = record(), None
    forged = seal("assessment", trace_id="forged", record_id=first.record_id)
    ahead, behind = MemoryLog(), MemoryLog()
    shared = record()
    for log in (ahead, behind):
        await log.append(shared)
    await ahead.append(first)
    await behind.append(forged)
    await ahead.append(record())
    fanout = FanOut({"ahead": ahead, "behind": behind})
    async with fanout.following():
        await until(lambda: fanout._followers["behind"].stopped)
    assert [held.leaf for held in behind.records] == [shared.leaf, forged.leaf]


async def test_a_primary_that_was_replaced_is_not_followed() -> None:
    behind = MemoryLog()
    async with FanOut({"ahead": MemoryLog(), "behind": behind}).following() as _:
        pass
    for _ in range(3):
        await behind.append(record())
    fanout = FanOut({"new": MemoryLog(), "behind": behind})
    async with fanout.following():
        await fanout.append(record())
        await until(lambda: fanout._followers["behind"].stopped)
        assert "the primary has fewer" in (await fanout.lags())[0].why
    assert len(behind.records) == 3


async def test_a_receipt_for_something_else_is_a_failure() -> None:
    with pytest.raises(EvidenceUnavailable, match="sink 'liar' acknowledged"):
        await FanOut({"liar": Liar()}).append(record())


async def test_without_a_sink_nothing_is_recorded() -> None:
    fanout = FanOut({})
    assert fanout.primary is None
    async with fanout.following():
        with pytest.raises(EvidenceUnavailable, match="no evidence sink is enabled"):
            await fanout.append(record())
        with pytest.raises(EvidenceUnavailable, match="no evidence sink is enabled"):
            await fanout.copies(record().record_id)


async def test_a_record_waits_for_its_log_where_the_settings_say_so() -> None:
    log = Broken()
    fanout = FanOut({"log": log}, EvidenceSettings(wait=5))
    async with anyio.create_task_group() as group:
        group.start_soon(fanout.append_within, record(), 8.0)
        await until(lambda: log.tries >= 2)
        log.broken = False
    assert len(log.records) == 1
    log.broken = True
    with pytest.raises(EvidenceUnavailable, match="no room"), anyio.fail_after(4):
        await FanOut({"log": log}, EvidenceSettings(wait=0.3)).append_within(record(), 8.0)


async def test_an_id_that_another_record_has_is_not_waited_for() -> None:
    log = MemoryLog()
    fanout = FanOut({"log": log}, EvidenceSettings(wait=60))
    first = record()
    assert await fanout.append_first(first, 8.0)
    assert await fanout.append_first(first, 8.0)
    with anyio.fail_after(4):
        other = seal("assessment", trace_id="other", record_id=first.record_id)
        assert not await fanout.append_first(other, 8.0)


async def test_what_is_not_caught_up_with_at_the_end_is_said(capsys) -> None:
    behind = Broken()
    fanout = FanOut({"ahead": MemoryLog(), "behind": behind})
    with anyio.fail_after(4):
        async with fanout.following():
            await fanout.append(record())
    said = capsys.readouterr().out
    assert "evidence.sink_left_behind" in said
    assert "no room for" in said
