"""No canary comes out of the command, whatever is typed, read or goes wrong, in no file and no stream."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from canary.birds import KNOWN, SCANNED, SHAPED, Canary, found

PLUGIN = Path(__file__).parent / "canary_plugin"
POINTS = "".join(
    f"[eleanor.{kind}]\ncanary = eleanor_canary\n"
    for kind in ("critics", "evidence", "secrets", "detectors")
)
POINTS += "shapes = eleanor_shapes\n"
VOICES = ["critics/canary", "detectors/canary", "detectors/shapes"]
LOG = "evidence/local"
BIRD = Canary(0)
STAGES = (
    *("none", "import", "registration", "start", "judge", "testify", "stop"),
    *("thread", "warning", "library", "finaliser", "sink"),
)
JUDGING = {
    "for people": ["evaluate", "A text."],
    "as JSON": ["evaluate", "A text.", "--json"],
    "streamed": ["evaluate", "A text.", "--stream"],
    "streamed as JSON": ["evaluate", "A text.", "--stream", "--json"],
    "in detail": ["evaluate", "A text.", "--detail", "3"],
    "for an engineer": ["evaluate", "A text.", "--explain", "engineer"],
    "for an auditor": ["evaluate", "A text.", "--explain", "auditor"],
    "with a traceback": ["--traceback", "evaluate", "A text."],
    "batch": ["batch", "cases.jsonl", "out.jsonl", "--force"],
    "batch in workers": ["batch", "cases.jsonl", "out.jsonl", "--force", "--workers", "2"],
    "plugins": ["plugins", "list"],
    "plugins as JSON": ["plugins", "list", "--json"],
    "one plugin": ["plugins", "explain", "critics/canary"],
    "one plugin as JSON": ["plugins", "explain", "critics/canary", "--json"],
    "quality": ["bench", "quality", "set.jsonl", "--json", "q.json", "--html", "q.html"],
}
SAID = "{said}"
TYPED = {
    "text": ["evaluate", SAID],
    "text as JSON": ["evaluate", SAID, "--json"],
    "text, explained": ["evaluate", SAID, "--explain", "person"],
    "context": ["evaluate", "x", "--json", "--context", "{context}"],
    "context that is none": ["evaluate", "x", "--context", f"[{SAID}"],
    "context file": ["evaluate", "x", "--context", f"@{SAID}"],
    "file": ["evaluate", "--file", SAID],
    "two sources": ["evaluate", SAID, "--stdin"],
    "trace id": ["evaluate", "x", "--json", "--trace-id", "{known}"],
    "option": ["evaluate", f"--{SAID}", "x"],
    "option as JSON": ["evaluate", "--json", f"--{SAID}", "x"],
    "verb": [SAID],
    "verb below": ["evidence", SAID],
    "argument": ["evaluate", "x", SAID],
    "choice": ["evaluate", "x", "--kind", SAID],
    "number": ["evaluate", "x", "--detail", SAID],
    "setting": ["--set", SAID, "evaluate", "x"],
    "setting's value": ["--set", f"limits.text_bytes={SAID}", "config", "show"],
    "setting's name": ["--set", f"limits.{SAID}=1", "config", "show"],
    "setting, plain": ["--set", "plugins.block=critics/none", "config", "show", "--json"],
    "settings file": ["--settings", SAID, "config", "show"],
    "settings file's content": ["--settings", "bad.yaml", "config", "show"],
    "home": ["--home", "cases.jsonl", "config", "show"],
    "settings shown": ["config", "show"],
    "settings shown as JSON": ["config", "show", "--json"],
    "batch, input": ["batch", SAID, "out.jsonl"],
    "batch, output": ["batch", "cases.jsonl", f"{SAID}/out.jsonl"],
    "batch, ids twice": ["batch", "twice.jsonl", "out.jsonl"],
    "plugin's name": ["plugins", "explain", SAID],
    "record's id": ["evidence", "show", SAID],
    "record's id as JSON": ["evidence", "show", SAID, "--json"],
    "precedent": [
        *("precedents", "add", "{known}", "--id", "a-case", "--outcome", "deny"),
        *("--reason", SAID, "--decided-by", SAID),
    ],
    "precedent's id": ["precedents", "show", SAID],
    "precedents like": ["precedents", "list", "--like", SAID],
    "precedents to import": ["precedents", "import", "bad.jsonl"],
    "precedents exported": ["precedents", "export"],
    "precedent retired": ["precedents", "retire", "a-case", "--reason", SAID, "--decided-by", SAID],
    "drift": ["precedents", "drift"],
    "reference": ["secrets", "check", SAID],
    "reference of ours": ["secrets", "check", "canary:path", "--json"],
    "rotation": ["secrets", "rotate", SAID],
    "set": ["bench", "quality", SAID],
    "set's line": ["bench", "quality", "bad.jsonl"],
    "set of queries": ["bench", "precedents", SAID],
    "set of queries, line": ["bench", "precedents", "bad.jsonl"],
    "lock": ["plugins", "lock", f"{SAID}/plugins.lock"],
    "lock held against": ["plugins", "verify", f"{SAID}/plugins.lock"],
    "doctor": ["doctor"],
    "doctor as JSON": ["doctor", "--json"],
    "reviews": ["review", "list"],
    "review of a record": ["review", "show", SAID],
    "review decided": ["review", "decide", SAID, "halt", "--key", "k.pem", "--reason", SAID],
    "review submitted": ["review", "submit", "bad.jsonl"],
    "reviewer's key made": ["review", "keys", "new", f"{SAID}/k.pem"],
    "reviewer's key added": ["review", "keys", "add", SAID, "--person", SAID],
    "reviewer's key revoked": ["review", "keys", "revoke", SAID],
    "reviewers' keys": ["review", "keys", "list", "--json"],
    "checkpoint": ["evidence", "checkpoint"],
    "proof": ["evidence", "prove", SAID],
    "bundle": ["evidence", "export", "bundle", "--payloads"],
    "erasure, ground": ["evidence", "erase", "x", "--ground", SAID, "--reason", SAID],
    "erasure, who": ["evidence", "erase", "x", "--by", SAID],
    "erasure": ["evidence", "erase", SAID, "--reason", SAID],
    "hold": ["evidence", "hold", "add", "--trace", SAID, "--reason", SAID, "--by", SAID],
    "hold on a record": ["evidence", "hold", "add", "--record", SAID, "--reason", SAID],
    "hold, why": ["evidence", "hold", "add", "--trace", "t", "--reason", SAID],
    "hold released": ["evidence", "hold", "release", SAID, "--reason", SAID],
    "holds": ["evidence", "hold", "list", "--json"],
    "what is due": ["evidence", "retain", "--json"],
    "records": ["evidence", "list", "--json"],
    "log verified": ["evidence", "verify", "--json"],
}


@pytest.fixture(scope="session")
def canary_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("canary-site")
    copytree(PLUGIN, folder, dirs_exist_ok=True)
    info = folder / "eleanor_canary-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: eleanor-canary\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    return folder


@pytest.fixture
def caged(eleanor, canary_site):
    """The command with the canary's plugins, its secret in the environment, and files with it."""
    env = {
        **eleanor.env,
        "PYTHONPATH": str(canary_site),
        "CANARY_TOKEN": BIRD.known,
        "CANARY_SHAPED": SHAPED,
    }
    return replace(eleanor, env=env)


def plant(work: Path, said: str) -> None:
    """Write files in which the canary stands."""
    case = {"id": said, "text": f"A text with {said}.", "context": {said: [said, {said: said}]}}
    row = {"id": "1", "text": f"A text with {said}.", "label": 1, "judge": "canary"}
    bad = {"id": f"{said} 2", said: said}
    (work / "cases.jsonl").write_text(f"{json.dumps(case)}\n{json.dumps(bad)}\n[{said}\n")
    (work / "twice.jsonl").write_text(f"{json.dumps(case)}\n{json.dumps(case)}\n")
    (work / "set.jsonl").write_text(f"{json.dumps(row)}\n")
    (work / "bad.jsonl").write_text(f"{json.dumps(bad)}\n")
    (work / "bad.yaml").write_text(f"limits: {{text_bytes: {json.dumps(said)}}}\n")


INPUTS = {"cases.jsonl", "twice.jsonl", "set.jsonl", "bad.jsonl", "bad.yaml"}


def plugins_for(verb: str, log: str = LOG) -> str:
    """Return the plugins that a verb uses: each start of another one takes its time."""
    chosen = {
        "precedents": ["precedents/sqlite", "embedders/hashing", "backends/numpy"],
        "secrets": ["secrets/canary"],
    }
    return json.dumps(chosen.get(verb, [*VOICES, log]))


def search(caged, *streams: str | bytes) -> None:
    """Look into the streams, and into every file but those that held the canary before."""
    for stream in streams:
        blob = stream.encode() if isinstance(stream, str) else stream
        assert not found(blob), found(blob)
    for folder in (caged.work, caged.home):
        for file in folder.rglob("*"):
            if file.is_file() and file.name not in INPUTS:
                assert not found(str(file.relative_to(folder)).encode())
                assert not found(file.read_bytes()), (file, found(file.read_bytes()))


def run_all(caged, run, turn: int, stages=STAGES, typed=TYPED, judging=JUDGING) -> int:
    """Run commands of each sort through everything that can go wrong."""
    count = 0
    for number, (stage, form) in enumerate((stage, form) for stage in stages for form in judging):
        said = BIRD.said(turn + number)
        plant(caged.work, said)
        ran = run(
            *judging[form],
            CANARY_SAYS=said,
            CANARY_FAILS=stage,
            ELEANOR_PLUGINS__EXACT=plugins_for("", "evidence/canary" if stage == "sink" else LOG),
        )
        try:
            search(caged, ran.out, ran.err)
        except AssertionError as error:
            raise AssertionError(f"{stage}, {form}, turn {turn + number}") from error
        count += 1
    for number, (name, words) in enumerate(typed.items()):
        # A verb that loads no voice knows no shape.
        said = BIRD.said(turn + number).partition(" and ")[0]
        plant(caged.work, said)
        given = {
            "{context}": json.dumps({"a": {said: [said]}}),
            "{known}": BIRD.known,
        }
        argv = [given.get(word, word).replace(SAID, said) for word in words]
        ran = run(*argv, CANARY_SAYS=said, ELEANOR_PLUGINS__EXACT=plugins_for(argv[0]))
        try:
            search(caged, ran.out, ran.err)
        except AssertionError as error:
            raise AssertionError(f"{name}, turn {turn + number}: {argv}") from error
        count += 1
    return count


def test_no_canary_comes_out_of_the_command_in_short(caged) -> None:
    judging = {name: JUDGING[name] for name in ("for people", "batch")}
    typed = {name: TYPED[name] for name in ("context that is none", "setting's value")}
    assert run_all(caged, caged, 0, ("judge", "sink"), typed, judging) == 6


def test_a_leak_of_the_command_is_found(caged) -> None:
    env = {"CANARY_SAYS": BIRD.known, "CANARY_TOKEN": "another"}
    ran = caged("evaluate", "A text.", ELEANOR_PLUGINS__EXACT=plugins_for(""), **env)
    assert found(ran.out.encode())
    assert found(ran.err.encode())
    with pytest.raises(AssertionError):
        search(caged, b"")


@pytest.mark.long
def test_no_canary_comes_out_of_the_command(caged, capsys) -> None:
    count = run_all(caged, caged, 0)
    assert count >= len(KNOWN) * len(SCANNED)
    with capsys.disabled():
        print(
            f"\n{len(STAGES)} stages x {len(JUDGING)} forms, {len(TYPED)} typed: {count} commands"
        )


@pytest.mark.long
def test_no_canary_comes_out_of_a_process(caged) -> None:
    """As people run it: no fork of ours, streams that are pipes."""

    class Ended:
        def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
            self.out, self.err = done.stdout, done.stderr

    def run(*argv: str, **env: str) -> Ended:
        return Ended(
            subprocess.run(
                [caged.command, *argv],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=caged.work,
                env={**caged.env, **env},
                timeout=120,
            )
        )

    judging = {name: JUDGING[name] for name in ("for people", "with a traceback", "batch")}
    assert run_all(caged, run, 3, STAGES, TYPED, judging)


@pytest.mark.long
def test_no_canary_comes_out_of_a_command_that_is_interrupted(caged) -> None:
    import signal
    import time

    plant(caged.work, BIRD.said(5))
    lines = (caged.work / "cases.jsonl").read_text().splitlines()[:1]
    rows = [{**json.loads(lines[0]), "id": number} for number in range(3000)]
    (caged.work / "cases.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    process = subprocess.Popen(
        [caged.command, "batch", "cases.jsonl", "out.jsonl", "--workers", "2"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=caged.work,
        env={**caged.env, "CANARY_SAYS": BIRD.said(6), "ELEANOR_PLUGINS__EXACT": plugins_for("")},
    )
    while not (caged.work / "out.jsonl").exists():
        time.sleep(0.05)
    time.sleep(1)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    search(caged, out, err)
