"""Runs every check and says what was found. It starts no engine, and changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Final

from eleanor_cli import exits, logs
from eleanor_cli.doctor.checks import CHECKS
from eleanor_cli.doctor.finding import Check, Finding, State
from eleanor_cli.escape import prose
from eleanor_cli.faults import cause, describe
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_core.settings import Settings

_SIGNS: Final[Mapping[State, tuple[str, str]]] = {
    "ok": ("✓ OK", "bold green"),
    "note": ("· NOTE", "yellow"),
    "wrong": ("✗ WRONG", "bold red"),
}


def doctor(options: Options, *, as_json: bool) -> int:
    """Look at everything. 0 only if nothing is wrong."""
    settings = options.load().settings
    logs.configure(settings, options.redaction)
    findings = list(_found(settings, CHECKS))
    sound = all(finding.state != "wrong" for finding in findings)
    if as_json:
        write_json({"ok": sound, "findings": [asdict(finding) for finding in findings]})
    else:
        _show(findings)
    return exits.OK if sound else exits.FAULT


def _found(settings: Settings, checks: Iterable[Check]) -> Iterator[Finding]:
    for check in checks:
        try:
            yield from check(settings)
        except Exception as error:  # noqa: BLE001 -- what cannot be looked at is not well either
            _, message = describe(cause(error))
            yield Finding(check.__name__, "wrong", f"cannot be checked: {message}")


def _show(findings: Iterable[Finding]) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, label, sheet

    grid = sheet()
    for finding in findings:
        mark = Text(*_SIGNS[finding.state])
        grid.add_row(mark, Text(prose(f"{finding.name}: {finding.said}")))
        if finding.do:
            grid.add_row(label("do"), Text(prose(finding.do)))
    console(sys.stdout).print(grid)
