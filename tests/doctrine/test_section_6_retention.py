"""Holds and erasures: recorded, refused where they must be, and never in silence."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from support.acts import new_key

from eleanor_core import EleanorEngine
from eleanor_core._retention import covered
from eleanor_core.api import (
    CriticResult,
    EvidenceDeclaration,
    erasure_id,
    hookimpl,
    leaf_hash,
)
from eleanor_core.errors import (
    EvidenceUnavailable,
    RetentionRefused,
    ReviewRefused,
    SettingsError,
    UnresolvableRecord,
)
from eleanor_core.model import Assessment, Covers
from eleanor_core.settings import load_settings
from eleanor_core.settings.evidence import PROFILES
from eleanor_core.testing import Harness, MemoryLog, critic_plugin

pytestmark = pytest.mark.anyio
LAW = "GDPR 17(1)(b)"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def calm(_case, /) -> CriticResult:
    return CriticResult(critic="calm", score=0.0, confidence=1.0)


@asynccontextmanager
async def running(
    tmp_path, log: object, **evidence: object
) -> AsyncIterator[tuple[EleanorEngine, Assessment]]:
    """An engine, and a judgement that it made."""
    plugins = [critic_plugin("calm", calm), log]
    async with Harness(tmp_path)(plugins=plugins, settings={"evidence": evidence}) as engine:
        yield engine, await engine.run(text="Zoe asks.", trace_id="trace-1")


def refusals(log: MemoryLog) -> list[tuple[str, str]]:
    leaves = [json.loads(stored.leaf) for stored in log.records]
    facts = [leaf["facts"] for leaf in leaves if leaf["kind"] == "refused"]
    return [(fact["of"], fact["code"]) for fact in facts]


async def test_an_erasure_says_who_when_and_on_what_ground(tmp_path) -> None:
    log = MemoryLog()
    async with running(tmp_path, log) as (engine, judged):
        record_id = judged.evidence.record_id
        before = await log.get(record_id)
        done = await engine.retention.erase(record_id, by="clerk", ground=LAW, reason="She asked.")
        assert (done.by, done.ground, done.reason, done.waiting) == ("clerk", LAW, "She asked.", ())
        stored = await log.get(record_id)
        assert (stored.payload, stored.leaf) == (None, before.leaf)
        leaf = json.loads((await log.get(erasure_id(record_id))).leaf)
        assert leaf["facts"] == {
            "record": record_id,
            "leaf_hash": before.leaf_hash,
            "commitments": json.loads(before.leaf)["commitments"],
            "ground": LAW,
            "profile": "keep",
            "by": "clerk",
        }
        again = await engine.retention.erase(record_id, by="other", ground=LAW, reason="Again.")
        assert again == done
        assert refusals(log) == []


async def test_what_is_held_is_not_erased_and_that_is_recorded(tmp_path) -> None:
    log = MemoryLog()
    async with running(tmp_path, log) as (engine, judged):
        record_id, retention = judged.evidence.record_id, engine.retention
        hold = await retention.hold(Covers(trace_id="trace-1"), by="counsel", reason="A claim.")
        with pytest.raises(RetentionRefused, match=hold.hold_id) as caught:
            await retention.erase(record_id, by="clerk", ground=LAW, reason="She asked.")
        assert caught.value.code == "retention_held"
        assert (await log.get(record_id)).payload
        assert await retention.holds() == (hold,)
        released = await retention.release(hold.hold_id, by="counsel", reason="Settled.")
        assert (released.released_by, released.reason) == ("counsel", "A claim.")
        await retention.erase(record_id, by="clerk", ground=LAW, reason="She asked.")
        assert (await log.get(record_id)).payload is None
        for wrong in (hold.hold_id, "nobody's"):
            with pytest.raises(RetentionRefused):
                await retention.release(wrong, by="counsel", reason="Once more.")
        assert refusals(log) == [
            ("erasure", "retention_held"),
            ("hold", "retention_released"),
            ("hold", "retention_unknown_hold"),
        ]


async def test_a_key_signs_and_one_that_is_not_good_is_refused(tmp_path) -> None:
    log, key = MemoryLog(), new_key()
    async with running(tmp_path, log) as (engine, judged):
        retention = engine.retention
        with pytest.raises(ReviewRefused):
            await retention.hold(Covers(trace_id="t"), by=key, reason="A claim.")
        await engine.reviews.register(key.public, person="alice", by="root")
        hold = await retention.hold(Covers(trace_id="t"), by=key, reason="A claim.")
        assert (hold.by, hold.key) == ("alice", key.public)
        done = await retention.erase(
            judged.evidence.record_id, by=key, ground=LAW, reason="She asked."
        )
        assert (done.by, done.key) == ("alice", key.public)
        await engine.reviews.revoke(key.public, by="root")
        assert (await retention.holds())[0].key == key.public
        with pytest.raises(ReviewRefused):
            await retention.release(hold.hold_id, by=key, reason="Settled.")
        for what in ({b'"by":"alice"': b'"by":"mallory"'}, {b'"trace_id":"t"': b'"trace_id":"u"'}):
            with _forged(log, hold.hold_id, what), pytest.raises(UnresolvableRecord):
                await retention.holds()


@contextmanager
def _forged(log: MemoryLog, record_id: str, what: Mapping[bytes, bytes]) -> Iterator[None]:
    """Let a record say something else meanwhile, with its hash made anew."""
    place = next(at for at, stored in enumerate(log.records) if stored.record_id == record_id)
    whole = log.records[place]
    leaf = whole.leaf
    for old, new in what.items():
        assert old in leaf
        leaf = leaf.replace(old, new)
    log.records[place] = evolve(whole, leaf=leaf, leaf_hash=leaf_hash(leaf))
    yield
    log.records[place] = whole


async def test_before_the_minimum_it_takes_a_legal_ground(tmp_path) -> None:
    log = MemoryLog()
    async with running(tmp_path, log, retention="ai-act-deployer") as (engine, judged):
        record_id, retention = judged.evidence.record_id, engine.retention
        with pytest.raises(RetentionRefused, match="184 days") as caught:
            await retention.erase(record_id, by="clerk")
        assert caught.value.reason == "too_early"
        assert [due async for due in retention.due()] == []
        hold = await retention.hold(Covers(records=(record_id,)), by="counsel", reason="A claim.")
        later = datetime.now(UTC) + timedelta(days=184, minutes=1)
        due = [item async for item in retention.due(later)]
        assert [(item.kind, item.held_by) for item in due] == [
            ("assessment", (hold.hold_id,)),
            ("hold", ()),
        ]
        await retention.release(hold.hold_id, by="counsel", reason="Settled.")
        await retention.erase(record_id, by="clerk", ground=LAW, reason="She asked.")
        assert (await log.get(record_id)).payload is None


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"ground": LAW}, "malformed"),
        ({"ground": "§ 17, of course!", "reason": "So."}, "malformed"),
        ({"by": "Zoë Quist", "reason": "So."}, "malformed"),
        ({"ground": LAW, "reason": "x AKIAIOSFODNN7EXAMPLE"}, "secret"),
        ({"ground": "AKIAIOSFODNN7EXAMPLE", "reason": "So."}, "secret"),
        ({"by": "AKIAIOSFODNN7EXAMPLE"}, "secret"),
    ],
)
async def test_what_is_asked_wrongly_is_refused(tmp_path, asked, reason, monkeypatch) -> None:
    log = MemoryLog()
    async with running(tmp_path, log) as (engine, judged):
        retention = engine.retention
        monkeypatch.setattr(retention, "_mask", lambda text: text.replace("AKIA", "****"))
        with pytest.raises(RetentionRefused) as caught:
            await retention.erase(judged.evidence.record_id, **{"by": "clerk", **asked})
        assert caught.value.reason == reason
        assert refusals(log) == [("erasure", f"retention_{reason}")]


async def test_a_record_without_words_and_one_that_is_not_there(tmp_path) -> None:
    log = MemoryLog()
    async with running(tmp_path, log) as (engine, _):
        settings = log.records[0].record_id
        with pytest.raises(RetentionRefused, match="no words"):
            await engine.retention.erase(settings, by="clerk")
        with pytest.raises(UnresolvableRecord):
            await engine.retention.erase(erasure_id(settings), by="clerk")


class Stubborn:
    """A log that cannot erase."""

    def __init__(self, kept: MemoryLog) -> None:
        self.append, self.get, self.read, self.count = kept.append, kept.get, kept.read, kept.count

    @hookimpl
    def eleanor_register_evidence(self) -> Iterable[EvidenceDeclaration]:
        yield EvidenceDeclaration(name="stubborn", factory=lambda *_: nullcontext(self))


async def test_where_one_log_cannot_erase_nothing_is_erased(tmp_path) -> None:
    log = MemoryLog(name="able")
    plugins = [critic_plugin("calm", calm), log, Stubborn(MemoryLog())]
    async with Harness(tmp_path)(plugins=plugins) as engine:
        judged = await engine.run(text="Zoe asks.")
        with pytest.raises(EvidenceUnavailable, match="evidence/stubborn cannot erase"):
            await engine.retention.erase(judged.evidence.record_id, by="clerk")
        assert (await log.get(judged.evidence.record_id)).payload
        assert not [stored for stored in log.records if b'"erasure"' in stored.leaf]


@pytest.mark.parametrize("required", ["primary", "all"])
async def test_an_erasure_reaches_every_log(tmp_path, required: str) -> None:
    first, second = MemoryLog(name="a"), MemoryLog(name="b")
    plugins = [critic_plugin("calm", calm), first, second]
    settings = {"evidence": {"required": required}}
    async with Harness(tmp_path)(plugins=plugins, settings=settings) as engine:
        judged = await engine.run(text="Zoe asks.")
        record_id = judged.evidence.record_id
        # As where the second one lagged behind when the record was erased.
        whole = await first.get(record_id)
        done = await engine.retention.erase(record_id, by="clerk")
        assert done.waiting == ()
        second.records[whole.index] = whole
        assert (await engine.retention.erasure(record_id)).waiting == ("b",)


class Unstarted:
    """A log that does not start."""

    @hookimpl
    def eleanor_register_evidence(self) -> Iterable[EvidenceDeclaration]:
        yield EvidenceDeclaration(name="unstarted", factory=lambda *_: 1 / 0)


async def test_a_log_that_did_not_start_is_told_to_hold_the_payload_still(tmp_path) -> None:
    log = MemoryLog(name="a")
    plugins = [critic_plugin("calm", calm), log, Unstarted()]
    settings = {"evidence": {"required": "primary"}}
    async with Harness(tmp_path)(plugins=plugins, settings=settings) as engine:
        judged = await engine.run(text="Zoe asks.")
        done = await engine.retention.erase(judged.evidence.record_id, by="clerk")
        assert done.waiting == ("unstarted",)
        assert (await log.get(judged.evidence.record_id)).payload is None


def test_the_profiles_state_what_the_page_says() -> None:
    assert {name: profile.maximum_days for name, profile in PROFILES.items()} == {
        "keep": None,
        "ai-act-deployer": 184,
        "ai-act-provider": 184,
        "three-years": 1096,
        "ten-years": 3653,
    }


def test_a_profile_of_ones_own_and_one_that_is_not_there() -> None:
    own = {"evidence.retention": "house", "evidence.profiles.house.maximum_days": 30}
    assert load_settings(own).settings.evidence.profile.maximum_days == 30
    for wrong in (
        {"evidence.retention": "hous"},
        {"evidence.profiles.keep.minimum_days": 3},
        {**own, "evidence.profiles.house.minimum_days": 31},
    ):
        with pytest.raises(SettingsError):
            load_settings(wrong)


moments = st.integers(1, 28).map(lambda day: f"2026-01-{day:02}T12:00:00.000000Z")


@given(time=moments, start=moments, end=moments, trace=st.sampled_from("ab"))
def test_a_hold_covers_what_fits_all_of_it(time: str, start: str, end: str, trace: str) -> None:
    this, about, other = (erasure_id(name) for name in ("this", "about", "other"))
    leaf = {"record_id": this, "trace_id": "a", "time": time, "facts": {"record": about}}
    for records, named in (
        ((), True),
        ((this, other), True),
        ((about,), True),
        ((other,), False),
    ):
        covers = Covers(records=records, trace_id=trace, start=start, end=end)
        assert covered(covers, leaf) is (named and trace == "a" and start <= time < end)
