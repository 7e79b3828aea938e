"""The verb itself: check everything, judge, compute, and write what was asked for."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve

from eleanor_cli import exits, logs
from eleanor_cli.escape import dumps
from eleanor_cli.faults import UsageError, say
from eleanor_cli.options import Options
from eleanor_cli.quality.baseline import Baseline, Change, read_baseline
from eleanor_cli.quality.judges import Panel
from eleanor_cli.quality.progress import watch
from eleanor_cli.quality.report import Report, plugins_of, rows_of, settings_hash, to_json
from eleanor_cli.quality.run import Sample, Spent, judge_sets
from eleanor_cli.quality.sets import DataSet, check_sets
from eleanor_cli.running import run
from eleanor_core import Redaction
from eleanor_core.engine import EleanorEngine
from eleanor_core.model import CaseKind
from eleanor_core.settings import LoadedSettings, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for. `keep_evidence`: records go to the home's own log, as in daily use."""

    data: Sequence[Path]
    kind: CaseKind
    limit: int | None
    json: Path | None
    html: Path | None
    baseline: Path | None
    keep_evidence: bool


def quality(options: Options, request: Request) -> int:
    """Measure, print the tables and write the files. 0 once all is done."""
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)
    _refuse_refusing(loaded.settings)
    sets = check_sets(
        request.data, kind=request.kind, limits=loaded.settings.limits, limit=request.limit
    )
    refuse_targets({"--json": request.json, "--html": request.html}, [data.file for data in sets])
    baseline = read_baseline(request.baseline) if request.baseline else None

    async def main() -> int:
        with nullcontext(loaded) if request.keep_evidence else elsewhere(loaded) as place:
            report = await _measured(request, place, options.redaction, sets)
        _write(request, report, baseline)
        return exits.OK

    return run(main)


def _refuse_refusing(settings: Settings) -> None:
    if settings.policy.injection == "refuse":
        msg = (
            "policy.injection is refuse, and what is refused cannot be measured: give "
            "--set policy.injection=signal"
        )
        raise UsageError(msg)


async def _measured(
    request: Request, loaded: LoadedSettings, redaction: Redaction, sets: Sequence[DataSet]
) -> Report:
    async with EleanorEngine(loaded, redaction=redaction) as engine:
        for item in engine.broken:
            say(item.text)
        panel = Panel.of(engine)
        cpu, wall = time.process_time(), time.perf_counter()
        with watch(sets) as watching:
            samples = await judge_sets(engine, sets, request.kind, panel, watching)
        spent = Spent(
            texts=sum(sample.cells.total() for sample in samples),
            cpu=time.process_time() - cpu,
            wall=time.perf_counter() - wall,
        )
        return _report(request, loaded, sets, engine, panel, samples, spent)


def _report(
    request: Request,
    loaded: LoadedSettings,
    sets: Sequence[DataSet],
    engine: EleanorEngine,
    panel: Panel,
    samples: Sequence[Sample],
    spent: Spent,
) -> Report:
    return Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        kind=request.kind,
        limit=request.limit,
        sets=sets,
        plugins=plugins_of(engine),
        broken={item.ref: item.error for item in engine.broken},
        settings_sha256=settings_hash(loaded),
        spent=spent,
        rows=rows_of(samples, panel.voices),
    )


@contextmanager
def elsewhere(loaded: LoadedSettings) -> Iterator[LoadedSettings]:
    """Yield the settings with an empty home that goes away afterwards.

    A benchmark is no governance record, and precedents of the real home would sway its figures.
    """
    with tempfile.TemporaryDirectory(prefix="eleanor-quality-") as folder:
        home = {"home": Path(folder).resolve()}
        yield evolve(loaded, settings=loaded.settings.model_copy(update=home))


def refuse_targets(named: Mapping[str, Path | None], files: Sequence[Path]) -> None:
    """Refuse before the run what could not be written after it. `files`: the data."""
    targets = [target for target in named.values() if target]
    for target in targets:
        if not target.parent.is_dir():
            raise UsageError(
                f"{target}: the folder {target.parent} does not exist; create it first"
            )
        if target.is_dir():
            raise UsageError(f"{target} is a folder; name a file")
        if target.exists() and any(target.samefile(file) for file in files):
            raise UsageError(f"{target} is one of the data files; name another file")
    if len(targets) > len({target.resolve() for target in targets}):
        raise UsageError(f"{' and '.join(named)} name the same file")


def _write(request: Request, report: Report, baseline: Baseline | None) -> None:
    from eleanor_cli.quality.table import show
    from eleanor_cli.screen import console

    changes: tuple[Change, ...] = ()
    caveats: tuple[str, ...] = ()
    if baseline is not None:
        changes, caveats = baseline.changes(report), baseline.caveats(report)
    if request.json:
        request.json.write_text(dumps(to_json(report), indent=2) + "\n", encoding="utf-8")
    if request.html:
        from eleanor_cli.quality.page import page

        request.html.write_text(page(report, changes, caveats), encoding="utf-8")
    show(report, changes, caveats, console(sys.stdout))
