"""Both event loops for every async test, and a store with what a default installation gives it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
import structlog
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite.plugin import SqliteSettings, open_store
from eleanor_precedents_sqlite.store import SqliteStore

from eleanor_core.api import Embedder, Services

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run async tests on both loops."""
    return str(request.param)


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Open the store in `tmp_path`, or in a folder that is given."""

    @asynccontextmanager
    async def open_it(
        folder: Path = tmp_path, embedder: Embedder | None = None, **settings: object
    ) -> AsyncIterator[SqliteStore]:
        services = Services(
            data_dir=folder,
            log=structlog.get_logger(),
            backend=NumpyBackend(),
            embedder=embedder or HashingEmbedder(),
        )
        async with open_store(SqliteSettings.model_validate(settings), services) as store:
            assert isinstance(store, SqliteStore)
            yield store

    return open_it
