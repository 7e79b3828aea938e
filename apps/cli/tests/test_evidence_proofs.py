"""`eleanor evidence verify`, `checkpoint`, `prove` and `export` on a log that signs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

pytest.importorskip("eleanor_evidence_local", reason="needs eleanor-evidence-local installed")

SIGNING = '["critics/stranger", "evidence/local"]'


@pytest.fixture
def signing(eleanor):
    """The command with a log that signs, in which there is a record of one denied case."""

    def run(*arguments):
        return eleanor(*arguments, ELEANOR_PLUGINS__EXACT=SIGNING)

    run.record_id = run("evaluate", "a grave text", "--json").json["evidence"]["record_id"]
    run.home, run.work = eleanor.home, eleanor.work
    return run


def checkpoint(signing, name="old") -> Path:
    """The newest checkpoint, in a file."""
    ran = signing("evidence", "checkpoint")
    assert ran.code == 0, ran.err
    path = signing.work / name
    path.write_text(ran.out, "utf-8")
    return path


def test_a_checkpoint_is_printed_and_its_keys(signing):
    text = checkpoint(signing).read_text("utf-8")
    origin, size, *_ = text.splitlines()
    assert size == "2"
    assert text.count(f"\u2014 {origin} ") == 2
    keys = signing("evidence", "checkpoint", "--keys").out.splitlines()
    assert [key.split("+")[0] for key in keys] == [origin]
    renewed = signing("evidence", "checkpoint", "--new-key").out
    assert renewed.count(f"\u2014 {origin} ") == 4
    assert len(signing("evidence", "checkpoint", "--keys").out.splitlines()) == 2


def test_verify_says_what_is_signed_and_knows_an_old_checkpoint(signing):
    old = checkpoint(signing)
    signing("evaluate", "another text")
    ran = signing("evidence", "verify", "--checkpoint", str(old), "--deep")
    assert (ran.code, ran.err) == (0, "")
    assert "4 records, 4 of them under a signed checkpoint" in ran.out
    assert "the canonical form of 4 records was made again" in ran.out
    program = signing("evidence", "verify", "--json").json["local"]
    assert (program["checkpoints"], program["signed"]) == (2, 4)


def test_verify_finds_that_the_log_does_not_go_on_from_an_old_checkpoint(signing):
    old = checkpoint(signing)
    other = old.read_text("utf-8").replace("\n2\n", "\n9\n")
    old.write_text(other, "utf-8")
    ran = signing("evidence", "verify", "--checkpoint", str(old))
    assert ran.code == 1
    assert (
        "the checkpoint that was given: the checkpoint of 9 records: the signature of"
        in " ".join(ran.out.split())
    )
    ran = signing("evidence", "verify", "--checkpoint", "nowhere")
    assert (ran.code, "nowhere" in ran.err) == (2, True)


def test_prove_a_record_and_growth(signing):
    old = checkpoint(signing)
    ran = signing("evidence", "prove", signing.record_id)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("c2sp.org/tlog-proof@v1\nindex 1\n")
    assert ran.out.endswith(old.read_text("utf-8"))
    signing("evaluate", "another text")
    ran = signing("evidence", "prove", "--since", str(old))
    assert (ran.code, ran.out[:6]) == (0, "old 2\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "say one of the two: RECORD_ID, or --since FILE"),
        (["ID", "--since", "FILE"], 2, "say one of the two"),
        (["--since", "note"], 2, "note: this is not a signed note"),
        (["none"], 1, "no record none in this log"),
        (["none", "--log", "file"], 1, "no evidence log file is running; there is local"),
    ],
)
def test_what_cannot_be_proved(signing, arguments, code, said):
    (signing.work / "note").write_text("no note\n")
    ran = signing("evidence", "prove", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_export_writes_a_bundle_once(signing):
    ran = signing("evidence", "export", "given")
    assert ran.code == 0, ran.err
    assert ran.out == "given: 2 records of 2, 0 earlier checkpoints\n"
    lines = (signing.work / "given" / "records.jsonl").read_text("utf-8").splitlines()
    assert "a grave text" not in "".join(lines)
    assert [json.loads(line)["index"] for line in lines] == [0, 1]
    ran = signing("evidence", "export", "given")
    assert (ran.code, "given exists already" in ran.err) == (2, True)
    one = signing(
        "evidence", "export", "one", "--record", signing.record_id, "--payloads", "--json"
    )
    assert one.json == {"folder": "one", "size": 2, "records": 1, "checkpoints": 0}
    assert "a grave text" in (signing.work / "one" / "records.jsonl").read_text("utf-8")


def test_a_log_that_does_not_sign_says_so(eleanor):
    eleanor("evaluate", "a text")
    (eleanor.work / "old").write_text("note\n")
    for verb in (
        ["checkpoint"],
        ["prove", "x"],
        ["export", "x"],
        ["verify", "--checkpoint", "old"],
    ):
        ran = eleanor("evidence", *verb)
        assert (ran.code, ran.out) == (1, "")
        assert "evidence/file signs no checkpoints" in ran.err


def test_deep_finds_what_is_not_in_canonical_form(eleanor):
    eleanor("evaluate", "a text")
    log = eleanor.home / "evidence" / "file" / "log.jsonl"
    *others, last = map(json.loads, log.read_text().splitlines())
    last["leaf"] = last["leaf"].replace(":", ": ", 1)
    last["leaf_hash"] = hashlib.sha256(b"\x00" + last["leaf"].encode()).hexdigest()
    log.write_text("".join(f"{json.dumps(line)}\n" for line in [*others, last]))
    assert eleanor("evidence", "verify").code == 0
    ran = eleanor("evidence", "verify", "--deep", "--json")
    assert ran.code == 1
    (found,) = ran.json["file"]["findings"]
    assert "its leaf is not in canonical form: written again, it gives other bytes" in found["what"]
