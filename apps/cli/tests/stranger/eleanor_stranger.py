"""A stranger's plugin for the tests: a critic whose words decide, and a log in one file."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

import anyio

from eleanor_core.api import (
    Case,
    CriticDeclaration,
    CriticResult,
    CriticViolation,
    DetectorDeclaration,
    DetectorResult,
    DetectorSignal,
    EscalationSignal,
    EvidenceDeclaration,
    EvidenceUnavailable,
    Finding,
    Gap,
    PluginSettings,
    Receipt,
    SealedRecord,
    Services,
    StoredRecord,
    VerifyReport,
    hookimpl,
)
from eleanor_core.evidence import leaf_hash

OBJECTIONS = {"grave": ("D2", 3, 0.95), "worrying": ("A1", 2, 0.7), "unfair": ("F2", 1, 0.55)}


class Judge:
    """Objects to the words grave, worrying and unfair; waits at slow, fails at boom.

    Each wait leaves a line in the file `waiting`, so that a test knows how many are under way.
    """

    def __init__(self, folder: Path) -> None:
        self._waiting = folder / "waiting"

    async def __call__(self, case: Case, /) -> CriticResult:
        if "slow" in case.text:
            await self._wait(case)
        if "boom" in case.text:
            msg = "the stranger broke down"
            raise RuntimeError(msg)
        for word, (clause, severity, score) in OBJECTIONS.items():
            if word in case.text:
                return _objection(case, word, clause, severity, score)
        gaps = (Gap(concern="facts", reason="no-evidence"),) if "fact" in case.text else ()
        return CriticResult(
            critic="stranger",
            score=0.02,
            confidence=0.9,
            justification="Nothing to object to.",
            not_assessed=gaps,
        )

    async def _wait(self, case: Case) -> None:
        self._waiting.parent.mkdir(parents=True, exist_ok=True)
        with self._waiting.open("a") as stream:
            stream.write(f"{case.trace_id}\n")
        await anyio.sleep(30)


def _objection(case: Case, word: str, clause: str, severity: int, score: float) -> CriticResult:
    start = case.text.index(word)
    tier = 3 if severity == 3 else 2
    return CriticResult(
        critic="stranger",
        score=score,
        confidence=0.8,
        justification=f"The stranger minds this {word} text.",
        violations=(
            CriticViolation(
                clause=clause,
                severity=severity,
                rationale=f"It says that it is {word}.",
                span=(start, start + len(word)),
            ),
        ),
        escalations=(
            (EscalationSignal(clause=clause, tier=tier, rationale=f"A {word} text waits."),)
            if severity >= 2
            else ()
        ),
    )


async def testify(case: Case, /) -> DetectorResult:
    """See the word signal."""
    start = case.text.find("signal")
    signals = (
        (DetectorSignal(detector="stranger", category="word", span=(start, start + 6)),)
        if start >= 0
        else ()
    )
    return DetectorResult(detector="stranger", score=float(bool(signals)), signals=signals)


class FileLog:
    """Records as lines of one file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    async def append(self, record: SealedRecord, /) -> Receipt:
        index = await self.count()
        line = {
            "record_id": record.record_id,
            "leaf_hash": record.leaf_hash,
            "leaf": record.leaf.decode(),
            "payload": record.payload.decode(),
        }
        with self._file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        return Receipt(index=index, record_id=record.record_id, leaf_hash=record.leaf_hash)

    def _records(self) -> list[StoredRecord]:
        lines = [json.loads(line) for line in self._file.read_text().splitlines()]
        return [
            StoredRecord(
                index=index,
                record_id=line["record_id"],
                leaf_hash=line["leaf_hash"],
                leaf=line["leaf"].encode(),
                payload=line["payload"].encode(),
            )
            for index, line in enumerate(lines)
        ]

    async def get(self, record_id: str, /) -> StoredRecord | None:
        return next((item for item in self._records() if item.record_id == record_id), None)

    async def read(self, start: int = 0, /) -> AsyncIterator[StoredRecord]:
        for item in self._records()[start:]:
            yield item

    async def count(self) -> int:
        return len(self._records())

    async def verify(self) -> VerifyReport:
        findings = tuple(
            Finding(where=f"record {item.index}", what="the leaf does not have its hash")
            for item in self._records()
            if leaf_hash(item.leaf) != item.leaf_hash
        )
        return VerifyReport(records=await self.count(), root="00", findings=findings)


class FullLog(FileLog):
    """A log whose disk is full."""

    async def append(self, record: SealedRecord, /) -> Receipt:
        msg = f"no room for record {record.record_id}"
        raise EvidenceUnavailable(msg)


def _critic(_settings: PluginSettings, services: Services) -> AbstractAsyncContextManager[object]:
    return nullcontext(Judge(services.data_dir))


def _detector(
    _settings: PluginSettings, _services: Services
) -> AbstractAsyncContextManager[object]:
    return nullcontext(testify)


def _log(_settings: PluginSettings, services: Services) -> AbstractAsyncContextManager[FileLog]:
    return nullcontext(FileLog(services.data_dir / "log.jsonl"))


def _full(_settings: PluginSettings, services: Services) -> AbstractAsyncContextManager[FileLog]:
    return nullcontext(FullLog(services.data_dir / "log.jsonl"))


@hookimpl
def eleanor_register_critics() -> Iterable[CriticDeclaration]:
    """Declare the critic."""
    return [
        CriticDeclaration(
            name="stranger",
            factory=_critic,
            principle="rights",
            clauses=frozenset({"A1", "D2", "F2"}),
            deadline=60.0,
            gaps={"no-evidence": "nothing to check the facts against"},
            summary="Minds three words.",
        )
    ]


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector."""
    return [
        DetectorDeclaration(
            name="stranger", factory=_detector, categories={"word": "the word signal"}
        )
    ]


@hookimpl
def eleanor_register_evidence() -> Iterable[EvidenceDeclaration]:
    """Declare both logs."""
    return [
        EvidenceDeclaration(name="file", factory=_log),
        EvidenceDeclaration(name="full", factory=_full),
    ]
