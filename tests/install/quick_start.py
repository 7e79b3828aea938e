"""Runs the two quick-start blocks of the README exactly as they stand, on a copy of this clone.

    python tests/install/quick_start.py [1] [2] [--keep FOLDER]

Not a test module: a new environment is made inside each block. Prints both and how long they took.
What else the tests should tell, such as coverage, is asked for in PYTEST_ADDOPTS.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

SECOND_LOOK = (
    ". .venv/bin/activate && python -m pytest --last-failed --last-failed-no-failures none"
)
ROOT = Path(__file__).resolve().parents[2]


def blocks() -> list[str]:
    """Return the fenced `sh` blocks of the section "Quick start". Exits unless there are two."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.split("## Quick start", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    if len(found) != 2:
        sys.exit(f"README: 'Quick start' must hold two sh blocks, found {len(found)}")
    return found


def run(script: str, folder: Path, env: dict[str, str]) -> int:
    """Run a script in `folder` and return how it ended."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=env, check=False
    ).returncode


def main() -> None:
    """Run the blocks that were asked for, with nothing of the caller's environment activated."""
    options = _options()
    for number in options.block or (1, 2):
        with ExitStack() as stack:
            folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            attempt(number, blocks()[number - 1], folder)


def attempt(number: int, block: str, folder: Path) -> None:
    """Run a block in a fresh copy below `folder`. Exits if it fails."""
    clone, home = folder / "clone", folder / "home"
    # A clone holds what is committed, and so nothing that only lies around here.
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    env = kept | {"ELEANOR_HOME": str(home)}
    started = time.monotonic()
    print(f"-- block {number}\n{block}", flush=True)
    done = run(block, clone, env)
    if done and "pytest" in block:
        # Timing on a shared machine, or a real fault: what failed is run once more, alone.
        print(f"-- block {number} failed; a second look at what did", flush=True)
        done = run(SECOND_LOOK, clone, env | {"PYTEST_ADDOPTS": ""})
    if done:
        sys.exit(f"README: block {number} ended with {done}")
    print(f"-- block {number} took {time.monotonic() - started:.0f} s", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs the quick start of the README.")
    parser.add_argument("block", type=int, nargs="*", choices=(1, 2), help="both by default")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="leave the copy and its environment there"
    )
    options = parser.parse_args()
    if options.keep and len(options.block) != 1:
        parser.error("--keep takes one block")
    return options


if __name__ == "__main__":
    main()
