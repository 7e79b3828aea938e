"""Runs the benchmarks of the engine and prints their table.

    python benchmarks/run.py [--short] [--json FILE] [--check]

Ends 0 unless a benchmark failed to run; with `--check` also 1 where a goal is missed by more than a
quarter, told by the ratio to the calibration loop, so that a slower machine does not fail.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

from corpus import corpus, in_words
from measure import CALIBRATION_MS, HEADROOM, Row, calibrate
from processes import fresh

ROUNDS = 9
SHORT_ROUNDS = 5
_SHOWN = ("anyio", "attrs", "cattrs", "google-re2", "pydantic", "structlog", "trio")


def main() -> int:
    """Run everything; return the exit code."""
    options = _options()
    rounds = SHORT_ROUNDS if options.short else ROUNDS
    about = _about(rounds)
    rows = [
        *_rows_of("judging.py", "asyncio", str(rounds)),
        *_rows_of("judging.py", "trio", str(rounds)),
        *_rows_of("scanning.py", str(rounds)),
        *_rows_of("validating.py", str(rounds)),
        *_rows_of("appending.py", str(rounds)),
        *fresh(SHORT_ROUNDS),
    ]
    _print(rows, about)
    if options.json:
        report = {"about": about, "rows": [row.as_json() for row in rows]}
        options.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if any(row.failed for row in rows):
        return 1
    return int(options.check and not all(row.acceptable for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Benchmarks of the engine.")
    parser.add_argument("--short", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--check", action="store_true", help="end 1 where a goal is missed")
    return parser.parse_args()


def _rows_of(script: str, *arguments: str) -> list[Row]:
    """Run a script that prints its rows as JSON, in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        name = " ".join((script, *arguments))
        note = f"it ended {done.returncode}"
        return [Row(name=name, unit="ms", value=None, failed=True, note=note)]
    return [Row.from_json(item) for item in json.loads(done.stdout)]


def _about(rounds: int) -> dict[str, object]:
    ours = {
        dist.name: dist.version
        for dist in distributions()
        if dist.name.startswith("eleanor-") or dist.name in _SHOWN
    }
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load": [round(number, 1) for number in os.getloadavg()],
        "calibration_ms": round(sorted(calibrate() for _ in range(25))[12], 3),
        "rounds": rounds,
        "corpus": "; ".join(in_words(corpus())),
        "versions": dict(sorted(ours.items())),
    }


def _print(rows: Iterable[Row], about: dict[str, object]) -> None:
    for key, value in about.items():
        if key != "versions":
            print(f"{key}: {value}")
    print(
        "CPU is process time, the median of the rounds; wall time is beside it. Ratio: over the "
        f"calibration loop in the same round. Goals hold where that takes {CALIBRATION_MS:g} ms; "
        f"--check allows {HEADROOM:g} times the goal, by the ratio.\n"
    )
    print(f"{'':62}{'CPU':>11}{'goal':>7}{'met':>5}{'least':>11}{'ratio':>9}{'wall':>11}")
    for row in rows:
        print(f"{row.name:62}{_figures(row)}" + (f"  {row.note}" if row.note else ""))


def _figures(row: Row) -> str:
    met = {True: "yes", False: "no", None: ""}[row.met]
    goal = "" if row.goal is None else f"{row.goal:g}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    taken, least, wall = (_amount(item, row.unit) for item in (row.value, row.least, row.wall))
    return f"{taken:>11}{goal:>7}{met:>5}{least:>11}{ratio:>9}{wall:>11}"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:.0f} {unit}" if unit == "MB" else f"{value:.3f} {unit}"


if __name__ == "__main__":
    sys.exit(main())
