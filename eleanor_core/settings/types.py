"""What a key of the settings may hold: names, refs, clauses, bounds; and every section's base."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from eleanor_core.model import CLAUSES

TABLES: Final[Mapping[str, str]] = {
    "critics": "critics",
    "detectors": "detectors",
    "evidence": "sinks",
    "policies": "policies",
    "secrets": "secrets",
    "backends": "backends",
    "embedders": "embedders",
    "precedents": "precedents",
    "models": "models",
}
"""Kind of plugin -> the settings table that holds the plugins of that kind, by name."""

NAME: Final = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
BACKEND: Final = rf"{NAME}(:[a-z]+(:[0-9]+)?)?"
"""A backend, and a device of it that may have a number."""


def _plugin_name(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise ValueError("a plugin's name is lower-case words joined by '-', as in 'personal-data'")
    return text


def _plugin_ref(text: str) -> str:
    kind, _, name = text.partition("/")
    if kind not in TABLES or not re.fullmatch(NAME, name):
        raise ValueError(
            "a plugin is named kind/name, as in 'critics/rights'; kinds: " + ", ".join(TABLES)
        )
    return text


def _clause(code: str) -> str:
    if code not in CLAUSES:
        raise ValueError("no such clause; the registry has " + ", ".join(CLAUSES))
    return code


def absolute(path: Path) -> Path:
    """Return the path with `~` expanded. Raises ValueError unless it is absolute."""
    try:
        path = path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"'~' cannot be expanded: {error}") from error
    if not path.is_absolute():
        raise ValueError("must be an absolute path, or start with '~'")
    return path


def _backend(text: str) -> str:
    if not re.fullmatch(BACKEND, text):
        raise ValueError("a backend is 'auto', a name, or a name and a device, as in 'torch:cuda'")
    return text


PluginName = Annotated[str, AfterValidator(_plugin_name)]
PluginRef = Annotated[
    str,
    AfterValidator(_plugin_ref),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(TABLES)})/{NAME}$"}),
]
BackendChoice = Annotated[
    str,
    AfterValidator(_backend),
    WithJsonSchema({"type": "string", "pattern": f"^{BACKEND}$"}),
    Field(
        description="Who does array work: auto (of those enabled, a GPU first, else numpy), or a "
        "backend, with a device or the best that it finds.",
        examples=["torch:cuda"],
    ),
]
ClauseCode = Annotated[
    str, AfterValidator(_clause), WithJsonSchema({"type": "string", "enum": list(CLAUSES)})
]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(gt=0.0, le=3600.0)]


class Section(BaseModel):
    """Base of every section: unknown keys are refused, values never change after start."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
