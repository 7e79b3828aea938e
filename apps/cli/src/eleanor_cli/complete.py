"""What the shell may complete beside verbs, options and files: plugins and settings.

A press of a key must do no harm: nothing is started, created or locked, and whatever goes wrong
completes to nothing. Ids of records are left out for that reason: to read them is to open the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

Completion = tuple[str, str]
"""A word and what it means; zsh and fish show the meaning."""


def plugin_refs(incomplete: str) -> list[Completion]:
    """Return the installed plugins as `KIND/NAME`, with their dists."""
    return _beginning(incomplete, _refs)


def setting_keys(incomplete: str) -> list[Completion]:
    """Return the settings as `KEY=`, each table of plugins with the installed ones."""
    return _beginning(incomplete, _keys)


def details() -> list[Completion]:
    """Return the levels of detail."""
    return [("1", "the decision"), ("2", "each critic's word"), ("3", "everything")]


def _beginning(incomplete: str, words: Callable[[], Iterator[Completion]]) -> list[Completion]:
    # An installation that is broken, or settings that cannot be read: the command itself says so.
    with suppress(Exception):
        return [item for item in words() if item[0].startswith(incomplete)]
    return []


def _refs() -> Iterator[Completion]:
    from eleanor_core.registry import discover

    for found in discover():
        yield found.ref, f"{found.dist} {found.version}"


def _keys() -> Iterator[Completion]:
    from eleanor_core.registry import discover
    from eleanor_core.settings.keys import dotted, keys
    from eleanor_core.settings.types import TABLES

    installed: dict[str, list[str]] = {}
    for found in discover():
        names = installed.setdefault(TABLES[found.kind], [])
        if found.name not in names:
            names.append(found.name)
    for key in keys():
        table, *rest = key.path
        meaning = key.field.description or ""
        if table in TABLES.values() and len(rest) > 1:
            for name in installed.get(table, ()):
                yield f"{dotted((table, name, *rest[1:]))}=", meaning
        else:
            yield f"{dotted(key.path)}=", meaning
