"""DESIGN 5, rule 4: redaction is applied once, before anything is aggregated, shown or stored."""

from __future__ import annotations

import json

import pytest
from support.judging import TEXT, MemoryLog, judge, with_engine
from support.stores import store_plugins

from eleanor_core.api import (
    Case,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    EscalationSignal,
    Gap,
    Pattern,
)
from eleanor_core.engine import EleanorEngine
from eleanor_core.model import PrecedentCase
from eleanor_core.testing import critic_plugin, detector_plugin

# Put together at run time, so that no scanner takes this file for a leak.
SECRET = "".join(("tok", "-", "7" * 20))
SHAPE = Pattern(id="token", regex=r"tok-[0-9]{20}", redact=True)
GAPS = {"no-evidence": "nothing to compare with"}


def _tattler(case: Case, /) -> CriticResult:
    """Repeat the secret wherever a critic may write."""
    del case
    return CriticResult(
        critic="tattler",
        score=0.7,
        confidence=0.9,
        justification=f"it holds {SECRET}",
        violations=(CriticViolation(clause="K4", severity=2, rationale=f"{SECRET} is unsafe"),),
        escalations=(EscalationSignal(clause="K4", tier=2, rationale=f"because of {SECRET}"),),
        not_assessed=(Gap(concern=f"whether {SECRET} works", reason="no-evidence"),),
    )


def _failing(_case: Case, /) -> CriticResult:
    raise ValueError(f"cannot read {SECRET}")


def _informer(_case: Case, /) -> DetectorResult:
    signal = DetectorSignal(
        detector="informer", category="token", severity=2, note=f"it is {SECRET}"
    )
    return DetectorResult(detector="informer", score=0.9, signals=(signal,))


VOICES = [
    critic_plugin("tattler", _tattler, patterns=(SHAPE,), gaps=GAPS),
    critic_plugin("failing", _failing),
    detector_plugin("informer", _informer),
]


def test_no_voice_repeats_a_secret_anywhere() -> None:
    log = MemoryLog()
    history = [
        PrecedentCase(id="p1", text=f"Use {SECRET}.", outcome="deny", reason=f"it was {SECRET}")
    ]
    plugins = [*VOICES, *store_plugins(history), log]

    async def both(engine: EleanorEngine) -> str:
        events = [repr(event) async for event in engine.stream(text=f"Use {SECRET}.")]
        assessment = await engine.run(text=f"Use {SECRET}.", context={"note": SECRET})
        return "".join(
            [*events, repr(assessment), repr(assessment.critics), repr(assessment.detectors)]
        )

    told = with_engine(plugins, both)
    stored = b"".join(record.leaf + (record.payload or b"") for record in log.records)
    assert SECRET not in told
    assert SECRET.encode() not in stored
    mask = "*" * len(SECRET)
    for said in ("it holds", "is unsafe", "because of", "whether", "cannot read", "it is"):
        assert said in told
    assert mask in told
    assert mask.encode() in stored


def test_dissent_is_what_the_critic_wrote_but_for_the_mask() -> None:
    (dissent,) = judge(VOICES).dissent
    mask = "*" * len(SECRET)
    assert dissent.justification == f"it holds {mask}"
    assert dissent.violations[0].rationale == f"{mask} is unsafe"


@pytest.mark.parametrize("text", [TEXT, f"Use {SECRET}.", " \t odd  spacing \r\n"])
def test_the_record_keeps_the_length_and_the_rest_of_the_text(text: str) -> None:
    log = MemoryLog()
    judge([*VOICES, log], text=text)
    kept = json.loads(log.records[-1].payload or b"{}")["case"]["value"]["text"]
    assert kept == text.replace(SECRET, "*" * len(SECRET))
