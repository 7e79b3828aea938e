"""The verb itself: put the candidates into a passing store, ask it, and write what came out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from eleanor_cli import exits, logs
from eleanor_cli.escape import dumps
from eleanor_cli.faults import UsageError, say
from eleanor_cli.options import Options
from eleanor_cli.quality.command import elsewhere, refuse_targets
from eleanor_cli.quality.report import settings_hash
from eleanor_cli.retrieval.measures import Reach, Row, reach_of, rows_of
from eleanor_cli.retrieval.report import Report, to_json
from eleanor_cli.retrieval.sets import Query, QuerySet, read_sets
from eleanor_cli.running import run
from eleanor_core import Precedents, Redaction, open_precedents
from eleanor_core.api import PrecedentArchive
from eleanor_core.errors import PrecedentsUnavailable
from eleanor_core.model import PrecedentQuery, SearchBy
from eleanor_core.settings import LoadedSettings

_WAYS: Final[Sequence[SearchBy]] = ("words", "vectors", "both")


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
