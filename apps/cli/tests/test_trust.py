"""`eleanor plugins lock`, `verify` and `eleanor doctor`, as an operator runs them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from eleanor_core.testing import PostgresServer

STRANGER = Path(__file__).parent / "stranger"


@pytest.fixture
def recorded(eleanor, site, tmp_path):
    """The stranger's plugins with the RECORD that an installer writes, in a copy of their own."""
    folder = tmp_path / "site"
    copytree(site, folder)
    info = folder / "eleanor_stranger-1.2.3.dist-info"
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    return replace(eleanor, env={**eleanor.env, "PYTHONPATH": str(folder)}), folder


def test_lock_then_verify_then_a_changed_byte(recorded, tmp_path):
    eleanor, site = recorded
    lock = eleanor.home / "plugins.lock"
    ran = eleanor("plugins", "lock")
    assert ran.code == 0
    assert f"1 dist locked in {lock}" in ran.out
    assert f"set plugins.lock to {lock}" in ran.out
    assert json.loads(lock.read_text("utf-8"))["dists"]["eleanor-stranger"]["versions"] == "==1.2.3"
    verified = eleanor("plugins", "verify", "--json")
    assert verified.code == 0
    plugins = {item["ref"]: item for item in verified.json["plugins"]}
    assert set(plugins) == {"critics/stranger", "detectors/stranger", "evidence/file"}
    assert all(len(item["sha256"]) == 64 and not item["problem"] for item in plugins.values())

    held = ("--set", f"plugins.lock={lock}")
    assert eleanor(*held, "evaluate", "a fine text").code == 0
    assert "It is in force" in eleanor(*held, "plugins", "lock").out

    with (site / "eleanor_stranger.py").open("a") as file:
        file.write("\n")
    ran = eleanor("plugins", "verify")
    assert ran.code == 1
    assert "✗ DIFFERS" in ran.out
    assert "changed eleanor_stranger.py" in " ".join(ran.out.split())
    # The evidence log is of that dist too: nothing can be recorded, and no gate opens.
    assert eleanor(*held, "evaluate", "a fine text").code == 1


def test_what_cannot_be_locked_is_said(eleanor):
    ran = eleanor("plugins", "lock", "--json")
    assert ran.code == 1
    assert "eleanor-stranger has no RECORD" in ran.json["error"]["message"]
    ran = eleanor("plugins", "verify", "nowhere.lock")
    assert ran.code == 2
    assert "nowhere.lock cannot be read" in ran.err


def test_doctor_finds_nothing_wrong_with_what_is_well(eleanor):
    ran = eleanor("doctor")
    assert ran.code == 0, ran.out
    for name in ("python", "home", "disk", "sync", "clock", "plugins", "lock", "isolation"):
        assert f" {name}:" in ran.out
    assert "✗" not in ran.out
    assert not eleanor.home.exists()


@pytest.mark.skipif(os.name == "nt", reason="this system has no modes of files")
@pytest.mark.long
def test_doctor_asks_each_critic_once_what_it_declares(eleanor, tmp_path):
    asked = tmp_path / "asked"
    source = (STRANGER / "eleanor_stranger.py").read_text("utf-8")
    head, hook, rest = source.partition("def eleanor_register_critics")
    signature, colon, body = rest.partition(":\n")
    module = tmp_path / "first" / "eleanor_stranger.py"
    module.parent.mkdir()
    counted = f"    open({str(asked)!r}, 'a').write('once')\n"
    module.write_text(f"{head}{hook}{signature}{colon}{counted}{body}", "utf-8")
    path = os.pathsep.join((str(module.parent), eleanor.env["PYTHONPATH"]))
    eleanor("evaluate", "a fine text")
    assert eleanor("doctor", PYTHONPATH=path).code == 0
    assert asked.read_text() == "once"


def test_doctor_names_each_thing_that_is_wrong(eleanor):
    eleanor.home.mkdir()
    eleanor.home.chmod(0o777)
    ran = eleanor(
        *("--set", 'plugins.exact=["critics/broken","critics/stranger"]'),
        *("--set", "plugins.lock=/nowhere/plugins.lock", "doctor", "--json"),
    )
    assert ran.code == 1
    assert ran.json["ok"] is False
    wrong = {
        item["name"]: item["said"] for item in ran.json["findings"] if item["state"] == "wrong"
    }
    assert set(wrong) == {"home", "plugins", "lock"}
    assert "others may write to it (drwxrwxrwx)" in wrong["home"]
    assert "cannot be checked: plugins.lock: /nowhere/plugins.lock cannot be read" in wrong["lock"]
    ran = eleanor(
        "--set", 'plugins.exact=["critics/broken","critics/stranger"]', "doctor", "--json"
    )
    said = [item["said"] for item in ran.json["findings"] if item["name"] == "plugins"]
    assert "critics/broken: import: ImportError: no module named 'a_missing_thing'" in said
    assert "no evidence log is enabled: no gate can open" in said


@pytest.mark.long
def test_doctor_tells_how_far_a_log_is_behind(eleanor, tmp_path):
    if missing := PostgresServer.missing():
        pytest.skip(missing)
    with PostgresServer() as server:
        place = {"host": "127.0.0.1", "port": server.port, "database": "postgres", "user": "admin"}
        both = (
            *("--set", 'plugins.exact=["critics/stranger","evidence/local","evidence/postgres"]'),
            *(f"--set=sinks.postgres.settings.{name}={value}" for name, value in place.items()),
        )

        def told(*given: str):
            ran = eleanor(*given, "doctor", "--json")
            (found,) = [item for item in ran.json["findings"] if item["name"] == "evidence"]
            return found["state"], found["said"]

        eleanor(*both, "evaluate", "a fine text")
        assert told(*both) == ("ok", "evidence/postgres holds all 2 records of local")
        server.stop()
        assert eleanor(*both, "evaluate", "another fine text").code == 0
        state, said = told(*both)
        assert state == "wrong"
        assert "cannot be compared with evidence/local" in said
        server.start()
        state, said = told(*both)
        assert state == "note"
        assert "evidence/postgres is 2 records behind evidence/local, since 20" in said
        # A new home: its log is another one.
        state, said = told(*both, "--set", f"home={tmp_path / 'elsewhere'}")
        assert state == "wrong"
        assert "the primary has fewer" in said


@pytest.mark.long
def test_an_isolated_critic_judges_and_a_broken_one_is_named(recorded):
    eleanor, _ = recorded
    isolated = ("--set", "critics.stranger.isolation=process")
    ran = eleanor(*isolated, "evaluate", "a fine text", "--json")
    assert ran.json["critics"]["stranger"]["status"] == "ok"
    ran = eleanor(*isolated, "plugins", "explain", "critics/stranger")
    assert "isolated, in 2 confined workers" in ran.out
