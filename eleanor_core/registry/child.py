"""The far side of an isolated voice: a process that gives up its rights, then imports the plugin.

The order is what counts. First the core's own modules, then the locks of this process, then the
first line of the stranger's code. Whatever it does after that, it does with what is left.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NoReturn, TypeAlias, cast

import anyio
import structlog
from attrs import asdict
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from eleanor_core._version import __version__
from eleanor_core.api import PluginAPI, PluginSettings, Services, Thresholds
from eleanor_core.api.declarations import CriticDeclaration, DetectorDeclaration
from eleanor_core.codec import to_json
from eleanor_core.isolation.confine import confine
from eleanor_core.isolation.frames import READY, raised, read_frame, said, write_frame
from eleanor_core.model import Case, JsonObject, JsonValue
from eleanor_core.registry.checks import check_declaration, check_manager, check_product
from eleanor_core.registry.discover import discover
from eleanor_core.registry.faults import Defect, package_of
from eleanor_core.registry.importing import Importer
from eleanor_core.registry.lock import Guard, read_lock
from eleanor_core.registry.registry import Found
from eleanor_core.settings.isolation import Confinement

Voice: TypeAlias = Callable[[Case], object]
Voices: TypeAlias = CriticDeclaration | DetectorDeclaration


def main() -> None:
    """Serve the host on the pipes at standard input and output, until it closes them."""
    to_json(None)  # what it is written with is in memory before the rights are given up
    pipe = _Pipe()
    asked = cast("JsonObject", json.loads(pipe.read() or b"{}"))
    found = Found(**cast("dict[str, str]", asked["found"]))  # type: ignore[arg-type] # the host's own, a Kind among them
    try:
        declaration = _declaration(found, asked)
        pipe.answer(_json({"form": "declared", **_told(declaration)}))
        # Whoever only wanted to know closes the pipe here.
        if (start := pipe.read()) is not None:
            anyio.run(_serve, found, declaration, json.loads(start), pipe)
    except Defect as defect:
        broken = {"stage": defect.stage, "error": defect.error, "frame": defect.frame}
        pipe.answer(_json({"form": "broken", **broken, "hint": defect.hint}))


class _Pipe:
    """The pipes to the host, taken from where a plugin would read and print."""

    def __init__(self) -> None:
        self.requests, self._replies = os.dup(0), os.dup(1)
        self._tag = b""
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)

    def read(self) -> bytes | None:
        """Read a question; None once the host is gone."""
        request = read_frame(self.requests)
        if request is None:
            return None
        data, self._tag = request
        return data

    def answer(self, data: bytes) -> None:
        """Answer the last question."""
        write_frame(self._replies, data, self._tag)


def _declaration(found: Found, asked: JsonObject) -> Voices:
    lock, granted = asked["lock"], Confinement.model_validate(asked["confinement"])
    if lock is not None:
        Guard(read_lock(Path(str(lock)))).check(found)
    give_up_rights(granted, Path(str(asked["data_dir"])))
    declaration = Importer(discover(), PluginAPI(core=__version__)).declaration(found)
    check_declaration(declaration, found.dist)
    return cast("Voices", declaration)


def give_up_rights(granted: Confinement, data_dir: Path) -> None:
    """Confine this process. Raises Defect where the system does not give every limit."""
    missing = confine(granted, data_dir)
    if missing and not granted.best_effort:
        lacks = "; ".join(f"{name} ({why})" for name, why in missing.items())
        raise Defect(
            "start",
            f"this system does not limit {lacks}",
            hint="See `eleanor doctor`; or set confinement.best_effort to run it with the limits "
            "that there are.",
        )


def _told(declaration: Voices) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = {
        "name": declaration.name,
        "summary": declaration.summary,
        "api": declaration.api,
        "execution": declaration.execution,
        "deadline": declaration.deadline,
        "gaps": dict(declaration.gaps),
        "patterns": [asdict(pattern) for pattern in declaration.patterns],
        "needs_embedding": declaration.needs_embedding,
        "settings": [
            {
                "name": name,
                "description": field.description,
                "required": field.get_default(call_default_factory=True, validated_data={})
                is PydanticUndefined,
            }
            for name, field in declaration.settings.model_fields.items()
        ],
    }
    if isinstance(declaration, CriticDeclaration):
        told["principle"] = declaration.principle
        told["clauses"] = sorted(declaration.clauses)
        told["thresholds"] = asdict(declaration.thresholds)
    if isinstance(declaration, DetectorDeclaration):
        told["categories"] = dict(declaration.categories)
    return told


async def _serve(
    found: Found,
    declaration: Voices,
    start: JsonObject,
    pipe: _Pipe,
) -> None:
    package = package_of(found.target.partition(":")[0].strip())
    try:
        manager = _manager(declaration, start)
        async with manager as product:
            check_product(declaration, product)
            pipe.answer(READY)
            while True:
                # The loop stays free between calls, for what the voice does in the background.
                await anyio.wait_readable(pipe.requests)
                request = pipe.read()
                if request is None:
                    _leave()
                case = cast("Case", pickle.loads(request))  # noqa: S301 -- the host's # nosec B301
                pipe.answer(await _called(cast("Voice", product), case))
    except (Exception, SystemExit) as error:
        raise Defect.of("start", error, package) from error


async def _called(voice: Voice, case: Case) -> bytes:
    try:
        result = voice(case)
        if isinstance(result, Awaitable):
            result = await result
        return said(result)
    except BaseException as error:  # noqa: BLE001 -- SystemExit too would end the worker in mid-reply
        return raised(error)


def _manager(declaration: Voices, start: JsonObject) -> AbstractAsyncContextManager[object]:
    services = Services(
        data_dir=Path(str(start["data_dir"])),
        log=structlog.get_logger("eleanor.worker"),
        thresholds=Thresholds(**cast("dict[str, float]", start["thresholds"])),
    )
    settings = _settings(declaration.settings, start["settings"])
    return check_manager(declaration.factory(settings, services))


def _settings(cls: type[PluginSettings], given: JsonValue) -> PluginSettings:
    try:
        return cls.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        wrong = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults]
        raise Defect("settings", "; ".join(wrong), hint="Correct the plugin's settings.") from error


def _leave() -> NoReturn:
    # The host is gone or wants this process gone: a factory gets no say in how long that takes.
    os._exit(0)


def _json(value: dict[str, JsonValue]) -> bytes:
    return json.dumps(value).encode()
