"""A critic that does whatever a case tells it to, as hostile as Python allows. Never imported here.

It is installed into a folder of its own by the tests that run it in a worker. Each deed says in
its justification how far it got, so that a test can tell what the limit did.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import Field

from eleanor_core.api import CriticDeclaration, CriticResult, PluginSettings, hookimpl

HERE = Path(__file__)


class HostileSettings(PluginSettings):
    """What the tests tell it at start."""

    secret: str = Field(default="", description="A file outside that it would like to read.")
    number: int = Field(default=1, description="Any number.")


def _calls_that_pass() -> list[str]:
    """Make every refused call by its number, with arguments that would do no harm."""
    from eleanor_core.isolation import seccomp

    column = seccomp.MACHINES[platform.machine()][1]
    tables = {**seccomp.ALWAYS, **seccomp.NETWORK, **seccomp.PROCESSES}
    wanted = {name: (numbers[column], errno.EPERM) for name, numbers in tables.items()}
    wanted |= {"clone3": (435, errno.ENOSYS), "newer": (seccomp.NEWEST + 1, errno.ENOSYS)}
    libc, this = ctypes.CDLL(None, use_errno=True), os.getpid()
    passed = []
    for name, (number, refusal) in wanted.items():
        if number is not None and (
            libc.syscall(number, *[-1] * 6) != -1 or ctypes.get_errno() != refusal
        ):
            passed.append(name)
        if os.getpid() != this:
            os._exit(0)
    return passed


def _leads_to(number: int, inode: int) -> bool:
    try:
        return os.fstat(number).st_ino == inode
    except OSError:
        return False


def _burn() -> None:
    while True:
        pass


def _deed(name: str, argument: str) -> object:
    match name:
        case "speak":
            return f"{os.getpid()} {argument}"
        case "socket":
            return socket.socket(getattr(socket, argument)).fileno()
        case "connect":
            return socket.create_connection(("127.0.0.1", int(argument)))
        case "read":
            return Path(argument).read_text("utf-8")[:20]
        case "list":
            return [*Path(argument).iterdir()]
        case "write":
            return Path(argument).write_text("mine")
        case "delete":
            return Path(argument).unlink()
        case "chmod":
            return Path(argument).chmod(0o777)
        case "fork":
            return os.fork()
        case "run":
            return subprocess.run([sys.executable, "-c", ""], check=True)
        case "kill":
            return os.kill(int(argument), signal.SIGKILL)
        case "memory-of":
            return Path(f"/proc/{argument}/mem").open("rb")
        case "environment":
            return sorted(os.environ)
        case "environment-of":
            return Path(f"/proc/{argument}/environ").read_bytes()
        case "allocate":
            return len(bytearray(int(argument) << 20))
        case "map":
            return len(mmap.mmap(-1, int(argument) << 20))
        case "files":
            return len([HERE.open() for _ in range(int(argument))])
        case "descriptors":
            return [number for number in range(60) if _leads_to(number, int(argument))]
        case "calls":
            return _calls_that_pass()
        case "lift":
            return resource.setrlimit(resource.RLIMIT_NOFILE, (10_000, 10_000))
        case "threads":
            for _ in range(int(argument)):
                threading.Thread(target=_burn, daemon=True).start()
            return argument
    return _end(name, argument)


def _end(name: str, argument: str) -> object:
    match name:
        case "hang":
            time.sleep(600)
        case "spin":
            _burn()
        case "exit":
            os._exit(3)
        case "leave":
            raise SystemExit(3)
        case "bulk":
            return "x" * 20_000_000
        case "crash":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "print":
            sys.stdout.write("x" * 10_000_000)
            os.write(1, b"y" * 1_000_000)
            return "printed"
        case "garbage" | "flood" | "long" | "pickle" | "twice" | "untagged" | "nested":
            return _abuse_pipe(name)
        case "later":
            threading.Timer(0.05, os._exit, (3,)).start()
            return "for now"
        case "deep":
            raise RuntimeError("[" * 1_000_000)
        case "not-a-result":
            return None
    raise ValueError(f"no such deed: {name}")


def _abuse_pipe(name: str) -> object:
    """Write where the replies go: the one pipe that is open for writing."""
    import gc

    from eleanor_core.registry.child import _Pipe

    (pipe,) = [item for item in gc.get_objects() if isinstance(item, _Pipe)]
    TAG = pipe._tag
    pipes = [number for number in range(3, 60) if _is_output(number)]
    # What the host sent last is in this process; a tag of the next question is not.
    head = b"\x00\x00\x00\x02" + TAG
    data = {
        "garbage": b"\x00\x00\x00\x04" + TAG + b"oops",
        "long": b"\xff\xff\xff\xff" + TAG + b"z" * 1000,
        "pickle": b"\x00\x00\x00\x10" + TAG + b"cos\nsystem\n(S'x'",
        "twice": head + b"{}" + head + b"{}",
        "nested": b"\x00\x0f\x00\x00" + TAG + b"[" * 0x0F0000,
        "untagged": b"\x00\x00\x00\x02" + b"0" * 16 + b"{}",
        "flood": (head + b"{}") * 1000,
    }[name]
    while True:
        for number in pipes:
            os.write(number, data)
        if name != "flood":
            time.sleep(600)


def _is_output(number: int) -> bool:
    import fcntl
    import stat

    try:
        mode = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
        return stat.S_ISFIFO(os.fstat(number).st_mode) and mode == os.O_WRONLY
    except OSError:
        return False


@asynccontextmanager
async def open_hostile(settings, services):
    def hostile(case, /):
        name, _, argument = case.text.partition(" ")
        try:
            did = f"did: {_deed(name, argument)}"
        except (OSError, MemoryError, ValueError) as error:
            did = f"{type(error).__name__}: {error}"
        if did == "did: None" and name == "not-a-result":
            return {"critic": "hostile"}
        return CriticResult(critic="hostile", score=0.0, confidence=1.0, justification=did)

    yield hostile


@hookimpl
def eleanor_register_critics(api):
    return [
        CriticDeclaration(
            name="hostile",
            factory=open_hostile,
            settings=HostileSettings,
            execution="thread",
            principle="risk",
            clauses={"K1"},
            summary=f"imported by {os.getpid()}",
        )
    ]
