"""A real server for all tests of this folder, and a log of its own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import count
from pathlib import Path
from typing import TypeAlias

import pytest
import structlog
from eleanor_evidence_postgres import PostgresSettings, open_log

from eleanor_core.api import EvidenceSink, Services
from eleanor_core.testing import PostgresServer

OpenLog: TypeAlias = Callable[..., AbstractAsyncContextManager[EvidenceSink]]
_numbers = count()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run async tests on both loops."""
    return str(request.param)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    if missing := PostgresServer.missing():
        pytest.skip(missing)
    with PostgresServer() as server:
        yield server


@pytest.fixture
def chosen(server: PostgresServer) -> dict[str, object]:
    """Settings that lead to a log of its own."""
    return {**server.address, "schema_name": f"log_{next(_numbers)}"}


@pytest.fixture
def open_it(chosen: dict[str, object], tmp_path: Path) -> OpenLog:
    """Open the log with the settings given beside `chosen`."""

    def opened(**settings: object) -> AbstractAsyncContextManager[EvidenceSink]:
        services = Services(data_dir=tmp_path, log=structlog.get_logger("test"))
        return open_log(PostgresSettings.model_validate({**chosen, **settings}), services)

    return opened
