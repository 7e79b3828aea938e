"""What of an isolation this system really gives: a process confines itself and then tries it all.

Nothing is concluded from a version or a name. What was not seen to hold is reported.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from eleanor_core.errors import describe
from eleanor_core.isolation.confine import LIMITS, confine
from eleanor_core.isolation.process import command, environment
from eleanor_core.settings.isolation import Confinement

_GRANTED: Final = Confinement(memory_mb=512, open_files=64, cpu_seconds=60, best_effort=True)
_SECONDS: Final = 30.0


class _LimitedError(Exception):
    """A limit was read, and is set."""


def probe() -> Mapping[str, str]:
    """Return each limit of an isolated voice -> "" if it holds here, else why it does not."""
    with tempfile.NamedTemporaryFile() as outside:
        try:
            ran = subprocess.run(  # noqa: S603 -- this interpreter, with code of ours
                command("eleanor_core.isolation.probe", outside.name),
                env=environment(),
                capture_output=True,
                timeout=_SECONDS,
                check=True,
            )
            return dict(json.loads(ran.stdout))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return dict.fromkeys(LIMITS, f"could not be tried: {type(error).__name__}")


def main() -> None:
    """Confine this process, try every limit, and print what came of it."""
    outside = Path(sys.argv[2])
    missing = confine(_GRANTED, Path(os.devnull))
    trials: Mapping[str, tuple[Callable[[], object], type[BaseException]]] = {
        "memory": (lambda: bytearray(_GRANTED.memory_mb << 20), MemoryError),
        "cpu": (_read_time_limit, _LimitedError),
        "open files": (_open_many, OSError),
        "files": (outside.read_bytes, PermissionError),
        "network": (socket.socket, PermissionError),
        "processes": (_fork, PermissionError),
        "other processes": (lambda: os.kill(os.getppid(), 0), PermissionError),
    }
    said = {name: missing.get(name) or _tried(*trials[name]) for name in LIMITS}
    sys.stdout.write(json.dumps(said))


def _open_many() -> None:
    opened: list[int] = []
    try:
        for _ in range(_GRANTED.open_files):
            opened.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401 -- it is to break off
    finally:
        # What is tried next must not fail for want of a descriptor.
        for descriptor in opened:
            os.close(descriptor)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def _read_time_limit() -> None:
    """Look at the one limit that takes a minute to run into."""
    import resource  # noqa: PLC0415 -- not there on Windows

    if resource.getrlimit(resource.RLIMIT_CPU)[1] == _GRANTED.cpu_seconds:
        raise _LimitedError


def _tried(trial: Callable[[], object], refusal: type[BaseException]) -> str:
    """Return "" if the trial was refused as the limit refuses, else what came of it."""
    try:
        trial()
    except refusal:
        return ""
    except Exception as error:  # noqa: BLE001 -- another failure proves nothing of the limit
        return f"it was tried, and failed otherwise: {describe(error)}"
    return "it was tried, and nothing stopped it"
