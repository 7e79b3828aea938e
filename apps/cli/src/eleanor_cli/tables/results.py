"""Results as a table: what an analyst asks for as columns, and each line whole beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from eleanor_core.api import RECORD_LIMITS, parse_json
from eleanor_core.model import JsonObject, JsonValue

WHOLE: Final = "json"
"""The column that holds the line itself, byte for byte."""

_ROWS: Final = 4096
_BYTES: Final = 16 << 20
"""Of lines in a row group, whichever is reached first: what bounds the memory."""

_COLUMNS: Final = (
    ("id", pa.string()),
    ("decision", pa.string()),
    ("summary", pa.string()),
    ("gate_open", pa.bool_()),
    ("gate_tier", pa.int8()),
    ("gate_requires", pa.string()),
    ("clauses", pa.list_(pa.string())),
    ("reasons", pa.list_(pa.string())),
    ("signals", pa.list_(pa.string())),
    ("uncertainty", pa.float64()),
    ("record_id", pa.string()),
    ("error_code", pa.string()),
    ("error_message", pa.string()),
)
_OF_A_CRITIC: Final = (
    ("status", pa.string()),
    ("severity", pa.int8()),
    ("score", pa.float64()),
)


def _schema_of(critics: Sequence[str]) -> pa.Schema:
    """Return the columns of a run with these critics."""
    own = [(f"{name}_{field}", kind) for name in critics for field, kind in _OF_A_CRITIC]
    return pa.schema([*_COLUMNS, *own, (WHOLE, pa.string())])


def write_table(lines: Iterator[bytes], to: Path, critics: Sequence[str]) -> None:
    """Write lines of results as a Parquet file, brought to stable storage."""
    schema = _schema_of(critics)
    with to.open("wb") as stream:
        with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
            for group in _groups(lines):
                rows = [_row(line, critics) for line in group]
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))
        stream.flush()
        os.fsync(stream.fileno())


def _groups(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for line in lines:
        group.append(line)
        size += len(line)
        if len(group) == _ROWS or size >= _BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _row(line: bytes, critics: Sequence[str]) -> dict[str, JsonValue]:
    data = line.removesuffix(b"\n")
    wire = cast("JsonObject", parse_json(data, RECORD_LIMITS))
    own = {"id": _text(wire["id"]), WHOLE: data.decode()}
    if "error" in wire:
        error = _object(wire, "error")
        return {**own, "error_code": error["code"], "error_message": error["message"]}
    gate, voices = _object(wire, "gate"), _object(wire, "critics")
    row: dict[str, JsonValue] = {
        **own,
        "decision": wire["decision"],
        "summary": wire["summary"],
        "gate_open": gate["open"],
        "gate_tier": gate["tier"],
        "gate_requires": gate["requires"],
        "clauses": _clauses(wire),
        "reasons": [
            f"{said['critic']}: {said['justification']}" for said in _list(wire, "dissent")
        ],
        "signals": _signals(_object(wire, "detectors")),
        "uncertainty": _object(wire, "uncertainty")["overall"],
        "record_id": _object(wire, "evidence")["record_id"],
    }
    for name in critics:
        voice = _object(voices, name)
        row |= {f"{name}_{field}": voice.get(field) for field, _ in _OF_A_CRITIC}
    return row


def _clauses(wire: JsonObject) -> list[str]:
    """Return every clause that was objected under or escalated, once, by code."""
    objections = (item for said in _list(wire, "dissent") for item in _list(said, "violations"))
    return sorted({str(item["clause"]) for item in (*objections, *_list(wire, "escalations"))})


def _signals(detectors: JsonObject) -> list[str]:
    """Return what the detectors found, as detector/category, each once."""
    found = {
        f"{name}/{signal['category']}"
        for name in detectors
        for signal in _list(_object(detectors, name), "signals")
    }
    return sorted(found)


def _text(value: JsonValue) -> str | None:
    return None if value is None else str(value)


def _object(wire: JsonObject, key: str) -> JsonObject:
    value = wire.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(wire: JsonObject, key: str) -> Sequence[JsonObject]:
    return cast("Sequence[JsonObject]", wire.get(key) or ())
