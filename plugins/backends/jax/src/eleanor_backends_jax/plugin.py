"""The hook. It imports no jax: that belongs to the factory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import anyio.to_thread
from pydantic import Field

from eleanor_backends_jax.probing import probe
from eleanor_core.api import Backend, BackendDeclaration, PluginSettings, Services, hookimpl


class JaxSettings(PluginSettings):
    """Settings of the backend `jax`."""

    memory_limit: int | None = Field(
        default=None, gt=0, description="Bytes that rows and weights may take on the device."
    )
    shards: tuple[str, ...] = Field(
        default=(),
        description="Spread rows over these devices, as in ['gpu:0', 'gpu:1']; empty: the one "
        "that the setting `backend` names.",
    )


@hookimpl
def eleanor_register_backends() -> Iterable[BackendDeclaration]:
    """Declare the backend `jax`."""
    yield BackendDeclaration(
        name="jax",
        factory=open_backend,
        settings=JaxSettings,
        devices=("gpu", "cpu"),
        probe=probe,
        summary="Arrays with JAX, compiled: GPU, CPU.",
    )


@asynccontextmanager
async def open_backend(settings: JaxSettings, services: Services) -> AsyncIterator[Backend]:
    """Yield the backend on the device chosen. Raises RuntimeError if JAX cannot use it."""

    def open_it() -> Backend:
        from eleanor_backends_jax.arrays import JaxBackend  # noqa: PLC0415 -- jax loads here

        return JaxBackend(
            services.device or "cpu",
            shards=settings.shards,
            memory_limit=settings.memory_limit,
            tell=lambda what: services.log.warning("backend.fallback", backend="jax", what=what),
        )

    # Importing jax takes seconds.
    yield await anyio.to_thread.run_sync(open_it)
