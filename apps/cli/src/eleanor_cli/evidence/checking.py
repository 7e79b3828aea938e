"""`eleanor evidence verify`: all that is stored, against itself and against what others kept."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from attrs import evolve

from eleanor_cli import exits, words
from eleanor_cli.escape import prose
from eleanor_cli.evidence.opened import Sinks, tree_of, with_sinks
from eleanor_cli.evidence.witnessed import witnessed
from eleanor_cli.faults import UsageError
from eleanor_cli.inputs import read_file
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_core.api import (
    EvidenceSink,
    EvidenceVerifier,
    TransparencyLog,
    VerifierKey,
    WitnessedLog,
    read_verifier_key,
)
from eleanor_core.codec import to_json
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.evidence import not_canonical
from eleanor_core.model import Finding, JsonObject, VerifyReport

_MOST: Final = 1000


def verify_log(
    options: Options,
    *,
    checkpoints: Sequence[Path],
    witnesses: Sequence[str],
    deep: bool,
    as_json: bool,
) -> int:
    """Check every log entirely. 0 only if there are records and all of them are sound.

    With `checkpoints`, which somebody kept, only the primary log is checked: they are of one log.
    `witnesses`: verifier keys whose signatures are counted, besides those that a log asks.
    """
    known = [*map(read_file, checkpoints)]
    try:
        keys = [*map(read_verifier_key, witnesses)]
    except ValueError as problem:
        msg = f"--witness: {problem}"
        raise UsageError(msg) from None

    async def main(sinks: Sinks) -> int:
        chosen = dict([next(iter(sinks.items()))]) if known else sinks
        reports = {
            name: await _witnessed(sink, await _checked(name, sink, known, deep=deep), keys)
            for name, sink in chosen.items()
        }
        if as_json:
            write_json({name: _report(report) for name, report in reports.items()})
        else:
            _show_reports(reports)
        sound = all(report.sound and report.records for report in reports.values())
        return exits.OK if sound else exits.FAULT

    return with_sinks(options, main)


async def _checked(
    name: str, sink: EvidenceSink, known: Sequence[str], *, deep: bool
) -> VerifyReport:
    if known:
        report = await tree_of(name, sink).verify(known=known)
    elif isinstance(sink, EvidenceVerifier):
        report = await sink.verify()
    else:
        msg = f"evidence/{name} cannot verify its own storage: use the tools of that log"
        raise EvidenceUnavailable(msg)
    if not (deep and report.sound):
        return report
    found: list[Finding] = []
    async for finding in not_canonical(sink):
        if len(found) < _MOST:
            found.append(finding)
    note = f"the canonical form of {words.count(report.records, 'record')} was made again"
    return evolve(report, findings=tuple(found), notes=(*report.notes, note))


async def _witnessed(
    sink: EvidenceSink, report: VerifyReport, keys: Sequence[VerifierKey]
) -> VerifyReport:
    """Return the report with what witnesses signed, one note each; a damaged signature is found."""
    if not (report.sound and isinstance(sink, TransparencyLog)):
        return report
    try:
        asked = await sink.witnesses() if isinstance(sink, WitnessedLog) else {}
        found = await witnessed(sink, dict.fromkeys((*map(read_verifier_key, asked), *keys)))
    except ValueError as problem:
        finding = Finding(where="what witnesses signed", what=str(problem))
        return evolve(report, findings=(finding,))
    notes = tuple(
        f"{key.name} co-signed {words.count(its.checkpoints, 'checkpoint')} of "
        f"{report.checkpoints}" + (f", the newest of {its.records} records" if its.records else "")
        for key, its in found.items()
    )
    return evolve(report, notes=(*report.notes, *notes))


def _report(report: VerifyReport) -> JsonObject:
    return {"sound": report.sound, **cast("JsonObject", to_json(report))}


def _show_reports(reports: Mapping[str, VerifyReport]) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, label, sheet

    screen = console(sys.stdout)
    for name, report in reports.items():
        grid = sheet()
        records = words.count(report.records, "record")
        if not report.records and report.sound:
            grid.add_row(
                Text("? EMPTY", style="bold magenta"), Text(f"evidence/{name}: no records")
            )
        elif report.sound:
            signed = f", {report.signed} of them under a signed checkpoint" if report.signed else ""
            told = Text(f"evidence/{name}: {records}{signed}")
            grid.add_row(Text("✓ SOUND", style="bold green"), told)
        else:
            found = words.count(len(report.findings), "finding")
            grid.add_row(
                Text("✗ NOT SOUND", style="bold red"), Text(f"evidence/{name}: {records}, {found}")
            )
        for finding in report.findings:
            grid.add_row(label("found"), Text(prose(f"{finding.where}: {finding.what}")))
        for note in report.notes:
            grid.add_row(label("note"), Text(prose(note)))
        grid.add_row(label("root"), Text(prose(report.root)))
        screen.print(grid)
