"""A record's way into the log, and what a failure on it may say."""

from __future__ import annotations

from typing import cast

from eleanor_core._log import Logger
from eleanor_core._panel import Panel
from eleanor_core._redaction import Redaction
from eleanor_core._version import __version__
from eleanor_core.errors import EvidenceUnavailable, SettingsError
from eleanor_core.evidence import seal
from eleanor_core.model import JsonObject, JsonValue, SealedRecord
from eleanor_core.registry import Registry, fingerprints
from eleanor_core.settings import LoadedSettings, effective

_log = Logger("eleanor.engine")


async def append(panel: Panel, redaction: Redaction, sealed: SealedRecord) -> None:
    """Append to the log within the deadline, shielded. Raises EvidenceUnavailable."""
    failed: EvidenceUnavailable | None = None
    try:
        await panel.evidence.append_within(sealed, panel.settings.deadlines.record)
    except EvidenceUnavailable as error:  # raised below, in words that may leave
        failed = error
    if failed is not None:
        raise masked(redaction, failed)


async def append_settings(
    panel: Panel, redaction: Redaction, registry: Registry, loaded: LoadedSettings
) -> None:
    """Record what an engine starts with: core, plugins by their bytes, settings with sources.

    What is broken is logged.
    """
    for item in redaction.broken(panel.broken):
        _log.error("plugin_broken", plugin=item.ref, stage=item.stage, error=item.error)
    facts: dict[str, JsonValue] = {
        "core": __version__,
        "plugins": {
            f"{kind}/{name}": f"{item.provenance.dist} {item.provenance.version}"
            for kind, items in registry.loaded.items()
            for name, item in items.items()
        },
        "dists": dict(fingerprints(registry)),
        "broken": {item.ref: item.stage for item in panel.broken},
        "settings": dict(effective(loaded)),
    }
    try:
        said = cast("JsonObject", redaction.value(facts))
        record = seal("settings", trace_id="", facts=said, payload={})
    except ValueError as error:
        raise SettingsError(f"the settings cannot be recorded: {error}") from error
    try:
        await append(panel, redaction, record)
    except EvidenceUnavailable as error:
        # Judging would fail the same way and say so; starting must still be possible.
        _log.warning("settings_not_recorded", reason=str(error))


def masked(redaction: Redaction, failed: EvidenceUnavailable) -> EvidenceUnavailable:
    """Return what a log says, and what it was raised from, without a secret."""
    told = redaction.told(failed)
    if told is failed:
        return failed
    said = EvidenceUnavailable(redaction.text(str(failed)), assessment=failed.assessment)
    said.__cause__ = told
    return said
