"""What an isolated voice declares, learnt without importing it.

Nothing that comes out of a worker is more than data here: JSON of bounded length, checked like any
declaration and any result.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import cast

from attrs import asdict
from pydantic import Field, JsonValue, create_model

from eleanor_core.api import (
    CriticDeclaration,
    DetectorDeclaration,
    Pattern,
    PluginSettings,
    Thresholds,
)
from eleanor_core.isolation.frames import HEAD, TAG_BYTES, MalformedError, frame, length_of
from eleanor_core.model import JsonObject, Principle
from eleanor_core.registry.faults import Defect
from eleanor_core.registry.registry import Found
from eleanor_core.registry.workers import (
    START_SECONDS,
    Recipe,
    checked,
    open_isolated,
    pipes,
    readable,
    spawn,
)
from eleanor_core.settings import Settings, home_of
from eleanor_core.settings.model import DetectorEntry


def recipe(found: Found, settings: Settings) -> Recipe | None:
    """Return how `found` is to be isolated, None if the settings do not ask for it."""
    entry = settings.entry(found.kind, found.name)
    if not isinstance(entry, DetectorEntry) or entry.isolation is None:
        return None
    lock = settings.plugins.lock
    first = {
        "found": asdict(found),
        "confinement": entry.confinement.model_dump(mode="json"),
        "lock": str(lock) if lock else None,
        "data_dir": str(home_of(settings) / found.kind / found.name),
    }
    return Recipe(found=found, confinement=entry.confinement, first=json.dumps(first).encode())


def declared(recipe: Recipe) -> CriticDeclaration | DetectorDeclaration:
    """Have a worker import the plugin, and return what it declares. Raises Defect."""
    if sys.platform == "win32":
        raise Defect("start", "this system does not isolate: there is nothing here that limits")
    process = spawn()
    with process:
        try:
            told = _first_reply(process, recipe.first)
        except MalformedError as error:
            raise Defect("import", str(error)) from error
        finally:
            process.kill()
    return _declaration(recipe, told)


def _first_reply(process: subprocess.Popen[bytes], first: bytes) -> JsonObject:
    """Ask a worker what the plugin declares. Blocks, as importing it here would."""
    requests, replies = pipes(process)
    tag, deadline = os.urandom(TAG_BYTES), time.monotonic() + START_SECONDS
    with suppress(BrokenPipeError):
        # Less than any pipe holds at once.
        os.write(requests, frame(first, tag))
    head = _read(replies, HEAD.size, deadline)
    return checked(_read(replies, length_of(head, tag), deadline))


def _read(replies: int, size: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while size:
        left = deadline - time.monotonic()
        if left <= 0 or not readable(replies, left):
            raise Defect("import", f"it did not declare itself within {START_SECONDS:g} s")
        part = os.read(replies, min(size, 1 << 16))
        if not part:
            raise Defect("import", "its process ended while it was imported")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _declaration(recipe: Recipe, told: JsonObject) -> CriticDeclaration | DetectorDeclaration:
    """Build the declaration anew from what the worker says. Raises Defect."""
    try:
        common = {
            "name": str(told["name"]),
            "factory": partial(open_isolated, recipe),
            "settings": _settings_class(cast("Iterable[JsonObject]", told["settings"])),
            "api": str(told["api"]),
            "summary": str(told["summary"]),
            "execution": "task",
            "deadline": told["deadline"],
            "gaps": told["gaps"],
            "patterns": tuple(
                Pattern(**cast("dict[str, str]", pattern))  # type: ignore[arg-type] # as it was told
                for pattern in cast("Iterable[JsonObject]", told["patterns"])
            ),
            "needs_embedding": bool(told["needs_embedding"]),
        }
        made: CriticDeclaration | DetectorDeclaration
        if recipe.found.kind == "critics":
            made = CriticDeclaration(
                **common,  # type: ignore[arg-type] # checked below, like a stranger's own
                principle=cast("Principle", told["principle"]),
                clauses=frozenset(map(str, cast("Iterable[str]", told["clauses"]))),
                thresholds=Thresholds(**cast("dict[str, float]", told["thresholds"])),
            )
        else:
            made = DetectorDeclaration(**common, categories=told["categories"])  # type: ignore[arg-type] # as above
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Defect("register", f"its worker declared no voice: {error}") from error
    if made.name != recipe.found.name:
        raise Defect("register", f"its worker declared {made.name!r:.60}")
    if any(pattern.redact for pattern in made.patterns):
        raise Defect(
            "register",
            "it declares a pattern with `redact`, which masks what all others say",
            hint="Run it without isolation if you trust it so far, or leave the pattern out.",
        )
    return made


def _settings_class(fields: Iterable[JsonObject]) -> type[PluginSettings]:
    """Return a class with the names of the plugin's settings; its worker validates the values."""
    members = {
        str(item["name"]): (
            JsonValue,
            Field(
                default=... if item["required"] else None,
                description=str(item["description"] or "")[:2000],
            ),
        )
        for item in fields
    }
    return create_model("IsolatedSettings", __base__=PluginSettings, **members)  # type: ignore[call-overload,no-any-return] # pydantic's own signature is Any
