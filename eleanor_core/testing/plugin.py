"""The pytest plugin: the `harness` fixture, the YAML cases, and devices that must be there.

pytest imports this module at its start, in every project beside which the core is installed. So it
imports nothing of the engine, and takes no file that is not marked as ours by its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eleanor_core.testing.cases import CaseFile
    from eleanor_core.testing.harness import Harness

CASE_FOLDER = "eleanor_cases"
CASE_SUFFIX = ".eleanor.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--require-device`."""
    parser.getgroup("eleanor").addoption(
        "--require-device",
        action="append",
        default=[],
        metavar="BACKEND:DEVICE",
        help="a device, as in torch:cuda, whose absence fails the contract tests of its backend "
        "instead of skipping them; may be given several times",
    )


def required_devices(config: pytest.Config) -> frozenset[str]:
    """Return what `--require-device` names."""
    return frozenset(config.getoption("--require-device"))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseFile | None:
    """Collect `*.eleanor.yaml`, and every `*.yaml` in a folder called `eleanor_cases`."""
    in_folder = file_path.parent.name == CASE_FOLDER and file_path.suffix == ".yaml"
    if not (in_folder or file_path.name.endswith(CASE_SUFFIX)):
        return None
    from eleanor_core.testing.cases import CaseFile  # noqa: PLC0415 -- see the module's docstring

    return CaseFile.from_parent(parent, path=file_path)


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    """Return a `Harness` whose engines keep their state in the test's own folder."""
    from eleanor_core.testing.harness import Harness  # noqa: PLC0415 -- see the module's docstring

    return Harness(tmp_path / "eleanor-home")
