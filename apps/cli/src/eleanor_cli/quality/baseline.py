"""An earlier report beside this one: which figures differ by more than chance explains.

A figure counts as different where the two 95 % intervals do not touch, which is a stricter test
than 5 %. A figure without an interval is never marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from eleanor_cli.faults import UsageError
from eleanor_cli.quality.bootstrap import Interval
from eleanor_cli.quality.figures import FIGURES
from eleanor_cli.quality.report import SCHEMA, Report, Row, Value
from eleanor_core.api import parse_json
from eleanor_core.errors import InvalidInput
from eleanor_core.model import JsonObject, JsonValue

Verdict: TypeAlias = Literal["better", "worse", "different"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure that differs from the baseline beyond both intervals."""

    row: str
    key: str
    before: Value
    after: Value

    @property
    def verdict(self) -> Verdict:
        """Which way it went; `different` where neither way is better by itself."""
        better = FIGURES[self.key].better
        if not better:
            return "different"
        rose = (self.after.value or 0.0) > (self.before.value or 0.0)
        return "better" if rose == (better == "more") else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """An earlier report, as far as it is compared. `data`: hash and number of texts of each set."""

    date: str
    conditions: Mapping[str, JsonValue]
    data: Mapping[str, JsonValue]
    rows: Mapping[str, Mapping[str, Value]]

    def changes(self, report: Report) -> tuple[Change, ...]:
        """Return what differs, in the order of the report."""
        return tuple(change for row in report.rows for change in self._changes(row))

    def _changes(self, row: Row) -> Iterator[Change]:
        before = self.rows.get(row.name, {})
        for key, after in row.values.items():
            earlier = before.get(key)
            if earlier is not None and _apart(earlier.interval, after.interval):
                yield Change(row=row.name, key=key, before=earlier, after=after)

    def caveats(self, report: Report) -> tuple[str, ...]:
        """Return in words what else differs, so that the figures are not to be compared plainly."""
        said = [
            f"{name} was {self.conditions[name]!r:.40} then and is {value!r:.40} now"
            for name, value in _conditions(report).items()
            if self.conditions[name] != value
        ]
        now = {data.name: [data.sha256, sum(data.critics.values())] for data in report.sets}
        other = sorted(name for name in now if self.data.get(name, now[name]) != now[name])
        missing = sorted(now.keys() - self.data.keys())
        if other:
            said.append(f"other texts than then: {', '.join(other)}")
        if missing:
            said.append(f"not in the baseline: {', '.join(missing)}")
        return tuple(said)


def read_baseline(file: Path) -> Baseline:
    """Read an earlier `--json` file. Raises UsageError that says what is wrong with it."""
    try:
        return _baseline(_table(parse_json(file.read_bytes())))
    except OSError as error:
        raise UsageError(f"cannot read the baseline {file}: {error.strerror or error}") from None
    except (InvalidInput, ValueError, TypeError, KeyError) as error:
        problem = f"the key {error} is missing" if isinstance(error, KeyError) else error
        raise UsageError(
            f"{file} is not a report of `eleanor bench quality --json`: {problem}"
        ) from None


def _baseline(report: JsonObject) -> Baseline:
    if report.get("schema") != SCHEMA:
        raise ValueError(f'it has no "schema": "{SCHEMA}"')
    return Baseline(
        date=str(report["date"]),
        conditions={name: report[name] for name in ("kind", "settings_sha256")},
        data={
            str(data["name"]): [data["sha256"], data["judged"]] for data in _tables(report["data"])
        },
        rows={
            str(row["name"]): {key: _value(value) for key, value in _table(row["figures"]).items()}
            for row in _tables(report["rows"])
        },
    )


def _conditions(report: Report) -> Mapping[str, JsonValue]:
    return {"kind": report.kind, "settings_sha256": report.settings_sha256}


def _value(value: JsonValue) -> Value:
    low, high = (_number(_table(value)[key]) for key in ("low", "high"))
    interval = None if low is None or high is None else Interval(low, high)
    return Value(_number(_table(value)["value"]), interval)


def _number(value: JsonValue) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r:.40} is not a number")
    return float(value)


def _table(value: JsonValue) -> JsonObject:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r:.40} is not an object")
    return value


def _tables(value: JsonValue) -> Iterator[JsonObject]:
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise TypeError(f"{value!r:.40} is not a list")
    return map(_table, value)


def _apart(one: Interval | None, other: Interval | None) -> bool:
    if one is None or other is None:
        return False
    return one.high < other.low or other.high < one.low
