"""Runs the two quick-start blocks of the README exactly as they stand, on a copy of this clone.

Not a test module: a new environment is made inside each block. Prints both and how long they took.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def blocks() -> list[str]:
    """Return the fenced `sh` blocks of the section "Quick start". Exits unless there are two."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.split("## Quick start", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    if len(found) != 2:
        sys.exit(f"README: 'Quick start' must hold two sh blocks, found {len(found)}")
    return found


def main() -> None:
    """Run both blocks in a fresh copy, with nothing of the caller's environment activated."""
    for number, block in enumerate(blocks(), 1):
        with tempfile.TemporaryDirectory() as folder:
            clone = Path(folder) / "clone"
            # A clone holds what is committed, and so nothing that only lies around here.
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
            home = Path(folder) / "home"
            home.mkdir()
            kept = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
            env = kept | {"ELEANOR_HOME": str(home)}
            started = time.monotonic()
            print(f"-- block {number}\n{block}", flush=True)
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block], cwd=clone, env=env, check=True
            )
            print(f"-- block {number} took {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
