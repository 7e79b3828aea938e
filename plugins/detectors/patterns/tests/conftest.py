"""Fixtures: the detectors behind one real scan, as the engine runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import anyio
import pytest
import structlog
from eleanor_detectors_patterns import (
    citations,
    disclosure,
    hidden_text,
    injection,
    language,
    overclaim,
    personal_data,
    quantities,
    readability,
    secrets,
)

from eleanor_core.api import Case, DetectorDeclaration, DetectorResult, InlineDetector, Services
from eleanor_core.pipeline.scan import Scanner

MODULES = (
    citations,
    disclosure,
    hidden_text,
    injection,
    language,
    overclaim,
    personal_data,
    quantities,
    readability,
    secrets,
)


@pytest.fixture
def anyio_backend() -> str:
    """One loop: these detectors are called inline and see none; the kit's own voices run on both."""
    return "asyncio"


@pytest.fixture(scope="session")
def declarations() -> dict[str, DetectorDeclaration]:
    """Return the declarations of all hooks, by name."""
    found = [one for module in MODULES for one in module.eleanor_register_detectors()]
    return {declaration.name: declaration for declaration in found}


@pytest.fixture(scope="session")
def scanner(declarations: dict[str, DetectorDeclaration]) -> Scanner:
    """Return a scanner that holds the patterns of all."""
    return Scanner({name: one.patterns for name, one in declarations.items()})


@pytest.fixture(scope="session")
def judge(
    declarations: dict[str, DetectorDeclaration],
    scanner: Scanner,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, str], DetectorResult]:
    """Return what the named detector says of a text."""
    services = Services(data_dir=tmp_path_factory.mktemp("data"), log=structlog.get_logger())

    async def opened() -> dict[str, InlineDetector]:
        detectors: dict[str, InlineDetector] = {}
        for name, declaration in declarations.items():
            async with declaration.factory(declaration.settings(), services) as detector:
                detectors[name] = cast("InlineDetector", detector)
        return detectors

    detectors = anyio.run(opened)

    def judged(name: str, text: str) -> DetectorResult:
        scan = scanner.scan(text)
        return detectors[name](Case(text=text, views=scan.views, hits=scan.hits[name]))

    return judged
