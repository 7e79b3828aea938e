"""What the settings are, for people, for tools, and for the evidence log; never a secret."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from eleanor_core.model import JsonObject, JsonValue
from eleanor_core.settings.keys import description, dotted
from eleanor_core.settings.load import DEFAULT, LoadedSettings
from eleanor_core.settings.model import Settings
from eleanor_core.settings.secrecy import masked, providers_of
from eleanor_core.settings.sources import leaves


@frozen
class Row:
    """One leaf of the effective settings: its value in JSON, its source, its meaning."""

    key: str
    value: JsonValue
    origin: str
    description: str


def describe(loaded: LoadedSettings) -> tuple[Row, ...]:
    """Return every effective leaf, in the order of the model, with what may be secret as `***`."""
    return tuple(
        Row(
            key=dotted(path),
            value=value,
            origin=loaded.origins.get(dotted(path), DEFAULT),
            description=description(path),
        )
        for path, value in leaves(_shown(loaded.settings))
    )


def effective(loaded: LoadedSettings) -> JsonObject:
    """Return `{"settings": ..., "origins": ...}` as plain JSON, for the record of a start."""
    return {"settings": _shown(loaded.settings), "origins": dict(loaded.origins)}


def settings_schema() -> JsonObject:
    """Return the JSON Schema (2020-12) of a settings file."""
    schema: Mapping[str, JsonValue] = Settings.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _shown(settings: Settings) -> JsonValue:
    return masked(settings.model_dump(mode="json"), (), providers_of(settings))
