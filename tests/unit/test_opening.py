"""Opening the evidence sinks alone: a sink that should run and does not is told, with the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from eleanor_core import EvidenceUnavailable, Settings, open_evidence
from eleanor_core.api import EvidenceDeclaration, PluginSettings, Services, hookimpl
from eleanor_core.testing import MemoryLog

pytestmark = pytest.mark.anyio


class Plugin:
    """Declares one sink; `fault`: why it does not start."""

    def __init__(self, name: str, fault: str = "") -> None:
        @asynccontextmanager
        async def factory(_: PluginSettings, _services: Services) -> AsyncIterator[MemoryLog]:
            if fault:
                raise OSError(fault)
            yield MemoryLog()

        self._declaration = EvidenceDeclaration(name=name, factory=factory, summary="For a test.")

    @hookimpl
    def eleanor_register_evidence(self) -> list[EvidenceDeclaration]:
        return [self._declaration]


def settings(home: Path, *sinks: str) -> Settings:
    return Settings.model_validate(
        {"home": home, "plugins": {"exact": []}, "evidence": {"sinks": sinks}}
    )


@pytest.mark.parametrize("named", [(), ("broken", "sound")])
async def test_a_sink_that_does_not_start_is_told(tmp_path: Path, named: tuple[str, ...]) -> None:
    plugins = Plugin("broken", "the disk is gone"), Plugin("sound")
    with capture_logs() as said:
        async with open_evidence(settings(tmp_path, *named), plugins=plugins) as sinks:
            assert list(sinks) == ["sound"]
    (line,) = [line for line in said if line["event"] == "evidence.sink_not_running"]
    assert (line["log_level"], line["sink"]) == ("warning", "broken")
    assert "the disk is gone" in line["reason"]


async def test_a_sink_that_is_not_enabled_is_told(tmp_path: Path) -> None:
    pytest.importorskip("eleanor_evidence_local", reason="it stands for one that is not enabled")
    with capture_logs() as said:
        wanted = settings(tmp_path, "sound", "local")
        async with open_evidence(wanted, plugins=[Plugin("sound")]) as sinks:
            assert list(sinks) == ["sound"]
    (line,) = [line for line in said if line["event"] == "evidence.sink_not_running"]
    assert (line["sink"], line["reason"]) == ("local", "evidence/local is not enabled")


async def test_without_any_sink_the_reason_is_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(EvidenceUnavailable, match="the disk is gone"):
        async with open_evidence(
            settings(tmp_path), plugins=[Plugin("broken", "the disk is gone")]
        ):
            pass
