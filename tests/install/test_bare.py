"""The core and nothing else: it starts, says what it lacks, and never allows."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from eleanor_core import (
    Action,
    EleanorEngine,
    EvidenceUnavailable,
    Execution,
    NoPanel,
    SettingsError,
)
from eleanor_core.api import KINDS, Case, CriticResult
from eleanor_core.errors import RequiredPluginError
from eleanor_core.testing import Harness, critic_plugin, make_case

pytestmark = [pytest.mark.bare, pytest.mark.anyio]
HEAVY = ("numpy", "torch", "jax", "hvac", "boto3", "transformers")


async def test_it_starts_and_says_what_it_lacks(tmp_path: Path) -> None:
    async with EleanorEngine({"home": str(tmp_path)}) as engine:
        assert not engine.broken
        assert not any(engine.registry.loaded.values())
        for call in (engine.run(text="Take out the trash."), anext(engine.stream(text="Hello."))):
            with pytest.raises(NoPanel, match="eleanor-critics-constitutional"):
                await call
        with pytest.raises(EvidenceUnavailable, match="evidence sink"):
            _ = engine.evidence


async def test_what_the_settings_name_and_nobody_installed_is_broken(tmp_path: Path) -> None:
    settings = {"home": str(tmp_path), "plugins": {"enable": ["critics/rights", "backends/torch"]}}
    async with EleanorEngine(settings) as engine:
        told = {item.ref: item.text for item in engine.broken}
        assert set(told) == {"critics/rights", "backends/torch"}
        assert all("not installed" in text and "Install the dist" in text for text in told.values())
        rows = {row.ref: row.status for row in engine.registry.rows()}
        assert rows["critics/rights"] == "broken"
        # A critic that is asked for by name and is not there is a fault, and no missing panel.
        with pytest.raises(EvidenceUnavailable) as caught:
            await engine.run(text="Take out the trash.")
        assessment = caught.value.assessment
        assert assessment is not None
        assert (assessment.decision, assessment.gate.open) == ("review", False)


async def test_what_is_required_must_be_there(tmp_path: Path) -> None:
    settings = {"home": str(tmp_path), "plugins": {"require": ["critics/rights"]}}
    with pytest.raises(RequiredPluginError, match="critics/rights"):
        EleanorEngine(settings)
    with pytest.raises(SettingsError, match="rights"):
        EleanorEngine({"home": str(tmp_path), "critics": {"rights": {"deadline": 1.0}}})


async def test_the_kit_works_beside_the_core_alone(harness: Harness) -> None:
    def brief(case: Case, /) -> CriticResult:
        return CriticResult(critic="brief", score=0.02 if case.text else 0.9, confidence=0.9)

    async def empty(execution: Execution) -> str:
        return f"{execution.text} Done."

    assert brief(make_case("Hello.")).severity == 0
    async with harness(plugins=[critic_plugin("brief", brief)]) as engine:
        assessment = await engine.run(text="Take out the trash.")
        assert assessment.decision == "allow"
        action = Action(name="bins.empty", run=empty, text="Take out the trash.")
        executed = await engine.execute(await engine.executable(assessment, action), action)
        assert executed.value == "Take out the trash. Done."


@pytest.mark.parametrize("module", ["eleanor_core", "eleanor_core.engine", "eleanor_core.testing"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    probe = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=os.environ
    )
    assert run.stdout.strip() == "[]"


def test_the_core_brings_no_plugin_of_its_own() -> None:
    assert not [point for kind in KINDS for point in entry_points(group=f"eleanor.{kind}")]
