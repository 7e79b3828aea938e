"""Says what is wrong with settings: the key, where it was set, what was found, what may stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from eleanor_core.model import JsonValue
from eleanor_core.settings.keys import (
    RESERVED,
    KeyPath,
    dotted,
    fields_below,
    keys,
    related,
    variable,
)
from eleanor_core.settings.secrecy import looks_random, looks_secret, masked
from eleanor_core.settings.sources import Entry

_PLAIN: Final[Mapping[str, str]] = {
    "model_type": "must be a table of keys",
    "model_attributes_type": "must be a table of keys",
    "dict_type": "must be a table of keys",
    "tuple_type": "must be a list",
    "path_type": "must be a path",
}
_LONGEST_SHOWN: Final = 60


def explain(error: ValidationError, entries: Sequence[Entry]) -> Iterator[str]:
    """Yield one sentence for each fault of `error`; `entries` is what the sources had set."""
    for fault in error.errors(include_url=False):
        path = _path(fault)
        near = [entry for entry in entries if related(entry.path, path)]
        if fault["type"] == "extra_forbidden":
            for origin in dict.fromkeys(entry.origin for entry in near):
                here = next(entry for entry in near if entry.origin == origin)
                yield f"{dotted(path)} ({origin}): is unknown; {_meant(path, here)}"
        else:
            origins = " and ".join(dict.fromkeys(entry.origin for entry in near)) or "default"
            yield f"{dotted(path)} ({origins}): {_said(fault)}{_found(fault['input'], path)}"


def _path(fault: ErrorDetails) -> KeyPath:
    """Return the key: without the place in a list, or the mark that a table's key is at fault."""
    return tuple(part for part in fault["loc"] if isinstance(part, str) and part != "[key]")


def _said(fault: ErrorDetails) -> str:
    said, _, _ = fault["msg"].removeprefix("Value error, ").partition(", unable to")
    return _PLAIN.get(fault["type"], said.replace("Input should be", "must be"))


def _found(value: JsonValue, path: KeyPath) -> str:
    if isinstance(value, Mapping):
        return "" if fields_below(path) else "; found a table"
    if isinstance(value, (list, tuple)):
        return "; found a list"
    if value is None:
        return "; found nothing"
    if looks_secret(path) or looks_random(value) or masked(value, path) != value:
        return f"; found a value of type {type(value).__name__}"
    shown = repr(value)
    return f"; found {shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + '...'}"


def _meant(path: KeyPath, entry: Entry) -> str:
    """Name the nearest known key, or variable where one was set; else the keys that may stand."""
    siblings = list(fields_below(path[:-1]))
    if entry.origin.startswith(("environment ", "env file ")):
        rest = entry.path[len(path) :]
        known = [variable((*path[:-1], sibling, *rest)) for sibling in siblings]
        known += [variable(key.path) for key in keys()]
        close = get_close_matches(variable(entry.path), [*known, *RESERVED], n=1, cutoff=0.8)
    else:
        close = get_close_matches(path[-1], siblings, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(siblings)}"
