"""What people get wrong, and what they are told: what it is, whose, and what to do now."""

from __future__ import annotations

import gc
import json
from io import BytesIO, TextIOWrapper

import pytest
import structlog

from eleanor_cli.app import main

HELP = "--help` says more."
SECRET = "harmless-4711-example"
MISTAKES = [
    # the verb and its options
    (("evalute", "x"), 2, ("no such command 'evalute'", "Did you mean 'evaluate'?", HELP)),
    (("evidence", "sho", "x"), 2, ("no such command 'sho'", "Did you mean 'show'?")),
    (("evaluate", "x", "--colour"), 2, ("no such option: --colour", "`eleanor evaluate --help`")),
    (("evaluate", "x", "--detial", "2"), 2, ("no such option: --detial", "did you mean --detail?")),
    (("evaluate", "x", "--detail", "4"), 2, ("--detail: ", "at most 3")),
    (("evaluate", "x", "--detail", "all"), 2, ("--detail: must be a whole number",)),
    (("evaluate", "x", "--kind", "song"), 2, ("--kind: 'song'", "'prompt', 'answer', 'action'")),
    (("evaluate", "x", "--explain", "boss"), 2, ("--explain: 'boss'", "'auditor'")),
    (("evaluate", "x", "--home", "y"), 2, ("before the verb: eleanor --home DIR evaluate",)),
    (("plugins", "--settings", "y"), 2, ("before the verb: eleanor --settings FILE plugins",)),
    (("evaluate", "--file"), 2, ("--file", "requires an argument", "`eleanor evaluate --help`")),
    (("evaluate", "two", "words"), 2, ("too many arguments: words", "in quotes")),
    (("evaluate", "-x"), 2, ("no such option: -x", "stands after --: eleanor evaluate -- TEXT")),
    (("plugins", "explain"), 2, ("missing argument 'KIND/NAME'",)),
    (("batch", "in.jsonl"), 2, ("missing argument 'OUT.jsonl'",)),
    (("evidence", "list", "--limit", "0"), 2, ("--limit: ", "at least 1")),
    # the text and its context
    (("evaluate",), 2, ("no text to judge", "--file FILE", "standard input was empty")),
    (("evaluate", ""), 1, ("text is empty", "Nothing was judged")),
    (("evaluate", "--file", "missing.txt"), 2, ("cannot read missing.txt: No such file",)),
    (("evaluate", "--file", "empty.txt"), 1, ("text is empty", "Nothing was judged")),
    (("evaluate", "--file", "latin.txt"), 1, ("latin.txt: not UTF-8 at byte 1; convert it",)),
    (
        ("evaluate", "x", "--context", "{a: 1}"),
        2,
        ("--context: not JSON", "An example: --context '{"),
    ),
    (
        ("evaluate", "x", "--context", "context.json"),
        2,
        ("A file is named with @", "@context.json"),
    ),
    (("evaluate", "x", "--context", "[1]"), 2, ("must be a JSON object", '{"domain": ')),
    (("evaluate", "x", "--trace-id", "a\nb"), 1, ("trace_id must be printable ASCII",)),
    # plugins, settings, home, log
    (("plugins", "explain", "critics/strange"), 2, ("no plugin 'critics/strange'", "did you mean")),
    (
        ("--set", "limits.text_byte=1", "plugins"),
        2,
        ("limits.text_byte (command line)", "text_bytes?"),
    ),
    (
        ("--set", "limits.text_bytes=many", "plugins"),
        2,
        ("limits.text_bytes (command line)", "'many'"),
    ),
    (("--set", "limits", "plugins"), 2, ("--set takes key=value, as in",)),
    (
        ("--settings", "missing.yaml", "plugins"),
        2,
        ("settings file missing.yaml", "correct its path"),
    ),
    (("--settings", "broken.yaml", "plugins"), 2, ("settings file broken.yaml: line 2", "correct")),
    (("--home", "", "evaluate", "x"), 2, ("--home is empty: name a folder, or leave it out",)),
    (("--home", "empty.txt", "evaluate", "x"), 2, ("empty.txt (command line) is a file", "--home")),
    (("evidence", "export", "."), 2, (". exists already; name a folder that is to be made",)),
    (
        ("evidence", "hold", "add", "--reason", "x", "--since", "yesterday"),
        2,
        ("'yesterday' is no time: RFC 3339, or 2026-03-31 in UTC",),
    ),
    (
        ("review", "submit", "empty.txt"),
        2,
        ("empty.txt holds no signed review (not JSON", "--sign-only` prints one"),
    ),
    (("precedents", "list", "--like", ""), 2, ("--like is empty: give the text",)),
    (
        ("--set", "plugins.exact=[]", "evaluate", "x"),
        1,
        ("no critic is enabled", "eleanor plugins"),
    ),
    (("evidence", "show", "no-such-id"), 1, ("no record no-such-id", "`eleanor evidence list`")),
]


@pytest.fixture
def run(eleanor, monkeypatch, capfd):
    """Run the command inside this process: a new one for each mistake would take its time.

    Returns exit code, standard output and standard error.
    """
    (eleanor.work / "empty.txt").touch()
    (eleanor.work / "latin.txt").write_bytes("grün".encode("latin-1")[1:])
    (eleanor.work / "context.json").write_text('{"domain": "credit"}')
    (eleanor.work / "broken.yaml").write_text("limits: [1\n")
    monkeypatch.chdir(eleanor.work)
    monkeypatch.syspath_prepend(eleanor.env["PYTHONPATH"])
    for name, value in eleanor.env.items():
        if name.startswith("ELEANOR_"):
            monkeypatch.setenv(name, value)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["eleanor", *arguments])
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO()))
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capfd.readouterr()

    yield run
    structlog.reset_defaults()
    gc.unfreeze()  # what the command left out of garbage collection on its way out


@pytest.mark.parametrize(("arguments", "code", "said"), MISTAKES)
def test_a_mistake_is_explained(run, arguments, code, said):
    ended, out, err = run(*arguments)
    assert (ended, out) == (code, "")
    assert all(words in err for words in said), err
    assert "Traceback" not in err
    assert "Input should" not in err


@pytest.mark.parametrize(("arguments", "code", "said"), MISTAKES[:3] + MISTAKES[16:-2])
def test_programs_are_told_the_same_in_json(run, arguments, code, said):
    ended, out, err = run(*arguments, "--json")
    assert (ended, err) == (code, "")
    error = json.loads(out)["error"]
    assert all(words in error["message"] for words in said), error
    assert error["code"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "--file", SECRET),
        ("evaluate", f"--{SECRET}"),
        ("--set", f"{SECRET}=1", "plugins"),
    ],
)
def test_a_known_secret_is_masked_in_what_is_repeated(run, monkeypatch, arguments):
    monkeypatch.setenv("SERVICE_API_KEY", SECRET)
    ended, out, err = run(*arguments)
    assert (ended, out) == (2, "")
    assert SECRET not in err
    assert "*" * len(SECRET) in err


def test_the_installed_command_says_so_too(eleanor):
    ran = eleanor("evaluate", "x", "--detail", "4", "--json")
    assert (ran.code, ran.err) == (2, "")
    assert ran.json["error"] == {
        "code": "usage",
        "message": f"--detail: must be at most 3\n`eleanor evaluate {HELP}",
    }


@pytest.mark.parametrize("arguments", [(), ("evidence",), ("config",)])
def test_asked_without_a_verb_the_help_is_shown(run, arguments):
    ended, out, err = run(*arguments)
    assert (ended, out) == (2, "")
    assert err.startswith("Usage: eleanor")


def test_a_hostile_option_cannot_drive_the_terminal(run):
    ended, _, err = run("evaluate", "x", "--\x1b[2J\u202e")
    assert ended == 2
    assert "\x1b" not in err
    assert "\u202e" not in err


def test_on_a_terminal_a_long_message_is_folded_between_words(eleanor):
    code, shown = eleanor.on_terminal("--set", "nonsense=1", "plugins", COLUMNS="60")
    assert code == 2
    assert "known here: home" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 60
