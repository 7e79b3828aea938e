"""Which plugins are installed: one pass over the metadata of dists, without importing any."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, distributions, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from eleanor_core.api import KINDS, Kind
from eleanor_core.registry.registry import Found

GROUP = "eleanor."
_KINDS: Final = {GROUP + kind: kind for kind in KINDS}
_SEPARATORS: Final = re.compile(r"[-_.]+")


def discover() -> tuple[Found, ...]:
    """Return every entry point in the groups `eleanor.<kind>`, sorted by kind, name and dist.

    Only metadata files are read; what the entry points name is not imported, and neither is a
    package around it. Where two copies of one dist lie on the path, the first one counts. A process
    reads each folder on the path once, until something is installed there or removed.
    """
    changes = ((place, _changed(place)) for place in sys.path)
    return _on(tuple((place, changed) for place, changed in changes if changed is not None))


def _changed(place: str) -> int | None:
    """Return when a place on the path was changed last, in ns: installing a dist changes it."""
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return None


@lru_cache(maxsize=1)
def _on(path: tuple[tuple[str, int], ...]) -> tuple[Found, ...]:
    seen: set[str] = set()
    found: set[Found] = set()
    for place, changed in path:
        for name, points in _in(place, changed):
            if name not in seen:
                found.update(points)
            seen.update(filter(None, [name]))
    return tuple(sorted(found, key=lambda item: (item.kind, item.name, item.dist, item.target)))


@lru_cache(maxsize=256)
def _in(place: str, _changed: int) -> tuple[tuple[str, tuple[Found, ...]], ...]:
    """Return the name of every dist in a place, "" if it has none, and its entry points of ours."""
    return tuple(_read(dist) for dist in distributions(path=[place]))


def _read(dist: Distribution) -> tuple[str, tuple[Found, ...]]:
    # Not `dist.metadata`, which parses the README as well: of most dists the name is enough.
    metadata = dist.read_text("METADATA") or dist.read_text("PKG-INFO") or ""
    name = _header(metadata, "Name")
    points = dist.entry_points if GROUP in (dist.read_text("entry_points.txt") or "") else ()
    return _SEPARATORS.sub("-", name).lower(), tuple(
        Found(
            kind=_KINDS[point.group],
            name=point.name,
            dist=name or "a dist without a name",
            version=_header(metadata, "Version") or "?",
            target=point.value,
            summary=_header(metadata, "Summary"),
        )
        for point in points
        if point.group in _KINDS
    )


def _header(metadata: str, key: str) -> str:
    found = re.search(rf"^(?:{key}: *(.*?)|) *$", metadata, re.MULTILINE)  # up to the empty line
    return found[1] or "" if found else ""


def strays(kind: Kind, name: str) -> tuple[str, ...]:
    """Say which entry points called `name` stand in a group that looks like ours but is not."""
    ours = {GROUP + known for known in KINDS}
    return tuple(
        f"{point.dist.name if point.dist else 'a dist'} has it in the unknown group "
        f"{point.group!r}; it should be {GROUP + kind!r}"
        for point in entry_points().select(name=name)
        if point.group.startswith("eleanor") and point.group not in ours
    )


def file_of(target: str) -> str:
    """Return the file that an entry point would import, "" where that cannot be told.

    To find the file of a module in a package, nothing is imported.
    """
    module = target.partition(":")[0].strip()
    if module in sys.modules:
        return getattr(sys.modules[module], "__file__", None) or ""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
        for depth, _ in enumerate(rest, start=2):
            if spec is None:
                return ""
            places = list(spec.submodule_search_locations or ())
            spec = PathFinder.find_spec(".".join(module.split(".")[:depth]), places)
    except (ImportError, AttributeError, KeyError, ValueError):
        return ""
    return (spec.origin if spec is not None else None) or ""
