"""Declarations: what a plugin says of itself at start-up, before anything of it runs.

A hook returns frozen declarations. The factory is an async context manager: what it makes inside
the loop (connections, tasks) is entered at start and left at stop, in reverse order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Generic, Literal, TypeAlias, TypeVar

from attrs import Attribute, field, frozen
from pydantic import BaseModel, ConfigDict

from eleanor_core.api.compute import Backend
from eleanor_core.api.protocols import (
    AnyCritic,
    AnyDetector,
    Embedder,
    EvidenceSink,
    ExecutionPolicy,
    Model,
    PrecedentStore,
    SecretsProvider,
)
from eleanor_core.api.services import Services, Thresholds
from eleanor_core.api.version import API_VERSION
from eleanor_core.model import CLAUSES, PRINCIPLES, Principle

Kind: TypeAlias = Literal[
    "critics",
    "detectors",
    "secrets",
    "evidence",
    "policies",
    "backends",
    "embedders",
    "precedents",
    "models",
]
KINDS: tuple[Kind, ...] = (
    "secrets",
    "backends",
    "embedders",
    "models",
    "precedents",
    "evidence",
    "policies",
    "detectors",
    "critics",
)
"""In the order in which they start; they stop in reverse."""

Execution: TypeAlias = Literal["inline", "task", "thread", "process"]


class PluginSettings(BaseModel):
    """Base of a plugin's settings. Every field needs a description; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Product_co = TypeVar("Product_co", covariant=True)
# Contravariance cannot be said of a settings type that each plugin narrows; the registry validates
# against `settings` and hands the factory an instance of exactly that class.
Factory: TypeAlias = Callable[..., AbstractAsyncContextManager[Product_co]]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def _name(_: object, attribute: Attribute[str], value: str) -> None:
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{attribute.name} must be lower-case words joined by '-', got {value!r:.60}"
        )


def _clauses(_: object, attribute: Attribute[frozenset[str]], value: frozenset[str]) -> None:
    unknown = sorted(value - CLAUSES.keys())
    if unknown:
        raise ValueError(f"{attribute.name} names clauses outside the registry: {unknown}")


def _codes(codes: Iterable[str]) -> frozenset[str]:
    return frozenset(codes)


def _principle(_: object, attribute: Attribute[Principle], value: Principle) -> None:
    if value not in PRINCIPLES:
        raise ValueError(f"{attribute.name} must be one of {', '.join(PRINCIPLES)}: {value!r:.40}")


@frozen(kw_only=True)
class Pattern:
    """A regular expression for the one shared scan, in RE2 syntax (linear time).

    Look-around and back-references are refused at start. Flags stand inline, `(?i)`. `example` must
    match and `near_miss` must not: the contract kit runs both. With `redact`, whatever it matches
    is masked in everything that leaves the engine.
    """

    id: str
    regex: str
    example: str = ""
    near_miss: str = ""
    redact: bool = False


@frozen(kw_only=True)
class Declaration(Generic[Product_co]):
    """What every kind declares. `api`: the plugin API that it needs, as "MAJOR.MINOR"."""

    kind: ClassVar[Kind]

    name: str = field(validator=_name)
    factory: Factory[Product_co] = field(repr=False)
    settings: type[PluginSettings] = PluginSettings
    api: str = API_VERSION
    summary: str = ""


@frozen(kw_only=True)
class VoiceDeclaration(Declaration[Product_co]):
    """What critics and detectors declare beside: how they run and what they look for.

    `deadline`: seconds that one call may take (for `inline`: judged by CPU time against a budget
    instead). `gaps`: reasons that a result may give for what it did not assess, each with its
    meaning. `needs_embedding`: the case then carries the shared embedding.
    """

    execution: Execution = "task"
    deadline: float = 5.0
    gaps: Mapping[str, str] = field(factory=dict)
    patterns: tuple[Pattern, ...] = field(default=(), repr=False)
    needs_embedding: bool = False
    thread_safe: bool = False


@frozen(kw_only=True)
class CriticDeclaration(VoiceDeclaration[AnyCritic]):
    """A critic: the principle it serves and the clauses it may raise."""

    kind: ClassVar[Kind] = "critics"

    principle: Principle = field(validator=_principle)
    clauses: frozenset[str] = field(converter=_codes, validator=_clauses)
    thresholds: Thresholds = Thresholds()


@frozen(kw_only=True)
class DetectorDeclaration(VoiceDeclaration[AnyDetector]):
    """A detector: `categories` are the signal categories it may report, each with its meaning."""

    kind: ClassVar[Kind] = "detectors"

    categories: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class SecretsDeclaration(Declaration[SecretsProvider]):
    """A secrets provider; its name is the provider part of a reference `name:path#key`.

    `development_only`: production settings (`security.production`) refuse to start with it.
    """

    kind: ClassVar[Kind] = "secrets"

    development_only: bool = False


@frozen(kw_only=True)
class EvidenceDeclaration(Declaration[EvidenceSink]):
    """An evidence sink."""

    kind: ClassVar[Kind] = "evidence"


@frozen(kw_only=True)
class PolicyDeclaration(Declaration[ExecutionPolicy]):
    """A policy that is asked before every execution, and can only refuse."""

    kind: ClassVar[Kind] = "policies"


@frozen(kw_only=True)
class BackendDeclaration(Declaration[Backend]):
    """A compute backend. `devices`: the kinds it can run on, preferred first ("cuda", "cpu").

    `probe` says without a heavy import why one of them, or a numbered one of its kind ("cuda:1"),
    cannot be used here, or None. The factory finds the one that was chosen in `services.device`.
    """

    kind: ClassVar[Kind] = "backends"

    devices: tuple[str, ...] = ("cpu",)
    probe: Callable[[str], str | None] = field(default=lambda _device: None, repr=False)


@frozen(kw_only=True)
class EmbedderDeclaration(Declaration[Embedder]):
    """A text embedder."""

    kind: ClassVar[Kind] = "embedders"


@frozen(kw_only=True)
class PrecedentsDeclaration(Declaration[PrecedentStore]):
    """A store of decided cases."""

    kind: ClassVar[Kind] = "precedents"


@frozen(kw_only=True)
class ModelDeclaration(Declaration[Model]):
    """An adapter to a language model."""

    kind: ClassVar[Kind] = "models"


AnyDeclaration: TypeAlias = (
    CriticDeclaration
    | DetectorDeclaration
    | SecretsDeclaration
    | EvidenceDeclaration
    | BackendDeclaration
    | EmbedderDeclaration
    | PrecedentsDeclaration
    | ModelDeclaration
    | PolicyDeclaration
)

__all__ = [
    "KINDS",
    "AnyDeclaration",
    "BackendDeclaration",
    "CriticDeclaration",
    "Declaration",
    "DetectorDeclaration",
    "EmbedderDeclaration",
    "EvidenceDeclaration",
    "Execution",
    "Factory",
    "Kind",
    "ModelDeclaration",
    "Pattern",
    "PluginSettings",
    "PolicyDeclaration",
    "PrecedentsDeclaration",
    "SecretsDeclaration",
    "Services",
    "VoiceDeclaration",
]
