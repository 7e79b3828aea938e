"""Fuzzes every target for its share of the time, from the saved corpus on.

    python tests/fuzz/run.py [--seconds 60] [--target NAME ...] [--keep]

Needs atheris (`pip install atheris`; `nox -s fuzz` does). Ends 1 if a target broke a promise; the
input that broke it is left in `tests/fuzz/found`, and belongs into the corpus once it is mended.
`--keep` puts what reached new code into the corpus.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
CORPUS: Final = HERE / "corpus"
FOUND: Final = HERE / "found"
LONGEST: Final = 4096
"""Bytes of an input."""
KEPT_LONGEST: Final = 256
"""Bytes of an input that is kept: the corpus lives in the repository."""
HUNG: Final = 60
"""Seconds of wall time after which a run does not come back; one of CPU time is too much already."""


class Fuzzed(NamedTuple):
    """How a target fared."""

    name: str
    runs: int
    coverage: int
    said: str


def main() -> int:
    """Fuzz; return the exit code."""
    options = _options()
    FOUND.mkdir(exist_ok=True)
    names = options.target or _names()
    failed = False
    for name in names:
        done = _fuzz(name, options.seconds / len(names), keep=options.keep)
        failed |= bool(done.said)
        print(
            f"{done.name:12}{done.runs:>10} runs, coverage {done.coverage:>6}{done.said}",
            flush=True,
        )
    return int(failed)


def _names() -> list[str]:
    sys.path.insert(0, str(HERE.parent))
    from fuzz.targets import TARGETS

    return list(TARGETS)


def _fuzz(name: str, seconds: float, *, keep: bool) -> Fuzzed:
    seeds = CORPUS / name
    with tempfile.TemporaryDirectory() as found:
        done = _atheris(
            name,
            f"-max_total_time={max(1, round(seconds))}",
            f"-max_len={LONGEST}",
            f"-timeout={HUNG}",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            f"-artifact_prefix={FOUND}/{name}-",
            found,
            str(seeds),
        )
        if keep:
            _atheris(name, "-merge=1", f"-max_len={KEPT_LONGEST}", str(seeds), found)
    runs = re.search(r"number_of_executed_units: *(\d+)", done.stderr)
    coverage = re.findall(r"cov: (\d+)", done.stderr)
    said = "" if done.returncode == 0 else f"\n{(done.stdout or done.stderr)[-3000:]}"
    return Fuzzed(name, int(runs[1]) if runs else 0, int(coverage[-1]) if coverage else 0, said)


def _atheris(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(HERE / "one.py"), *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fuzzes what reads input from outside.")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--target", action="append", metavar="NAME", help="this one alone")
    parser.add_argument("--keep", action="store_true", help="add to the saved corpus")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
