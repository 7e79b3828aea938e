"""Whether a declaration can be used: its API version, its values, its settings class, its product.

attrs checks what every author would trip over; what stands here needs the whole declaration.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, get_args

from pydantic import BaseModel

from eleanor_core.api import (
    API_VERSION,
    AnyDeclaration,
    Backend,
    BackendDeclaration,
    DetectorDeclaration,
    Embedder,
    EvidenceSink,
    Execution,
    ExecutionPolicy,
    Kind,
    Model,
    Pattern,
    PluginSettings,
    PrecedentStore,
    SecretsProvider,
    Thresholds,
    VoiceDeclaration,
)
from eleanor_core.api.declarations import CriticDeclaration
from eleanor_core.api.version import satisfies
from eleanor_core.registry.faults import Defect, place

MAX_DEADLINE: Final = 3600.0
"""Seconds."""

STAGES: Final = frozenset(("embedder", "engine", "recall", "scan", "uncertainty"))
"""Voices that are no critics, and escalate by these names."""

SHAPES: Final[Mapping[Kind, type]] = {
    "secrets": SecretsProvider,
    "backends": Backend,
    "embedders": Embedder,
    "models": Model,
    "precedents": PrecedentStore,
    "evidence": EvidenceSink,
    "policies": ExecutionPolicy,
}


def check_declaration(declaration: AnyDeclaration, dist: str) -> None:
    """Raise Defect if the core cannot serve `declaration` or make sense of it."""
    _check_api(declaration.api, dist)
    wrong = list(_wrong_values(declaration))
    if wrong:
        raise Defect("register", f"the declaration is malformed: {'; '.join(wrong)}")
    _check_settings_class(declaration.settings)


def check_product(declaration: AnyDeclaration, product: object) -> None:
    """Raise Defect if what the factory yielded is not what `declaration` promises."""
    if isinstance(declaration, VoiceDeclaration):
        _check_voice(declaration.execution, product)
        return
    shape = SHAPES[declaration.kind]
    # Before Python 3.12 a protocol has no list of its members.
    members = {*vars(shape), *inspect.get_annotations(shape)}
    missing = [
        name for name in sorted(members) if not name.startswith("_") and not hasattr(product, name)
    ]
    if missing:
        raise Defect(
            "start",
            f"its factory yielded a {type(product).__name__}, which is no {shape.__name__}: "
            f"it lacks {', '.join(missing)}",
        )


def check_manager(made: object) -> AbstractAsyncContextManager[object]:
    """Return what a factory returned. Raises Defect if it is no async context manager."""
    if isinstance(made, AbstractAsyncContextManager):
        return made
    if inspect.iscoroutine(made):
        made.close()
    raise Defect(
        "start",
        f"its factory returned a {type(made).__name__}; it must return an async context manager",
        hint="Decorate an async generator function with contextlib.asynccontextmanager.",
    )


def _check_api(needed: object, dist: str) -> None:
    try:
        served = satisfies(needed) if isinstance(needed, str) else None
    except ValueError as error:
        raise Defect("api", str(error)) from error
    if served is None:
        raise Defect("api", f"an API version has the form 'MAJOR.MINOR', got {needed!r:.40}")
    if not served:
        raise Defect(
            "api",
            f"needs plugin API {needed}, this core offers {API_VERSION}",
            hint=f"Install an eleanor-core that offers API {needed}, or a version of {dist} "
            f"made for API {API_VERSION}.",
        )


def _wrong_values(declaration: AnyDeclaration) -> list[str]:
    """Say what is wrong with values whose types nothing has held their author to."""
    wrong = []
    factory, summary = _untyped(declaration, "factory"), _untyped(declaration, "summary")
    if not callable(factory):
        wrong.append("factory is not callable")
    if not isinstance(summary, str):
        wrong.append("summary is not text")
    if isinstance(declaration, BackendDeclaration) and not callable(_untyped(declaration, "probe")):
        wrong.append("probe is not callable")
    if isinstance(declaration, VoiceDeclaration):
        wrong += _wrong_voice(declaration)
    if isinstance(declaration, CriticDeclaration):
        if not isinstance(_untyped(declaration, "thresholds"), Thresholds):
            wrong.append("thresholds is no Thresholds")
        if declaration.name in STAGES:
            wrong.append(f"{declaration.name!r} is the name of a stage, which escalates by it")
    if isinstance(declaration, DetectorDeclaration):
        wrong += _wrong_words("categories", declaration.categories)
    return wrong


def _untyped(declaration: object, name: str) -> object:
    value: object = getattr(declaration, name)
    return value


def _wrong_voice(declaration: VoiceDeclaration[object]) -> list[str]:
    wrong = _wrong_words("gaps", declaration.gaps)
    if declaration.execution not in get_args(Execution):
        wrong.append(f"execution must be one of {', '.join(get_args(Execution))}")
    deadline = _untyped(declaration, "deadline")
    if type(deadline) not in (int, float) or not 0 < declaration.deadline <= MAX_DEADLINE:
        wrong.append(f"deadline must be seconds in (0, {MAX_DEADLINE:g}], got {deadline!r:.40}")
    patterns = _untyped(declaration, "patterns")
    if not isinstance(patterns, tuple) or not all(isinstance(item, Pattern) for item in patterns):
        wrong.append("patterns must be a tuple of Pattern")
    elif len({item.id for item in patterns}) < len(patterns):
        wrong.append("two patterns share an id")
    return wrong


def _wrong_words(name: str, words: object) -> list[str]:
    if isinstance(words, Mapping) and all(
        isinstance(key, str) and isinstance(meaning, str) and key.strip() and meaning.strip()
        for key, meaning in words.items()
    ):
        return []
    return [f"{name} must map each name to its meaning in words"]


def _check_settings_class(settings: object) -> None:
    if not (isinstance(settings, type) and issubclass(settings, PluginSettings)):
        raise Defect(
            "settings",
            f"its settings class {getattr(settings, '__name__', settings)!r:.80} is no subclass of "
            "eleanor_core.api.PluginSettings",
        )
    config = settings.model_config
    if config.get("extra") != "forbid" or not config.get("frozen"):
        raise Defect(
            "settings", f"{settings.__name__} must stay frozen and refuse unknown keys (extra)"
        )
    if bare := _undescribed(settings):
        raise Defect(
            "settings",
            f"{settings.__name__} has fields without a description: {', '.join(bare)}",
            hint="Give each one Field(description=...): documentation is made from it.",
        )


def _undescribed(model: type[BaseModel]) -> list[str]:
    bare = []
    for name, info in model.model_fields.items():
        if not (info.description or "").strip():
            bare.append(name)
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            bare += [f"{name}.{field}" for field in _undescribed(inner)]
    return bare


def _check_voice(execution: Execution, product: object) -> None:
    routine = inspect.isroutine(product)
    if not callable(product):
        raise Defect(
            "start", f"its factory yielded a {type(product).__name__}, which cannot be called"
        )
    call = product if routine else type(product).__call__
    waits = inspect.iscoroutinefunction(product) or inspect.iscoroutinefunction(call)
    if waits != (execution == "task"):
        kind = "async" if waits else "not async"
        cure = (
            "Make it a plain `def`, or declare 'task'."
            if waits
            else "Make it `async def`, or declare 'inline', 'thread' or 'process'."
        )
        raise Defect(
            "start",
            f"it is declared execution={execution!r}, but its __call__ is {kind}",
            frame=place(call),
            hint=cure,
        )
