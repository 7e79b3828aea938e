"""The harness, the log in memory and the makers of the kit."""

from __future__ import annotations

import pickle
from pathlib import Path

import anyio.lowlevel
import pytest

import eleanor_core.testing
from eleanor_core.api import Case, CriticResult, DetectorSignal, Pattern, SealedRecord
from eleanor_core.errors import EvidenceUnavailable, NoPanel
from eleanor_core.testing import (
    Harness,
    LetterEmbedder,
    MemoryLog,
    critic_plugin,
    detector_plugin,
    make_case,
)
from eleanor_core.testing.sinks import make_record


def content(case: Case) -> CriticResult:
    """Object to nothing."""
    return CriticResult(critic="content", score=0.1, confidence=0.5, justification=case.kind)


async def patient(case: Case) -> CriticResult:
    """Wait, then object to nothing."""
    await anyio.lowlevel.checkpoint()
    return CriticResult(critic="patient", score=0.1, confidence=0.5, justification=case.domain)


@pytest.mark.anyio
async def test_runs_the_named_plugins_and_no_others(harness: Harness) -> None:
    log = MemoryLog()
    plugins = [critic_plugin("content", content), critic_plugin("patient", patient), log]
    async with harness(plugins=plugins) as engine:
        assessment = await engine.run(text="Take out the trash.", context={"domain": "general"})
    assert assessment.decision == "allow"
    assert list(assessment.critics) == ["content", "patient"]
    assert not assessment.detectors
    assert assessment.evidence is not None
    assert assessment.evidence.record_id == log.records[-1].record_id


@pytest.mark.anyio
async def test_takes_installed_plugins_by_name(harness: Harness) -> None:
    async with harness(plugins=["critics/nobody-has-this"]) as engine:
        assessment = await engine.run(text="Take out the trash.")
    assert assessment.critics["nobody-has-this"].reason == "broken"
    assert assessment.decision == "review"


@pytest.mark.anyio
async def test_a_log_is_added_and_settings_reach_the_engine(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEANOR_LIMITS__TEXT_BYTES", "1")
    plugins = [critic_plugin("content", content)]
    settings = {"critics": {"content": {"thresholds": {"objection": 0.05}}}}
    async with harness(plugins=plugins, settings=settings) as engine:
        assert (await engine.run(text="Take out the trash.")).decision == "constrain"
        assert isinstance(engine.evidence, MemoryLog)
        assert engine.settings.home == harness.home


@pytest.mark.anyio
async def test_without_a_critic_nothing_is_judged(harness: Harness) -> None:
    async with harness() as engine:
        with pytest.raises(NoPanel):
            await engine.run(text="Take out the trash.")


@pytest.mark.anyio
async def test_a_full_log_closes_the_gate(harness: Harness) -> None:
    full = MemoryLog(room=1)
    async with harness(plugins=[critic_plugin("content", content), full]) as engine:
        while len(full.records) < 1:
            await engine.run(text="Take out the trash.")
        with pytest.raises(EvidenceUnavailable) as lost:
            await engine.run(text="Take out the trash.")
    assert lost.value.assessment is not None
    assert not lost.value.assessment.gate.open


@pytest.mark.anyio
async def test_a_full_log_raises_what_a_full_disk_raises() -> None:
    with pytest.raises(OSError, match="No space|full"):
        await MemoryLog(room=0).append(make_record(1))


@pytest.mark.anyio
async def test_the_log_finds_an_altered_leaf() -> None:
    log = MemoryLog()
    for number in range(5):
        await log.append(make_record(number))
    forged = SealedRecord(record_id="forged", leaf_hash=make_record(9).leaf_hash, leaf=b"{}")
    sound = await log.verify()
    await log.append(forged)
    report = await log.verify()
    assert sound.sound
    assert [finding.where for finding in report.findings] == ["record 5"]
    assert report.root != sound.root


@pytest.mark.anyio
async def test_roots_are_those_of_rfc_6962() -> None:
    # The tree of seven leaves of RFC 6962, section 2.1.3, has no published hashes; these two are
    # the SHA-256 of the empty string and of one leaf.
    log = MemoryLog()
    assert (await log.verify()).root.startswith("e3b0c44298fc1c14")
    record = make_record(1)
    await log.append(record)
    assert (await log.verify()).root == record.leaf_hash


def test_a_case_comes_from_the_real_scan() -> None:
    pattern = Pattern(id="stop", regex="(?i)stop")
    signal = DetectorSignal(detector="loud", category="shouting")
    case = make_case(
        "Please stop.",
        kind="action",
        context={"a": [1]},
        patterns=[pattern],
        signals=[signal],
        embedding=LetterEmbedder().vector("Please stop."),
    )
    assert [(hit.pattern, hit.span, hit.view) for hit in case.hits] == [("stop", (7, 11), "text")]
    assert case.views[0].text == case.text
    assert case.context["a"] == (1,)
    assert case.signals == (signal,)
    assert case.embedding is not None
    assert hash(case.context) == hash(make_case("x", context={"a": [1]}).context)


def test_a_voice_runs_as_its_function_is_made() -> None:
    assert critic_plugin("content", content).declaration.execution == "inline"
    assert critic_plugin("patient", patient).declaration.execution == "task"
    assert detector_plugin("content", content, execution="thread").declaration.execution == "thread"


def test_a_factory_travels_to_another_process() -> None:
    factory = critic_plugin("content", content, execution="process").declaration.factory
    assert pickle.loads(pickle.dumps(factory)) == factory


def test_the_kit_offers_what_it_lists(tmp_path: Path) -> None:
    for name in eleanor_core.testing.__all__:
        assert getattr(eleanor_core.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = eleanor_core.testing.Nothing
    assert Harness(tmp_path).home == tmp_path
