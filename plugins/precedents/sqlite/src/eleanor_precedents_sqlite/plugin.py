"""The hook and the settings. What works on the file is imported when the store is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files

import anyio
from pydantic import Field

from eleanor_core.api import (
    EleanorError,
    PluginSettings,
    PrecedentsDeclaration,
    PrecedentStore,
    Services,
    Storage,
    hookimpl,
)

FILE = "precedents.sqlite3"
"""The file's name in the plugin's folder."""


class SqliteSettings(PluginSettings):
    """What the store holds at first, and how long it waits for others."""

    starter: bool = Field(
        default=False,
        description="Add the written examples that come with the store. They stay until retired.",
    )
    busy_timeout: float = Field(
        default=5.0,
        ge=0.0,
        le=600.0,
        description="Seconds to wait for another process that is writing to the file.",
    )
    storage: Storage = Field(
        default="float32",
        description="How the backend holds the vectors. The best are compared again in float32.",
    )


@hookimpl
def eleanor_register_precedents() -> Iterable[PrecedentsDeclaration]:
    """Declare the store `sqlite`."""
    yield PrecedentsDeclaration(
        name="sqlite",
        factory=open_store,
        settings=SqliteSettings,
        summary="Decided cases in one SQLite file: every version kept, exact search.",
    )


@asynccontextmanager
async def open_store(settings: SqliteSettings, services: Services) -> AsyncIterator[PrecedentStore]:
    """Open the file in `services.data_dir` and yield the store.

    Raises EleanorError if there is no embedder or no backend, or if the file cannot be used.
    """
    if services.embedder is None or services.backend is None:
        missing = "embedder" if services.embedder is None else "backend"
        msg = (
            f"precedents/sqlite (eleanor-precedents-sqlite) needs a backend and an embedder to "
            f"compare cases, and no {missing} is running: enable one, or block precedents/sqlite"
        )
        raise EleanorError(msg)
    from eleanor_precedents_sqlite.session import open_sessions  # noqa: PLC0415 -- at first use
    from eleanor_precedents_sqlite.store import SqliteStore  # noqa: PLC0415 -- at first use
    from eleanor_precedents_sqlite.threads import Threads  # noqa: PLC0415 -- at first use

    threads = Threads()
    path = services.data_dir / FILE
    sessions = await threads.write(open_sessions, path, settings.busy_timeout)
    try:
        store = SqliteStore(
            sessions,
            threads,
            backend=services.backend,
            embedder=services.embedder,
            storage=settings.storage,
            log=services.log,
        )
        if settings.starter:
            await store.add_examples(_starter())
        await store.load()
        async with store.questions, anyio.create_task_group() as group:
            group.start_soon(store.serve)
            yield store
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            # The last one to close tidies the file up, and that must be one that may write.
            for session in reversed(sessions):
                await threads.write(session.close)


def _starter() -> list[str]:
    return files(__package__).joinpath("starter.jsonl").read_text("utf-8").split("\n")
