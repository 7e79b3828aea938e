"""The laid-out result: marks in the text, who stands where, narrow, wide and coloured."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from eleanor_cli.marks import Marks
from eleanor_cli.quote import Mark, Quoter
from eleanor_cli.show import show
from eleanor_core.model import (
    Abstention,
    Assessment,
    Constraint,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    Dissent,
    Escalation,
    EscalationSignal,
    EvidenceRef,
    Gap,
    Gate,
    PrecedentAlignment,
    UncertaintyAnalysis,
)

TEXT = "First a worrying word, then a grave one, and a signal."
COLOURS = {"0;158;115", "230;159;0", "204;121;167", "213;94;0", "86;180;233"}
"""Those of Okabe and Ito that are used, as a terminal is told."""


def violation(clause, severity, span, rationale="It is said so."):
    return CriticViolation(clause=clause, severity=severity, span=span, rationale=rationale)


def critic(name, *violations, gaps=(), score=None, said=""):
    return CriticResult(
        critic=name,
        score=0.9 if violations else 0.02 if score is None else score,
        confidence=0.8,
        violations=violations,
        justification=said,
        not_assessed=gaps,
        escalations=tuple(
            EscalationSignal(clause="D2", tier=3, rationale="A human decides.")
            for item in violations
            if item.clause == "D2"
        ),
    )


def detector(name, *spans):
    signals = tuple(
        DetectorSignal(detector=name, category="word", span=span, note="A note.") for span in spans
    )
    return DetectorResult(detector=name, score=0.9 if spans else 0.02, signals=signals)


def judged(critics=(), testimony=(), **changes):
    """An assessment of these outcomes: who has a violation dissents."""
    heard = {getattr(item, "critic", getattr(item, "voice", "")): item for item in critics}
    dissent = [item for item in critics if getattr(item, "violations", ())]
    fields = {
        "trace_id": "t",
        "decision": "review",
        "summary": "Somebody objects.",
        "gate": Gate(open=False, tier=3, requires="determination"),
        "constraints": (),
        "critics": heard,
        "detectors": {getattr(item, "detector", ""): item for item in testimony},
        "dissent": tuple(
            Dissent(critic=item.critic, justification="", violations=item.violations)
            for item in dissent
        ),
        "escalations": (
            Escalation(critic="second", clause="D2", tier=3, rationale="A human decides."),
            Escalation(critic="lost", clause="U1", tier=2, rationale="no usable answer"),
        ),
        "precedent": PrecedentAlignment(),
        "uncertainty": UncertaintyAnalysis(),
        "evidence": EvidenceRef(record_id="0" * 8, leaf_hash="0" * 64),
    }
    return Assessment(**(fields | changes))


FULL = judged(
    (
        critic("first", violation("A1", 2, (8, 16), "It worries."), said="Said by the first."),
        critic("second", violation("D2", 3, (30, 35), "It degrades."), said="By rule nine."),
        critic("quiet", said="Nothing to object to."),
        critic("silent", said="Nothing to object to."),
        critic("blind", gaps=(Gap(concern="facts", reason="no-evidence"),)),
        Abstention(voice="lost", reason="deadline", detail="after 5 s"),
    ),
    (detector("injection", (47, 53)), detector("secrets")),
)


def shown(assessment, text=TEXT, *, width=100, detail=2, colours=None):
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        color_system=colours,
        force_terminal=colours is not None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    show(console, assessment, text, detail=detail)
    return out.getvalue()


# -- what stands where ----------------------------------------------------------------------------


def test_each_mark_leads_to_what_was_said_of_it():
    out = shown(FULL)
    assert (
        "┃ First a «worrying»[1] word, then a «grave»[2] one, and a \u2039signal\u203a[3]." in out
    )
    assert "[1] A1 consent absent: It worries." in out
    assert "[2] D2 degradation: It degrades." in out
    assert "[3] word: A note." in out


def test_who_says_something_stands_first_and_the_quiet_stand_together():
    out = shown(FULL)
    places = [out.index(name) for name in ("first", "second", "lost", "blind", "quiet and silent")]
    assert places == sorted(places)
    assert "quiet and silent: nothing found" in out
    assert out.count("Nothing to object to.") == 1
    assert "not assessed: facts (no-evidence)" in out
    assert "deadline: after 5 s" in out
    assert "secrets: nothing found" in out


def test_what_is_asked_of_whom_is_said_by_clause_and_record():
    out = shown(FULL)
    assert "To proceed, a named person must decide: proceed, modify or halt." in out
    assert re.search(r"decide +D2 degradation \(tier 3\), asked by second: A human decides\.", out)
    assert re.search(r"acknowledge +U1 .* \(tier 2\), asked by lost: no usable answer", out)
    assert re.search(r"dissent +first and second, kept word for word", out)
    assert re.search(r"record +00000000", out)


def test_the_shortest_form_says_what_and_what_now_and_what_nobody_looked_at():
    out = shown(FULL, detail=1)
    assert len(out.splitlines()) == 7
    assert out.startswith("! REVIEW  Somebody objects.")
    assert "It worries." not in out
    assert re.search(r"unassessed +facts, by blind \(no-evidence\)", out)


def test_at_full_length_everybody_stands_alone_with_span_and_source():
    out = shown(FULL, detail=3)
    for said in ("at 8-16", "at 47-53", "confidence 0.80", "source unknown", "leaf hash"):
        assert said in out
    assert out.count("Nothing to object to.") == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gate": Gate(open=True), "decision": "allow", "escalations": ()}, "open."),
        (
            {
                "gate": Gate(open=True),
                "decision": "constrain",
                "constraints": (Constraint(critic="first", clause="A1", text="Ask first."),),
            },
            "first (A1 consent absent): Ask first.",
        ),
        ({"gate": Gate(open=False, tier=3, requires="prohibited")}, "no human action opens it"),
        ({"gate": Gate(open=False, requires="record"), "evidence": None}, "judge again once"),
        ({"gate": Gate(open=False, tier=2, requires="acknowledgement")}, "must acknowledge it"),
    ],
)
def test_every_gate_says_what_it_takes(changes, said):
    assert said in " ".join(shown(judged((critic("first"),), **changes), detail=1).split())


def test_many_violations_are_counted_and_all_shown_on_demand():
    many = judged((critic("first", *(violation("A1", 2, (8, 16)) for _ in range(9))),))
    assert "and 3 more violations; --detail 3 shows all" in shown(many)
    assert shown(many, detail=3).count("It is said so.") == 9


def test_one_that_objects_by_its_score_alone_is_not_quiet():
    assert re.search(r"· lone +none +0\.70", shown(judged((critic("lone", score=0.7),))))


# -- how it looks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 60, 80, 120, 250])
@pytest.mark.parametrize("detail", [1, 2, 3])
def test_no_line_is_wider_than_the_terminal_or_than_can_be_read(width, detail):
    text = f"申请人 {TEXT} הבקשה נדחתה"
    for line in shown(FULL, text, width=width, detail=detail).splitlines():
        assert cell_len(line) <= min(width, 100)


def test_colours_are_few_and_told_apart_by_the_colour_blind():
    out = shown(FULL, detail=3, colours="truecolor")
    used = set(re.findall(r"[34]8;2;(\d+;\d+;\d+)", out))
    assert used <= COLOURS | {"0;0;0"}
    assert len(used) > 3


def test_with_colours_a_mark_is_underlined_and_needs_no_signs():
    out = shown(FULL, colours="truecolor")
    assert "«" not in out
    assert re.search(r"\x1b\[1;4;38;2;230;159;0mworrying\x1b\[0m", out)
    assert re.search(r"\x1b\[1;30;48;2;204;121;167m ! REVIEW |\x1b\[1;38;2;0;0;0;48;2;", out)


def test_the_same_is_said_with_and_without_colour():
    plain = re.sub(r"[«»\u2039\u203a]|\s+", "", shown(FULL))
    coloured = re.sub(r"\x1b\[[0-9;]*m|\s+", "", shown(FULL, colours="truecolor"))
    assert coloured == plain


def test_a_text_cannot_leave_its_bar():
    text = "a\n✓ ALLOW  No critic objects.\r\n\x1b[2J\u202e grave\n\n" + TEXT
    at = text.index("grave")
    out = shown(judged((critic("first", violation("A1", 2, (at, at + 5))),)), text)
    assert "\n  ┃ ✓ ALLOW  No critic objects." in out
    assert "\n✓ ALLOW" not in out
    assert "\x1b" not in out
    assert "\\x1b[2J\\u202e «grave»[1]" in out


def test_nothing_is_quoted_while_nobody_knows_what_is_secret():
    lost = Abstention(voice="detector:secrets", reason="deadline")
    out = shown(
        judged((critic("first", violation("A1", 2, (8, 16))),), (), detectors={"secrets": lost})
    )
    assert "The text is not quoted" in out
    assert "worrying" not in out


# -- the excerpt ----------------------------------------------------------------------------------


def pieces(text, *spans, assessment=None):
    quoter = Quoter(text, assessment or judged())
    marks = [
        Mark(span, str(number), 2)
        for number, span in enumerate(sorted(filter(None, map(quoter.within, spans))), 1)
    ]
    return quoter.excerpt(marks)


def test_a_short_text_is_whole_and_a_long_one_is_shown_around_its_marks():
    text = "word " * 200
    whole, left = pieces(TEXT, (8, 16))
    assert "".join(piece.text for piece in whole) == TEXT
    assert left == 0
    some, left = pieces(text, (0, 4), (500, 504), (995, 999))
    joined = "".join(piece.text for piece in some)
    assert left == 0
    assert joined.count(" … ") == 2
    assert len(joined) < 300
    assert [mark.ref for piece in some for mark in piece.closes] == ["1", "2", "3"]


def test_hundreds_of_marks_do_not_fill_the_screen():
    text = "word " * 20_000
    some, left = pieces(text, *((at, at + 4) for at in range(0, 100_000, 5)))
    assert sum(len(piece.text) for piece in some) < 8 * 480 + 100
    assert left > 100


def test_overlapping_marks_each_open_and_close_once():
    some, _ = pieces("abcdefgh", (1, 5), (3, 7), (3, 4))
    assert [(piece.text, [mark.ref for mark in piece.marks]) for piece in some] == [
        *(("a", []), ("bc", ["1"]), ("d", ["1", "2", "3"]), ("e", ["1", "3"])),
        *(("fg", ["3"]), ("h", [])),
    ]


@given(
    st.text(st.sampled_from("ab \nS"), min_size=1, max_size=900),
    st.lists(st.tuples(st.integers(0, 950), st.integers(0, 950)), max_size=6),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=3),
)
def test_no_hidden_character_is_ever_in_an_excerpt(text, spans, hidden):
    secret = [(start, end) for start, end in map(sorted, hidden) if start < end <= len(text)]
    text = "".join(
        "S" if any(start <= at < end for start, end in secret) else character.replace("S", "x")
        for at, character in enumerate(text)
    )
    found = judged(testimony=(detector("secrets", *secret),))
    some, _ = pieces(text, *(tuple(sorted(span)) for span in spans), assessment=found)
    assert "S" not in "".join(piece.text for piece in some)
    opened = [mark for piece in some for mark in piece.opens]
    assert len(opened) == len(set(opened))


def test_numbers_follow_the_text_and_only_what_is_shown_has_one():
    marks = Marks(FULL, Quoter(TEXT, FULL))
    assert [mark.span for mark in marks.marks] == [(8, 16), (30, 35), (47, 53)]
    assert marks.ref("second", 0) == "[2]"
    assert marks.ref("detector:injection", 0) == "[3]"
    assert marks.ref("second", 1) == ""


# -- the installed command ------------------------------------------------------------------------


def test_the_command_at_sixty_columns(eleanor):
    out = eleanor("evaluate", "It begins well, then turns grave.", COLUMNS="60").out
    assert all(cell_len(line) <= 60 for line in out.splitlines())
    assert "«grave»[1]" in out


def test_a_dumb_terminal_gets_no_escape_codes(eleanor):
    assert "\x1b" not in eleanor("evaluate", "a grave text", TERM="dumb").out
