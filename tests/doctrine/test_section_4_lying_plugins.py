"""DESIGN 4 and 5: a plugin that lies or is lost on the way never relaxes an outcome."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Generic, TypeVar, cast

import anyio
import pytest
from attrs import asdict, evolve
from support.acts import Deeds
from support.judging import TEXT, judge, rank, with_engine
from support.panels import Member
from support.stores import ListStore

from eleanor_core.api import (
    Case,
    CriticDeclaration,
    CriticResult,
    DetectorDeclaration,
    DetectorResult,
    Embedding,
    EvidenceDeclaration,
    PluginSettings,
    PrecedentCase,
    PrecedentMatch,
    Receipt,
    SealedRecord,
    Services,
    hookimpl,
)
from eleanor_core.engine import EleanorEngine
from eleanor_core.errors import EvidenceUnavailable, ForgedDecision, NotRunning, UnresolvableRecord
from eleanor_core.model import Abstention, Assessment, EvidenceRef, Gate
from eleanor_core.testing import LetterEmbedder, MemoryLog, critic_plugin, detector_plugin
from eleanor_core.testing.makers import CriticPlugin, DetectorPlugin

CALM = Member(inline=True).plugin("calm")
DENIED = PrecedentCase(id="p", text=TEXT, outcome="deny")
BACKENDS = ["asyncio", "trio"]
T = TypeVar("T")


def _lost(assessment: Assessment) -> set[str]:
    return {item.critic for item in assessment.escalations if item.clause == "U1"}


# -- stores and embedders -------------------------------------------------------------------------


class _Store(ListStore):
    """A store that answers what it is given."""

    def __init__(self, matches: object, count: object = 1) -> None:
        super().__init__([DENIED], broken=False)
        self._matches = matches
        self._count = count

    async def count(self) -> int:
        return self._count  # type: ignore[return-value] # that it lies is the point

    async def nearest(self, query: Embedding, k: int, /) -> Sequence[PrecedentMatch]:
        del query, k
        return self._matches  # type: ignore[return-value] # as above


def _match(similarity: float) -> PrecedentMatch:
    match = PrecedentMatch(case=DENIED, similarity=0.5)
    object.__setattr__(match, "similarity", similarity)
    return match


def _tampered() -> PrecedentMatch:
    case = evolve(DENIED, id="q")
    object.__setattr__(case, "outcome", "allowed")
    return PrecedentMatch(case=case, similarity=0.95)


@pytest.mark.parametrize(
    "store",
    [
        _Store(None),
        _Store([object()]),
        _Store([_match(float("nan"))]),
        _Store([_match(7.0)]),
        _Store([_tampered()]),
        _Store([_match(0.95)] * 9),
        _Store([], count=float("nan")),
        _Store([], count=-1),
        _Store([], count=None),
    ],
)
def test_a_store_that_answers_nonsense_is_a_fault(store: _Store) -> None:
    log = MemoryLog()
    assessment = judge([CALM, LetterEmbedder(), store, log])
    assert isinstance(assessment.precedent, Abstention)
    assert _lost(assessment) == {"recall"}
    assert json.loads(log.records[-1].leaf)["kind"] == "assessment"


class _Embedder(LetterEmbedder):
    """An embedder that returns what it is given, or raises it."""

    def __init__(self, vectors: object) -> None:
        self._vectors = vectors

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]:
        del texts
        if isinstance(self._vectors, BaseException):
            raise self._vectors
        return self._vectors  # type: ignore[return-value] # that it lies is the point


def _vector(data: bytes, encoder: str = LetterEmbedder.encoder_id) -> Embedding:
    return Embedding(encoder_id=encoder, dim=len(data) // 4, data=data)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "vectors",
    [
        None,
        [],
        [None],
        ["vector"],
        [_vector(bytes(4))],
        [_vector(bytes(4 * 27), "another/encoder")],
        [_vector(bytes(4 * 26) + b"\x00\x00\xc0\x7f")],
        [_vector(bytes(4 * 27))] * 2,
        SystemExit(3),
    ],
)
def test_an_embedder_that_answers_nonsense_is_a_fault(vectors: object, backend: str) -> None:
    def needy(case: Case, /) -> CriticResult:
        assert case.embedding is None
        return CriticResult(critic="needy", score=0.02, confidence=0.9)

    plugins = [critic_plugin("needy", needy, needs_embedding=True), _Embedder(vectors)]
    assert _lost(judge(plugins, backend=backend)) == {"recall"}


# -- voices ---------------------------------------------------------------------------------------


def test_what_a_voice_does_to_the_context_does_not_lower_the_impact() -> None:
    def soothes(case: Case, /) -> DetectorResult:
        object.__setattr__(case.context, "_items", {"impact": "low"})
        return DetectorResult(detector="soothes", score=0.02)

    honest = judge([CALM], context={"impact": "high"})
    soothed = judge([CALM, detector_plugin("soothes", soothes)], context={"impact": "high"})
    assert rank(soothed) >= rank(honest)
    assert {item.clause for item in soothed.escalations} == {"PR1", "U1"}


def test_a_name_that_cannot_be_encoded_is_a_fault_of_its_voice_alone() -> None:
    class Name(str):
        __slots__ = ()

        def __ne__(self, _: object) -> bool:
            return True

        def __repr__(self) -> str:
            return "\ud800"

    def forger(_case: Case, /) -> CriticResult:
        result = CriticResult(critic="forger", score=0.02, confidence=0.9)
        object.__setattr__(result, "critic", Name("forger"))
        return result

    assessment = judge([CALM, critic_plugin("forger", forger)])
    assert _lost(assessment) == {"forger"}


@pytest.mark.parametrize("name", ["embedder", "engine", "recall", "scan", "uncertainty"])
def test_no_critic_takes_the_name_of_a_stage(name: str) -> None:
    outcome = judge([Member(inline=True).plugin(name)]).critics[name]
    assert isinstance(outcome, Abstention)
    assert "name of a stage" in outcome.detail


# -- lost while running ---------------------------------------------------------------------------


class _Feed(Generic[T]):
    """What a plugin has open: its background work ends by an error once `cut` is set."""

    def __init__(self, product: T) -> None:
        self.cut = anyio.Event()
        self._product = product

    @asynccontextmanager
    async def __call__(self, _settings: PluginSettings, _: Services) -> AsyncIterator[T]:
        async with anyio.create_task_group() as group:
            group.start_soon(self._work)
            yield self._product

    async def _work(self) -> None:
        await self.cut.wait()
        raise ConnectionError("the feed is gone")


class _Sink:
    """A plugin of one evidence sink that needs a feed."""

    def __init__(self, feed: _Feed[MemoryLog]) -> None:
        self._feed = feed

    @hookimpl
    def eleanor_register_evidence(self) -> Iterable[EvidenceDeclaration]:
        yield EvidenceDeclaration(name="dying", factory=self._feed)


def _dying(kind: str) -> tuple[anyio.Event, object]:
    """Return a voice called `dying`, and what to set so that it dies."""
    if kind == "detectors":
        seer = _Feed(_blind)
        witness = DetectorDeclaration(name="dying", factory=seer, execution="inline")
        return seer.cut, DetectorPlugin(witness)
    feed = _Feed(_fine)
    critic = CriticDeclaration(
        name="dying", factory=feed, principle="risk", clauses=(), execution="inline"
    )
    return feed.cut, CriticPlugin(critic)


async def _noticed(engine: EleanorEngine) -> None:
    with anyio.fail_after(30):
        while not engine.broken:
            await anyio.sleep(0.01)


def _fine(_case: Case, /) -> CriticResult:
    return CriticResult(critic="dying", score=0.02, confidence=0.9)


def _blind(_case: Case, /) -> DetectorResult:
    return DetectorResult(detector="dying", score=0.02)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("kind", "voice"), [("critics", "dying"), ("detectors", "detector:dying")])
def test_a_voice_that_is_lost_while_running_is_a_fault_from_then_on(
    kind: str, voice: str, backend: str
) -> None:
    cut, dying = _dying(kind)

    async def use(engine: EleanorEngine) -> None:
        assert (await engine.run(text=TEXT)).decision == "allow"
        cut.set()
        await _noticed(engine)
        assessment = await engine.run(text=TEXT)
        assert _lost(assessment) == {voice}
        assert [(item.ref, item.stage) for item in engine.broken] == [(f"{kind}/dying", "run")]

    with_engine([CALM, dying], use, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sink_that_is_lost_while_running_acknowledges_nothing(backend: str) -> None:
    feed = _Feed(MemoryLog())

    async def use(engine: EleanorEngine) -> None:
        assert (await engine.run(text=TEXT)).gate.open
        feed.cut.set()
        await _noticed(engine)
        with pytest.raises(EvidenceUnavailable, match="feed is gone") as caught:
            await engine.run(text=TEXT)
        assert caught.value.assessment is not None
        assert not caught.value.assessment.gate.open

    with_engine([CALM, _Sink(feed)], use, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stream_that_the_engine_cuts_off_does_not_end_in_silence(backend: str) -> None:
    async def slow(_case: Case, /) -> CriticResult:
        await anyio.sleep(60)
        raise AssertionError("it is cut off")

    async def use(engine: EleanorEngine) -> list[str]:
        seen: list[str] = []

        async def read() -> None:
            with pytest.raises(NotRunning, match="abandoned"):
                async for event in engine.stream(text=TEXT):
                    seen.append(event.type)

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            await engine.shutdown()
        return seen

    plugins = [critic_plugin("slow", slow, deadline=60.0)]
    settings = {"deadlines": {"stop": 0.2}}
    assert "decision" not in with_engine(plugins, use, settings=settings, backend=backend)


# -- the gate -------------------------------------------------------------------------------------


class _Refusing(MemoryLog):
    """A sink that takes everything but assessments."""

    async def append(self, record: SealedRecord, /) -> Receipt:
        if json.loads(record.leaf)["kind"] == "assessment":
            raise OSError("gone")
        return await super().append(record)


def test_where_all_must_record_one_that_a_sink_never_took_permits_nothing() -> None:
    first, second = MemoryLog(name="first"), _Refusing(name="second")

    async def use(engine: EleanorEngine) -> None:
        with pytest.raises(EvidenceUnavailable) as caught:
            await engine.run(text=TEXT)
        assert caught.value.assessment is not None
        left = first.records[-1]
        reference = EvidenceRef(record_id=left.record_id, leaf_hash=left.leaf_hash)
        forged = evolve(caught.value.assessment, gate=Gate(open=True), evidence=reference)
        with pytest.raises(UnresolvableRecord):
            await engine.executable(forged, Deeds().action())

    with_engine([CALM, first, second], use, settings={"evidence": {"required": "all"}})


@pytest.mark.parametrize("seal", ["\ud800", None, b"x"])
def test_what_is_no_decision_is_not_recognised(seal: object) -> None:
    async def use(engine: EleanorEngine) -> None:
        deeds = Deeds()
        action = deeds.action()
        decision = await engine.executable(await engine.run(text=TEXT), action)
        with pytest.raises(ForgedDecision):
            await engine.execute(evolve(decision, seal=cast("str", seal)), action)
        lookalike = SimpleNamespace(**asdict(decision, recurse=False))
        with pytest.raises(ForgedDecision):
            await engine.execute(lookalike, action)  # type: ignore[arg-type] # that it is none
        assert not deeds.done

    with_engine([CALM], use)
