"""What a measure of retrieval says, and its form as JSON."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from eleanor_cli import __version__ as cli_version
from eleanor_cli.quality.bootstrap import RESAMPLES
from eleanor_cli.quality.report import Value
from eleanor_cli.quality.sets import SEED
from eleanor_cli.retrieval.measures import Reach, Row
from eleanor_cli.retrieval.sets import QuerySet
from eleanor_core import __version__ as core_version
from eleanor_core.model import JsonObject

SCHEMA: Final = "eleanor-precedents/1"


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
