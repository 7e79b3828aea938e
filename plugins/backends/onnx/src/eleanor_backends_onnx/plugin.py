"""The hook. It imports no onnxruntime: that belongs to the factory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.util import find_spec

import anyio.to_thread
from pydantic import Field

from eleanor_core.api import Backend, BackendDeclaration, PluginSettings, Services, hookimpl


class OnnxSettings(PluginSettings):
    """Settings of the backend `onnx`."""

    memory_limit: int | None = Field(
        default=None, gt=0, description="Bytes that rows and weights may take."
    )
    threads: int | None = Field(
        default=None, gt=0, description="Threads of one encoding; null: one a processor core."
    )


@hookimpl
def eleanor_register_backends() -> Iterable[BackendDeclaration]:
    """Declare the backend `onnx`."""
    yield BackendDeclaration(
        name="onnx",
        factory=open_backend,
        settings=OnnxSettings,
        probe=probe,
        summary="Text encoders in onnxruntime, all other array work with numpy: CPU.",
    )


def probe(_device: str) -> str | None:
    """Return why the backend cannot run here, or None."""
    missing = [name for name in ("numpy", "onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        return f"not installed: pip install {' '.join(missing)}"
    return None


@asynccontextmanager
async def open_backend(settings: OnnxSettings, _services: Services) -> AsyncIterator[Backend]:
    """Yield the backend."""

    def open_it() -> Backend:
        from eleanor_backends_onnx.arrays import OnnxBackend  # noqa: PLC0415 -- the runtime loads

        return OnnxBackend(threads=settings.threads, memory_limit=settings.memory_limit)

    yield await anyio.to_thread.run_sync(open_it)
