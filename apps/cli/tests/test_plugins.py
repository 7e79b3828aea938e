"""`eleanor plugins`: every status, every reason, and no import of what was not chosen."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "jax", "hvac", "boto3", "numpy", "trio", "typer.testing")


def named(data):
    return {f"{item['kind']}/{item['name']}": item for item in data["plugins"]}


def test_list_is_the_same_with_and_without_the_word(eleanor):
    short, long = eleanor("plugins"), eleanor("plugins", "list")
    assert short == long
    assert short.code == 0
    assert eleanor("plugins", "--json") == eleanor("plugins", "list", "--json")


def test_statuses(eleanor):
    found = named(
        eleanor(
            *("--set", 'plugins.exact=["critics/broken","critics/stranger","evidence/file"]'),
            *("--set", 'plugins.block=["evidence/full"]'),
            *("--set", 'plugins.require=["evidence/file"]', "plugins", "--json"),
        ).json
    )
    statuses = {ref: item["status"] for ref, item in found.items() if "stranger" in item["dist"]}
    assert statuses == {
        "critics/broken": "broken",
        "critics/stranger": "enabled",
        "detectors/stranger": "available",
        "evidence/file": "required",
        "evidence/full": "blocked",
    }
    assert found["critics/stranger"]["version"] == "1.2.3"
    fault = found["critics/broken"]["fault"]
    assert fault["stage"] == "import"
    assert "no module named 'a_missing_thing'" in fault["error"]
    assert "eleanor_broken.py:3" in fault["frame"]
    assert fault["hint"]


def test_people_see_what_broke_and_what_to_do(eleanor):
    ran = eleanor("--set", 'plugins.exact=["critics/broken"]', "plugins")
    assert ran.code == 0
    assert "✗ broken" in ran.out
    assert "✗ critics/broken (eleanor-stranger 1.2.3) broke at: import" in ran.out
    assert "eleanor_broken.py:3 in <module>" in ran.out
    assert "plugins.block" in ran.out


def test_a_broken_required_plugin_is_shown_and_refuses_to_judge(eleanor):
    broken = ("--set", 'plugins.exact=["critics/broken"]')
    required = (*broken, "--set", 'plugins.require=["critics/broken"]')
    assert named(eleanor(*required, "plugins", "--json").json)["critics/broken"]["fault"]
    ran = eleanor(*required, "evaluate", "a fine text", "--json")
    assert ran.code == 1
    assert ran.json["error"]["code"] == "required_plugin"


def test_the_core_alone_says_what_is_missing(eleanor):
    # Isolated from this environment's own plugins: nothing is found, so every default is missing.
    ran = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import importlib.metadata as m, sys\n"
            "m.distributions = lambda **_: iter(())\n"
            "sys.argv = ['eleanor', 'plugins']\n"
            "from eleanor_cli.app import main; main()",
        ],
        env={key: value for key, value in eleanor.env.items() if "EXACT" not in key},
        cwd=eleanor.work,
        capture_output=True,
        check=False,
        timeout=60,
    )
    out = ran.stdout.decode()
    assert ran.returncode == 0
    assert "no plugin is installed" in out
    assert "pip install eleanor-critics-constitutional" in out
    assert "pip install eleanor-evidence-local" in out
    assert "Without a critic nothing can be judged." in out
    assert str(eleanor.home) not in out


def test_explain(eleanor):
    people = eleanor("plugins", "explain", "critics/stranger")
    assert people.code == 0
    assert "enabled" in people.out
    assert "Minds three words." in people.out
    assert "A1, D2, F2" in people.out
    program = eleanor("plugins", "explain", "critics/stranger", "--json").json
    assert program[0]["status"] == "enabled"
    assert program[0]["facts"]["principle"] == "rights"
    unknown = eleanor("plugins", "explain", "critics/strange")
    assert unknown.code == 2
    assert "critics/stranger" in unknown.err
    assert len(eleanor("plugins", "explain", "stranger", "--json").json) == 2


def test_listing_imports_nothing_heavy(eleanor):
    code = (
        "import sys\n"
        "from eleanor_cli.app import app\n"
        "try:\n    app(['plugins', '--json'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(eleanor.env),
        cwd=eleanor.work,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert ran.stderr.decode().strip() == "[]"
    assert not eleanor.home.exists()


def test_a_list_that_does_not_fit_the_screen_loses_nothing(eleanor):
    eleanor("evaluate", "a fine text")
    record = eleanor("evidence", "list", "--json").json[-1]["record_id"]
    wide, narrow = (eleanor("plugins", "list", COLUMNS=width).out for width in ("100", "50"))
    for said in ("✓ enabled", "critics/stranger", "eleanor-stranger 1.2.3", "Minds three words."):
        assert said in wide
        assert said in narrow
    assert f"record   {record}\n" in eleanor("evidence", "list", COLUMNS="50").out
