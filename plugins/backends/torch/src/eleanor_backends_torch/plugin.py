"""The hook. It imports no torch: that belongs to the factory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import anyio.to_thread
from pydantic import Field

from eleanor_backends_torch.probing import probe
from eleanor_core.api import Backend, BackendDeclaration, PluginSettings, Services, hookimpl


class TorchSettings(PluginSettings):
    """Settings of the backend `torch`."""

    memory_limit: int | None = Field(
        default=None, gt=0, description="Bytes that rows and weights may take on the device."
    )
    shards: tuple[str, ...] = Field(
        default=(),
        description="Spread rows over these devices, as in ['cuda:0', 'cuda:1']; empty: the one "
        "that the setting `backend` names.",
    )


@hookimpl
def eleanor_register_backends() -> Iterable[BackendDeclaration]:
    """Declare the backend `torch`."""
    yield BackendDeclaration(
        name="torch",
        factory=open_backend,
        settings=TorchSettings,
        devices=("cuda", "mps", "cpu"),
        probe=probe,
        summary="Arrays with PyTorch: CUDA, Apple's GPUs (mps), CPU.",
    )


@asynccontextmanager
async def open_backend(settings: TorchSettings, services: Services) -> AsyncIterator[Backend]:
    """Yield the backend on the device chosen. Raises RuntimeError if torch cannot use it."""

    def open_it() -> Backend:
        from eleanor_backends_torch.arrays import TorchBackend  # noqa: PLC0415 -- torch loads here

        return TorchBackend(
            services.device or "cpu",
            shards=settings.shards,
            memory_limit=settings.memory_limit,
            tell=lambda what: services.log.warning("backend.fallback", backend="torch", what=what),
        )

    # Importing torch takes seconds.
    yield await anyio.to_thread.run_sync(open_it)
