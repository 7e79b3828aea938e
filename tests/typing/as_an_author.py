"""What a plugin author writes, seen by a strict type checker: a critic, a detector, a sink, a kit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from attrs import frozen
from pydantic import Field

from eleanor_core.api import (
    CLAUSES,
    AnyCritic,
    Case,
    Critic,
    CriticDeclaration,
    CriticResult,
    CriticViolation,
    Detector,
    DetectorDeclaration,
    DetectorResult,
    DetectorSignal,
    EscalationSignal,
    EvidenceDeclaration,
    EvidenceSink,
    EvidenceUnavailable,
    Gap,
    InlineCritic,
    Pattern,
    PluginAPI,
    PluginSettings,
    Receipt,
    SealedRecord,
    SecretRef,
    Services,
    StoredRecord,
    Thresholds,
    hookimpl,
)
from eleanor_core.testing import CriticContract, Harness, critic_plugin, make_case


class CourtesySettings(PluginSettings):
    """Settings of the critic."""

    words: tuple[str, ...] = Field(default=("fool",), description="Words that it objects to.")
    key: str = Field(default="env:COURTESY_KEY", description="Reference of its API key.")


@frozen
class Courtesy:
    """A critic that waits for something, so it is a task."""

    words: frozenset[str]
    thresholds: Thresholds

    async def __call__(self, case: Case, /) -> CriticResult:
        """Judge one case."""
        told = case.context.get("told")
        violations = tuple(
            CriticViolation(clause="D2", severity=2, rationale=f"{hit.pattern}", span=hit.span)
            for hit in case.hits
        )
        score = 0.9 if violations else 0.02
        escalates = score >= self.thresholds.escalation
        return CriticResult(
            critic="courtesy",
            score=score,
            confidence=0.8,
            justification=f"{len(violations)} in {case.kind}, told {told!r}",
            violations=violations,
            escalations=(
                EscalationSignal(clause="D2", tier=CLAUSES["D2"].tier, rationale="an insult"),
            )
            if escalates
            else (),
            not_assessed=(Gap(concern="irony", reason="irony"),),
        )


@asynccontextmanager
async def open_courtesy(settings: CourtesySettings, services: Services) -> AsyncIterator[Critic]:
    """Make the critic at start, and close what it holds at stop."""
    if services.secrets is not None:
        provider, _, rest = settings.key.partition(":")
        value = await services.secrets.resolve(SecretRef(provider=provider, path=rest))
        services.log.info("key_resolved", length=len(value.reveal()))
    yield Courtesy(frozenset(settings.words), services.thresholds)


@hookimpl
def eleanor_register_critics(api: PluginAPI) -> Iterable[CriticDeclaration]:
    """Declare the critic. The argument may be left out."""
    yield CriticDeclaration(
        name="courtesy",
        factory=open_courtesy,
        settings=CourtesySettings,
        api=api.version,
        principle="rights",
        clauses={"D2"},
        gaps={"irony": "words that mean their opposite"},
        patterns=(
            Pattern(id="fool", regex=r"(?i)\bfool\b", example="You fool.", near_miss="food"),
        ),
    )


async def witness(case: Case, /) -> DetectorResult:
    """Testify: a detector can be a plain function."""
    signals = tuple(
        DetectorSignal(detector="witness", category="name", severity=1, span=hit.span)
        for hit in case.hits
    )
    return DetectorResult(detector="witness", score=0.5 if signals else 0.0, signals=signals)


@asynccontextmanager
async def open_witness(settings: PluginSettings, services: Services) -> AsyncIterator[Detector]:
    """Make the detector."""
    del settings, services
    yield witness


@hookimpl
def eleanor_register_detectors() -> Sequence[DetectorDeclaration]:
    """Declare the detector."""
    return [
        DetectorDeclaration(name="witness", factory=open_witness, categories={"name": "a name"})
    ]


class Ledger:
    """A sink in memory."""

    def __init__(self, room: int) -> None:
        self._records: list[StoredRecord] = []
        self._room = room

    async def append(self, record: SealedRecord, /) -> Receipt:
        """Keep a record."""
        if len(self._records) == self._room:
            raise EvidenceUnavailable("the ledger is full")
        index = len(self._records)
        stored = StoredRecord(
            index=index,
            record_id=record.record_id,
            leaf_hash=record.leaf_hash,
            leaf=record.leaf,
            payload=record.payload,
        )
        self._records.append(stored)
        return Receipt(index=index, record_id=record.record_id, leaf_hash=record.leaf_hash)

    async def get(self, record_id: str, /) -> StoredRecord | None:
        """Return one record."""
        return next((item for item in self._records if item.record_id == record_id), None)

    async def read(self, start: int = 0, /) -> AsyncIterator[StoredRecord]:
        """Yield records."""
        for record in self._records[start:]:
            yield record

    async def count(self) -> int:
        """Return how many there are."""
        return len(self._records)


@asynccontextmanager
async def open_ledger(settings: PluginSettings, services: Services) -> AsyncIterator[EvidenceSink]:
    """Make the sink."""
    del settings, services
    yield Ledger(room=1000)


@hookimpl
def eleanor_register_evidence() -> Iterable[EvidenceDeclaration]:
    """Declare the sink."""
    yield EvidenceDeclaration(name="ledger", factory=open_ledger)


def brief(case: Case, /) -> CriticResult:
    """Judge inline."""
    return CriticResult(critic="brief", score=0.02, confidence=float(len(case.text) < 500))


INLINE: InlineCritic = brief
ANY: Sequence[AnyCritic] = (brief, Courtesy(frozenset(), Thresholds()))


class TestBrief(CriticContract):
    """The contract kit on a plugin object."""

    plugin = critic_plugin("brief", brief, principle="pragmatics", clauses=["G1"])
    texts: ClassVar[Sequence[str]] = ("One.", "Two.")


async def ask(harness: Harness) -> float:
    """Use the harness and the makers as a test would."""
    assert brief(make_case("One.", context={"domain": "general"})).severity == 0
    async with harness(
        plugins=[TestBrief.plugin], settings={"policy": {"gaps": "escalate"}}
    ) as engine:
        return (await engine.run(text="One.")).critics["brief"].score
