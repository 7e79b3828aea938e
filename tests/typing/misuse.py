"""Mistakes that a strict type checker must find: an ignore that is not needed fails the check."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eleanor_core import EleanorEngine
from eleanor_core.api import (
    Case,
    Critic,
    CriticDeclaration,
    CriticResult,
    CriticViolation,
    EvidenceSink,
    InlineCritic,
    PluginSettings,
    Services,
)


async def waits(case: Case, /) -> CriticResult:
    """Judge as a task."""
    return CriticResult(critic="waits", score=0.0, confidence=1.0, justification=case.text)


def returns_text(case: Case, /) -> str:
    """Judge in no form that there is."""
    return case.text


@asynccontextmanager
async def open_text(settings: PluginSettings, services: Services) -> AsyncIterator[str]:
    """Make something that is no critic."""
    del settings, services
    yield "no critic"


def _mistakes(case: Case, result: CriticResult) -> None:
    inline: InlineCritic = waits  # type: ignore[assignment] # a task is not called inline
    critic: Critic = returns_text  # type: ignore[assignment] # a text is no result
    sink: EvidenceSink = object()  # type: ignore[assignment] # it can append nothing
    CriticDeclaration(
        name="text",
        factory=open_text,  # type: ignore[arg-type] # its product is no critic
        principle="truth",
        clauses=(),
    )
    CriticDeclaration(name="x", factory=open_text, principle="profit", clauses=())  # type: ignore[arg-type] # no such principle
    CriticViolation(clause="D2", severity=4, rationale="too much")  # type: ignore[arg-type] # 1 to 3
    case.text = "another"  # type: ignore[misc] # a case cannot be changed
    case.context["domain"] = "x"  # type: ignore[index] # nor can its context
    result.score = 0.0  # type: ignore[misc] # nor a result
    result.violations.append(1)  # type: ignore[attr-defined] # a tuple
    del inline, critic, sink


async def _more(engine: EleanorEngine) -> None:
    await engine.run("Take out the trash.")  # type: ignore[call-arg] # by keyword alone
    await engine.run(text=b"bytes")  # type: ignore[arg-type] # a text is a str
    await engine.run(text="x", kind="poem")  # type: ignore[arg-type] # prompt, answer or action
    await engine.run(text="x", context={"when": object()})  # type: ignore[dict-item] # no JSON
    result = await engine.run(text="x")
    result.gate.open = True  # type: ignore[misc] # nobody opens a gate by hand
    print(result.decision == "yes")  # type: ignore[comparison-overlap] # one of four
    for _ in engine.stream(text="x"):  # type: ignore[attr-defined] # it is async
        pass
