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

from eleanor_core.isolation.confine import LIMITS, confine
from eleanor_core.isolation.process import command, environment
from eleanor_core.settings.isolation import Confinement

_GRANTED: Final = Confinement(memory_mb=512, open_files=64, cpu_seconds=60, best_effort=True)
_SECONDS: Final = 30.0


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
    trials: Mapping[str, Callable[[], object]] = {
        "memory": lambda: bytearray(_GRANTED.memory_mb << 20),
        "cpu": _unlimited_time,
        "open files": lambda: [_open_one_more() for _ in range(_GRANTED.open_files)],
        "files": outside.read_bytes,
        "network": socket.socket,
        "processes": _fork,
        "other processes": lambda: os.kill(os.getppid(), 0),
    }
    said = {name: missing.get(name) or _tried(trials[name]) for name in LIMITS}
    sys.stdout.write(json.dumps(said))


def _open_one_more() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def _unlimited_time() -> None:
    import resource  # noqa: PLC0415 -- not there on Windows

    if resource.getrlimit(resource.RLIMIT_CPU)[1] == _GRANTED.cpu_seconds:
        raise OSError("limited")


def _tried(trial: Callable[[], object]) -> str:
    try:
        trial()
    except (OSError, MemoryError, AttributeError):
        return ""
    return "it was tried, and nothing stopped it"
