"""A voice as the stages see it: a callable with its name, its limits and its provenance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from attrs import field, frozen

from eleanor_core.api import Execution, PluginSettings, Thresholds
from eleanor_core.model import (
    Abstention,
    Case,
    CriticResult,
    DetectorResult,
    Principle,
    Provenance,
)

R = TypeVar("R", CriticResult, DetectorResult)
Call: TypeAlias = Callable[[Case], R | Awaitable[R]]


@frozen(kw_only=True)
class Remake:
    """What a worker process needs to make the voice again. `factory` must be importable there."""

    factory: Callable[..., object] = field(repr=False)
    settings: PluginSettings
    data_dir: Path
    thresholds: Thresholds


@frozen(kw_only=True)
class Voice(Generic[R]):
    """One enabled critic or detector, started.

    `name` is how results and escalations call it. `deadline` in seconds. `gaps` are the reasons
    that a result may give for what it did not assess, `categories` those of a detector's signals
    (None: any). `broken` is set for a voice that was enabled
    and could not load or start: it stands as that abstention in every result.
    """

    name: str
    ref: str
    provenance: Provenance
    execution: Execution = "task"
    deadline: float = 5.0
    gaps: frozenset[str] = frozenset()
    categories: frozenset[str] | None = None
    thresholds: Thresholds = Thresholds()
    principle: Principle | None = None
    needs_embedding: bool = False
    thread_safe: bool = False
    call: Call[R] | None = field(default=None, repr=False)
    remake: Remake | None = field(default=None, repr=False)
    broken: Abstention | None = None
