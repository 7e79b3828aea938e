"""Opens the evidence sinks alone, for those who read the log and judge nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import cast

import structlog
from attrs import evolve

from eleanor_core.api import EvidenceSink, Services
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.registry import Loaded, Products, load, open_products
from eleanor_core.settings import Settings, home_of


@asynccontextmanager
async def open_evidence(
    settings: Settings, *, plugins: Iterable[object] = ()
) -> AsyncIterator[Mapping[str, EvidenceSink]]:
    """Start the enabled evidence sinks and yield them by name, the primary one first.

    Raises EvidenceUnavailable if none runs, with what is wrong and what to do.
    """
    registry = load(settings, tuple(plugins))
    sinks = {kind: items if kind == "evidence" else {} for kind, items in registry.loaded.items()}

    def services(loaded: Loaded, _: Products) -> Services:
        return Services(
            data_dir=home_of(settings) / loaded.kind / loaded.name,
            log=structlog.get_logger(f"eleanor.evidence.{loaded.name}"),
        )

    async with open_products(
        evolve(registry, loaded=sinks),
        services,
        timeout=settings.deadlines.start,
        stop_timeout=settings.deadlines.stop,
    ) as products:
        running = cast("Mapping[str, EvidenceSink]", products.of("evidence"))
        if not running:
            broken = [item.text for item in (*registry.broken, *products.broken)]
            lost = [text for text in broken if text.startswith("evidence/")]
            raise EvidenceUnavailable(
                " ".join(lost)
                or "no evidence sink is enabled: install one, such as eleanor-evidence-local"
            )
        order = [name for name in settings.evidence.sinks if name in running] or sorted(running)
        yield {name: running[name] for name in order}
