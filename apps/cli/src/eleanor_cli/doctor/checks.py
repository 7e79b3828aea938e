"""The checks, one function each, in the order in which they are told. Each may raise anything."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eleanor_cli import words
from eleanor_cli.doctor.finding import Check, Finding
from eleanor_core import __version__, open_evidence, open_secrets
from eleanor_core.api import EvidenceSink, WitnessedLog, read_verifier_key
from eleanor_core.evidence import lag
from eleanor_core.isolation.probe import probe
from eleanor_core.model import Lag
from eleanor_core.registry.backends import told
from eleanor_core.registry.discover import discover
from eleanor_core.registry.load import Loading
from eleanor_core.registry.lock import read_lock
from eleanor_core.registry.selection import select
from eleanor_core.registry.trust import verify
from eleanor_core.settings import Settings, home_of

LEAST_FREE: Final = 256 << 20
"""Bytes below which the disk counts as full: a log that cannot be written stops every decision."""
_RELEASED: Final = 1_735_689_600
"""2025-01-01, before any release: a clock that says less is wrong."""
_UNSYNCHRONISED: Final = 0x40


def versions(_: Settings) -> Iterator[Finding]:
    """Python and the core."""
    yield Finding(
        "python",
        "ok",
        f"{platform.python_version()} on {platform.system()} {platform.release()} "
        f"({platform.machine()}), eleanor-core {__version__}",
    )


def home(settings: Settings) -> Iterator[Finding]:
    """The folder for all state: is it there, whose is it, who else may write to it."""
    path = home_of(settings)
    if not path.exists():
        there = _nearest(path)
        if os.access(there, os.W_OK):
            yield Finding("home", "ok", f"{path} is not there yet; it can be made in {there}")
        else:
            yield Finding(
                "home",
                "wrong",
                f"{path} is not there, and this user may not write to {there}",
                "make it, or name another folder in ELEANOR_HOME",
            )
        return
    found = path.stat()
    wrong = []
    if not os.access(path, os.W_OK | os.X_OK):
        wrong.append("this user may not write to it")
    if sys.platform != "win32":
        if found.st_uid not in (os.getuid(), 0):
            wrong.append(f"it belongs to another user ({found.st_uid})")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            wrong.append(f"others may write to it ({stat.filemode(found.st_mode)})")
    if wrong:
        cure = f"chown it to the user that runs this, and chmod go-w {path}"
        yield Finding("home", "wrong", f"{path}: {'; '.join(wrong)}", cure)
    else:
        yield Finding("home", "ok", f"{path} ({stat.filemode(found.st_mode)})")


def disk(settings: Settings) -> Iterator[Finding]:
    """Room for the log, and whether a file that is synced there is said to be."""
    there = _nearest(home_of(settings))
    free = shutil.disk_usage(there).free
    said = f"{free / (1 << 30):.1f} GiB free at {there}"
    if free < LEAST_FREE:
        yield Finding("disk", "wrong", said, "free some room: what is not recorded is not decided")
    else:
        yield Finding("disk", "ok", said)
    if not os.access(there, os.W_OK):
        yield Finding("sync", "wrong", f"cannot be tried: {there} may not be written to")
        return
    started = time.perf_counter()
    with tempfile.NamedTemporaryFile(dir=there, prefix=".doctor-") as file:
        file.write(b"x" * 4096)
        file.flush()
        os.fsync(file.fileno())
    took = (time.perf_counter() - started) * 1e3
    yield Finding(
        "sync",
        "ok",
        f"a file was synced in {took:.1f} ms; whether the disk keeps it without power, "
        "no program can tell",
    )


def clock(_: Settings) -> Iterator[Finding]:
    """The wall clock: plausible, and held for synchronised by the kernel."""
    now = time.time()
    said = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < _RELEASED:
        yield Finding("clock", "wrong", f"says {said}", "set the clock: records carry its time")
    elif _synchronised():
        yield Finding("clock", "ok", f"says {said}, and the kernel holds it for synchronised")
    else:
        yield Finding("clock", "note", f"says {said}; nothing here says that it is synchronised")


def plugins(settings: Settings) -> Iterator[Finding]:
    """What is enabled, what of it is broken, and who does array work."""
    registry = Loading(settings).run(())
    for item in registry.broken:
        yield Finding("plugins", "wrong", f"{item.ref}: {item.stage}: {item.error}", item.hint)
    running = sum(len(loaded) for loaded in registry.loaded.values())
    if not registry.loaded["critics"]:
        cure = "pip install eleanor-critics-constitutional"
        yield Finding("plugins", "wrong", "no critic is enabled: nothing can be judged", cure)
    elif not registry.loaded["evidence"]:
        cure = "pip install eleanor-evidence-local"
        yield Finding("plugins", "wrong", "no evidence log is enabled: no gate can open", cure)
    elif not registry.broken:
        yield Finding("plugins", "ok", f"{running} are enabled, and all can be loaded")
    if registry.loaded["backends"]:
        found, said = told(registry)
        cure = "" if found else "set backend to auto or numpy, or install what is missing"
        yield Finding("backend", "ok" if found else "wrong", said, cure)


def lock(settings: Settings) -> Iterator[Finding]:
    """Whether the deployment is locked, and is what was locked."""
    path = settings.plugins.lock
    if path is None:
        yield Finding("lock", "note", "not locked: any plugin that is installed may run as it is")
        return
    verdicts = verify(settings, read_lock(path))
    wrong = [item for item in verdicts if item.problem]
    for item in wrong:
        cure = "install what was locked, or lock anew what you trust"
        yield Finding("lock", "wrong", f"{item.ref}: {item.problem}", cure)
    if not wrong:
        yield Finding("lock", "ok", f"all {len(verdicts)} enabled plugins are what {path} says")


def isolation(settings: Settings) -> Iterator[Finding]:
    """Each limit of an isolated voice, tried in a process of its own."""
    entries = {**settings.critics, **settings.detectors}
    strict = sorted(
        name
        for name, entry in entries.items()
        if entry.isolation is not None and not entry.confinement.best_effort
    )
    given = probe()
    for limit, why in given.items():
        if why and strict:
            said = f"{limit}: not limited here ({why}); {', '.join(strict)} will not start"
            yield Finding("isolation", "wrong", said, "see confinement.best_effort")
        elif why:
            yield Finding("isolation", "note", f"{limit}: not limited here ({why})")
    held = [limit for limit, why in given.items() if not why]
    if held:
        yield Finding("isolation", "ok", f"limited, and seen to hold: {', '.join(held)}")


def secrets(settings: Settings) -> Iterator[Finding]:
    """The secrets providers: running, and well by their own word."""
    import anyio

    if settings.security.secret_provider is None and not settings.secrets:
        yield Finding("secrets", "note", "no provider is set")
        return

    async def ask() -> list[Finding]:
        async with open_secrets(settings) as opened:
            lost = [Finding("secrets", "wrong", text) for text in opened.lost.values()]
            health = opened.resolver.health()
            return lost + [
                Finding("secrets", "ok", f"secrets/{name} runs")
                if health.get(name) is None or health[name].ok
                else Finding("secrets", "wrong", f"secrets/{name}: {health[name].problem}")
                for name in opened.running
            ]

    yield from anyio.run(ask)


def evidence(settings: Settings) -> Iterator[Finding]:
    """How far behind is who follows: other logs, since when and why, and witnesses."""
    import anyio

    chosen = sorted(select(settings, discover()).chosen)
    enabled = (ref.removeprefix("evidence/") for ref in chosen if ref.startswith("evidence/"))
    names = settings.evidence.sinks or tuple(enabled)
    # Nothing is made here that is not there: a log that was never written has nobody to follow it.
    if len(names) < 2 and not (home_of(settings) / "evidence").is_dir():
        return

    async def ask() -> list[Finding]:
        async with open_evidence(settings) as sinks:
            lost = [
                Finding("evidence", "wrong", f"evidence/{name} does not run", "see its log lines")
                for name in names
                if name not in sinks
            ]
            if names[0] not in sinks:
                return lost
            primary = sinks[names[0]]
            lags = [await lag(name, primary, sinks[name]) for name in names[1:] if name in sinks]
            found = [*lost, *(_behind(names[0], item) for item in lags)]
            for name in names:
                found += await _unwitnessed(name, sinks.get(name))
            return found

    yield from anyio.run(ask)


async def _unwitnessed(name: str, sink: EvidenceSink | None) -> list[Finding]:
    if not isinstance(sink, WitnessedLog) or not (signed := await sink.witnesses()):
        return []
    count, found = await sink.count(), []
    for key, size in signed.items():
        witness = read_verifier_key(key).name
        if size == count:
            said = f"{witness} co-signed evidence/{name}: {words.count(count, 'record')}"
            found.append(Finding("witness", "ok", said))
        else:
            said = f"{witness} co-signed {size} of {words.count(count, 'record')}"
            cure = "eleanor evidence checkpoint asks it again; the log of the program says why not"
            found.append(Finding("witness", "note", f"{said} in evidence/{name}", cure))
    return found


def _behind(primary: str, lag: Lag) -> Finding:
    if lag.stopped:
        return Finding("evidence", "wrong", f"nothing more is written: {lag.why}")
    if lag.why:
        said = f"evidence/{lag.sink} cannot be compared with evidence/{primary}: {lag.why}"
        return Finding("evidence", "wrong", said, "it catches up by itself once that is put right")
    if lag.behind:
        records = words.count(lag.behind, "record")
        said = f"evidence/{lag.sink} is {records} behind evidence/{primary}, since {lag.since}"
        return Finding("evidence", "note", f"{said}; it catches up while an engine runs")
    records = words.count(lag.held, "record")
    return Finding("evidence", "ok", f"evidence/{lag.sink} holds all {records} of {primary}")


CHECKS: Final[tuple[Check, ...]] = (
    versions,
    home,
    disk,
    clock,
    plugins,
    lock,
    isolation,
    secrets,
    evidence,
)


def _nearest(path: Path) -> Path:
    """Return the path, or the first folder around it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def _synchronised() -> bool:
    """Ask the kernel: adjtimex(2), which changes nothing where no mode is set."""
    import ctypes

    if sys.platform != "linux":
        return False
    state = (ctypes.c_long * 32)()
    if ctypes.CDLL(None).adjtimex(state) < 0:
        return False
    return not ctypes.cast(state, ctypes.POINTER(ctypes.c_int))[10] & _UNSYNCHRONISED
