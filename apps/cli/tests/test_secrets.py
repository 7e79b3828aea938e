"""`eleanor secrets`: what it says of each secret, a rotation from begin to end, and no value."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

KEEPER = Path(__file__).parent / "keeper"
OLD, NEW = "an example value, not a secret", "another-example-value"
REF = "keeper:app/key"


@pytest.fixture
def store(eleanor) -> Path:
    file = eleanor.work / "store.json"
    file.write_text(json.dumps({"app/key": [OLD]}))
    return file


@pytest.fixture
def keeper(eleanor, store, tmp_path):
    """The command with the provider over that file, installed as pip would."""
    site = tmp_path / "keeper-site"
    copytree(KEEPER, site)
    info = site / "eleanor_keeper-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: eleanor-keeper\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eleanor.secrets]\nkeeper = eleanor_keeper\n")
    env = {
        **eleanor.env,
        "PYTHONPATH": os.pathsep.join((eleanor.env["PYTHONPATH"], str(site))),
        "ELEANOR_PLUGINS__EXACT": '["secrets/keeper"]',
        "ELEANOR_SECURITY__KEEPER__FILE": str(store),
    }
    return replace(eleanor, env=env)


def shown(*runs: object) -> str:
    return "".join(f"{run.out}{run.err}" for run in runs)


def test_check_asks_for_each_secret_of_the_settings(keeper):
    ran = keeper("secrets", "check", ELEANOR_SECURITY__KEEPER__API_KEY=REF)
    assert ran.code == 0, ran.err
    assert [line.split() for line in ran.out.splitlines()] == [
        ["✓", "RUNS", "secrets/keeper:", "running"],
        ["✓", "FOUND", REF],
        ["version", "v1"],
    ]
    assert "no setting refers to one" in keeper("secrets", "check").out
    assert OLD not in shown(ran)


def test_check_ends_1_where_one_is_not_there(keeper, store):
    ran = keeper("secrets", "check", REF, "keeper:absent", "other:thing", "--json")
    assert ran.code == 1
    found, absent, other = ran.json["secrets"]
    assert found == {"ref": REF, "ok": True, "version": "v1", "others": 0, "problem": ""}
    assert absent["problem"] == "the file has no such name"
    assert other["problem"] == "no provider called 'other' is running (running: keeper)"
    store.unlink()
    lost = keeper("secrets", "check", REF)
    assert lost.code == 1
    assert "✗ LOST" in lost.out
    assert "the file is away" in lost.out


def test_a_rotation_from_begin_to_end(keeper, store):
    rotated = keeper("secrets", "rotate", REF, stdin=f"{NEW}\n".encode())
    assert rotated.code == 0, rotated.err
    assert "stored as version v2. 1 former value may still be valid" in " ".join(
        rotated.out.split()
    )
    assert json.loads(store.read_text()) == {"app/key": [NEW, OLD]}
    between = keeper("secrets", "check", REF)
    assert "1 other value may be valid" in between.out
    retired = keeper("secrets", "rotate", REF, "--retire")
    assert (retired.code, retired.out) == (0, f"{REF}: 1 former value ended\n")
    assert json.loads(store.read_text()) == {"app/key": [NEW]}
    assert keeper("secrets", "rotate", REF, "--retire", "--json").json == {"ref": REF, "retired": 0}
    for value in (OLD, NEW):
        assert value not in shown(rotated, between, retired)


def test_a_new_value_comes_from_a_file_or_by_chance(keeper, store):
    (keeper.work / "new").write_text("two\nlines\n")
    from_file = keeper("secrets", "rotate", REF, "--file", "new", "--json")
    assert from_file.json == {"ref": REF, "version": "v2", "others": 1}
    made = keeper("secrets", "rotate", REF, "--generate", "--json")
    assert made.json["version"] == "v3"
    by_chance, *before = json.loads(store.read_text())["app/key"]
    assert before == ["two\nlines", OLD]
    assert len(by_chance) == 43
    assert by_chance not in shown(made)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("keeper",), b"x", 2, "provider:path#key"),
        ((REF,), b"\n", 2, "the new value is empty; nothing was stored"),
        ((REF,), OLD.encode(), 2, "has this value already; nothing was stored"),
        ((REF, "--generate", "--retire"), b"", 2, "say one of them"),
        ((REF, "--file", "absent"), b"", 2, "cannot read absent: No such file or directory; noth"),
        ((REF,), b"\xff\xfe", 2, "the new value is not UTF-8; nothing was stored"),
        (("keeper:absent",), b"x", 1, "the file has no such name"),
    ],
)
def test_what_cannot_be_rotated_is_told_and_nothing_is_stored(
    keeper, store, arguments, stdin, code, said
):
    ran = keeper("secrets", "rotate", *arguments, stdin=stdin)
    assert ran.code == code
    assert said in ran.err
    assert json.loads(store.read_text()) == {"app/key": [OLD]}


def test_a_store_that_did_not_take_the_value_is_noticed(keeper):
    ran = keeper(
        "secrets", "rotate", REF, stdin=NEW.encode(), ELEANOR_SECURITY__KEEPER__DEAF="true"
    )
    assert ran.code == 1
    assert "before you revoke anything" in ran.err


def test_without_a_provider_it_says_which_to_install(eleanor):
    ran = eleanor("secrets", "check")
    assert ran.code == 1
    assert "no secrets provider is enabled: install one" in ran.err


def test_a_provider_that_does_not_start_is_shown(keeper, store):
    broken = {"ELEANOR_PLUGINS__EXACT": '["secrets/keeper", "secrets/gone"]'}
    ran = keeper("secrets", "check", REF, **broken)
    assert ran.code == 1
    assert "✗ FAILS" in ran.out
    assert "secrets/gone" in ran.out
    assert "✓ FOUND" in ran.out


def test_explain_shows_every_setting_whole_however_narrow_the_screen(keeper):
    ran = keeper("plugins", "explain", "secrets/keeper", COLUMNS="60")
    for said in ("secrets.keeper.settings.stale_for  float\n", "default   3600.0\n"):
        assert said in ran.out
    assert "A reference, as other plugins have them." in " ".join(ran.out.split())
