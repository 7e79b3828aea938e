"""`eleanor plugins lock` and `verify`: the allow-list of a locked deployment. No plugin runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from eleanor_cli import exits, logs, words
from eleanor_cli.escape import prose
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_core.codec import to_json
from eleanor_core.model import JsonObject, JsonValue
from eleanor_core.registry.lock import Lock, read_lock
from eleanor_core.registry.trust import Verdict, default_lock, make_lock
from eleanor_core.registry.trust import verify as hold
from eleanor_core.settings import Settings, home_of


def lock(options: Options, file: Path | None, *, as_json: bool) -> int:
    """Write the lock of what is enabled now, and say how to put it in force."""
    settings, path = _where(options, file)
    text = make_lock(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Replaced whole: an engine that starts meanwhile reads the old lock or the new one.
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text, "utf-8", newline="\n")
    beside.replace(path)
    written = read_lock(path)
    if as_json:
        write_json(_lock(written))
        return exits.OK
    held = settings.plugins.lock == path
    dists = len(written.dists)
    _say(
        f"{words.count(dists, 'dist')} locked in {path}\n"
        + (
            "It is in force: plugins.lock names it."
            if held
            else f"To put it in force, set plugins.lock to {path}"
        )
    )
    return exits.OK


def verify(options: Options, file: Path | None, *, as_json: bool) -> int:
    """Hold every enabled plugin against the lock. 0 only if all are what it says."""
    settings, path = _where(options, file)
    locked = read_lock(path)
    verdicts = hold(settings, locked)
    if as_json:
        write_json({**_lock(locked), "plugins": [to_json(item) for item in verdicts]})
    else:
        _show(path, verdicts)
    sound = verdicts and not any(item.problem for item in verdicts)
    return exits.OK if sound else exits.FAULT


def _where(options: Options, file: Path | None) -> tuple[Settings, Path]:
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)
    settings = loaded.settings
    return settings, file.absolute() if file else default_lock(settings, home_of(settings))


def _lock(locked: Lock) -> JsonObject:
    dists: dict[str, JsonValue] = {
        name: {"versions": dist.versions, "files": len(dist.files) if dist.files else None}
        for name, dist in sorted(locked.dists.items())
    }
    return cast("JsonObject", {"lock": str(locked.path), "sha256": locked.digest, "dists": dists})


def _say(text: str) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console

    console(sys.stdout).print(Text(prose(text)), soft_wrap=True)


def _show(path: Path, verdicts: Sequence[Verdict]) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, label, sheet

    grid = sheet()
    grid.add_row(label("lock"), Text(prose(str(path))))
    for item in verdicts:
        mark = ("✗ DIFFERS", "bold red") if item.problem else ("✓ LOCKED", "bold green")
        whose = f" ({item.dist} {item.version})" if item.dist else ""
        said = item.problem or item.sha256 or "its version is allowed, its bytes are not locked"
        grid.add_row(Text(*mark), Text(prose(f"{item.ref}{whose}: {said}")))
    if not verdicts:
        grid.add_row(label("plugins"), Text("none is enabled"))
    console(sys.stdout).print(grid)
