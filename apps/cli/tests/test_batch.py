"""`eleanor batch`: order, bad lines, refusals, and what a stop leaves behind."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from eleanor_cli.batch import IN_FLIGHT
from eleanor_core.codec import from_json
from eleanor_core.model import Assessment


def results(eleanor, name="out.jsonl"):
    return [json.loads(line) for line in (eleanor.work / name).read_text().splitlines()]


def test_one_result_a_line_in_the_order_of_the_input(eleanor, write):
    words = ("fine", "unfair", "worrying", "grave")
    cases = [{"id": f"n{i}", "text": f"a {words[i % 4]} text"} for i in range(200)]
    write("in.jsonl", *cases)
    ran = eleanor("batch", "in.jsonl", "out.jsonl")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("eleanor: 200 lines: allow 50  constrain 50  review 50  deny 50; ")
    assert ran.err.count("\n") == 1
    done = results(eleanor)
    assert [line["id"] for line in done] == [case["id"] for case in cases]
    expected = ["allow", "constrain", "review", "deny"] * 50
    assert [line["decision"] for line in done] == expected
    wire = {key: value for key, value in done[3].items() if key != "id"}
    assert from_json(wire, Assessment).decision == "deny"


def test_a_bad_line_stands_in_its_place_and_the_end_is_1(eleanor, write):
    write(
        "in.jsonl",
        {"id": "first", "text": "a fine text"},
        b"{not json",
        b"",
        b'"a string"',
        {"text": "no id"},
        {"id": True, "text": "a truth is no id"},
        {"id": "keys", "text": "a fine text", "colour": "red"},
        {"id": "no text"},
        {"id": "empty", "text": ""},
        {"id": "type", "text": 7},
        {"id": "context", "text": "a fine text", "context": [1]},
        {"id": "kind", "text": "a fine text", "kind": "song"},
        b'{"id": "nan", "text": "a fine text", "context": {"a": NaN}}',
        b'{"id": "twice", "text": "a", "text": "b"}',
        b"\xff\xfe",
        b"[" * 9999,
        {"id": "\ud800", "text": "a fine text"},
        {"id": "surrogate", "text": "\ud800"},
        {"id": 18, "text": "a grave text", "context": {"domain": "general"}, "kind": "prompt"},
    )
    ran = eleanor("batch", "in.jsonl", "out.jsonl")
    assert ran.code == 1
    assert "16 lines of 18 not judged" in ran.err
    done = results(eleanor)
    assert done[0]["decision"] == "allow"
    assert (done[-1]["id"], done[-1]["decision"]) == (18, "deny")
    bad = [(line["id"], line["line"]) for line in done[1:-1]]
    assert bad == [
        *((None, 2), (None, 4), (None, 5), (None, 6), ("keys", 7), ("no text", 8), ("empty", 9)),
        *(("type", 10), ("context", 11), ("kind", 12), (None, 13), (None, 14), (None, 15)),
        *((None, 16), (None, 17), (None, 18)),
    ]
    assert all(line["error"]["code"] == "invalid_input" for line in done[1:-1])
    assert all(line["error"]["message"] for line in done[1:-1])
    assert "unknown key 'colour'" in done[5]["error"]["message"]


def test_a_line_too_long_is_passed_over_without_being_held(eleanor, write):
    limits = ("--set", "limits.text_bytes=100", "--set", "limits.context_bytes=100")
    write(
        "in.jsonl",
        {"id": "long", "text": "x" * 5_000_000},
        {"id": "over", "text": "x" * 101},
        {"id": "fits", "text": "x" * 100},
    )
    assert eleanor(*limits, "batch", "in.jsonl", "out.jsonl").code == 1
    first, second, third = results(eleanor)
    assert (first["id"], first["line"]) == (None, 1)
    assert "longer than any case may be" in first["error"]["message"]
    assert (second["id"], second["error"]["code"]) == ("over", "invalid_input")
    assert third["decision"] == "allow"


def test_duplicate_ids_are_refused_before_the_start(eleanor, write):
    write("in.jsonl", *({"id": i, "text": "a fine text"} for i in ("a", "b", "a")))
    ran = eleanor("batch", "in.jsonl", "out.jsonl")
    assert ran.code == 2
    assert "the id 'a' stands in line 1 and in line 3" in ran.err
    assert not (eleanor.work / "out.jsonl").exists()
    assert not eleanor.home.exists()


def test_a_number_and_its_text_are_two_ids(eleanor, write):
    write("in.jsonl", {"id": 1, "text": "a fine text"}, {"id": "1", "text": "a fine text"})
    assert eleanor("batch", "in.jsonl", "out.jsonl").code == 0
    assert [line["id"] for line in results(eleanor)] == [1, "1"]


def test_no_lines_make_an_empty_output(eleanor, write):
    write("in.jsonl")
    assert eleanor("batch", "in.jsonl", "out.jsonl").code == 0
    assert results(eleanor) == []


def test_output_is_not_overwritten_unless_forced(eleanor, write):
    write("in.jsonl", {"id": "a", "text": "a fine text"})
    write("out.jsonl", {"kept": True})
    ran = eleanor("batch", "in.jsonl", "out.jsonl")
    assert ran.code == 2
    assert "--force" in ran.err
    assert results(eleanor) == [{"kept": True}]
    assert eleanor("batch", "in.jsonl", "out.jsonl", "--force").code == 0
    assert [line["id"] for line in results(eleanor)] == ["a"]


def test_input_is_never_the_output(eleanor, write):
    source = write("in.jsonl", {"id": "a", "text": "a fine text"})
    (eleanor.work / "link.jsonl").symlink_to(source)
    before = source.read_bytes()
    ran = eleanor("batch", "in.jsonl", "link.jsonl", "--force")
    assert ran.code == 2
    assert source.read_bytes() == before


def test_a_link_is_written_through(eleanor, write):
    write("in.jsonl", {"id": "a", "text": "a fine text"})
    write("real.jsonl", {"old": True})
    (eleanor.work / "out.jsonl").symlink_to(eleanor.work / "real.jsonl")
    assert eleanor("batch", "in.jsonl", "out.jsonl", "--force").code == 0
    assert (eleanor.work / "out.jsonl").is_symlink()
    assert [line["id"] for line in results(eleanor, "real.jsonl")] == ["a"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.jsonl", "out.jsonl"), "no such file"),
        ((".", "out.jsonl"), "must be a regular file"),
        (("in.jsonl", "no/folder/out.jsonl"), "does not exist"),
        (("in.jsonl", ".", "--force"), "must be a regular file, or none yet"),
        (("in.jsonl", "/dev/null", "--force"), "must be a regular file, or none yet"),
        (("in.jsonl", "out.jsonl", "--workers", "0"), "--workers"),
        (("in.jsonl",), "OUT.jsonl"),
    ],
)
def test_usage_errors_end_2(eleanor, write, arguments, said):
    write("in.jsonl", {"id": "a", "text": "a fine text"})
    ran = eleanor("batch", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_without_a_critic_there_is_no_output(eleanor, write):
    write("in.jsonl", *({"id": i, "text": "a fine text"} for i in range(50)))
    ran = eleanor("batch", "in.jsonl", "out.jsonl", ELEANOR_PLUGINS__EXACT='["evidence/file"]')
    assert ran.code == 1
    assert "no critic is enabled" in ran.err
    assert not (eleanor.work / "out.jsonl").exists()


def test_a_case_without_a_record_is_an_error_line(eleanor, write):
    write("in.jsonl", {"id": "a", "text": "a fine text"})
    full = '["critics/stranger", "evidence/full"]'
    assert eleanor("batch", "in.jsonl", "out.jsonl", ELEANOR_PLUGINS__EXACT=full).code == 1
    assert results(eleanor)[0]["error"]["code"] == "evidence_unavailable"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_whole_lines_and_a_record_of_every_case(eleanor, write, number):
    write(
        "in.jsonl",
        *({"id": i, "text": "a fine text"} for i in range(5)),
        *({"id": i, "text": "a slow text"} for i in range(5, 60)),
    )
    process = eleanor.start("batch", "in.jsonl", "out.jsonl")
    waiting = eleanor.home / "critics" / "stranger" / "waiting"
    deadline = time.monotonic() + 30
    while not (waiting.exists() and waiting.read_bytes().count(b"\n") == IN_FLIGHT):
        assert time.monotonic() < deadline, "the cases were never all under way"
        time.sleep(0.05)
    started = time.monotonic()
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert time.monotonic() - started < 10
    assert f"stopped by {number.name}" in said.decode()
    assert "the same command again with --resume" in said.decode()
    assert "5 of 60 lines written" in said.decode()
    assert [line["id"] for line in results(eleanor)] == list(range(5))
    log = eleanor.home / "evidence" / "file" / "log.jsonl"
    kinds = [json.loads(json.loads(line)["leaf"])["kind"] for line in log.read_text().splitlines()]
    assert kinds.count("assessment") == 5
    assert kinds.count("abandoned") == IN_FLIGHT
    assert waiting.read_bytes().count(b"\n") == IN_FLIGHT
