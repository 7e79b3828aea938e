"""The hook and the settings. numpy and the weights load when the embedder is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import anyio.to_thread
from pydantic import Field

from eleanor_core.api import (
    Batcher,
    EleanorError,
    Embedder,
    EmbedderDeclaration,
    PluginSettings,
    Services,
    hookimpl,
)


class MiniLMSettings(PluginSettings):
    """How much of a long text is read."""

    windows: int = Field(
        default=16,
        ge=1,
        le=400,
        description=(
            "Most windows of 256 tokens that are read of one text. Of a longer one as many are "
            "read, at even distances."
        ),
    )


@hookimpl
def eleanor_register_embedders() -> Iterable[EmbedderDeclaration]:
    """Declare the embedder `minilm`."""
    yield EmbedderDeclaration(
        name="minilm",
        factory=open_embedder,
        settings=MiniLMSettings,
        summary="all-MiniLM-L6-v2 with its weights inside, on the backend that is running.",
    )


@asynccontextmanager
async def open_embedder(settings: MiniLMSettings, services: Services) -> AsyncIterator[Embedder]:
    """Yield the embedder, its weights on the backend.

    Raises EleanorError if no backend is running, or if the weights were altered.
    """
    if services.backend is None:
        msg = (
            "embedders/minilm (eleanor-embedders-minilm) computes on a backend, and none is "
            "running: enable one, such as backends/numpy, or block embedders/minilm"
        )
        raise EleanorError(msg)
    from eleanor_embedders_minilm.embedder import MiniLM, MiniLMEmbedder  # noqa: PLC0415 -- numpy loads here

    model = await anyio.to_thread.run_sync(MiniLM, services.backend)
    async with Batcher(model.means) as batcher:
        yield MiniLMEmbedder(model, batcher, windows=settings.windows)
