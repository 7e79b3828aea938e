"""The tutorial's own command and the script that CI uses rename the example alike."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from support.tree import ROOT

EXAMPLE = ROOT / "plugins" / "critics" / "example"
SCRIPT = ROOT / "tests" / "install" / "rename.py"
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*_cache", ".nox", ".hypothesis")


def _contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_tutorial_renames_as_the_script_does(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(EXAMPLE, clone / "plugins" / "critics" / "example", ignore=LEFT_OUT)
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (EXAMPLE / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    first = next(block for block in blocks if "sed" in block)
    subprocess.run(["bash", "-euo", "pipefail", "-c", first], cwd=clone, check=True)
    by_hand = tmp_path / "eleanor-critics-courtesy"

    by_script = tmp_path / "by-script"
    shutil.copytree(EXAMPLE, by_script, ignore=LEFT_OUT)
    subprocess.run([sys.executable, str(SCRIPT), str(by_script), "courtesy"], check=True)

    assert _contents(by_script) == _contents(by_hand)
    told = _contents(by_script)["pyproject.toml"]
    assert 'courtesy = "eleanor_critics_courtesy"' in told


def test_a_name_of_two_words_fits_everywhere(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(EXAMPLE, copy, ignore=LEFT_OUT)
    subprocess.run([sys.executable, str(SCRIPT), str(copy), "fair-play"], check=True)
    told = _contents(copy)
    source = told["src/eleanor_critics_fair_play/__init__.py"]
    assert 'NAME = "fair-play"' in source
    assert "class FairPlay:" in source
    assert 'fair-play = "eleanor_critics_fair_play"' in told["pyproject.toml"]
    assert 'name = "eleanor-critics-fair-play"' in told["pyproject.toml"]
    assert "import eleanor_critics_fair_play" in told["tests/test_contract.py"]


def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), "Fair Play"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "joined by '-'" in run.stderr
