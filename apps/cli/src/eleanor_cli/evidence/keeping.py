"""`eleanor evidence erase`, `retain` and `hold`: what is kept, what is held, what is erased."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TypeAlias, cast

from eleanor_cli import exits, logs, words
from eleanor_cli.escape import prose
from eleanor_cli.faults import UsageError, say
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_cli.running import run
from eleanor_core import PrivateKey, Retention, open_retention
from eleanor_core.codec import to_json
from eleanor_core.errors import quoted
from eleanor_core.model import Covers, Due, Erasure, Hold, JsonObject

Asked: TypeAlias = tuple[str | None, Path | None]
"""Who asks: an id, or the file of a reviewer's key."""


def erase(
    options: Options,
    record_id: str,
    *,
    asked: Asked,
    ground: str,
    reason: str,
    as_json: bool,
) -> int:
    """Erase the payload of one record. 0 once no log holds it any more."""
    by = _who(asked)

    async def main(retention: Retention) -> int:
        done = await retention.erase(record_id, by=by, ground=ground, reason=reason)
        if as_json:
            write_json(to_json(done))
        else:
            _show_erasure(done)
        return exits.FAULT if done.waiting else exits.OK

    return _with_retention(options, main)


def retain(options: Options, *, asked: Asked, erase: bool, as_json: bool) -> int:
    """List what is due, or erase it; what is held stays."""
    by = _who(asked)

    async def main(retention: Retention) -> int:
        found = [item async for item in retention.due()]
        free = [item for item in found if not item.held_by]
        if erase:
            for item in free:
                await retention.erase(item.record_id, by=by)
        if as_json:
            erased = [item.record_id for item in free] if erase else []
            write_json({"due": [to_json(item) for item in found], "erased": erased})
        else:
            _show_due(found, erased=len(free) if erase else None)
        return exits.OK

    return _with_retention(options, main)


def covering(records: Sequence[str], *, trace: str, case: str, since: str, until: str) -> Covers:
    """Return what a hold covers, as typed."""
    try:
        return Covers(
            records=tuple(records),
            trace_id=trace,
            case=case,
            start=_moment(since),
            end=_moment(until),
        )
    except ValueError as problem:
        raise UsageError(str(problem)) from None


def add_hold(options: Options, covers: Covers, *, asked: Asked, reason: str, as_json: bool) -> int:
    """Place a hold."""
    by = _who(asked)

    async def main(retention: Retention) -> int:
        _show_holds([await retention.hold(covers, by=by, reason=reason)], as_json=as_json)
        return exits.OK

    return _with_retention(options, main)


def release_hold(
    options: Options, hold_id: str, *, asked: Asked, reason: str, as_json: bool
) -> int:
    """Release a hold."""
    by = _who(asked)

    async def main(retention: Retention) -> int:
        _show_holds([await retention.release(hold_id, by=by, reason=reason)], as_json=as_json)
        return exits.OK

    return _with_retention(options, main)


def list_holds(options: Options, *, as_json: bool) -> int:
    """List all holds, oldest first."""

    async def main(retention: Retention) -> int:
        _show_holds(await retention.holds(), as_json=as_json)
        return exits.OK

    return _with_retention(options, main)


def _with_retention(options: Options, main: Callable[[Retention], Awaitable[int]]) -> int:
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)

    async def opened() -> int:
        async with open_retention(loaded.settings, redaction=options.redaction) as retention:
            return await main(retention)

    return run(opened)


def _who(asked: Asked) -> str | PrivateKey:
    by, key = asked
    if by and key:
        msg = "say one of the two: --by ID, or --key FILE, which says who by itself"
        raise UsageError(msg)
    return PrivateKey.load(key) if key else by or getuser()


def _moment(text: str) -> str:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{quoted(text, 40)} is no time: RFC 3339, or 2026-03-31 in UTC") from None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


# -- for people -----------------------------------------------------------------------------------


def _show_erasure(done: Erasure) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, label, sheet

    grid = sheet()
    if done.waiting:
        waits = f"evidence/{', evidence/'.join(done.waiting)} follows"
        grid.add_row(Text("? RECORDED", style="bold magenta"), Text(prose(waits)))
    else:
        grid.add_row(Text("✓ ERASED", style="bold green"), Text(prose(done.record_id)))
    for name in ("by", "ground", "time", "erasure_id"):
        grid.add_row(label(name.replace("_id", "")), Text(prose(str(getattr(done, name)))))
    console(sys.stdout).print(grid)


def _show_due(found: Sequence[Due], *, erased: int | None) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, listing

    screen = console(sys.stdout)
    if not found:
        screen.print(Text("no record is due"))
        return
    rows = (
        (
            Text(item.time),
            Text(item.kind),
            Text("held" if item.held_by else "due" if erased is None else "erased"),
            Text(item.record_id),
        )
        for item in found
    )
    screen.print(listing(("time", "kind", "state", "record"), rows))
    if erased is None:
        say(f"{words.count(len(found), 'record')} due; `--erase` erases those that are not held")


def _show_holds(holds: Sequence[Hold], *, as_json: bool) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, listing

    if as_json:
        write_json([cast("JsonObject", to_json(item)) for item in holds])
        return
    screen = console(sys.stdout)
    if not holds:
        screen.print(Text("nothing is held"))
        return
    rows = (
        (
            Text(f"released by {prose(item.released_by)}" if item.released_by else "holds"),
            Text(prose(item.by)),
            Text(prose(_covered(item.covers))),
            Text(prose(item.reason if item.reason is not None else "(erased)")),
            Text(item.hold_id),
        )
        for item in holds
    )
    screen.print(listing(("state", "by", "covers", "reason", "hold"), rows))


def _covered(covers: Covers) -> str:
    said = {
        "records": ", ".join(covers.records),
        "trace": covers.trace_id,
        "case": covers.case,
        "from": covers.start,
        "until": covers.end,
    }
    return "; ".join(f"{name} {value}" for name, value in said.items() if value)
