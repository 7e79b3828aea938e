"""`eleanor review`: a gate opened from the command line, and what is refused there."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def key(eleanor):
    """A new reviewer's key, not registered."""
    ran = eleanor("review", "keys", "new", "alice.pem", "--json")
    assert ran.code == 0, ran.err
    return ran.json["key"]


@pytest.fixture
def registered(eleanor, key):
    ran = eleanor("review", "keys", "add", key, "--person", "alice", "--by", "root")
    assert ran.code == 0, ran.err
    return key


@pytest.fixture
def record_id(eleanor):
    return eleanor("evaluate", "A grave deed.", "--json").json["evidence"]["record_id"]


def decide(eleanor, record_id, choice, *more):
    words = ("--key", "alice.pem", "--reason", "I asked the tenants.")
    return eleanor("review", "decide", record_id, choice, *words, *more)


def test_a_key_is_the_reviewers_alone(eleanor, key):
    file = eleanor.work / "alice.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(key)) == 32
    again = eleanor("review", "keys", "new", "alice.pem")
    assert again.code == 2
    assert "exists already" in again.err


def test_the_keys_are_listed_with_who_registered_and_who_revoked_them(eleanor, registered):
    ran = eleanor("review", "keys", "list")
    assert ran.out.splitlines()[1].split()[:3] == ["alice", "root", "good"]
    assert eleanor("review", "keys", "revoke", registered, "--by", "carol").code == 0
    (shown,) = eleanor("review", "keys", "list", "--json").json
    assert (shown["person"], shown["registered_by"], shown["revoked_by"]) == (
        "alice", "root", "carol",
    )  # fmt: skip
    ran = eleanor("review", "keys", "add", registered, "--person", "alice", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "review_known_key")


def test_a_gate_is_opened_from_the_command_line(eleanor, registered, record_id):
    assert record_id in eleanor("review", "list").out
    shown = eleanor("review", "show", record_id).out
    for said in ("WAITS", "proceed or modify or halt", "A grave deed.", "tier 3"):
        assert said in shown
    wrong = decide(eleanor, record_id, "acknowledge", "--json")
    assert (wrong.code, wrong.json["error"]["code"]) == (1, "review_wrong_tier")
    ran = decide(eleanor, record_id, "proceed")
    assert ran.code == 0, ran.err
    assert "alice" in ran.out
    assert "no gate waits" in eleanor("review", "list").out
    (listed,) = eleanor("review", "list", "--all", "--json").json
    assert (listed["state"], listed["outcome"]) == ("open", None)
    shown = eleanor("review", "show", record_id, "--json").json
    assert shown["state"] == "open"
    assert shown["reviews"][0]["reason"] == "I asked the tenants."
    assert decide(eleanor, record_id, "halt").code == 0
    assert "HALTED" in eleanor("review", "show", record_id).out
    assert eleanor("evidence", "verify").code == 0


def test_a_review_is_signed_here_and_submitted_there(eleanor, registered, record_id):
    signed = decide(eleanor, record_id, "modify", "--sign-only")
    assert signed.code == 0, signed.err
    assert "WAITS" in eleanor("review", "show", record_id).out
    altered = json.loads(signed.out)
    altered["statement"]["choice"] = "proceed"
    ran = eleanor("review", "submit", "-", "--json", stdin=json.dumps(altered).encode())
    assert (ran.code, ran.json["error"]["code"]) == (1, "review_altered")
    file = eleanor.work / "signed.json"
    file.write_text(signed.out)
    ran = eleanor("review", "submit", "signed.json", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["statement"]["choice"] == "modify"
    again = eleanor("review", "submit", "signed.json", "--json")
    assert (again.code, again.json["error"]["code"]) == (1, "review_replayed")
    kinds = [row["kind"] for row in eleanor("evidence", "list", "--json").json]
    assert kinds.count("review") == 1
    assert kinds.count("refused") == 2


@pytest.mark.parametrize("text", ["", "{}", '{"key": 1}', "[]"])
def test_what_is_no_signed_review_is_a_usage_error(eleanor, text):
    ran = eleanor("review", "submit", "-", stdin=text.encode())
    assert ran.code == 2
    assert "no signed review" in ran.err


def test_who_is_not_registered_decides_nothing(eleanor, key, record_id):
    ran = decide(eleanor, record_id, "proceed", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "review_unknown_key")


def test_a_file_that_is_no_key_and_a_record_that_is_none(eleanor, registered, record_id):
    (eleanor.work / "other.pem").write_text("not a key")
    words = ("--key", "other.pem", "--reason", "x")
    ran = eleanor("review", "decide", record_id, "halt", *words)
    assert ran.code == 1
    assert "other.pem holds no private key" in ran.err
    ran = decide(eleanor, "0" * 36, "halt")
    assert ran.code == 1
    assert "holds no record" in ran.err
    for nothing in ("", " "):
        ran = decide(eleanor, record_id, "halt", "--reason", nothing)
        assert ran.code == 1
        assert "a review needs a reason, in words" in ran.err
