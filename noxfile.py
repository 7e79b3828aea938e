"""The test matrix and every check, by name: `nox -l` lists them.

A session makes its own environment, so that what passes here passes on a new machine.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
BACKEND = "flit_core>=3.11,<4"
REQUIRE = "ELEANOR_REQUIRE_DEVICE"
BACKENDS = ROOT / "plugins" / "backends"
ENCODER = ROOT / "plugins" / "embedders" / "minilm"
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
APART = [ROOT / path for path in PYPROJECT["tool"]["eleanor"]["apart"]]
"""Dists with a large dependency: `nox -s backends` has an environment for each."""
PLUGINS = sorted(
    folder
    for folder in (path.parent for path in ROOT.glob("plugins/*/*/pyproject.toml"))
    if folder not in APART
)
DISTS = [ROOT, ROOT / "apps" / "cli", *PLUGINS]
TEMPLATE = ROOT / "plugins" / "critics" / "example"
KIT = ["pytest>=8.3", "hypothesis>=6.120", "trio>=0.28"]

nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True


def short(path: Path) -> str:
    """Return a dist's folder as it is named on the command line."""
    return path.relative_to(ROOT).as_posix() if path != ROOT else "core"


def editable(session: nox.Session, *folders: Path, extra: tuple[str, ...] = ()) -> None:
    """Install folders editable, with the build backend made once instead of once for each."""
    session.install(BACKEND)
    paths = [part for folder in folders for part in ("-e", str(folder))]
    session.install("--no-build-isolation", "-c", "constraints.txt", *paths, *extra)


def everything(session: nox.Session) -> None:
    """Install the default set and what the checks need."""
    session.install(BACKEND)
    session.install("--no-build-isolation", "-r", "requirements-dev.txt")


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite, with coverage and its gate."""
    everything(session)
    session.run("pytest", "--cov", "--cov-report=term-missing:skip-covered", *session.posargs)


@nox.session(name="long")
def long_tests(session: nox.Session) -> None:
    """What the default run leaves out because it takes many seconds."""
    everything(session)
    session.run("pytest", "-m", "long", *session.posargs)
    # And whatever has a property with many more examples than by default.
    more = ("-m", "hypothesis and not long")
    session.run("pytest", *more, env={"HYPOTHESIS_PROFILE": "long"})


@nox.session
def lives(session: nox.Session) -> None:
    """Rule 9 over ten thousand lives of decisions."""
    everything(session)
    session.run(
        "pytest", "-m", "long", "--hypothesis-show-statistics",
        "tests/doctrine/test_rule_9_lives.py", *session.posargs,
        env={"HYPOTHESIS_PROFILE": "lives"},
    )  # fmt: skip


@nox.session
def crashes(session: nox.Session) -> None:
    """Kills, power cuts and failing system calls, 500 of each, with controls that lose records."""
    everything(session)
    session.run("python", "tests/crashes/run.py", "--trials", "500", *session.posargs)


@nox.session
def bare(session: nox.Session) -> None:
    """The core alone: it starts, and says what it lacks."""
    editable(session, ROOT, extra=tuple(KIT))
    session.run("pytest", "tests/install", "-m", "bare", *session.posargs)


@nox.session
@nox.parametrize("folder", [nox.param(folder, id=short(folder)) for folder in PLUGINS])
def plugins(session: nox.Session, folder: Path) -> None:
    """One plugin folder beside the core and nothing else: what its author's machine has."""
    editable(session, ROOT, folder, extra=(*KIT, "mypy", "types-PyYAML"))
    session.chdir(folder)
    session.run("pytest", *session.posargs)
    session.run("mypy", "--strict", "src")


def absent(device: str) -> str:
    """Return why a device cannot be here, "" if it can."""
    if device == "mps":
        there = (sys.platform, platform.machine()) == ("darwin", "arm64")
        return "" if there else "this is no Mac with Apple silicon"
    drivers = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
    found = sys.platform != "linux" or any(Path(driver).exists() for driver in drivers)
    return "" if found else f"no GPU driver is loaded: none of {', '.join(drivers)} is there"


@nox.session
@nox.parametrize(
    "backend",
    ["numpy", "onnx", "torch-cpu", "torch-cuda", "torch-mps", "jax-cpu", "jax-gpu"],
    ids=["numpy", "onnx", "torch-cpu", "torch-cuda", "torch-mps", "jax-cpu", "jax-gpu"],
)
def backends(session: nox.Session, backend: str) -> None:
    """The kit for backends on one backend and device, and what is that plugin's own.

    A device that is absent skips, with its reason, unless ELEANOR_REQUIRE_DEVICE names it, as in
    `ELEANOR_REQUIRE_DEVICE=torch-cuda,jax-gpu`: then it fails. A CPU is always required.
    """
    name, _, device = backend.partition("-")
    device = device or "cpu"
    required = {item.strip() for item in os.environ.get(REQUIRE, "").split(",")}
    insist = ["--require-device", f"{name}:{device}"]
    if device != "cpu" and backend not in required:
        insist = []
        if reason := absent(device):
            session.skip(f"{backend}: {reason}")  # before gigabytes are fetched for it
    folder, numpy = BACKENDS / name, BACKENDS / "numpy"
    editable(session, ROOT, *dict.fromkeys((numpy, folder, ENCODER)), extra=(*KIT, "mypy"))
    # On a CPU everything runs, and the tests of absent devices skip, each with its reason.
    chosen = {"cuda": ["-k", "TestCuda"], "mps": ["-k", "TestMps"], "gpu": ["-k", "TestGpu"]}
    session.chdir(folder)
    # The settings of an engine know no such variable, and would refuse it.
    session.run("pytest", *insist, *chosen.get(device, ()), *session.posargs, env={REQUIRE: None})
    # A real encoder, on every device of this backend that is here.
    session.run("pytest", str(ENCODER / "tests"), "-k", f"golden_on_every_backend and {name}")
    if device == "cpu":
        session.run("mypy", "--strict", "src")


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every dist, install the wheels, and judge with those: the sources are out of sight."""
    wheelhouse = built(session)
    session.install(*KIT, "jsonschema", *map(str, sorted(wheelhouse.glob("*.whl"))))
    session.chdir(session.create_tmp())
    session.run("pytest", str(ROOT / "tests" / "install"), "-m", "wheels", *session.posargs)


@nox.session
def template(session: nox.Session) -> None:
    """Copy the example critic out, rename it, and test it beside built wheels of the core."""
    wheelhouse = built(session, ROOT, ROOT / "apps" / "cli")
    copy = Path(session.create_tmp()) / "eleanor-critics-courtesy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(TEMPLATE, copy, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    session.run("python", str(ROOT / "tests" / "install" / "rename.py"), str(copy), "courtesy")
    wheels_built = map(str, sorted(wheelhouse.glob("*.whl")))
    session.install("-c", "constraints.txt", BACKEND, *KIT, "mypy", *wheels_built)
    session.install("--no-build-isolation", str(copy))
    session.chdir(copy)
    session.run("pytest")
    session.run("mypy", "--strict", "src")
    session.run("eleanor", "plugins", "explain", "critics/courtesy")


def built(session: nox.Session, *folders: Path) -> Path:
    """Build wheels of `folders` (all dists if none are named) and return where they lie."""
    session.install(BACKEND)
    wheelhouse = Path(session.create_tmp()) / "wheelhouse"
    shutil.rmtree(wheelhouse, ignore_errors=True)
    session.run(
        "python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", str(wheelhouse), *map(str, folders or DISTS),
    )  # fmt: skip
    return wheelhouse


@nox.session
def types(session: nox.Session) -> None:
    """Strict types on all code, no Any in the public interface, a reason with every ignore."""
    everything(session)
    session.run("mypy", "--strict", "eleanor_core", "tests/typing")
    for folder in (*PLUGINS, ROOT / "apps" / "cli"):
        session.run("mypy", "--strict", str(folder / "src"))
    session.run("pytest", "-q", "-n0", "tests/typing")


@nox.session
def lint(session: nox.Session) -> None:
    """ruff, formatting, and the direction of imports."""
    everything(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def security(session: nox.Session) -> None:
    """Our code, its dependencies, and the history: no finding that is not explained."""
    everything(session)
    session.run("python", "tests/security/scan.py", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Break each rule of the doctrine in turn; fail if the doctrine suite stays green."""
    everything(session)
    session.run("python", "tests/mutants.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks and print their table."""
    everything(session)
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz what reads input from outside; `-- --seconds 600` for longer than a minute."""
    everything(session)
    session.install("atheris>=3")
    session.run("python", "tests/fuzz/run.py", *session.posargs)


@nox.session
def readme(session: nox.Session) -> None:
    """Run both quick-start blocks of the README, as written, on a clone of the last commit."""
    session.run(sys.executable, "tests/install/quick_start.py", external=True)
