"""What a run is about, kept beside its output until it is done, so that it can be taken up again.

A result belongs to an input, to settings and to plugins. The side file `OUT.job.json` names them;
a run that would mix results of different ones is refused, and told what differs.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eleanor_cli.batching.judge import ERROR
from eleanor_cli.escape import dumps, masked, safe
from eleanor_cli.faults import UsageError
from eleanor_cli.lines import Line, read_lines
from eleanor_core import __version__
from eleanor_core.api import RECORD_LIMITS, JsonLimits, parse_json
from eleanor_core.errors import InvalidInput
from eleanor_core.model import JsonValue
from eleanor_core.registry import Registry
from eleanor_core.settings import LoadedSettings, describe, home_of

FORM: Final = "eleanor-batch-job/1"
_MOST_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class Job:
    """The side file, and what stands in it: dotted names and their values."""

    file: Path
    facts: Mapping[str, JsonValue]

    @classmethod
    def of(cls, source: Path, target: Path, loaded: LoadedSettings, registry: Registry) -> Job:
        """Describe a run. Reads the whole input once, for its digest."""
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
        facts: dict[str, JsonValue] = {
            "form": FORM,
            "input.bytes": size,
            "input.sha256": digest,
            "core": __version__,
            "home": str(home_of(loaded.settings)),
        }
        facts |= {f"plugin {ref}": made for ref, made in plugins_of(registry).items()}
        # How much is logged changes no result; `home` stands there already, with its default.
        facts |= {
            f"setting {row.key}": row.value
            for row in describe(loaded)
            if row.key != "home" and not row.key.startswith("logging.")
        }
        return cls(side_file(target), facts)

    def save(self) -> None:
        """Write the side file so that it is there whole, or not at all."""
        draft = self._draft
        with draft.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(dumps(dict(self.facts), indent=2) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self.file)

    def remove(self) -> None:
        """Take the side file away, and one that a stop left half written."""
        self.file.unlink(missing_ok=True)
        self._draft.unlink(missing_ok=True)

    @property
    def _draft(self) -> Path:
        return self.file.with_name(f"{self.file.name}.new")

    def refuse_other(self) -> None:
        """Raise UsageError with what differs if the side file is that of another run."""
        before = _read(self.file)
        told = [
            f"{name}: {_shown(self.facts.get(name))}, and it was {_shown(before.get(name))}"
            for name in sorted({*self.facts, *before})
            if self.facts.get(name) != before.get(name)
        ]
        if told:
            more = len(told) - _MOST_TOLD
            listed = "".join(f"\n  {line}" for line in told[:_MOST_TOLD])
            rest = f"\n  and {more} more" if more > 0 else ""
            msg = (
                f"the results that {self.file} belongs to were made otherwise:{listed}{rest}\n"
                "Nothing was changed. Make these as they were, or give --force to start anew"
            )
            raise UsageError(msg)


def side_file(target: Path) -> Path:
    """Return where the side file of an output lies."""
    return target.with_name(f"{target.name}.job.json")


def plugins_of(registry: Registry) -> dict[str, str]:
    """Return the plugins in force by ref: dist and version, or at what stage each broke."""
    plugins = {
        item.ref: f"{item.provenance.dist} {item.provenance.version}"
        for items in registry.loaded.values()
        for item in items.values()
    }
    return plugins | {item.ref: f"broken at {item.stage}" for item in registry.broken}


def _read(file: Path) -> Mapping[str, JsonValue]:
    try:
        value = parse_json(file.read_bytes())
    except (OSError, InvalidInput) as error:
        msg = f"{file} cannot be read ({error}); give --force to start anew"
        raise UsageError(msg) from None
    if not isinstance(value, dict) or value.get("form") != FORM:
        msg = f"{file} is not the side file of a batch, or of another version; --force starts anew"
        raise UsageError(msg)
    return value


def _shown(value: JsonValue) -> str:
    return "not there" if value is None else safe(dumps(value))[:80]


# -- taking it up again ---------------------------------------------------------------------------


@dataclass(slots=True)
class Kept:
    """What an earlier run left: how its lines ended, their size in bytes, and of what is torn."""

    of: Counter[str] = field(default_factory=Counter)
    size: int = 0
    torn: int = 0


def kept_of(output: Path, written: Iterator[bytes], source: Path, limits: JsonLimits) -> Kept:
    """Match the whole lines of an output with the lines of its input, by id and in order.

    What follows the last whole result is torn. Raises UsageError at a result of another line.
    """
    kept = Kept()
    lines = read_lines(source, limits)
    for number, data in enumerate(written, 1):
        result = _result(data)
        if result is None:
            kept.torn = len(data) + sum(map(len, written))
            break
        line = next(lines, None)
        if line is None or not _answers(result, line):
            msg = (
                f"line {number} of {output} has the id {_shown(result['id'])}, which is not "
                f"that of the line in {source}. Nothing was changed; --force starts anew"
            )
            raise UsageError(msg)
        kept.size += len(data)
        kept.of[ERROR if ERROR in result else str(result["decision"])] += 1
    return kept


def _result(data: bytes) -> Mapping[str, JsonValue] | None:
    """Return what a line of an output holds, None if it is torn."""
    try:
        value = parse_json(data, RECORD_LIMITS) if data.endswith(b"\n") else None
    except InvalidInput:
        return None
    if not isinstance(value, dict) or "id" not in value:
        return None
    return value if isinstance(value.get("decision"), str) or ERROR in value else None


def _answers(result: Mapping[str, JsonValue], line: Line) -> bool:
    found = result["id"]
    own = masked(line.id) if isinstance(line.id, str) else line.id
    same = type(found) is type(own) and found == own
    return same and result.get("line", line.number) == line.number
