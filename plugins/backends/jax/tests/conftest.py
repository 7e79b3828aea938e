"""Four virtual devices on the CPU, and the one event loop that a backend's tests need."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

# Who runs the tests of all plugins need not have this one; `nox -s backends` has, and insists.
collect_ignore_glob = [] if find_spec("eleanor_backends_jax") else ["test_*.py"]

# Read when jax first looks for devices, so before any test imports it.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
)


@pytest.fixture
def anyio_backend() -> str:
    """One loop: a backend is called as a function is, and sees none."""
    return "asyncio"
