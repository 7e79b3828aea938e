"""The security scan: our code, what it depends on, and every file that ever was in the history.

    python tests/security/scan.py [--require-audit]

Ends 0 only if nothing was found. A dependency that could not be audited is said; with
`--require-audit`, as in the workflow, it fails the scan, so that a run that checked nothing never
passes for a clean one.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from eleanor_core import Settings
from eleanor_core.pipeline.scan import Scanner
from eleanor_core.registry import load

ROOT: Final = Path(__file__).parents[2]
KNOWN: Final = Path(__file__).with_name("known_examples.toml")
DETECTOR: Final = "detectors/secrets"


def main() -> int:
    """Run the three scans; return the exit code."""
    parser = argparse.ArgumentParser(description="Security scan of code, dependencies, history.")
    parser.add_argument("--require-audit", action="store_true", help="fail where none can be done")
    options = parser.parse_args()
    passed = [code(), dependencies(require=options.require_audit), history()]
    return int(not all(passed))


def code() -> bool:
    """Have bandit read our code; an exception has its reason on its line."""
    folders = ["eleanor_core", "apps", "plugins"]
    command = ["bandit", "--recursive", "--quiet", "--severity-level", "medium", *folders]
    found = subprocess.run([*command, "--exclude", "*/tests/*"], cwd=ROOT, check=False)
    return _said("code", not found.returncode, "bandit, medium and above")


def dependencies(*, require: bool) -> bool:
    """Ask for known vulnerabilities of all that is installed, our own dists left out."""
    installed = {
        item.metadata["Name"]: item.version
        for item in distributions()
        if not item.metadata["Name"].startswith("eleanor-")
    }
    with TemporaryDirectory() as folder:
        pins = Path(folder, "installed.txt")
        pins.write_text("".join(f"{name}=={version}\n" for name, version in installed.items()))
        command = ["pip-audit", "--no-deps", "--disable-pip", "-r", str(pins), "-f", "json"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        told = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = ran.stderr.strip().splitlines() or ["no answer"]
        return _not_done(f"all: {said[-1]}", require)
    asked = [item for item in told if "vulns" in item]
    for item in asked:
        for found in item["vulns"]:
            print(f"   {item['name']} {item['version']}: {found['id']}")
    clean = not any(item["vulns"] for item in asked)
    if clean and len(asked) < len(installed):
        return _not_done(f"{len(installed) - len(asked)} of {len(installed)} packages", require)
    return _said("dependencies", clean, f"{len(asked)} packages")


def history() -> bool:
    """Have our own detector of secrets read every file of every commit."""
    loaded = load(Settings()).loaded["detectors"]["secrets"]
    scanner = Scanner({DETECTOR: loaded.declaration.patterns})
    known = [
        re.compile(item["found"]) for item in tomllib.loads(KNOWN.read_text("utf-8"))["example"]
    ]
    planted = "ghp_" + secrets.token_hex(18)  # that the scan can find something at all
    if not scanner.scan(f"token: {planted}").hits[DETECTOR]:
        return _said("history", False, "the detector does not find a planted token")
    read, unknown = 0, set[str]()
    for name, text in blobs():
        read += 1
        for hit in scanner.scan(text).hits[DETECTOR]:
            found = text[slice(*hit.span)]
            if not any(example.search(found) for example in known):
                # The name and the kind are enough to look it up: a log is no place for the value.
                unknown.add(f"   {name}, characters {hit.span[0]} to {hit.span[1]}: {hit.pattern}")
    print(*sorted(unknown), sep="\n", end="\n" if unknown else "")
    return _said("history", read > 0 and not unknown, f"{read} files of all commits")


def blobs() -> Iterator[tuple[str, str]]:
    """Yield the name and text of every text file in every commit."""
    listed = _git("rev-list", "--objects", "HEAD").decode().splitlines()
    names = dict(line.split(" ", 1) for line in listed if " " in line)
    data = _git("cat-file", "--batch", given="\n".join(names).encode())
    place = 0
    while place < len(data):
        end = data.index(b"\n", place)
        name, kind, size = data[place:end].split()
        place = end + 1 + int(size) + 1
        if kind == b"blob" and (text := _text(data[end + 1 : place - 1])):
            yield names[name.decode()], text


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return ""


def _git(*words: str, given: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", *words], cwd=ROOT, input=given, capture_output=True, check=True
    ).stdout


def _not_done(what: str, require: bool) -> bool:
    print(
        f"{'FAILED' if require else 'NOT DONE'}  dependencies: no answer about {what}", flush=True
    )
    return not require


def _said(what: str, passed: bool, about: str) -> bool:
    print(f"{'passed' if passed else 'FAILED'}  {what}: {about}", flush=True)
    return passed


if __name__ == "__main__":
    sys.exit(main())
