"""The hook. numpy and the table load with the first text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from eleanor_core.api import Embedder, EmbedderDeclaration, PluginSettings, Services, hookimpl


@hookimpl
def eleanor_register_embedders() -> Iterable[EmbedderDeclaration]:
    """Declare the embedder `static`."""
    yield EmbedderDeclaration(
        name="static",
        factory=open_embedder,
        summary="A table of word vectors distilled from all-MiniLM-L6-v2; numpy only.",
    )


@asynccontextmanager
async def open_embedder(_settings: PluginSettings, _services: Services) -> AsyncIterator[Embedder]:
    """Yield the embedder. Raises TableError if its table was altered."""
    from eleanor_embedders_static.embedder import StaticEmbedder  # noqa: PLC0415 -- at first use

    yield StaticEmbedder()
