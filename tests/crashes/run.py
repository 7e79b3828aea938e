"""Crashes the embedded log many times over, each in three ways, and tells how it bore it.

    python tests/crashes/run.py [--trials 20] [--seed 1] [--write]

Of each kind (kills, power cuts, faults of system calls) so many are injected, and a control beside
them in which the log is made to lose records: if it loses none, the run could not have seen a loss.
Ends 0 only if everything held and each control lost some. `--write` puts the table into
docs/evidence.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parents[1] / "docs" / "evidence.md"
BEGIN: Final = "<!-- made by tests/crashes/run.py: begin -->\n"
END: Final = "<!-- made by tests/crashes/run.py: end -->\n"
HEAD: Final = "| Fault | Times injected | Held | Records lost |\n| --- | --: | --: | --: |\n"
KINDS: Final = ("kills", "cuts", "faults")


class Row(NamedTuple):
    """A line of the table. `said`: what did not hold."""

    fault: str
    injected: int
    held: int
    lost: int
    said: tuple[str, ...]

    @property
    def control(self) -> bool:
        """Whether records had to be lost here."""
        return self.fault.startswith("control")

    @property
    def good(self) -> bool:
        """Whether it went as it must."""
        return self.lost > 0 if self.control else self.held == self.injected and not self.lost

    def __str__(self) -> str:
        """Return it as a line of Markdown."""
        held = "" if self.control else f"{self.held:,}"
        return f"| {self.fault} | {self.injected:,} | {held} | {self.lost:,} |\n"


def missing(kind: str) -> str:
    """Return why faults of this kind cannot be injected here, "" if they can."""
    if sys.platform != "linux":
        return "not on Linux"
    if kind == "faults" and not shutil.which("gcc"):
        return "gcc is not installed"
    if kind == "cuts":
        sys.path.insert(0, str(HERE.parent))
        try:
            from crashes.powercut import missing as without
        except (ImportError, OSError) as error:
            return f"FUSE is not installed ({error})"
        return without()
    return ""


def crashed(kind: str, trials: int, seed: int) -> tuple[list[Row], int]:
    """Crash the log in a process of its own; return the rows, and how many records it had."""
    with tempfile.TemporaryDirectory() as folder:
        surroundings = dict(os.environ)
        if kind == "faults":
            shim = f"{folder}/faults.so"
            build = ("gcc", "-O1", "-shared", "-fPIC", "-o", shim, str(HERE / "faults.c"), "-ldl")
            subprocess.run(build, check=True)
            surroundings["LD_PRELOAD"] = shim
        command = [sys.executable, str(HERE / "trials.py"), kind, str(trials), str(seed)]
        done = subprocess.run(command, env=surroundings, stdout=subprocess.PIPE, check=True)
    told = json.loads(done.stdout)
    rows = [
        Row(fault, row["injected"], row["held"], row["lost"], tuple(row["said"]))
        for part in ("real", "control")
        for fault, row in sorted(told[part]["rows"].items())
    ]
    return rows, told["real"]["acknowledged"]


def table(counted: Mapping[str, tuple[list[Row], int]]) -> Iterator[str]:
    """Yield what goes into the page."""
    yield HEAD
    for rows, _ in counted.values():
        yield from map(str, rows)
    injected = sum(row.injected for rows, _ in counted.values() for row in rows if not row.control)
    records = sum(number for _, number in counted.values())
    yield f"\n{injected:,} faults, {records:,} acknowledged records.\n"


def section(page: str) -> tuple[str, str, str]:
    """Return what stands before the table in the page, the table, and what stands after it."""
    before, _, rest = page.partition(BEGIN)
    inner, _, after = rest.partition(END)
    return before + BEGIN, inner, END + after


def main() -> int:
    """Run all that can be run here; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20, help="faults of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    options = parser.parse_args()
    counted: dict[str, tuple[list[Row], int]] = {}
    for kind in KINDS:
        if why := missing(kind):
            sys.stdout.write(f"{kind}: NOT RUN: {why}\n")
            continue
        counted[kind] = crashed(kind, options.trials, options.seed)
        for row in counted[kind][0]:
            sys.stdout.write(f"{'ok ' if row.good else 'NOT'} {row}")
            sys.stdout.writelines(f"    {words}\n" for words in row.said)
        sys.stdout.flush()
    good = all(row.good for rows, _ in counted.values() for row in rows)
    if options.write and good and len(counted) == len(KINDS):
        before, _, after = section(PAGE.read_text("utf-8"))
        PAGE.write_text(before + "".join(table(counted)) + after, "utf-8")
    return 0 if good and counted else 1


if __name__ == "__main__":
    sys.exit(main())
