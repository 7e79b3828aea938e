"""What the parent tells its workers: the settings in force, without the evidence."""

from __future__ import annotations

import sys
from typing import Final

from eleanor_cli.batching.job import plugins_of
from eleanor_cli.batching.process import Start, Terms
from eleanor_core.model import JsonValue
from eleanor_core.registry import Registry
from eleanor_core.settings import LoadedSettings, Settings

GRACE_SECONDS: Final = 5.0
"""Beyond the deadlines of a case, before a silent worker counts as hung."""

_CHOICES: Final = ("defaults", "enable", "require", "exact")


def terms_of(loaded: LoadedSettings, registry: Registry, start: Start) -> Terms:
    """Return the terms of a run, whose workers `start` starts.

    The settings travel through the worker's own pipe alone.
    """
    deadlines = loaded.settings.deadlines
    hello: dict[str, JsonValue] = {
        "path": list[JsonValue](sys.path),
        "settings": without_evidence(loaded.settings),
        "origins": dict[str, JsonValue](loaded.origins),
    }
    plugins = plugins_of(registry)
    return Terms(
        hello=hello,
        plugins={ref: made for ref, made in plugins.items() if not _records(ref)},
        silence=deadlines.request + deadlines.record + GRACE_SECONDS,
        limits=loaded.settings.limits.of_request,
        start=start,
    )


def without_evidence(settings: Settings) -> JsonValue:
    """Return the settings as JSON, with no evidence sink in them: the parent has them all."""
    wire = settings.model_dump(mode="json")
    plugins = wire["plugins"]
    for key in _CHOICES:
        if plugins[key] is not None:
            plugins[key] = [ref for ref in plugins[key] if not _records(ref)]
    tables: dict[str, JsonValue] = {"sinks": {}, "evidence": {}}
    return wire | tables


def _records(ref: str) -> bool:
    return ref.startswith("evidence/")
