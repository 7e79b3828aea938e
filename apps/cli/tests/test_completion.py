"""Completion, as the shells ask for it."""

from __future__ import annotations

import shlex
import subprocess
from shutil import which

import pytest

SESSION = """\
eval "$(_ELEANOR_COMPLETE=source_bash eleanor)"
complete -p eleanor
ask() {
    COMP_WORDS=(eleanor "$@") COMP_CWORD=$# COMPREPLY=()
    _eleanor_completion eleanor
    echo "${COMPREPLY[*]}"
}
"""

ASKED = {
    ("pl",): {"plugins"},
    ("evidence", "e"): {"erase", "export"},
    ("evaluate", "--ex"): {"--explain"},
    ("evaluate", "--explain", ""): {"person", "operator", "engineer", "auditor"},
    ("evaluate", "--detail", ""): {"1", "2", "3"},
    ("--set", "limits.text"): {"limits.text_bytes="},
    ("--set", "critics.stranger.dead"): {"critics.stranger.deadline="},
    ("--settings", "missing.yaml", "plugins", "explain", "critics/b"): {"critics/broken"},
}


@pytest.mark.long
def test_bash_is_told_and_nothing_else_happens(eleanor):
    shell = which("bash")
    assert shell, "bash is needed: it is asked for completions"
    folder = eleanor.command.rpartition("/")[0]
    questions = "".join(f"ask {shlex.join(words)}\n" for words in ASKED)
    done = subprocess.run(
        [shell, "--norc", "-c", SESSION + questions],
        env={**eleanor.env, "PATH": f"{folder}:{eleanor.env['PATH']}"},
        cwd=eleanor.work,
        capture_output=True,
        timeout=120,
        check=True,
    )
    installed, *answers = done.stdout.decode().splitlines()
    assert installed == "complete -o default -F _eleanor_completion eleanor"
    told = {words: set(answer.split()) for words, answer in zip(ASKED, answers, strict=True)}
    assert told == ASKED
    assert done.stderr == b""
    assert not eleanor.home.exists()
    assert list(eleanor.work.iterdir()) == []


@pytest.mark.parametrize(
    ("shell", "said"), [("bash", "COMPREPLY"), ("zsh", "#compdef"), ("fish", "complete")]
)
def test_each_shell_gets_its_script(eleanor, shell, said):
    script = eleanor(_ELEANOR_COMPLETE=f"source_{shell}").out
    assert said in script
    assert "_ELEANOR_COMPLETE" in script


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_meaning_of_a_word_stays_on_its_line(eleanor, shell):
    ran = eleanor(
        _ELEANOR_COMPLETE=f"complete_{shell}",
        _TYPER_COMPLETE_ARGS="eleanor --se",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    lines = ran.out.splitlines()
    assert len(lines) == 2
    assert "--settings" in lines[0]
    assert "goes before all else." in lines[1]
