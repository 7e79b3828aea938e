"""`_repr_html_`: what a notebook shows of a judgement, and that nothing in it can do harm."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.judging import judge
from support.panels import Member, failing_detector

from eleanor_core._html import html
from eleanor_core.api import Gap
from eleanor_core.codec import from_json, to_json
from eleanor_core.model import (
    Abstention,
    Assessment,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    Dissent,
    Escalation,
    Gate,
    PrecedentAlignment,
    UncertaintyAnalysis,
)

TAGS = {
    *("div", "span", "b", "i", "code", "bdi", "table", "tr", "td", "th"),
    *("details", "summary"),
}
ATTRIBUTES = {"style", "scope", "open"}
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\"' & \x1b[2J\u202e"


class Page(HTMLParser):
    """Collects what a page is made of, and checks that every element is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._open.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(page: str) -> Page:
    """Read a page and check that it holds nothing but text, tables and styles."""
    read = Page(page)
    assert read.tags <= TAGS
    assert set(read.attributes) <= ATTRIBUTES
    for style in read.attributes["style"]:
        assert "url" not in style
        assert "expression" not in style
    return read


def assessment(said: str = "It says so.", **changes: object) -> Assessment:
    violation = CriticViolation(clause="D2", severity=3, rationale=said or "-", span=(3, 9))
    fields: dict[str, object] = {
        "trace_id": said or "t",
        "decision": "deny",
        "summary": said or "-",
        "gate": Gate(open=False, tier=3, requires="determination"),
        "constraints": (),
        "critics": {
            "rights": CriticResult(
                critic="rights",
                score=0.95,
                confidence=0.8,
                violations=(violation,),
                justification=said,
                not_assessed=(Gap(concern=said or "-", reason="no-evidence"),),
            ),
            "lost": Abstention(voice="lost", reason="raised", detail=said),
            (said or "name"): CriticResult(critic="quiet", score=0.02, confidence=0.9),
        },
        "detectors": {
            "injection": DetectorResult(
                detector="injection",
                score=0.9,
                signals=(DetectorSignal(detector="injection", category=said or "-", note=said),),
            )
        },
        "dissent": (Dissent(critic="rights", justification=said, violations=(violation,)),),
        "escalations": (
            Escalation(critic=said or "-", clause="D2", tier=3, rationale=said or "-"),
        ),
        "precedent": PrecedentAlignment(),
        "uncertainty": UncertaintyAnalysis(reasons=(said,)),
    }
    return Assessment(**(fields | changes))  # type: ignore[arg-type] # fields by name


def test_a_judgement_of_the_engine_is_shown_whole() -> None:
    panel = [
        Member(inline=True).plugin("calm"),
        Member(fault="raises", inline=True).plugin("lost"),
        failing_detector("witness"),
    ]
    read = harmless(judge(panel)._repr_html_())
    for said in ("! REVIEW", "closed (tier 2)", "acknowledge", "? abstained", "raised", "trace"):
        assert said in read.text


def test_what_was_said_is_shown_with_clause_span_gap_and_demand() -> None:
    text = harmless(html(assessment())).text
    for said in (
        *("✗ DENY", "D2 degradation at 3-9: It says so.", "█ grave", "0.95"),
        *(
            "not assessed: It says so. (no-evidence)",
            "decide",
            "1 signal",
            "rights, kept word for word",
        ),
    ):
        assert said in text
    assert text.index("rights█") < text.index("lost? abstained")


@pytest.mark.parametrize("decision", ["allow", "constrain", "review", "deny"])
@pytest.mark.parametrize(
    "requires", ["acknowledgement", "determination", "prohibited", "record", None]
)
def test_every_decision_and_every_gate_has_a_sign_and_a_word(decision: str, requires: str) -> None:
    gate = Gate(open=requires is None, requires=requires)  # type: ignore[arg-type] # one of them
    text = harmless(html(assessment(decision=decision, gate=gate))).text
    assert decision.upper() in text
    assert ("open" if requires is None else "closed") in text


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"])) | st.just(HOSTILE))
def test_nothing_that_was_said_can_leave_its_place(said: str) -> None:
    read = harmless(html(assessment(said)))
    unsafe = {"Cc", "Cf", "Cn", "Co", "Zl", "Zp"}
    assert not {unicodedata.category(character) for character in read.text} & unsafe
    if said.isprintable():
        assert said in read.text


def test_markup_is_shown_as_it_was_written() -> None:
    page = html(assessment(HOSTILE))
    assert "<script" not in page
    assert "<img" not in page
    assert "<script>alert(1)</script><img src=x onerror=alert(1)>" in Page(page).text


@pytest.mark.parametrize(
    "value",
    [
        CriticResult(critic="rights", score=0.2, confidence=0.5, justification="Calm."),
        DetectorResult(detector="injection", score=0.2),
        Abstention(voice="risk", reason="deadline", detail="after 5 s"),
    ],
)
def test_a_voice_alone_is_shown_too(value: CriticResult | DetectorResult | Abstention) -> None:
    text = harmless(value._repr_html_()).text
    assert any(name in text for name in ("rights", "injection", "risk"))


def test_what_came_over_the_wire_is_shown_the_same() -> None:
    made = assessment()
    assert html(from_json(to_json(made), Assessment)) == html(made)


def test_another_value_has_no_such_form() -> None:
    with pytest.raises(TypeError, match="Gate has no HTML form"):
        html(Gate(open=True))


def test_nobody_loads_it_who_shows_nothing() -> None:
    code = "import sys, eleanor_core.engine; print('eleanor_core._html' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
