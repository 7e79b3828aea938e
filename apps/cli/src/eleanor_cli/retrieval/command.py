"""The verb itself: put the candidates into a passing store, ask it, and write what came out."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from eleanor_cli import __version__ as cli_version
from eleanor_cli import exits, logs
from eleanor_cli.escape import dumps
from eleanor_cli.faults import UsageError, say
from eleanor_cli.options import Options
from eleanor_cli.quality.bootstrap import RESAMPLES
from eleanor_cli.quality.command import elsewhere, refuse_targets
from eleanor_cli.quality.report import Value, settings_hash
from eleanor_cli.quality.sets import SEED
from eleanor_cli.retrieval.measures import Reach, Row, reach_of, rows_of
from eleanor_cli.retrieval.sets import Query, QuerySet, read_sets
from eleanor_cli.running import run
from eleanor_core import Precedents, Redaction, open_precedents
from eleanor_core import __version__ as core_version
from eleanor_core.api import PrecedentArchive
from eleanor_core.errors import PrecedentsUnavailable
from eleanor_core.model import JsonObject, PrecedentQuery, SearchBy
from eleanor_core.settings import LoadedSettings

SCHEMA: Final = "eleanor-precedents/1"
_WAYS: Final[Sequence[SearchBy]] = ("words", "vectors", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out, and what it was measured with."""

    date: str
    store: str
    encoder_id: str
    settings_sha256: str
    sets: Sequence[QuerySet]
    rows: Sequence[Row]
    reaches: Sequence[Reach]


def bench_precedents(options: Options, data: Sequence[Path], target: Path | None) -> int:
    """Measure, print the table and write the file. 0 once all is done."""
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)
    sets = read_sets(data, loaded.settings.limits.of_request)
    refuse_targets({"--json": target}, [one.file for one in sets])

    async def main() -> int:
        _write(await _measured(loaded, options.redaction, sets), target)
        return exits.OK

    return run(main)


def _write(report: Report, target: Path | None) -> None:
    from eleanor_cli.retrieval.table import show
    from eleanor_cli.screen import console

    if target:
        target.write_text(dumps(to_json(report), indent=2) + "\n", encoding="utf-8")
    show(report, console(sys.stdout))


async def _measured(
    loaded: LoadedSettings, redaction: Redaction, sets: Sequence[QuerySet]
) -> Report:
    rows: list[Row] = []
    reaches: list[Reach] = []
    store = encoder_id = ""
    for one in sets:
        # A store of its own for each set: how rare a word is depends on all the cases in it.
        with elsewhere(loaded) as place:
            async with open_precedents(place.settings, redaction=redaction) as precedents:
                store, encoder_id = precedents.whose, _encoder_id(precedents)
                found = await _found(precedents, one)
        relevant = [query.relevant for query in one.queries]
        rows += rows_of(one.name, {by: [*map(list, of)] for by, of in found.items()}, relevant)
        threshold = loaded.settings.recall.similarity
        reaches.append(reach_of(one.name, found["vectors"], relevant, threshold))
        say(f"{one.name}: {len(one.queries)} queries")
    return Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        store=store,
        encoder_id=encoder_id,
        settings_sha256=settings_hash(loaded),
        sets=sets,
        rows=rows,
        reaches=reaches,
    )


def _encoder_id(precedents: Precedents) -> str:
    if precedents.embedder is None:
        raise UsageError("no embedder is running, so nothing can be found by vectors")
    return precedents.embedder.encoder_id


async def _found(precedents: Precedents, one: QuerySet) -> dict[str, list[Mapping[str, float]]]:
    """Return for each way and query the similarities of its candidates, best first."""
    if not isinstance(precedents.store, PrecedentArchive):
        msg = f"{precedents.whose} takes no import, so it cannot be measured"
        raise PrecedentsUnavailable(msg)
    await precedents.store.import_lines(_lines(one))
    found: dict[str, list[Mapping[str, float]]] = {by: [] for by in _WAYS}
    for number, query in enumerate(one.queries):
        for by in _WAYS:
            found[by].append(await _candidates(precedents, number, query, by))
    return found


def _lines(one: QuerySet) -> Iterator[str]:
    """Yield each candidate as a case whose domain is its query: so each is sought among its own."""
    for number, query in enumerate(one.queries):
        for name, text in query.candidates.items():
            entry = {"id": f"{number}/{name}", "text": text, "domain": str(number)}
            yield json.dumps({**entry, "outcome": "allow", "authority": "machine"})


async def _candidates(
    precedents: Precedents, number: int, query: Query, by: SearchBy
) -> Mapping[str, float]:
    wanted = PrecedentQuery(text=query.text, by=by, domain=str(number))
    found = await precedents.search(wanted, len(query.candidates))
    return {match.case.id.partition("/")[2]: match.similarity for match in found}


# -- JSON -----------------------------------------------------------------------------------------


def to_json(report: Report) -> JsonObject:
    """Return the report as JSON. Its form is documented in `docs/precedents.md`."""
    return {
        "schema": SCHEMA,
        "date": report.date,
        "seed": SEED,
        "resamples": RESAMPLES,
        "versions": {
            "core": core_version,
            "cli": cli_version,
            "python": platform.python_version(),
        },
        "store": report.store,
        "encoder_id": report.encoder_id,
        "settings_sha256": report.settings_sha256,
        "data": [
            {
                "name": one.name,
                "file": one.file.name,
                "sha256": one.sha256,
                "queries": len(one.queries),
                "candidates": sum(len(query.candidates) for query in one.queries),
            }
            for one in report.sets
        ],
        "rows": [
            {
                "name": row.name,
                "by": row.by,
                "queries": row.queries,
                "figures": {
                    **{key: _value(value) for key, value in row.values.items()},
                    "mrr_over_words": _value(row.over_words),
                },
            }
            for row in report.rows
        ],
        "similarities": [asdict(reach) for reach in report.reaches],
    }


def _value(value: Value) -> JsonObject:
    low, high = value.interval or (None, None)
    return {"value": value.value, "low": low, "high": high}
