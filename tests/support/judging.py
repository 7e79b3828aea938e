"""A short way to judge one case with a chosen set of plugins, from a synchronous test."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import anyio

from eleanor_core.engine import EleanorEngine
from eleanor_core.model import DECISIONS, Assessment, CaseKind, JsonObject
from eleanor_core.testing import Harness, MemoryLog

T = TypeVar("T")
TEXT = "Take out the trash."


def with_engine(
    plugins: Sequence[object],
    use: Callable[[EleanorEngine], Awaitable[T]],
    *,
    settings: JsonObject | None = None,
    backend: str = "asyncio",
) -> T:
    """Start an engine with exactly these plugins, call `use` with it, stop it, return the rest."""

    async def main(home: str) -> T:
        async with Harness(Path(home))(plugins=plugins, settings=settings) as engine:
            return await use(engine)

    with tempfile.TemporaryDirectory() as home:
        return anyio.run(main, home, backend=backend)


def judge(
    plugins: Sequence[object],
    *,
    text: str = TEXT,
    context: JsonObject | None = None,
    kind: CaseKind = "answer",
    settings: JsonObject | None = None,
    backend: str = "asyncio",
) -> Assessment:
    """Judge one case with exactly these plugins."""
    return with_engine(
        plugins,
        lambda engine: engine.run(text=text, context=context, kind=kind),
        settings=settings,
        backend=backend,
    )


def rank(assessment: Assessment) -> tuple[int, int]:
    """Return how strict an outcome is: the decision, then what the gate asks for."""
    gate = assessment.gate
    demand = 4 if gate.requires == "prohibited" else gate.tier
    return DECISIONS.index(assessment.decision), demand


__all__ = ["TEXT", "MemoryLog", "judge", "rank", "with_engine"]
