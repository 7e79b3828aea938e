"""Reads all sources, merges them key by key, and validates once. Everything wrong is said at once.

Tables merge at every depth; a list or a plain value of a higher source replaces the lower one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from attrs import field, frozen
from pydantic import ValidationError

from eleanor_core.errors import SettingsError
from eleanor_core.model import JsonValue
from eleanor_core.settings.home import platform_home
from eleanor_core.settings.keys import ENV_FILE, SETTINGS_FILE, KeyPath, dotted, related
from eleanor_core.settings.model import Settings
from eleanor_core.settings.problems import explain
from eleanor_core.settings.sources import (
    Entry,
    Problem,
    from_env_file,
    from_environment,
    from_file,
    from_overrides,
    leaves,
)

DEFAULT = "default"


@frozen
class LoadedSettings:
    """The effective settings, and for each of their leaf keys (dotted) the source that set it."""

    settings: Settings
    origins: Mapping[str, str] = field(repr=False)


def load_settings(
    overrides: Mapping[str, JsonValue] | None = None,
    *,
    file: Path | None = None,
    env_file: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> LoadedSettings:
    """Read and validate the settings of this start.

    Highest first: `overrides` (nested tables or dotted keys), the variables `ELEANOR_*` of `env`
    (default: the process's own), the env file (`env_file`, else `ELEANOR_ENV_FILE`, else `.env` in
    the current directory if there is one), the settings file (`file`, else `ELEANOR_SETTINGS_FILE`,
    else `settings.yaml`, `.yml` or `.toml` in the home folder if there is one), the defaults.

    Raises SettingsError, which names every fault, its key and its source.
    """
    env = os.environ if env is None else env
    above: list[Entry | Problem] = []
    for path in _chosen(env_file, env.get(ENV_FILE), [Path(".env")]):
        above += from_env_file(path)
    above += from_environment(env)
    above += from_overrides(overrides or {})
    read = [*_settings_file(file, env, above), *above]

    entries = _merged(entry for entry in read if isinstance(entry, Entry))
    faults = [problem.text for problem in read if isinstance(problem, Problem)]
    try:
        settings = Settings.model_validate(_tree(entries))
    except ValidationError as error:
        faults += explain(error, entries)
    if faults:
        listed = "".join(f"\n  {fault}" for fault in faults)
        raise SettingsError(f"the settings cannot be used; {len(faults)} to correct:{listed}")
    return LoadedSettings(settings, MappingProxyType(_origins(settings, entries)))


def _settings_file(
    given: Path | None, env: Mapping[str, str], above: Iterable[Entry | Problem]
) -> Iterator[Entry | Problem]:
    """Read the settings file; the sources above it say where the home folder is."""
    home = _home(above, env)
    usual = [home / f"settings.{suffix}" for suffix in ("yaml", "yml", "toml")] if home else []
    files = _chosen(given, env.get(SETTINGS_FILE), usual)
    if len(files) > 1:
        yield Problem(f"settings files {', '.join(map(str, files))}: keep one of them")
    for path in files:
        yield from from_file(path)


def _chosen(given: Path | None, named: str | None, usual: Iterable[Path]) -> list[Path]:
    """Return the file to read: the given one, else the one a variable names, else what is there."""
    if given is not None:
        return [given]
    if named is not None:
        return [Path(named.strip())] if named.strip() else []
    return [path for path in usual if os.path.exists(path)]  # noqa: PTH110 -- Path.exists raises for a folder that this user may not enter


def _home(above: Iterable[Entry | Problem], env: Mapping[str, str]) -> Path | None:
    said = [entry.value for entry in above if isinstance(entry, Entry) and entry.path == ("home",)]
    if not said:
        return platform_home(env)
    try:
        return Settings.model_validate({"home": said[-1]}).home
    except ValidationError:
        return None  # reported with everything else, once all sources are read


def _merged(entries: Iterable[Entry]) -> list[Entry]:
    """Return what stands after all; `entries` come lowest source first."""
    merged: dict[KeyPath, Entry] = {}
    for entry in entries:
        path = entry.path
        if entry.value == {} and any(known[: len(path)] == path for known in merged):
            continue  # an empty table takes nothing away
        for known in [known for known in merged if related(known, path)]:
            del merged[known]
        merged[path] = entry
    return list(merged.values())


def _tree(entries: Iterable[Entry]) -> dict[str, JsonValue]:
    root: dict[str, JsonValue] = {}
    for entry in entries:
        table = root
        for part in entry.path[:-1]:
            below = table.setdefault(part, {})
            assert isinstance(below, dict)  # noqa: S101 -- `_merged` left no value above another
            table = below
        table[entry.path[-1]] = entry.value
    return root


def _origins(settings: Settings, entries: Iterable[Entry]) -> dict[str, str]:
    origins = {entry.path: entry.origin for entry in entries}
    effective = leaves(settings.model_dump(mode="json"))
    return {dotted(path): origins.get(path, DEFAULT) for path, _ in effective}
