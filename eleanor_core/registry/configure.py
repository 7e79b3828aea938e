"""A plugin's own settings: validated by its own class, with errors that name the key and the file.

No error repeats a value: what stands in the wrong place may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from eleanor_core.api import KINDS, Kind, PluginSettings
from eleanor_core.registry.faults import Defect, package_of
from eleanor_core.registry.names import meant
from eleanor_core.registry.registry import Found
from eleanor_core.settings import Settings
from eleanor_core.settings.load import DEFAULT
from eleanor_core.settings.types import TABLES


def validate(
    found: Found,
    cls: type[PluginSettings],
    settings: Settings,
    origins: Mapping[str, str],
) -> tuple[PluginSettings | None, list[str]]:
    """Return the plugin's settings, or None and one line for each thing wrong with them.

    Raises Defect if the plugin's own validators fail with anything but a validation error.
    """
    entry = settings.entry(found.kind, found.name)
    if found.kind == "secrets" and (twice := _twice(found.name, settings, origins)):
        return None, twice
    try:
        return cls.model_validate(entry.settings), []
    except ValidationError as error:
        wrong = []
        for fault in error.errors(include_url=False, include_input=False):
            path = ".".join((_table(found, fault, settings), *map(str, fault["loc"])))
            said = f"{_said(fault, cls)} ({found.ref} of {found.dist} {found.version})"
            wrong.append(f"{path}{_set_in(path, origins)}: {said}")
        return None, wrong
    except Exception as error:
        raise Defect.of("settings", error, package_of(cls.__module__)) from error


def unknown_keys(
    settings: Settings,
    known: Mapping[Kind, Iterable[str]],
    origins: Mapping[str, str],
) -> list[str]:
    """Return one line for each key that is to configure a plugin, and names none that is known."""
    lines = []
    for kind in KINDS:
        if kind not in known:
            continue
        names = set(known[kind])
        keys = [(f"{TABLES[kind]}.{name}", name) for name in getattr(settings, TABLES[kind])]
        if kind == "evidence":
            keys += [("evidence.sinks", name) for name in settings.evidence.sinks]
        if kind == "secrets":
            keys += [(f"security.{name}", name) for name in settings.security.providers]
        lines += [
            f"{path}{_set_in(path, origins)}: no plugin {kind}/{name} is installed or given"
            f"{meant(name, names) or '; install its dist, or take these settings out'}"
            for path, name in keys
            if name not in names
        ]
    return lines


def _twice(name: str, settings: Settings, origins: Mapping[str, str]) -> list[str]:
    """Return one line for each setting of a secrets provider that stands in both of its tables."""
    one = settings.security.providers.get(name, {})
    other = settings.secrets[name].settings if name in settings.secrets else {}
    lines = []
    for key in sorted(one.keys() & other.keys()):
        paths = (f"security.{name}.{key}", f"secrets.{name}.settings.{key}")
        first, second = (f"{path}{_set_in(path, origins)}" for path in paths)
        lines.append(f"{first}: is the same setting as {second}; keep one of them")
    return lines


def _table(found: Found, fault: ErrorDetails, settings: Settings) -> str:
    """Return the table in which the key at fault stands, dotted."""
    beside = settings.security.providers.get(found.name, {}) if found.kind == "secrets" else {}
    if fault["loc"] and fault["loc"][0] in beside:
        return f"security.{found.name}"
    return f"{TABLES[found.kind]}.{found.name}.settings"


def _said(fault: ErrorDetails, cls: type[PluginSettings]) -> str:
    if fault["type"] == "extra_forbidden" and len(fault["loc"]) == 1:
        fields = sorted(cls.model_fields)
        known = f"its settings are {', '.join(fields)}" if fields else "it has no settings"
        return f"is unknown; {known}{meant(str(fault['loc'][0]), fields)}"
    return fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _set_in(path: str, origins: Mapping[str, str]) -> str:
    """Return " (SOURCE)": where `path`, a key below it, or else a key around it was set."""
    near = [origins[path]] if path in origins else []
    below = [origin for key, origin in origins.items() if key.startswith(path + ".")]
    near += [origin for origin in below if origin != DEFAULT] or below
    around = path
    while not near and around:
        around = around.rpartition(".")[0]
        near = [origins[around]] if around in origins else []
    return f" ({' and '.join(dict.fromkeys(near))})" if near else ""
