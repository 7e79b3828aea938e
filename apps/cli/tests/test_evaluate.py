"""`eleanor evaluate`: where the text comes from, what is printed, how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from eleanor_core.codec import from_json
from eleanor_core.model import Assessment

ESCAPE = "\x1b"


@pytest.mark.parametrize(
    ("text", "code", "decision", "mark"),
    [
        ("a fine text", 0, "allow", "✓ ALLOW"),
        ("an unfair text", 10, "constrain", "± CONSTRAIN"),
        ("a worrying text", 11, "review", "! REVIEW"),
        ("a grave text", 12, "deny", "✗ DENY"),
    ],
)
def test_decision_is_the_exit_code(eleanor, text, code, decision, mark):
    people = eleanor("evaluate", text)
    assert (people.code, people.err) == (code, "")
    assert people.out.startswith(mark)
    program = eleanor("evaluate", text, "--json")
    assert (program.code, program.err) == (code, "")
    assert program.json["decision"] == decision


def test_people_see_decision_critics_spans_gate_and_record(eleanor):
    out = eleanor("evaluate", "It begins well, then turns grave at its very end.").out
    assert "[1] D2 degradation: It says that it is grave." in out
    assert "┃ It begins well, then turns «grave»[1] at its very end." in out
    assert "The stranger minds this grave text." in out
    assert "closed (tier 3). To proceed, a named person must decide" in out
    assert "stranger, kept word for word" in out
    assert re.search(r"█ stranger +grave +0\.95", out)
    assert re.search(r"record +[0-9a-f]{8}-", out)
    assert all(line == line.rstrip() for line in out.splitlines())


def test_a_fault_and_a_gap_are_shown(eleanor):
    fault = eleanor("evaluate", "boom")
    assert fault.code == 11
    assert "abstained" in fault.out
    assert "raised: RuntimeError: the stranger broke down" in fault.out
    assert "U1 critical context missing or a voice lost (tier 2), asked by stranger" in fault.out
    gap = eleanor("evaluate", "a fact")
    assert gap.code == 0
    assert "not assessed: facts (no-evidence)" in gap.out


def test_levels_of_detail(eleanor):
    short, usual, full = (
        eleanor("evaluate", "a grave signal", "--detail", level).out for level in "123"
    )
    assert "gate" in short
    assert "record" in short
    assert "It says that it is grave." not in short
    assert "It says that it is grave." in usual
    assert "uncertainty" not in usual
    for word in ("precedent", "uncertainty", "trace", "leaf hash", "eleanor-stranger 1.2.3"):
        assert word in full
    assert "word at 8-14" in full


def test_constraints_say_what_to_change(eleanor):
    out = eleanor("evaluate", "an unfair text", "--detail", "1").out
    assert "open, once changed as below." in out
    assert "stranger (F2 structural bias amplified): It says that it is unfair." in out


# -- plain and coloured ---------------------------------------------------------------------------


def test_no_escape_codes_when_piped_even_when_the_text_holds_some(eleanor):
    hostile = f"{ESCAPE}[2J\u202egrave\u202c\x9b31m\u200b\r"
    for arguments in ([], ["--detail", "3"], ["--json"], ["--stream"], ["--stream", "--json"]):
        ran = eleanor("evaluate", hostile, *arguments)
        assert ran.code == 12
        for character in f"{ESCAPE}\u202e\u202c\x9b\u200b\r":
            assert character not in ran.out
    assert "\\x1b[2J\\u202e«grave»[1]\\u202c\\x9b31m\\u200b\\r" in eleanor("evaluate", hostile).out


def test_colour_on_a_terminal_but_not_under_no_color(eleanor):
    code, coloured = eleanor.on_terminal("evaluate", "a grave text")
    assert code == 12
    assert ESCAPE in coloured
    code, plain = eleanor.on_terminal("evaluate", "a grave text", NO_COLOR="1")
    assert code == 12
    assert ESCAPE not in plain
    assert "✗ DENY" in plain


def test_json_is_indented_on_a_terminal_and_one_line_when_piped(eleanor):
    _, shown = eleanor.on_terminal("evaluate", "a fine text", "--json")
    assert shown.count("\n") > 20
    assert json.loads(shown)["decision"] == "allow"
    assert eleanor("evaluate", "a fine text", "--json").out.count("\n") == 1


def test_without_text_on_a_terminal(eleanor):
    code, said = eleanor.on_terminal("evaluate")
    assert code == 2
    assert "no text to judge" in said


# -- where the text comes from --------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("-",), ("--stdin",)])
def test_text_from_standard_input(eleanor, arguments):
    ran = eleanor("evaluate", *arguments, "--json", stdin="a gräve, grave text\n".encode())
    assert ran.code == 12
    assert ran.json["critics"]["stranger"]["violations"][0]["span"] == [9, 14]


def test_text_from_a_file_keeps_every_character_but_the_byte_order_mark(eleanor):
    (eleanor.work / "text.txt").write_bytes("\ufeff\r\ngrave".encode())
    ran = eleanor("evaluate", "--file", "text.txt", "--json")
    assert ran.json["critics"]["stranger"]["violations"][0]["span"] == [2, 7]


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        ((), b"", "standard input was empty"),
        (("text", "--stdin"), b"text", "give the text once"),
        (("text", "--file", "x.txt"), b"", "give the text once"),
        (("-", "--stdin", "--file", "x.txt"), b"", "give the text once"),
        (("--file", "missing.txt"), b"", "cannot read missing.txt: No such file or directory"),
        (("--file", "."), b"", "cannot read .: Is a directory"),
        (("text", "--context", "{"), b"", "--context: not JSON: expecting property name"),
        (("text", "--context", "[1]"), b"", "--context must be a JSON object"),
        (("text", "--context", '{"a": NaN}'), b"", "NaN is not a JSON value"),
        (("text", "--context", '{"a": 1, "a": 2}'), b"", "the key 'a' stands there twice"),
        (("text", "--context", '{"n": 99999999999999999999}'), b"", "integer beyond"),
        (("text", "--context", "@missing.json"), b"", "cannot read missing.json"),
        (("text", "--context", "[" * 9999), b"", "nested deeper than 33 levels"),
        (("text", "--kind", "song"), b"", "'song'"),
        (("text", "--detail", "4"), b"", "--detail"),
        (("text", "--colour"), b"", "--colour"),
    ],
)
def test_usage_errors_end_2_and_say_what_to_do(eleanor, arguments, stdin, said):
    ran = eleanor("evaluate", *arguments, stdin=stdin)
    assert ran.code == 2
    assert ran.out == ""
    assert said in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("",), b"", "text is empty"),
        (("-",), b"", "text is empty"),
        (("-",), b"ab\xff", "not UTF-8 at byte 2"),
        (("text", "--trace-id", "a\nb"), b"", "trace_id must be printable ASCII"),
    ],
)
def test_refused_input_ends_1(eleanor, arguments, stdin, said):
    ran = eleanor("evaluate", *arguments, stdin=stdin)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    program = eleanor("evaluate", *arguments, "--json", stdin=stdin)
    assert (program.code, program.err) == (1, "")
    assert program.json["error"]["code"] == "invalid_input"
    assert said in program.json["error"]["message"]


def test_context_kind_and_trace_id_reach_the_engine(eleanor):
    (eleanor.work / "context.json").write_text('{"reversible": true}')
    ran = eleanor(
        *("evaluate", "a worrying text", "--context", "@context.json", "--kind", "action"),
        *("--trace-id", "case-7", "--json"),
    )
    assert ran.code == 11
    assert ran.json["trace_id"] == "case-7"
    record = eleanor("evidence", "show", ran.json["evidence"]["record_id"], "--json").json
    assert record["payload"]["case"]["context"] == {"reversible": True}
    assert record["payload"]["case"]["kind"] == "action"


# -- the wire, the events, the faults -------------------------------------------------------------


def test_json_is_the_complete_wire_form_at_every_level(eleanor):
    for level in "123":
        ran = eleanor("evaluate", "a grave signal", "--json", "--detail", level)
        assessment = from_json(ran.json, Assessment)
        assert assessment.gate.requires == "determination"
        assert set(assessment.detectors) == {"stranger"}
        assert assessment.evidence is not None


def test_stream_prints_each_event_and_then_the_result(eleanor):
    ran = eleanor("evaluate", "a grave text", "--stream", "--json")
    assert ran.code == 12
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert [event["type"] for event in events] == [
        *("accepted", "scanned", "detector", "critic", "precedent", "uncertainty", "decision")
    ]
    assert [event["provisional"] for event in events] == [True] * 6 + [False]
    assert events[-1]["result"]["decision"] == "deny"
    people = eleanor("evaluate", "a grave text", "--stream")
    assert people.out.count("provisional") == 6
    assert "✗ DENY" in people.out


def test_without_an_acknowledged_record_the_gate_is_closed_and_the_end_is_1(eleanor):
    full = {"ELEANOR_PLUGINS__EXACT": '["critics/stranger", "evidence/full"]'}
    people = eleanor("evaluate", "a fine text", **full)
    assert people.code == 1
    assert people.out.startswith("✗ NOT RECORDED  judged allow: ")
    assert "ALLOW" not in people.out
    assert "closed. No evidence log acknowledged the record" in people.out
    assert "nothing may run on it" in people.err
    worse = eleanor("evaluate", "a worrying text", **full)
    assert worse.out.startswith("✗ NOT RECORDED  judged review: ")
    assert "closed. No evidence log acknowledged the record" in worse.out
    for arguments in ([], ["--stream"]):
        program = eleanor("evaluate", "a fine text", "--json", *arguments, **full)
        assert program.code == 1
        last = json.loads(program.out.splitlines()[-1])
        assert last["error"]["code"] == "evidence_unavailable"
        assert last["assessment"]["gate"] == {"open": False, "tier": 0, "requires": "record"}
        assert last["assessment"]["evidence"] is None


def test_without_a_critic_nothing_is_judged(eleanor):
    bare = {"ELEANOR_PLUGINS__EXACT": '["evidence/file"]'}
    ran = eleanor("evaluate", "a fine text", **bare)
    assert (ran.code, ran.out) == (1, "")
    assert "install some, such as the dist eleanor-critics-constitutional" in ran.err
    program = eleanor("evaluate", "a fine text", "--json", **bare)
    assert program.code == 1
    assert program.json["error"]["code"] == "no_panel"


def test_traceback_only_when_asked_for(eleanor):
    quiet = eleanor("evaluate", "")
    loud = eleanor("--traceback", "evaluate", "")
    assert "Traceback" not in quiet.err
    assert "InvalidInput" in loud.err
    assert "Traceback" in loud.err
    assert loud.code == 1


def test_a_reader_that_goes_away_is_no_news(eleanor):
    for arguments in ([], ["--json"], ["--stream"], ["--stream", "--json"]):
        process = eleanor.start("evaluate", "a grave text", *arguments)
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(60) == 141


def test_nothing_is_written_in_the_current_directory(eleanor):
    assert eleanor("evaluate", "a fine text").code == 0
    assert list(eleanor.work.iterdir()) == []
    assert (Path(eleanor.home) / "evidence" / "file" / "log.jsonl").exists()
