"""The installed `eleanor`, run as people run it: a process of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from shutil import copytree, which

import pytest
import typer.main

KEPT = ("PATH", "SYSTEMROOT", "LANG", "OPENBLAS_NUM_THREADS", "TMPDIR")
STRANGER = Path(__file__).parent / "stranger"
CHAOS = Path(__file__).parent / "chaos"
CHAOS_POINTS = (
    "[eleanor.detectors]\nchaos = eleanor_chaos\n[eleanor.evidence]\nlines = eleanor_chaos\n"
)
CHAOS_CHOSEN = ["critics/stranger", "detectors/chaos", "evidence/lines"]
CHOSEN = ["critics/stranger", "detectors/stranger", "evidence/file"]
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\nSummary: For the tests.\n"
ENTRY_POINTS = """\
[eleanor.critics]
stranger = eleanor_stranger
broken = eleanor_broken
[eleanor.detectors]
stranger = eleanor_stranger
[eleanor.evidence]
file = eleanor_stranger
full = eleanor_stranger
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended. `out` and `err` are decoded as UTF-8."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        """Standard output, which is one JSON value."""
        return json.loads(self.out)


class Prepared:
    """Runs commands in forks of one process that has imported them already (`prepared.py`)."""

    def __init__(self, folder: Path) -> None:
        self._streams = [folder / name for name in ("stdin", "stdout", "stderr")]
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("prepared.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, argv: list[str], stdin: bytes, cwd: Path, env: Mapping[str, str]) -> Ran:
        """Run one command to its end."""
        self._streams[0].write_bytes(stdin)
        request = {
            "argv": argv,
            "cwd": str(cwd),
            "env": dict(env),
            "streams": [str(path) for path in self._streams],
        }
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        self._server.stdin.flush()
        readable, _, _ = select.select([self._server.stdout], [], [], 60)
        assert readable, f"{argv} did not end within 60 s"
        code = int(self._server.stdout.readline())
        return Ran(code, self._streams[1].read_text("utf-8"), self._streams[2].read_text("utf-8"))

    def close(self) -> None:
        """End the process."""
        self._server.communicate(timeout=10)


@dataclass(frozen=True)
class Eleanor:
    """Runs the command in `home`'s neighbourhood."""

    home: Path
    work: Path
    env: Mapping[str, str]
    prepared: Prepared

    def __call__(self, *arguments: str, stdin: bytes | None = None, **env: str) -> Ran:
        return self.prepared.run(
            [self.command, *arguments], stdin or b"", self.work, {**self.env, **env}
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the command and return at once."""
        return subprocess.Popen(
            [self.command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.work,
            env=dict(self.env),
        )

    def on_terminal(self, *arguments: str, **env: str) -> tuple[int, str]:
        """Run on a pseudo-terminal of 100 columns; return the exit code and what was written."""
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [self.command, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=self.work,
            env={**self.env, "TERM": "xterm-256color", "COLUMNS": "100", **env},
        )
        os.close(follower)
        chunks: list[bytes] = []
        # Linux ends the reading of a closed terminal by an error, others by an empty read.
        with suppress(OSError):
            while chunk := os.read(leader, 65536):
                chunks.append(chunk)
        os.close(leader)
        return process.wait(60), b"".join(chunks).decode()

    @property
    def command(self) -> str:
        """The console script of the interpreter that runs the tests."""
        script = which("eleanor", path=str(Path(sys.executable).parent))
        assert script, "eleanor-cli is not installed: pip install -e apps/cli"
        return script


@pytest.fixture(autouse=True, scope="session")
def _one_tree() -> Iterator[None]:
    """Make the tree of all verbs once for those that run in this process: it is the same for all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the stranger's plugin, installed as pip would."""
    folder = tmp_path_factory.mktemp("site")
    copytree(STRANGER, folder, dirs_exist_ok=True)
    info = folder / "eleanor_stranger-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA.format(name="eleanor-stranger"))
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The process whose forks run the commands."""
    server = Prepared(tmp_path_factory.mktemp("streams"))
    yield server
    server.close()


@pytest.fixture
def eleanor(site: Path, tmp_path: Path, prepared: Prepared) -> Eleanor:
    """The command with the stranger's plugins alone, a fresh home and an empty work folder."""
    home, work = tmp_path / "home", tmp_path / "work"
    work.mkdir()
    kept = {key: os.environ[key] for key in KEPT if key in os.environ}
    env = kept | {
        "ELEANOR_HOME": str(home),
        "ELEANOR_PLUGINS__EXACT": json.dumps(CHOSEN),
        "PYTHONPATH": str(site),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Eleanor(home=home, work=work, env=env, prepared=prepared)


@pytest.fixture(scope="session")
def chaos_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the plugin of chaos, installed as pip would."""
    folder = tmp_path_factory.mktemp("chaos-site")
    copytree(CHAOS, folder, dirs_exist_ok=True)
    info = folder / "eleanor_chaos-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: eleanor-chaos\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(CHAOS_POINTS)
    return folder


@pytest.fixture
def chaos(eleanor: Eleanor, chaos_site: Path, tmp_path: Path) -> Eleanor:
    """The command with the plugin of chaos beside the stranger's critic."""
    env = {
        **eleanor.env,
        "PYTHONPATH": os.pathsep.join((eleanor.env["PYTHONPATH"], str(chaos_site))),
        "ELEANOR_PLUGINS__EXACT": json.dumps(CHAOS_CHOSEN),
        "CHAOS_MARK": str(tmp_path / "mark"),
    }
    return replace(eleanor, env=env)


@pytest.fixture
def write(eleanor: Eleanor) -> Callable[[str, object], Path]:
    """Write lines (JSON values, or bytes as they are) to a file in the work folder."""

    def write(name: str, *lines: object) -> Path:
        file = eleanor.work / name
        raw = (line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        file.write_bytes(b"".join(line + b"\n" for line in raw))
        return file

    return write


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Both event loops."""
    return request.param
