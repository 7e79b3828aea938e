"""Leaves out what this environment is not for, so that it does not show up as a skip.

`test_bare.py` is for an environment with the core alone, `test_wheels.py` for one with built
wheels of everything. nox makes both; in a development environment there is neither.
"""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = {dist.metadata["Name"] for dist in distributions()}
PLUGINS = {name for name in INSTALLED if name.startswith("eleanor-")} - {"eleanor-core"}


def _from_sources() -> bool:
    spec = find_spec("eleanor_core")
    # nox keeps its environments inside the repository: only the folder itself is the source.
    return spec is None or spec.origin is None or Path(spec.origin).parent == ROOT / spec.name


collect_ignore = []
if PLUGINS:
    collect_ignore.append("test_bare.py")
if _from_sources():
    collect_ignore.append("test_wheels.py")
if sys.platform != "linux":
    # The tutorial says what to write there; the test runs it as it stands.
    collect_ignore.append("test_rename.py")
