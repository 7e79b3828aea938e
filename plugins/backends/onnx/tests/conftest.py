"""Both event loops for every async test."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

# Who runs the tests of all plugins need not have this one; `nox -s backends` has, and insists.
collect_ignore_glob = [] if find_spec("eleanor_backends_onnx") else ["test_*.py"]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run async tests on both loops."""
    return str(request.param)
