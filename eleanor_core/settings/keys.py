"""The keys of the settings: what may stand where, and under which environment variable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, get_args, get_origin

from attrs import frozen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from eleanor_core.settings.model import Settings
from eleanor_core.settings.security import Security
from eleanor_core.settings.types import TABLES

KeyPath: TypeAlias = tuple[str, ...]
"""A key as its parts: `limits.text_bytes` is `("limits", "text_bytes")`."""

PREFIX: Final = "ELEANOR_"
NESTING: Final = "__"

SETTINGS_FILE: Final = "ELEANOR_SETTINGS_FILE"
ENV_FILE: Final = "ELEANOR_ENV_FILE"
RESERVED: Final[Mapping[str, str]] = {
    SETTINGS_FILE: "The settings file to read, YAML or TOML. Empty: none is read.",
    ENV_FILE: "The env file to read instead of `.env`. Empty: none is read.",
    "ELEANOR_REQUIRE_DEVICE": "A device that the tests must find, such as `cuda`; no setting.",
}
"""Variables with the prefix of the settings that are not settings."""


@frozen
class Key:
    """One leaf of the settings model. A plugin's name in `path` is an example of one."""

    path: KeyPath
    owner: type[BaseModel]
    field: FieldInfo


def dotted(path: KeyPath) -> str:
    """Return the key as people write it."""
    return ".".join(path)


def variable(path: KeyPath) -> str:
    """Return the environment variable that sets the key."""
    return PREFIX + NESTING.join(path).replace("-", "_").upper()


def related(one: KeyPath, other: KeyPath) -> bool:
    """Say whether one of the two stands on the way to the other, or is it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def with_plugin_name(path: KeyPath) -> KeyPath:
    """Write the plugin's name in `path` with `-`: a variable's name can hold only `_`."""
    beside = path[0] == "security" and path[1:2] and path[1] not in Security.model_fields
    if len(path) > 1 and (path[0] in TABLES.values() or beside):
        return (path[0], path[1].replace("_", "-"), *path[2:])
    return path


def fields_below(path: KeyPath) -> Mapping[str, FieldInfo]:
    """Return the fields directly below `path`: none below a leaf or in a plugin's own settings."""
    here: object = Settings
    for part in path:
        model = _model(here)
        if model is not None and part in model.model_fields:
            here = model.model_fields[part].annotation
        elif get_origin(here) is dict:
            here = get_args(here)[1]
        else:
            return {}
    model = _model(here)
    return model.model_fields if model else {}


def description(path: KeyPath) -> str:
    """Return what the key means, said by the nearest field on the way to it."""
    ways = (fields_below(path[:length]).get(path[length]) for length in range(len(path)))
    *_, nearest = (field.description or "" for field in ways if field is not None)
    return nearest


def keys(model: type[BaseModel] = Settings, above: KeyPath = ()) -> Iterator[Key]:
    """Yield every leaf in the order of the model, each table with one example plugin."""
    for name, field in model.model_fields.items():
        path, inner = (*above, name), _model(field.annotation)
        if inner is None and get_origin(field.annotation) is dict:
            inner = _model(get_args(field.annotation)[1])
            path = (*path, *(field.examples or [""])[0]) if inner else path
        if inner is None:
            yield Key(path, model, field)
        else:
            yield from keys(inner, path)


def _model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None
