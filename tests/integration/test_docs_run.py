"""The commands that the pages print, run one after the other as somebody types them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.tree import ROOT

pytestmark = pytest.mark.long

PAGES = (
    "apps/cli/README.md",
    "docs/batches.md",
    "docs/evidence.md",
    "docs/gate.md",
    "docs/precedents.md",
    "docs/quality.md",
    "plugins/detectors/patterns/README.md",
    "plugins/precedents/sqlite/README.md",
)
DECISIONS = (0, 10, 11, 12)
APART = re.compile(r"^(?:pip|pytest|python benchmarks)")
"""What installs, tests or measures: there are tests and sessions for it."""

CASE = {"id": "1", "text": "We will deny the loan because she is a Muslim woman."}
LABELLED = [
    {**CASE, "critic": "fairness", "label": 1},
    {"id": "2", "text": "Take out the trash.", "critic": "fairness", "label": 0},
]
ALIKE = {
    "id": "q",
    "text": "May I sell the addresses?",
    "context": {
        "candidates": [
            {"id": "c0", "text": "Sell the addresses of the members."},
            {"id": "c1", "text": "Take out the trash."},
        ],
        "relevant": ["c0"],
    },
}
Run = Callable[[str], str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a line of shell in a folder with a home and the files that the pages name."""
    (tmp_path / "answer.txt").write_text("Drink more water.")
    (tmp_path / "context.json").write_text('{"domain": "general"}')
    (tmp_path / "in.jsonl").write_text(json.dumps(CASE))
    (tmp_path / "sets").mkdir()
    env = {
        **os.environ,
        "ELEANOR_HOME": str(tmp_path / "home"),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }

    def run(line: str) -> str:
        ended = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert ended.returncode in DECISIONS, f"{line}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    return run


def _lines(page: str) -> Iterator[str]:
    for block in re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    ):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip() and not APART.match(line):
                yield line


def _meant(word: str, run: Run, said: str) -> str:
    """Return what stands for a word in capitals; `said` is what all commands printed so far."""
    if word == "PUBLIC_KEY":
        return re.findall(r"\b[0-9a-f]{64}\b", said)[0]
    if word == "HOLD_ID":
        return json.loads(run("eleanor evidence hold list --json"))[0]["hold_id"]
    judged = json.loads(run(f"eleanor evaluate --json '{CASE['text']}'"))
    return {"RECORD_ID": judged["evidence"]["record_id"], "TRACE_ID": judged["trace_id"]}[word]


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_do_what_it_says(page: str, run: Run, tmp_path: Path) -> None:
    sets = [ALIKE] if page == "docs/precedents.md" else LABELLED
    (tmp_path / "sets" / "hatecheck.jsonl").write_text("\n".join(map(json.dumps, sets)))
    meant: dict[str, str] = {}
    said = ""
    for line in _lines(page):
        for word in re.findall(r"\b(?:PUBLIC_KEY|RECORD_ID|HOLD_ID|TRACE_ID)\b", line):
            if word not in meant:
                meant[word] = _meant(word, run, said)
            line = line.replace(word, meant[word])
        said += run(line)


def test_a_table_of_results_can_be_asked_as_the_page_says(run: Run, tmp_path: Path) -> None:
    run("eleanor batch in.jsonl out.parquet")
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/batches.md").read_text(), re.DOTALL)
    (tmp_path / "ask.py").write_text(code)
    assert "'decision': ['review']" in run("python ask.py")
