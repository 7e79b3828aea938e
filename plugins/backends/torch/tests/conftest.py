"""Whether this dist is there, and the one event loop that its tests need."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

# Who runs the tests of all plugins need not have this one; `nox -s backends` has, and insists.
collect_ignore_glob = [] if find_spec("eleanor_backends_torch") else ["test_*.py"]


@pytest.fixture
def anyio_backend() -> str:
    """One loop: a backend is called as a function is, and sees none."""
    return "asyncio"
