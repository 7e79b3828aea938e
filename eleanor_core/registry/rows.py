"""The lines of `eleanor plugins`: every plugin that is installed, given or named, and why."""

from __future__ import annotations

from collections.abc import Iterable

from eleanor_core.registry.hooks import hook_of
from eleanor_core.registry.names import meant, split
from eleanor_core.registry.registry import IN_PROCESS, Broken, Found, Loaded, Row, Status
from eleanor_core.registry.selection import Selection


def make_rows(
    known: Iterable[Found],
    choice: Selection,
    loaded: Iterable[Loaded],
    broken: Iterable[Broken],
) -> tuple[Row, ...]:
    """Return one row for each known plugin and for each ref that settings name in vain."""
    known = tuple(known)
    refs = {item.ref for item in known}
    up = {(item.ref, item.provenance.dist): item for item in loaded}
    down = {(item.ref, item.dist): item for item in broken}
    rows = []
    for found in known:
        key = found.ref, found.dist
        if key in down:
            rows.append(_row(found, "broken", down[key].text))
        elif key in up:
            status: Status = "required" if found.ref in choice.required else "enabled"
            summary = up[key].declaration.summary
            rows.append(_row(found, status, _reason(found, choice), summary))
        else:
            off: Status = "blocked" if found.ref in choice.blocked else "available"
            rows.append(_row(found, off, _reason(found, choice)))
    for ref in choice.blocked - refs:
        reason = f"{choice.reason(ref)}; not installed{meant(ref, refs)}"
        rows.append(_row(_absent(ref), "blocked", reason))
    rows += [_row(_absent(item.ref), "broken", item.text) for item in broken if not item.dist]
    return tuple(sorted(rows, key=lambda row: (row.kind, row.name, row.dist)))


def _reason(found: Found, choice: Selection) -> str:
    if found.dist == IN_PROCESS and found.ref not in choice.blocked:
        return "given by the embedding program"
    return choice.reason(found.ref)


def _row(found: Found, status: Status, reason: str, summary: str = "") -> Row:
    return Row(
        status=status,
        kind=found.kind,
        name=found.name,
        dist=found.dist,
        version=found.version,
        target=found.target,
        summary=summary or found.summary,
        hooks=(hook_of(found.kind),),
        reason=reason,
    )


def _absent(ref: str) -> Found:
    kind, name = split(ref)
    return Found(kind=kind, name=name, dist="", version="", target="")
