"""The hook. It imports no numpy: the backend does, when it is first asked for something."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.util import find_spec

from pydantic import Field

from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_core.api import Backend, BackendDeclaration, PluginSettings, Services, hookimpl


class NumpySettings(PluginSettings):
    """Settings of the backend `numpy`."""

    memory_limit: int | None = Field(
        default=None, gt=0, description="Bytes that rows and weights may take."
    )


@hookimpl
def eleanor_register_backends() -> Iterable[BackendDeclaration]:
    """Declare the backend `numpy`."""
    yield BackendDeclaration(
        name="numpy",
        factory=open_backend,
        settings=NumpySettings,
        probe=probe,
        summary="Arrays on the CPU with numpy; the reference that other backends are held to.",
    )


def probe(_device: str) -> str | None:
    """Return why the backend cannot run here, or None."""
    if find_spec("numpy") is None:
        return "numpy is not installed: pip install numpy"
    return None


@asynccontextmanager
async def open_backend(settings: NumpySettings, _services: Services) -> AsyncIterator[Backend]:
    """Yield the backend."""
    yield NumpyBackend(memory_limit=settings.memory_limit)
