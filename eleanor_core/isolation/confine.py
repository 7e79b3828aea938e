"""Takes from this process what it was not granted, and says which of it the system cannot take.

Called once, in a worker, after the core's own modules are in memory and before the first line of
the stranger's code.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from eleanor_core.isolation import landlock, seccomp
from eleanor_core.settings.isolation import Confinement

LIMITS: Final[tuple[str, ...]] = (
    "memory",
    "cpu",
    "open files",
    "files",
    "network",
    "processes",
    "other processes",
)
_SYSTEM: Final = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/null",
    "/dev/urandom",
)
"""What the linker and the clock read; `/dev/null` is where output goes."""


def confine(granted: Confinement, data_dir: Path) -> Mapping[str, str]:
    """Confine this process for good. Return limit -> why the system does not give it.

    `data_dir`: the plugin's own folder, which it may read.
    """
    missing: dict[str, str] = {}

    def attempt(names: tuple[str, ...], act: Callable[[], None]) -> None:
        try:
            act()
        except (OSError, ValueError, ImportError, AttributeError) as error:
            said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            missing.update(dict.fromkeys(names, said))

    attempt(("memory", "cpu", "open files"), lambda: _limit_resources(granted))
    attempt((), _end_with_the_host)
    if (threads := _threads()) > 1:
        why = f"{threads} threads were running already, and a filter binds one"
        return missing | dict.fromkeys(LIMITS[3:], why)
    read = [*_readable(), data_dir, *granted.read]
    attempt(
        ("files",),
        lambda: landlock.restrict(read=read, write=granted.write, network=granted.network),
    )
    filtered = {
        "network": granted.network,
        "processes": granted.processes,
        "other processes": False,
    }
    attempt(
        tuple(name for name, allowed in filtered.items() if not allowed),
        lambda: seccomp.restrict(network=granted.network, processes=granted.processes),
    )
    return missing


def _limit_resources(granted: Confinement) -> None:
    import resource  # noqa: PLC0415 -- not there on Windows

    memory = granted.memory_mb << 20
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: granted.cpu_seconds,
        resource.RLIMIT_NOFILE: granted.open_files,
        resource.RLIMIT_FSIZE: memory if granted.write else 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        _, most = resource.getrlimit(limit)
        held = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (held, held))


def _end_with_the_host() -> None:
    """Have the kernel kill this process when the host dies, however it dies."""
    import ctypes  # noqa: PLC0415 -- a host that confines nobody does without
    import signal  # noqa: PLC0415 -- as above

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, ctypes.c_ulong(signal.SIGKILL))


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 -- names are all it takes
    except OSError:
        return 1


def _readable() -> Iterator[Path]:
    """Yield what Python reads to import: the standard library, `sys.path`, the linker's folders."""
    for place in (*_SYSTEM, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")):
        yield Path(place)
    for place in sys.path:
        if place:
            yield Path(place)
