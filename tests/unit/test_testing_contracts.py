"""Honest plugins pass the contracts of the kit, on both loops and however a voice runs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest
from eleanor_backends_numpy.arrays import NumpyBackend
from support.archives import Archive

from eleanor_core.api import (
    BackendDeclaration,
    BackendLedger,
    Case,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    Embedding,
    EmbeddingBlock,
    EmbeddingRows,
    Pattern,
    PluginSettings,
    PrecedentCase,
    PrecedentMatch,
    PrecedentsDeclaration,
    PrecedentStore,
    Services,
    Storage,
    hookimpl,
)
from eleanor_core.testing import (
    BackendContract,
    CriticContract,
    DetectorContract,
    EmbedderContract,
    EvidenceSinkContract,
    LetterEmbedder,
    MemoryLog,
    PrecedentStoreContract,
    critic_plugin,
    detector_plugin,
)
from eleanor_core.testing.arithmetic import cosine
from eleanor_core.testing.makers import Ready

SHOUT = Pattern(id="shout", regex=r"\b[A-Z]{4,}\b", example="STOP there", near_miss="Stop there")


def weigh(case: Case) -> CriticResult:
    """Object to shouting."""
    violations = tuple(
        CriticViolation(clause="A2", severity=1, rationale="It shouts.", span=hit.span)
        for hit in case.hits[:1]
    )
    return CriticResult(
        critic="calm", score=0.7 if violations else 0.1, confidence=0.5, violations=violations
    )


async def weigh_slowly(case: Case) -> CriticResult:
    """Wait as a critic that asks a server does, then judge."""
    await anyio.sleep(0.02)
    return weigh(case)


def witness(case: Case) -> DetectorResult:
    """Report shouting."""
    signals = tuple(
        DetectorSignal(detector="loud", category="shouting", span=hit.span) for hit in case.hits
    )
    return DetectorResult(detector="loud", score=1.0 if signals else 0.0, signals=signals)


class TestInlineCritic(CriticContract):
    examples = 10
    plugin = critic_plugin("calm", weigh, clauses=["A2"], patterns=(SHOUT,))
    texts = ("WAKE up, please LISTEN now",)


class TestTaskCritic(CriticContract):
    plugin = critic_plugin("calm", weigh_slowly, clauses=["A2"], patterns=(SHOUT,))
    examples = 10


class TestThreadCritic(CriticContract):
    examples = 10
    plugin = critic_plugin("calm", weigh, clauses=["A2"], execution="thread", patterns=(SHOUT,))


class TestProcessCritic(CriticContract):
    examples = 10
    plugin = critic_plugin("calm", weigh, clauses=["A2"], execution="process", patterns=(SHOUT,))

    @pytest.fixture
    def anyio_backend(self) -> str:
        """One loop, for the processes' sake; `test_process_and_thread.py` has them on both."""
        return "asyncio"


class TestDetector(DetectorContract):
    plugin = detector_plugin(
        "loud", witness, categories={"shouting": "words in capitals"}, patterns=(SHOUT,)
    )


class TestMemoryLog(EvidenceSinkContract):
    durable = False

    def prepare(self) -> None:
        self.plugin = MemoryLog()


class TestLetterEmbedder(EmbedderContract):
    plugin = LetterEmbedder()


class PlainRows:
    """Rows in a list, compared with plain arithmetic."""

    def __init__(self, rows: EmbeddingBlock, ledger: BackendLedger) -> None:
        ledger.hold(self, rows.data.nbytes)
        self.rows = rows
        self.ledger = ledger

    def __len__(self) -> int:
        return len(self.rows)

    def topk(self, query: Embedding, k: int, /) -> Sequence[tuple[int, float]]:
        if len(self):
            self.rows.check_like([query])
        scored = zip(self.cosines(query, range(len(self))), range(len(self)), strict=True)
        return [(n, value) for value, n in sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:k]]

    def topk_many(
        self, queries: Sequence[Embedding], k: int, /
    ) -> Sequence[Sequence[tuple[int, float]]]:
        self.ledger.ran(len(queries))
        return [self.topk(query, k) for query in queries]

    def cosines(self, query: Embedding, rows: Sequence[int], /) -> Sequence[float]:
        return [max(-1.0, min(1.0, cosine(self.rows[row], query))) for row in rows]


class PlainBackend(NumpyBackend):
    """A backend with rows of its own."""

    name = "plain"

    @hookimpl
    def eleanor_register_backends(self) -> Iterable[BackendDeclaration]:
        yield BackendDeclaration(name="plain", factory=Ready(self))

    def load(
        self, rows: Sequence[Embedding] | EmbeddingBlock, /, *, storage: Storage = "float32"
    ) -> EmbeddingRows:
        return PlainRows(EmbeddingBlock.of(rows), self._ledger)


class TestPlainBackend(BackendContract):
    plugin = PlainBackend()


class PlainStore:
    """The smallest store: a list."""

    def __init__(self, embedder: LetterEmbedder) -> None:
        self.embedder = embedder
        self.cases: list[PrecedentCase] = []

    async def count(self) -> int:
        return len(self.cases)

    async def add(self, case: PrecedentCase, /) -> None:
        self.cases.append(case)

    async def nearest(self, query: Embedding, k: int, /) -> Sequence[PrecedentMatch]:
        matches = [
            PrecedentMatch(
                case=case,
                similarity=max(0.0, min(1.0, cosine(self.embedder.vector(case.text), query))),
            )
            for case in self.cases
        ]
        return sorted(matches, key=lambda match: (-match.similarity, match.case.id))[:k]


class PlainStorePlugin:
    """The store as a plugin."""

    @hookimpl
    def eleanor_register_precedents(self) -> Iterable[PrecedentsDeclaration]:
        yield PrecedentsDeclaration(name="plain", factory=self.open)

    @staticmethod
    @asynccontextmanager
    async def open(_settings: PluginSettings, services: Services) -> AsyncIterator[PrecedentStore]:
        assert isinstance(services.embedder, LetterEmbedder)
        yield PlainStore(services.embedder)


class TestPlainStore(PrecedentStoreContract):
    plugin = PlainStorePlugin()
    durable = False


class TestArchive(PrecedentStoreContract):
    durable = False

    def prepare(self) -> None:
        self.plugin = Archive()


def test_a_contract_keeps_its_own_set_up() -> None:
    with pytest.raises(TypeError, match=r"Mine defines setup_method.*prepare\(\)"):
        type("Mine", (CriticContract,), {"setup_method": lambda _: time.time()})
