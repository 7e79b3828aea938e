"""Opens the evidence logs for a verb. Only the evidence plugins are started for that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from eleanor_cli import logs
from eleanor_cli.options import Options
from eleanor_cli.running import run
from eleanor_core import open_evidence
from eleanor_core.api import EvidenceSink, TransparencyLog
from eleanor_core.errors import EvidenceUnavailable

Sinks: TypeAlias = Mapping[str, EvidenceSink]


def with_sinks(options: Options, main: Callable[[Sinks], Awaitable[int]]) -> int:
    """Run `main` with the running logs by name, the primary one first."""
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)

    async def opened() -> int:
        async with open_evidence(loaded.settings, redaction=options.redaction) as sinks:
            return await main(sinks)

    return run(opened)


def with_tree(
    options: Options, name: str | None, main: Callable[[TransparencyLog], Awaitable[int]]
) -> int:
    """Run `main` with the log of this name, or the primary one, which must be able to prove."""

    async def opened(sinks: Sinks) -> int:
        chosen = name or next(iter(sinks))
        if chosen not in sinks:
            msg = f"no evidence log {chosen} is running; there is {', '.join(sinks)}"
            raise EvidenceUnavailable(msg)
        return await main(tree_of(chosen, sinks[chosen]))

    return with_sinks(options, opened)


def tree_of(name: str, sink: EvidenceSink) -> TransparencyLog:
    """Return the log as one that signs and proves. Raises EvidenceUnavailable if it is none."""
    if not isinstance(sink, TransparencyLog):
        msg = f"evidence/{name} signs no checkpoints: use the tools of that log"
        raise EvidenceUnavailable(msg)
    return sink
