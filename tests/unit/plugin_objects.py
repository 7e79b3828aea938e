"""Plugins as objects, for tests of starting and stopping: their factories write a trace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import structlog
import structlog.testing

from eleanor_core.api import (
    Case,
    CriticDeclaration,
    CriticResult,
    Declaration,
    Kind,
    PluginSettings,
    Services,
    hookimpl,
)
from eleanor_core.registry import Loaded, Products, Registry, load
from tests.unit.plugin_dists import settings

Trace = list[str]
Factory = Callable[..., AbstractAsyncContextManager[object]]


async def judge(case: Case) -> CriticResult:
    """Judge as a task does."""
    return CriticResult(critic="any", score=0.0, confidence=1.0)


def judge_inline(case: Case) -> CriticResult:
    """Judge as inline work does."""
    return CriticResult(critic="any", score=0.0, confidence=1.0)


class Judge:
    """A critic as an object."""

    async def __call__(self, case: Case) -> CriticResult:
        return await judge(case)


class Vault:
    """A secrets provider, for its shape."""

    async def get(self, ref: object) -> object:
        """Give it back."""
        return ref


class Given:
    """Hands declarations of several kinds to the registry."""

    def __init__(self, *declarations: Declaration[object]) -> None:
        self.declarations = declarations

    def _of(self, kind: Kind) -> list[Declaration[object]]:
        return [item for item in self.declarations if item.kind == kind]

    @hookimpl
    def eleanor_register_secrets(self) -> list[Declaration[object]]:
        """Declare the secrets providers."""
        return self._of("secrets")

    @hookimpl
    def eleanor_register_backends(self) -> list[Declaration[object]]:
        """Declare the backends."""
        return self._of("backends")

    @hookimpl
    def eleanor_register_evidence(self) -> list[Declaration[object]]:
        """Declare the sinks."""
        return self._of("evidence")

    @hookimpl
    def eleanor_register_detectors(self) -> list[Declaration[object]]:
        """Declare the detectors."""
        return self._of("detectors")

    @hookimpl
    def eleanor_register_critics(self) -> list[Declaration[object]]:
        """Declare the critics."""
        return self._of("critics")


def critic(name: str, factory: Factory, **values: object) -> CriticDeclaration:
    """Return a critic that this factory makes."""
    return CriticDeclaration(name=name, factory=factory, principle="risk", clauses={"K1"}, **values)


def traced(name: str, trace: Trace, product: object = judge) -> Factory:
    """Return a factory that writes down its start and its stop."""

    @asynccontextmanager
    async def factory(_settings: PluginSettings, _services: Services) -> AsyncIterator[object]:
        await anyio.lowlevel.checkpoint()
        trace.append(f"+{name}")
        yield product
        await anyio.sleep(0.001)
        trace.append(f"-{name}")

    return factory


def yielding(product: object) -> Factory:
    """Return a factory of `product`."""
    return traced("", [], product)


def registry_of(*declarations: Declaration[object], require: Sequence[str] = ()) -> Registry:
    """Return a registry that holds these."""
    return load(settings(enable=(), require=require), [Given(*declarations)])


def make_services(_loaded: Loaded, _products: Products) -> Services:
    """Return services of no use."""
    return Services(data_dir=Path("unused"), log=structlog.get_logger())
