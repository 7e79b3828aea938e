"""Which plugins are installed: one pass over the metadata of dists, without importing any."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, entry_points
from importlib.util import find_spec
from pathlib import Path

from eleanor_core.api import KINDS, Kind
from eleanor_core.registry.registry import Found

GROUP = "eleanor."


def discover() -> tuple[Found, ...]:
    """Return every entry point in the groups `eleanor.<kind>`, sorted by kind, name and dist.

    Only metadata files are read; what the entry points name is not imported, and neither is a
    package around it. Where two copies of one dist lie on the path, the first one counts. A process
    that starts many engines reads once, until the path or a folder on it changes.
    """
    return _read(tuple((place, _changed(place)) for place in sys.path))


def _changed(place: str) -> int:
    """Return when a place on the path was changed last, in ns: installing a dist changes it."""
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _read(_path: Hashable) -> tuple[Found, ...]:
    points = entry_points()
    identities: dict[int, tuple[str, str, str]] = {}
    found = set()
    for kind in KINDS:
        for point in points.select(group=GROUP + kind):
            if point.dist is None:
                continue
            if id(point.dist) not in identities:
                identities[id(point.dist)] = _identity(point.dist)
            dist, version, summary = identities[id(point.dist)]
            found.add(
                Found(
                    kind=kind,
                    name=point.name,
                    dist=dist,
                    version=version,
                    target=point.value,
                    file=_file(point.value),
                    summary=summary,
                )
            )
    return tuple(sorted(found, key=lambda item: (item.kind, item.name, item.dist, item.target)))


def strays(kind: Kind, name: str) -> tuple[str, ...]:
    """Say which entry points called `name` stand in a group that looks like ours but is not."""
    ours = {GROUP + known for known in KINDS}
    return tuple(
        f"{point.dist.name if point.dist else 'a dist'} has it in the unknown group "
        f"{point.group!r}; it should be {GROUP + kind!r}"
        for point in entry_points().select(name=name)
        if point.group.startswith("eleanor") and point.group not in ours
    )


def _identity(dist: Distribution) -> tuple[str, str, str]:
    metadata = dist.metadata
    name, version, summary = (
        metadata[key] if key in metadata else ""  # noqa: SIM401 -- `get` is typed from 3.12 on
        for key in ("Name", "Version", "Summary")
    )
    return name or "a dist without a name", version or "?", summary


def _file(target: str) -> str:
    """Return the file that `target` would import. Finding a parent's folder imports nothing."""
    module = target.partition(":")[0].strip()
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
