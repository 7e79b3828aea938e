"""Both event loops for every async test, and Hypothesis profiles for a shared machine."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "default",
    # Few, because everybody runs them all the time; `long` is what `nox -s long` and CI run.
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("long", parent=settings.get_profile("default"), max_examples=100)
settings.register_profile("lives", parent=settings.get_profile("default"), max_examples=500)
settings.register_profile(
    "mutants",
    parent=settings.get_profile("default"),
    max_examples=25,
    derandomize=True,
    database=None,
    # That a test fails is all that counts there, and not the smallest example.
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True, scope="session")
def _own_options() -> None:
    """Ask of the pytest runs that tests start nothing of what was asked of this one."""
    os.environ.pop("PYTEST_ADDOPTS", None)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run async tests on both loops."""
    return str(request.param)
