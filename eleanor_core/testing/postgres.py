"""A PostgreSQL server of a test's own, from the packages of the machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

_PLACES: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
)


class PostgresServer:
    """A context manager: a cluster in a temporary folder, listening on 127.0.0.1 at `port`.

    `admin` is its superuser, whom it asks for no password. As root it runs as the user `nobody`,
    since PostgreSQL does not run as root. Raises FileNotFoundError where the machine has no
    PostgreSQL: see `missing`.
    """

    def __init__(self, tools: Path | None = None) -> None:
        """Choose a port; entering the context makes the cluster and starts it.

        `tools`: the folder of `initdb` and the rest; None: that of the machine's newest PostgreSQL.
        """
        # A folder of its own: pytest's are closed to the user as whom the server runs.
        self._temporary = TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self.port = _free_port()
        self._tools = tools or _tools()
        self._user = "nobody" if os.name == "posix" and os.getuid() == 0 else None

    @staticmethod
    def missing() -> str:
        """Return why there can be none here, "" if there can."""
        return "" if _tools() else "PostgreSQL is not installed"

    @property
    def address(self) -> dict[str, object]:
        """Where it listens and as whom, by the names that settings of plugins have."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "database": "postgres",
            "user": "admin",
            "sslmode": "disable",
        }

    def __enter__(self) -> Self:
        """Make the cluster and start it."""
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "-D", "data", "-U", "admin", "-A", "trust", "--no-sync")
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it, if it runs."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        self._temporary.cleanup()

    def start(self, **settings: str) -> None:
        """Start it and wait until it answers; `settings` as in postgresql.conf."""
        given = {"listen_addresses": "127.0.0.1", "port": str(self.port), **settings}
        options = " ".join(f"-c {name}={value}" for name, value in given.items())
        options += f" -k {self.folder}"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        """End it at once, as `pg_ctl -m immediate` does: it recovers at its next start."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def kill(self) -> None:
        """Kill the server and all its processes at once (on Linux)."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        with suppress(ProcessLookupError):
            for process in (pid, *map(int, children)):
                os.kill(process, signal.SIGKILL)
            while True:  # until nothing is left of it: a new one does not start beside it
                os.kill(pid, 0)
                time.sleep(0.01)

    def ask(self, query: str, database: str = "postgres") -> str:
        """Return what a query answers as `psql -At` prints it, asked as the superuser."""
        place = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "admin")
        return self._run("psql", *place, "-v", "ON_ERROR_STOP=1", database, "-Atc", query).strip()

    def _run(self, tool: str, *words: str) -> str:
        if self._tools is None:
            raise FileNotFoundError(self.missing())
        # To a file: the server that pg_ctl leaves behind would hold a pipe open.
        with (self.folder / "said").open("w+") as said:
            command = [str(self._tools / tool), *words]
            done = subprocess.run(  # noqa: S603 -- the server's own tools, and words of a test
                command, cwd=self.folder, user=self._user, stdout=said, stderr=said, check=False
            )
            said.seek(0)
            text = said.read()
        if done.returncode:
            raise RuntimeError(f"{tool} ended {done.returncode}: {text}")
        return text


def _tools() -> Path | None:
    """Return the folder of the newest PostgreSQL here."""
    found = [place for form in _PLACES for place in Path("/").glob(form[1:])]
    if not found and (there := shutil.which("initdb")):
        return Path(there).resolve().parent
    return max((place for place in found if (place / "initdb").exists()), default=None)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
