"""Reads the text of one variable with pydantic-settings.

One variable at a time, so that the origin of every key is known by construction. This module is
imported only where there is such text: pydantic-settings costs more to import than pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from eleanor_core.api import parse_json
from eleanor_core.errors import InvalidInput
from eleanor_core.model import JsonObject, JsonValue
from eleanor_core.settings.keys import NESTING, PREFIX, KeyPath
from eleanor_core.settings.model import Settings
from eleanor_core.settings.security import Security


class _Variables(Settings, BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=NESTING)


class _OneVariable(EnvSettingsSource):
    def __init__(self, path: KeyPath, text: str) -> None:
        super().__init__(_Variables)
        self.env_vars = {PREFIX.lower() + NESTING.join(path): text}

    def decode_complex_value(
        self,
        field_name: str,  # noqa: ARG002 -- the base class calls with it
        field: FieldInfo | None,
        value: str,
    ) -> JsonValue:
        """Read lists and tables as JSON, and a list of words also joined by commas."""
        if value.lstrip().startswith(("[", "{")) or value == "null":
            try:
                return parse_json(value)
            except InvalidInput as error:
                raise ValueError(str(error)) from None
        if field is None:
            return value
        if any(
            get_origin(kind) is tuple for kind in (field.annotation, *get_args(field.annotation))
        ):
            return [word.strip() for word in value.split(",") if word.strip()]
        raise ValueError("expected a table in braces")


def decode(path: KeyPath, text: str) -> JsonObject:
    """Return the tree that `text` sets at `path`; empty where the first part is no setting.

    Raises ValueError, without repeating the text, where a list or table is not what JSON allows.
    """
    if path[0] == "security" and path[1:2] and path[1] not in Security.model_fields:
        # A provider's table: it is read as the other place for the same settings is.
        other = ("secrets", path[1], "settings")
        below: JsonValue = decode((*other, *path[2:]), text)
        for part in other:
            below = below[part] if isinstance(below, Mapping) else {}
        return {"security": {path[1]: below}}
    try:
        tree: JsonObject = _OneVariable(path, text)()
    except SettingsError as error:
        raise ValueError(str(error.__cause__)) from None
    return tree
