"""One event loop: what waits here is the core's `Batcher`, which is tested on both."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, since each reads the weights anew; see the test on both."""
    return "asyncio"
