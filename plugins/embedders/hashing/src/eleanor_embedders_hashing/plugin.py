"""The hook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from eleanor_core.api import Embedder, EmbedderDeclaration, PluginSettings, Services, hookimpl
from eleanor_embedders_hashing.embedder import HashingEmbedder


@hookimpl
def eleanor_register_embedders() -> Iterable[EmbedderDeclaration]:
    """Declare the embedder `hashing`."""
    yield EmbedderDeclaration(
        name="hashing",
        factory=open_embedder,
        summary="Feature hashing of words and pairs of words; no model, no download.",
    )


@asynccontextmanager
async def open_embedder(_settings: PluginSettings, _services: Services) -> AsyncIterator[Embedder]:
    """Yield the embedder."""
    yield HashingEmbedder()
