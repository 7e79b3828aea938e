"""DESIGN 5, rule 4: redaction is applied once, before anything is aggregated, shown or stored."""

from __future__ import annotations

import json

import anyio
import pytest
from support.judging import TEXT, MemoryLog, judge, with_engine
from support.stores import store_plugins

from eleanor_core._redaction import Cleaner, Redaction
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
from eleanor_core.testing import Harness, critic_plugin, detector_plugin

pytestmark = pytest.mark.anyio

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
    detector_plugin("informer", _informer, categories={"token": "a key"}),
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


ODD = ("  both ends \t", "two\n\nlines\r\n", "\u202eturned\u200b", "e\u0301 and \ufb01", "a" * 5000)


@pytest.mark.parametrize("said", ODD)
def test_nothing_else_is_changed_in_what_a_critic_says(said: str) -> None:
    def odd(_case: Case, /) -> CriticResult:
        return CriticResult(
            critic="odd",
            score=0.7,
            confidence=0.9,
            justification=said,
            violations=(CriticViolation(clause="K4", severity=2, rationale=said),),
            escalations=(EscalationSignal(clause="K4", tier=2, rationale=said),),
        )

    for beside in ([], VOICES):
        assessment = judge([critic_plugin("odd", odd), *beside])
        dissent = next(item for item in assessment.dissent if item.critic == "odd")
        assert dissent.justification.encode() == said.encode()
        assert dissent.violations[0].rationale.encode() == said.encode()
        assert said in {item.rationale for item in assessment.escalations}


@pytest.mark.parametrize("text", [TEXT, f"Use {SECRET}.", " \t odd  spacing \r\n"])
def test_the_record_keeps_the_length_and_the_rest_of_the_text(text: str) -> None:
    log = MemoryLog()
    judge([*VOICES, log], text=text)
    kept = json.loads(log.records[-1].payload or b"{}")["case"]["value"]["text"]
    assert kept == text.replace(SECRET, "*" * len(SECRET))


def test_a_pattern_with_an_anchor_masks_each_word_of_a_voice_alone() -> None:
    anchored = Pattern(id="whole", regex=r"^tok-[0-9]{20}$", redact=True)

    def teller(_case: Case, /) -> CriticResult:
        violation = CriticViolation(clause="D2", severity=1, rationale=SECRET)
        return CriticResult(
            critic="teller", score=0.6, confidence=0.9, justification="x", violations=(violation,)
        )

    told = judge([critic_plugin("teller", teller, patterns=(anchored,))])
    assert told.constraints[0].text == "*" * len(SECRET)


def test_a_secret_in_the_domain_is_masked_in_what_the_stages_say() -> None:
    log = MemoryLog()
    assessment = judge([*VOICES, log], context={"domain": SECRET, "impact": "high"})
    assert {"U3"} <= {item.clause for item in assessment.escalations}
    assert SECRET not in repr(assessment)
    assert SECRET.encode() not in b"".join(record.payload or b"" for record in log.records)


def test_names_and_clauses_are_no_words_to_mask() -> None:
    greedy = Pattern(id="greedy", regex=r"\b(?:K4|informed|raised)\b|no-evidence", redact=True)

    def informed(_case: Case, /) -> CriticResult:
        return CriticResult(
            critic="informed",
            score=0.7,
            confidence=0.9,
            justification="informed of K4",
            violations=(CriticViolation(clause="K4", severity=1, rationale="K4"),),
            not_assessed=(Gap(concern="no-evidence", reason="no-evidence"),),
        )

    voice = critic_plugin("informed", informed, patterns=(greedy,), gaps=GAPS)
    assessment = judge([voice, critic_plugin("failing", _failing)])
    (dissent,) = assessment.dissent
    assert (dissent.critic, dissent.justification) == ("informed", "******** of **")
    assert (dissent.violations[0].clause, dissent.violations[0].rationale) == ("K4", "**")
    outcome = assessment.critics["informed"]
    assert isinstance(outcome, CriticResult)
    assert outcome.not_assessed == (Gap(concern="*" * 11, reason="no-evidence"),)


def test_of_two_known_passages_the_longer_one_is_hidden_first() -> None:
    cleaner = Cleaner(Redaction(), ("YWJj", "YWJjZGVm"))
    assert cleaner.text("it says YWJjZGVm and YWJj") == "it says ******** and ****"


async def test_a_text_that_was_never_scanned_is_not_recorded(harness: Harness) -> None:
    log = MemoryLog()
    text = "word " * 5_000
    async with harness(plugins=[*VOICES, log]) as engine:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await engine.run(text=text)
    assert json.loads(log.records[-1].leaf)["kind"] == "abandoned"
    kept = json.loads(log.records[-1].payload or b"{}")["case"]["value"]["text"]
    assert kept == "*" * len(text)
