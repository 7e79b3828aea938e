"""Breaks each rule of the doctrine in turn, in a copy of the tree; fails if the suite stays green.

    python tests/mutants.py [--short] [--list] [NAME ...]

A mutant is an exact replacement in one file of the core, written down in `tests/mutants/*.toml`:

    name        what the broken program does
    rule        the rule that this breaks, or the section of the design
    file        the file, seen from `eleanor_core/`
    old, new    the text to replace, which stands there exactly once, and what stands there instead
    noticed_by  the tests in `tests/doctrine/` that should fail; if they do not, all of them run
    short       whether `--short` runs it (one mutant a rule, with `noticed_by` alone)

Names are searched for each NAME. Not a test module: the suite that it runs is the suite itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from attrs import frozen

ROOT: Final = Path(__file__).resolve().parents[1]
SUITE: Final = "tests/doctrine"
COPIED: Final = ("eleanor_core", "tests", "docs", "pyproject.toml")
TIMEOUT: Final = 600
"""Seconds: a mutant that hangs the suite is noticed too."""


class MutantsError(Exception):
    """A mutant that cannot be made, or an environment in which none can be tried."""


@frozen(kw_only=True)
class Mutant:
    """One way to break a rule; the fields are explained above."""

    name: str
    rule: str
    file: str
    old: str
    new: str
    noticed_by: tuple[str, ...]
    short: bool = False

    def applied(self, source: str) -> str:
        """Return the broken source, which is still Python.

        Raises MutantsError unless `old` stands there exactly once.
        """
        count = source.count(self.old)
        if count != 1 or self.old == self.new:
            raise MutantsError(
                f"{self.name!r}: the old text stands {count} times in eleanor_core/{self.file}; "
                "bring the mutant up to date"
            )
        broken = source.replace(self.old, self.new)
        try:
            compile(broken, self.file, "exec")
        except SyntaxError as error:
            raise MutantsError(f"{self.name!r}: {error}; bring the mutant up to date") from None
        return broken


@frozen(kw_only=True)
class Trial:
    """What the suite made of one mutant. `by`: the first test that failed."""

    mutant: Mutant
    noticed: bool
    by: str
    seconds: float


class Copy:
    """A copy of the tree, in which one mutant after another is tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, folder / name)
        shadowed = self._python("-c", "import eleanor_core; print(eleanor_core.__file__)", cwd="/")
        if Path(shadowed.stdout.strip()).parent != folder / "eleanor_core":
            raise MutantsError(f"the copy does not shadow the sources: {shadowed}")

    def suite(self, tests: Sequence[str]) -> tuple[int, str]:
        """Run tests of the copy; return pytest's exit code and the first failure, or the output."""
        run = self._python(
            "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests, cwd=self.folder
        )
        failed = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        said = failed[0].split(" - ")[0] if failed else run.stdout[-2000:] + run.stderr[-2000:]
        return run.returncode, said.removeprefix("FAILED ").removeprefix(f"{SUITE}/")

    @contextmanager
    def broken(self, mutant: Mutant) -> Iterator[None]:
        """Apply a mutant for as long as the block runs."""
        path = self.folder / "eleanor_core" / mutant.file
        source = path.read_text("utf-8")
        try:
            self._write(path, mutant.applied(source))
            yield
        finally:
            self._write(path, source)

    def _write(self, path: Path, source: str) -> None:
        path.write_text(source, "utf-8")
        # Python takes compiled code for fresh by time in seconds and size: both may be equal here.
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()

    def _python(self, *arguments: str, cwd: Path | str) -> subprocess.CompletedProcess[str]:
        paths = [str(self.folder), os.environ.get("PYTHONPATH", "")]
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "HYPOTHESIS_PROFILE": "mutants",
        }
        try:
            return subprocess.run(
                [sys.executable, *arguments],
                cwd=cwd,
                env=env,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(arguments, 1, f"FAILED {TIMEOUT} s passed", "")


def read() -> list[Mutant]:
    """Return all mutants. Raises MutantsError for two of one name."""
    rows = [
        row
        for file in sorted((ROOT / "tests" / "mutants").glob("*.toml"))
        for row in tomllib.loads(file.read_text("utf-8"))["mutant"]
    ]
    names = [row["name"] for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MutantsError(f"names used twice: {', '.join(twice)}")
    return [Mutant(**{**row, "noticed_by": tuple(row["noticed_by"])}) for row in rows]


def refuse_stale(mutants: Sequence[Mutant]) -> None:
    """Raise MutantsError that names every mutant whose old text is not there once."""
    stale = []
    for mutant in mutants:
        try:
            mutant.applied((ROOT / "eleanor_core" / mutant.file).read_text("utf-8"))
        except MutantsError as error:
            stale.append(str(error))
    if stale:
        raise MutantsError("\n".join(stale))


def named(mutant: Mutant) -> list[str]:
    """Return the tests that should notice, as pytest takes them."""
    return [f"{SUITE}/{test}" for test in mutant.noticed_by]


def attempt(copy: Copy, mutant: Mutant, *, short: bool) -> Trial:
    """Try one mutant. Raises MutantsError where the suite does not even run."""
    started = time.monotonic()
    with copy.broken(mutant):
        code, said = copy.suite(named(mutant))
        if code == 0 and not short:
            code, said = copy.suite([SUITE])
    if code not in (0, 1):
        raise MutantsError(f"{mutant.name!r} does not leave a program that runs:\n{said}")
    seconds = time.monotonic() - started
    return Trial(mutant=mutant, noticed=code == 1, by=said, seconds=seconds)


def survivors(mutants: Sequence[Mutant], *, short: bool) -> list[Mutant]:
    """Try all mutants, as many at once as there are processors, and return those unnoticed."""
    jobs = min(len(mutants), os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(jobs):
            copies.put(Copy(Path(folder).resolve() / str(number)))

        def work(mutant: Mutant) -> Trial:
            copy = copies.get()
            try:
                return attempt(copy, mutant, short=short)
            finally:
                copies.put(copy)

        _refuse_red(copies, mutants, short=short)
        left: list[Mutant] = []
        for trial in pool.map(work, mutants):
            verdict = "noticed " if trial.noticed else "SURVIVED"
            by = f"\n             by {trial.by}" if trial.noticed else ""
            rule = f"rule {trial.mutant.rule}"
            print(f"{verdict} {trial.seconds:5.1f} s  {rule}: {trial.mutant.name}{by}", flush=True)
            left += [] if trial.noticed else [trial.mutant]
        return left


def _refuse_red(copies: SimpleQueue[Copy], mutants: Sequence[Mutant], *, short: bool) -> None:
    """Raise MutantsError unless the tests are green as long as nothing is broken."""
    copy = copies.get()
    tests = {test: None for mutant in mutants for test in named(mutant)}
    code, said = copy.suite(list(tests) if short else [SUITE])
    copies.put(copy)
    if code:
        raise MutantsError(f"the suite is red before anything is broken: {said}")


def main() -> int:
    """Run the script; return 1 if a mutant survived."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="one mutant a rule")
    parser.add_argument("--list", action="store_true", help="print the mutants and end")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (part of the name)")
    given = parser.parse_args()
    mutants = [
        mutant
        for mutant in read()
        if (mutant.short or not given.short)
        and (not given.names or any(name in mutant.name for name in given.names))
    ]
    refuse_stale(mutants)
    if given.list:
        for mutant in mutants:
            print(f"rule {mutant.rule:7} {mutant.name}  ({mutant.file})")
        return 0
    left = survivors(mutants, short=given.short)
    print(f"{len(mutants) - len(left)} of {len(mutants)} mutants were noticed")
    return bool(left)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MutantsError as error:
        sys.exit(str(error))
