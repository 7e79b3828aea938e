"""`eleanor evidence erase`, `retain` and `hold`: what is erased is gone, what is held stays."""

from __future__ import annotations

import anyio
import pytest
import structlog

pytest.importorskip("eleanor_evidence_local", reason="needs eleanor-evidence-local installed")

from eleanor_evidence_local import LocalSettings, open_log

from eleanor_core.api import Services
from eleanor_core.evidence import record, seal

PLUGINS = '["critics/stranger", "evidence/local"]'
WHY = ("--reason", "She asked for it.", "--ground", "GDPR 17(1)(b)", "--by", "clerk")


@pytest.fixture
def keeping(eleanor):
    """The command with a log that erases, in which there is a record of one denied case."""

    def run(*arguments, **env):
        return eleanor(*arguments, ELEANOR_PLUGINS__EXACT=PLUGINS, **env)

    run.record_id = run("evaluate", "a grave text", "--json").json["evidence"]["record_id"]
    run.home, run.work = eleanor.home, eleanor.work
    return run


def anywhere(keeping, words: bytes) -> list[str]:
    return [
        path.name
        for path in keeping.home.rglob("*")
        if path.is_file() and words in path.read_bytes()
    ]


def test_what_is_erased_is_nowhere_and_the_log_says_why(keeping):
    assert anywhere(keeping, b"a grave text")
    done = keeping("evidence", "erase", keeping.record_id, *WHY)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"✓ ERASED      {keeping.record_id}")
    assert not anywhere(keeping, b"a grave text")
    shown = keeping("evidence", "show", keeping.record_id)
    assert shown.code == 0
    assert "The payload was erased by clerk on " in shown.out
    assert "(GDPR 17(1)(b))" in shown.out
    program = keeping("evidence", "show", keeping.record_id, "--json").json
    assert (program["payload"], program["sound"]) == (None, True)
    assert program["erasure"]["facts"]["by"] == "clerk"
    verified = keeping("evidence", "verify")
    assert verified.code == 0
    assert "the payloads of 1 records have been erased" in verified.out
    assert keeping("review", "show", keeping.record_id).code == 0


def test_what_is_held_is_not_erased(keeping):
    placed = keeping(
        *("evidence", "hold", "add", "--record", keeping.record_id),
        *("--reason", "A claim.", "--by", "counsel", "--json"),
    )
    (hold,) = placed.json
    assert (hold["by"], hold["released_by"]) == ("counsel", None)
    refused = keeping("evidence", "erase", keeping.record_id, *WHY)
    assert refused.code == 1
    assert f"is held by {hold['hold_id']}" in refused.err
    assert anywhere(keeping, b"a grave text")
    held = keeping("evidence", "hold", "list")
    # Two ids stand side by side nowhere but on a wide screen.
    assert [line.split() for line in held.out.splitlines()[:2]] == [
        ["state", "holds"],
        ["by", "counsel"],
    ]
    free = ("evidence", "hold", "release", hold["hold_id"], "--reason", "Settled.")
    assert keeping(*free, "--by", "counsel").code == 0
    assert "released by counsel" in keeping("evidence", "hold", "list").out
    assert keeping("evidence", "erase", keeping.record_id, *WHY).code == 0
    kinds = [item["kind"] for item in keeping("evidence", "list", "--json").json]
    assert kinds == ["settings", "assessment", "hold", "refused", "hold", "erasure"]


def test_a_key_says_who(keeping):
    made = keeping("review", "keys", "new", "alice.pem", "--json").json["key"]
    keeping("review", "keys", "add", made, "--person", "alice", "--by", "root")
    by = ("--reason", "She asked.", "--key", "alice.pem")
    assert keeping("evidence", "erase", keeping.record_id, *by, "--by", "bob").code == 2
    done = keeping("evidence", "erase", keeping.record_id, *by, "--json")
    assert (done.json["by"], done.json["key"]) == ("alice", made)


def test_what_is_due_is_listed_first_and_erased_when_told(keeping, monkeypatch):
    monkeypatch.setattr(record, "now", lambda: "2020-01-01T12:00:00.000000Z")
    old = seal("assessment", trace_id="", payload={"case": {"text": "an old text"}})

    async def append():
        services = Services(
            data_dir=keeping.home / "evidence" / "local",
            keys_dir=keeping.home / "keys",
            log=structlog.get_logger(),
        )
        async with open_log(LocalSettings(), services) as log:
            await log.append(old)

    anyio.run(append)
    profile = {"ELEANOR_EVIDENCE__RETENTION": "ai-act-deployer"}
    assert keeping("evidence", "retain").out == "no record is due\n"
    (due,) = keeping("evidence", "retain", "--json", **profile).json["due"]
    assert (due["record_id"], due["held_by"]) == (old.record_id, [])
    listed = keeping("evidence", "retain", **profile)
    assert "1 record due; `--erase` erases" in listed.err
    assert anywhere(keeping, b"an old text")
    done = keeping("evidence", "retain", "--erase", "--by", "clerk", **profile)
    assert done.out.splitlines()[1].split()[-2:] == ["erased", old.record_id]
    assert not anywhere(keeping, b"an old text")
    assert anywhere(keeping, b"a grave text")
    assert keeping("evidence", "retain", **profile).out == "no record is due\n"
    assert keeping("evidence", "verify").code == 0
    early = keeping("evidence", "erase", keeping.record_id, **profile)
    assert early.code == 1
    assert "the profile ai-act-deployer keeps it for 184 days" in early.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hold", "add", "--reason", "x"), "a hold must say what it covers"),
        (("hold", "add", "--reason", "x", "--since", "yesterday"), "is no time: RFC 3339"),
        (("hold", "add", "--reason", "x", "--record", "1"), "records must be ids of records"),
    ],
)
def test_what_is_typed_wrongly_is_a_mistake_of_use(eleanor, words, said):
    ran = eleanor("evidence", *words)
    assert ran.code == 2
    assert said in ran.err
