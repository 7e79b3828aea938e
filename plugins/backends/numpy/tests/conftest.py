"""The one event loop that a backend's tests need."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """One loop: a backend is called as a function is, and sees none."""
    return "asyncio"
