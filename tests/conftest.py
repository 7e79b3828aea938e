"""Both event loops for every async test, and what makes a run quick on a shared machine.

Hypothesis has profiles. Temporary folders lie in memory where there is room. Each worker of a run
has one processor, and so does the algebra in it. What was collected is not looked through for
garbage.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# Two workers whose libraries start a thread for each processor spend most of the time waiting.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

MEMORY = Path("/dev/shm")
ENOUGH = 1 << 30
"""Bytes: a whole run needs an eighth of that."""

# Logs sync every record and every test deletes its folder, for which most disks take milliseconds.
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

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


# Nothing of what is imported and collected is garbage.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage from here on, among what the tests make and not in all that is here."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _own_options() -> None:
    """Ask of the pytest runs that tests start nothing of what was asked of this one."""
    os.environ.pop("PYTEST_ADDOPTS", None)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run async tests on both loops."""
    return str(request.param)
