"""`eleanor evidence`: found and sound ends 0, anything else ends 1."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def record_id(eleanor):
    """The id of the record of one denied case."""
    return eleanor("evaluate", "a grave text", "--json").json["evidence"]["record_id"]


def tamper(eleanor, old, new):
    """Change the last line of the log behind its back."""
    log = eleanor.home / "evidence" / "file" / "log.jsonl"
    *others, last = log.read_text().splitlines()
    assert old in last
    log.write_text("".join(f"{line}\n" for line in [*others, last.replace(old, new)]))


def test_list_shows_the_newest(eleanor, record_id):
    people = eleanor("evidence", "list")
    assert people.code == 0
    assert record_id in people.out
    assert "deny" in people.out
    everything = eleanor("evidence", "list", "--json").json
    assert [item["kind"] for item in everything] == ["settings", "assessment"]
    assert everything[-1]["record_id"] == record_id
    assert everything[-1]["decision"] == "deny"
    assert eleanor("evidence", "list", "--limit", "1", "--json").json == everything[-1:]
    assert eleanor("evidence", "list", "--limit", "0").code == 2


def test_show_a_record(eleanor, record_id):
    people = eleanor("evidence", "show", record_id)
    assert people.code == 0
    assert people.out.startswith("✓ SOUND")
    assert '"text": "a grave text"' in people.out
    program = eleanor("evidence", "show", record_id, "--json")
    assert program.code == 0
    assert program.json["sound"] is True
    assert program.json["record"]["facts"]["decision"] == "deny"
    assert program.json["payload"]["case"]["text"] == "a grave text"


def test_show_ends_1_where_nothing_is_found(eleanor, record_id):
    missing = record_id[:-1] + ("0" if record_id[-1] != "0" else "1")
    people = eleanor("evidence", "show", missing)
    assert (people.code, people.out) == (1, "")
    assert f"no record {missing}" in people.err
    program = eleanor("evidence", "show", missing, "--json")
    assert (program.code, program.err) == (1, "")
    assert program.json["error"]["code"] == "unresolvable_record"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (r"\"deny\"", r"\"allow\"", "the leaf does not match its leaf hash"),
        ("a grave text", "a great text", "part 'case' does not match its commitment"),
    ],
)
def test_show_ends_1_where_something_was_changed(eleanor, record_id, old, new, said):
    tamper(eleanor, old, new)
    people = eleanor("evidence", "show", record_id)
    assert people.code == 1
    assert people.out.startswith("✗ NOT SOUND")
    assert said in people.out
    program = eleanor("evidence", "show", record_id, "--json")
    assert program.code == 1
    assert program.json["sound"] is False
    assert said in program.json["problems"]


def test_verify(eleanor, record_id):
    people = eleanor("evidence", "verify")
    assert people.code == 0
    assert people.out.startswith("✓ SOUND")
    assert "2 records" in people.out
    tamper(eleanor, r"\"deny\"", r"\"allow\"")
    people = eleanor("evidence", "verify")
    assert people.code == 1
    assert people.out.startswith("✗ NOT SOUND")
    assert "record 1: the leaf does not have its hash" in people.out
    program = eleanor("evidence", "verify", "--json")
    assert program.code == 1
    assert program.json["file"]["sound"] is False
    assert program.json["file"]["findings"][0]["where"] == "record 1"


def test_verify_finds_nothing_in_an_empty_log(eleanor):
    ran = eleanor("evidence", "verify")
    assert ran.code == 1
    assert ran.out.startswith("? EMPTY")


def test_without_a_log(eleanor):
    for verb in (["list"], ["show", "0"], ["verify"]):
        ran = eleanor("evidence", *verb, ELEANOR_PLUGINS__EXACT='["critics/stranger"]')
        assert (ran.code, ran.out) == (1, "")
        assert "no evidence sink is enabled" in ran.err


def test_a_line_that_is_no_record(eleanor, record_id):
    log = eleanor.home / "evidence" / "file" / "log.jsonl"
    line = {"record_id": "x", "leaf_hash": "00", "leaf": "\u001b[2J", "payload": ""}
    log.write_text(json.dumps(line) + "\n")
    for verb in (["list"], ["show", "x"]):
        ran = eleanor("evidence", *verb, "--json")
        assert ran.code == 1
        assert ran.json["error"]["code"] == "evidence_corrupt"
