"""What `eleanor plugins lock` writes and `verify` finds. No plugin is imported for either."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from eleanor_core.errors import PluginError
from eleanor_core.registry.discover import discover
from eleanor_core.registry.dists import UnverifiableError, installed
from eleanor_core.registry.faults import Defect
from eleanor_core.registry.lock import Guard, Lock, lock_text
from eleanor_core.registry.registry import Found
from eleanor_core.registry.selection import select
from eleanor_core.settings import Settings


@frozen(kw_only=True)
class Verdict:
    """Whether an enabled plugin is what the lock says. `problem`: "" if it is.

    `sha256` of the dist in hex, "" where the lock vouches for its version alone.
    """

    ref: str
    dist: str
    version: str
    problem: str
    sha256: str


def make_lock(settings: Settings) -> str:
    """Return the lock of every dist that brings an enabled plugin.

    Raises PluginError, which names every dist that cannot be locked, and why.
    """
    found, _ = _enabled(settings)
    if not found:
        raise PluginError("no enabled plugin is installed, so there is nothing to lock")
    dists, wrong = [], []
    for name in sorted({item.dist for item in found}):
        try:
            dist = installed(name)
            lock_text([dist])
        except UnverifiableError as error:
            wrong.append(str(error))
        else:
            dists.append(dist)
    if wrong:
        raise PluginError("nothing was locked:" + "".join(f"\n  {line}" for line in wrong))
    return lock_text(dists)


def verify(settings: Settings, lock: Lock) -> tuple[Verdict, ...]:
    """Hold every enabled plugin against a lock, by ref."""
    found, missing = _enabled(settings)
    guard = Guard(lock)
    absent = [
        Verdict(ref=ref, dist="", version="", problem="enabled, but not installed", sha256="")
        for ref in missing
    ]
    return tuple(sorted((*_verdicts(guard, found), *absent), key=lambda item: item.ref))


def default_lock(settings: Settings, home: Path) -> Path:
    """Return where the lock stands: as the settings say, else in the home folder."""
    return settings.plugins.lock or home / "plugins.lock"


def _enabled(settings: Settings) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    """Return the enabled plugins that are installed, and the refs of those that are not."""
    found = discover()
    choice = select(settings, found)
    chosen = tuple(item for item in found if item.ref in choice.chosen)
    return chosen, tuple(sorted(choice.expected - {item.ref for item in chosen}))


def _verdicts(guard: Guard, found: Iterable[Found]) -> Iterable[Verdict]:
    for item in found:
        problem, sha256 = "", ""
        try:
            dist = guard.check(item)
            sha256 = dist.digest if dist else ""
        except Defect as defect:
            problem = defect.error
        yield Verdict(
            ref=item.ref, dist=item.dist, version=item.version, problem=problem, sha256=sha256
        )
