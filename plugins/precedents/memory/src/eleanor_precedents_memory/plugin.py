"""The hook, and the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import Field, field_validator

from eleanor_core.api import (
    EleanorError,
    PluginSettings,
    PrecedentsDeclaration,
    PrecedentStore,
    Services,
    hookimpl,
)
from eleanor_precedents_memory.lines import read_cases
from eleanor_precedents_memory.store import MemoryStore


class MemorySettings(PluginSettings):
    """What the store knows when it starts."""

    file: Path | None = Field(
        default=None,
        description="Absolute path of a JSON Lines file, one decided case a line, read at start.",
    )

    @field_validator("file")
    @classmethod
    def _absolute(cls, file: Path | None) -> Path | None:
        if file is not None and not file.is_absolute():
            msg = f"give an absolute path, got {str(file)!r}"
            raise ValueError(msg)
        return file


@hookimpl
def eleanor_register_precedents() -> Iterable[PrecedentsDeclaration]:
    """Declare the store `memory`."""
    yield PrecedentsDeclaration(
        name="memory",
        factory=open_store,
        settings=MemorySettings,
        summary="Decided cases in memory, read from a file at start; nothing is written.",
    )


@asynccontextmanager
async def open_store(settings: MemorySettings, services: Services) -> AsyncIterator[PrecedentStore]:
    """Yield the store with the cases of `settings.file`.

    Raises EleanorError if there is no embedder or no backend, or if the file cannot be used.
    """
    if services.embedder is None or services.backend is None:
        missing = "embedder" if services.embedder is None else "backend"
        msg = (
            f"precedents/memory (eleanor-precedents-memory) needs a backend and an embedder to "
            f"compare cases, and no {missing} is running: enable one, or block precedents/memory"
        )
        raise EleanorError(msg)
    store = MemoryStore(embedder=services.embedder, backend=services.backend)
    if settings.file is not None:
        await store.extend(read_cases(settings.file))
    yield store
