"""A plugin for the tests of redaction: it says `CANARY_SAYS` wherever `CANARY_FAILS` tells it to fail."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Iterable
from contextlib import asynccontextmanager

from eleanor_core.api import (
    Case,
    CriticDeclaration,
    CriticResult,
    CriticViolation,
    DetectorDeclaration,
    DetectorResult,
    EscalationSignal,
    EvidenceDeclaration,
    EvidenceUnavailable,
    PluginSettings,
    SecretsDeclaration,
    SecretUnavailable,
    Services,
    hookimpl,
)

SAYS = os.environ.get("CANARY_SAYS", "nothing")


def fail_at(stage: str) -> None:
    if os.environ.get("CANARY_FAILS") == stage:
        raise ValueError(SAYS) from KeyError(SAYS)


class Unfinished:
    """Fails where nobody can catch it."""

    def __del__(self) -> None:
        raise ValueError(SAYS)


def judge(case: Case, /) -> CriticResult:
    fail_at("judge")
    match os.environ.get("CANARY_FAILS"):
        case "thread":
            thread = threading.Thread(target=fail_at, args=("thread",), name=SAYS)
            thread.start()
            thread.join()
        case "warning":
            warnings.warn(SAYS, UserWarning, stacklevel=1)
        case "library":
            log = logging.getLogger("library")
            log.warning("it said %s", SAYS)
            try:
                raise ValueError(SAYS)
            except ValueError:
                log.exception("failed")
        case "finaliser":
            Unfinished()
    return CriticResult(
        critic="canary",
        score=0.7,
        confidence=0.9,
        justification=SAYS,
        violations=(CriticViolation(clause="K4", severity=2, rationale=SAYS, span=(0, 3)),),
        escalations=(EscalationSignal(clause="K4", tier=2, rationale=SAYS),),
    )


def testify(_case: Case, /) -> DetectorResult:
    fail_at("testify")
    return DetectorResult(detector="canary", score=0.0)


class Log:
    async def append(self, _record, /):
        raise EvidenceUnavailable(SAYS)

    async def get(self, _record_id, /):
        raise EvidenceUnavailable(SAYS)

    def read(self, _start=0, /):
        raise EvidenceUnavailable(SAYS)

    async def count(self):
        raise EvidenceUnavailable(SAYS)


class Shelf:
    async def get(self, ref, /):
        raise SecretUnavailable(f"{ref}: {SAYS}")


@asynccontextmanager
async def open_critic(_settings: PluginSettings, services: Services):
    fail_at("start")
    services.log.error(SAYS, field=[SAYS])
    yield judge
    fail_at("stop")


@asynccontextmanager
async def open_detector(_settings: PluginSettings, _services: Services):
    yield testify


@asynccontextmanager
async def open_log(_settings: PluginSettings, _services: Services):
    yield Log()


@asynccontextmanager
async def open_shelf(_settings: PluginSettings, _services: Services):
    yield Shelf()


@hookimpl
def eleanor_register_critics() -> Iterable[CriticDeclaration]:
    fail_at("registration")
    return [
        CriticDeclaration(
            name="canary",
            factory=open_critic,
            principle="risk",
            clauses=frozenset({"K4"}),
            execution="inline",
        )
    ]


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    return [
        DetectorDeclaration(
            name="canary",
            factory=open_detector,
            execution="inline",
        )
    ]


@hookimpl
def eleanor_register_evidence() -> Iterable[EvidenceDeclaration]:
    return [EvidenceDeclaration(name="canary", factory=open_log)]


@hookimpl
def eleanor_register_secrets() -> Iterable[SecretsDeclaration]:
    return [SecretsDeclaration(name="canary", factory=open_shelf)]


fail_at("import")
