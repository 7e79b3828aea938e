"""What comes out: a row for each set and for each thing measured, and where it all came from."""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from eleanor_cli import __version__ as cli_version
from eleanor_cli.quality.bootstrap import RESAMPLES, Interval, intervals
from eleanor_cli.quality.figures import FEW, FIGURES
from eleanor_cli.quality.judges import Judge
from eleanor_cli.quality.measures import (
    Bin,
    Level,
    Share,
    bins,
    levels,
    measure,
    pair_outcomes,
)
from eleanor_cli.quality.run import Sample, Spent
from eleanor_cli.quality.sets import SEED, DataSet, Label
from eleanor_cli.quality.tally import Tally
from eleanor_core import __version__ as core_version
from eleanor_core.engine import EleanorEngine
from eleanor_core.model import PRINCIPLES, CaseKind, JsonObject, JsonValue
from eleanor_core.settings import LoadedSettings, effective

SCHEMA: Final = "eleanor-quality/1"
COLUMNS: Final = 20
"""Columns of a histogram of scores, each 0.05 wide."""

Scope = Literal["set", "all"]


@dataclass(frozen=True, slots=True)
class Value:
    """A figure's value, None where it cannot be computed, and its interval if it has one."""

    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `scope`: one set, or all sets that measure the same thing."""

    name: str
    scope: Scope
    measures: str
    judge: Judge
    tally: Tally
    pairs: int
    values: Mapping[str, Value]
    voices: Mapping[str, Mapping[Label, Share]]
    spent: Spent

    @property
    def few(self) -> bool:
        """Whether there are too few texts for a calibration error."""
        return self.tally.texts < FEW

    @property
    def levels(self) -> Sequence[Level]:
        """The distinct scores, falling."""
        return levels(self.tally.cells, self.tally.counts)

    @property
    def bins(self) -> Sequence[Bin]:
        """The bins of the reliability diagram, by rising score."""
        return bins(self.levels)

    @property
    def histogram(self) -> Mapping[Label, Sequence[int]]:
        """How many texts of each label score in each twentieth of [0, 1]."""
        columns: dict[Label, list[int]] = {0: [0] * COLUMNS, 1: [0] * COLUMNS}
        for score, positives, negatives in self.levels:
            column = min(int(score * COLUMNS), COLUMNS - 1)
            columns[1][column] += positives
            columns[0][column] += negatives
        return columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it. `rows` are grouped by what they measure, the row over all sets last."""

    date: str
    kind: CaseKind
    limit: int | None
    sets: Sequence[DataSet]
    plugins: Mapping[str, str]
    broken: Mapping[str, str]
    settings_sha256: str
    spent: Spent
    rows: Sequence[Row]


# -- from samples to rows -------------------------------------------------------------------------


def rows_of(
    samples: Iterable[Sample], voices: Sequence[str], resamples: int = RESAMPLES
) -> tuple[Row, ...]:
    """Return the rows of all samples: critics in the order of their principles, then the others.

    `voices`: the refs of all that could object.
    """
    groups: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.measures].append(sample)
    rows: list[Row] = []
    for name in sorted(groups, key=lambda name: _place(groups[name][0].judge)):
        group = groups[name]
        rows += [_row(sample.name, "set", [sample], voices, resamples) for sample in group]
        if len(group) > 1:
            rows.append(_row(f"all of {name}", "all", group, voices, resamples))
    return tuple(rows)


def _place(judge: Judge) -> tuple[int, int, str]:
    part = ("critic", "detector", "panel").index(judge.part)
    known = judge.part == "critic" and judge.name in PRINCIPLES
    principle = PRINCIPLES.index(judge.name) if known else len(PRINCIPLES)
    return part, principle, judge.name


def _row(
    name: str, scope: Scope, samples: Sequence[Sample], voices: Sequence[str], resamples: int
) -> Row:
    tally = Tally.of(sum((sample.cells for sample in samples), Counter()))
    # A pair is a pair within its own set; keys of two sets may be the same.
    outcomes = [won for sample in samples for won in pair_outcomes(sample.pairs.values())]
    points = measure(tally, outcomes)
    ranges = intervals(tally, outcomes, resamples)
    return Row(
        name=name,
        scope=scope,
        measures=samples[0].measures,
        judge=samples[0].judge,
        tally=tally,
        pairs=len(outcomes),
        values={key: Value(points[key], ranges.get(key)) for key in FIGURES},
        voices=_voices(samples, tally, voices),
        spent=_together(samples),
    )


def _voices(
    samples: Sequence[Sample], tally: Tally, voices: Sequence[str]
) -> Mapping[str, Mapping[Label, Share]]:
    objections = sum((sample.objections for sample in samples), Counter[tuple[str, Label]]())
    labels: tuple[Label, ...] = (0, 1)
    return {
        ref: {label: Share(objections[ref, label], tally.labelled(label)) for label in labels}
        for ref in voices
    }


def _together(samples: Sequence[Sample]) -> Spent:
    """Return what the samples took, each by its part of the file that it came from."""
    parts = [(sample.cells.total(), sample.spent) for sample in samples]
    return Spent(
        texts=sum(texts for texts, _ in parts),
        cpu=sum(spent.cpu * texts / spent.texts for texts, spent in parts),
        wall=sum(spent.wall * texts / spent.texts for texts, spent in parts),
    )


# -- where it came from ---------------------------------------------------------------------------


def plugins_of(engine: EleanorEngine) -> Mapping[str, str]:
    """Return the dist and version of every plugin in use, by ref."""
    return {
        loaded.ref: f"{loaded.provenance.dist} {loaded.provenance.version}"
        for plugins in engine.registry.loaded.values()
        for loaded in plugins.values()
    }


def settings_hash(loaded: LoadedSettings) -> str:
    """Return a SHA-256 of all settings but the home folder, which changes no result."""
    settings = effective(loaded)["settings"]
    assert isinstance(settings, Mapping)  # noqa: S101 -- the settings' root is a table
    kept = {key: value for key, value in settings.items() if key != "home"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


# -- JSON -----------------------------------------------------------------------------------------


def to_json(report: Report) -> JsonObject:
    """Return the report as JSON. Its form is documented in `docs/quality.md`."""
    return {
        "schema": SCHEMA,
        "date": report.date,
        "kind": report.kind,
        "limit": report.limit,
        "seed": SEED,
        "resamples": RESAMPLES,
        "versions": {
            "core": core_version,
            "cli": cli_version,
            "python": platform.python_version(),
            "plugins": dict(report.plugins),
            "broken": dict(report.broken),
        },
        "settings_sha256": report.settings_sha256,
        "spent": _spent(report.spent),
        "data": [
            {
                "name": data.name,
                "file": data.file.name,
                "sha256": data.sha256,
                "records": data.records,
                "judged": sum(data.critics.values()),
            }
            for data in report.sets
        ],
        "rows": [_row_json(row) for row in report.rows],
    }


def _row_json(row: Row) -> JsonObject:
    judge = row.judge
    threshold = None if judge.part == "panel" else judge.thresholds[judge.name]
    return {
        "name": row.name,
        "scope": row.scope,
        "measures": row.measures,
        "judge": {
            "part": judge.part,
            "name": None if judge.part == "panel" else judge.name,
            "threshold": threshold,
            "note": judge.note,
        },
        "texts": row.tally.texts,
        "labels": {"0": row.tally.labelled(0), "1": row.tally.labelled(1)},
        "pairs": row.pairs,
        "few": row.few,
        "figures": {key: _value_json(value) for key, value in row.values.items()},
        "voices": {
            ref: {str(label): share.value for label, share in shares.items()}
            for ref, shares in row.voices.items()
        },
        "reliability": [list(item) for item in row.bins],
        "histogram": {str(label): list(counts) for label, counts in row.histogram.items()},
        "spent": _spent(row.spent),
    }


def _value_json(value: Value) -> JsonObject:
    low, high = value.interval or (None, None)
    return {"value": value.value, "low": low, "high": high}


def _spent(spent: Spent) -> Mapping[str, JsonValue]:
    return {
        "texts": spent.texts,
        "cpu_s": round(spent.cpu, 3),
        "wall_s": round(spent.wall, 3),
        "cpu_ms_per_text": round(spent.cpu_ms, 4),
        "texts_per_s": round(spent.texts_per_s, 1),
    }
