"""Decided cases as a table: the fields of a version as columns. Vectors are computed anew."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from eleanor_cli.faults import UsageError
from eleanor_cli.tables.reading import Column, read_rows
from eleanor_core.api import JsonLimits, parse_json
from eleanor_core.model import JsonValue

COLUMNS: Final = (
    Column("id", ("text",), needed=True),
    Column("text", ("text",), needed=True),
    Column("outcome", ("text",), needed=True),
    Column("reason", ("text",)),
    Column("clauses", ("texts",)),
    Column("domain", ("text",)),
    Column("authority", ("text",), needed=True),
    Column("version", ("integer",)),
    Column("decided_by", ("text",)),
    Column("decided_at", ("text",)),
    Column("jurisdiction", ("text",)),
    Column("in_force", ("truth",)),
    Column("overruled_by", ("text",)),
)
_TYPES: Final = {
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "integer": pa.int64(),
    "truth": pa.bool_(),
}
_SCHEMA: Final = pa.schema([(column.name, _TYPES[column.kinds[0]]) for column in COLUMNS])
_ROWS: Final = 4096
_LONGEST: Final = JsonLimits().bytes


def lines_of(file: Path) -> Iterator[str]:
    """Yield each row as a line of an import. Raises UsageError as `read_rows` does."""
    for number, row in enumerate(read_rows(file, COLUMNS, _LONGEST), start=1):
        if row is None:
            msg = (
                f"{file}: row {number} holds a text of more than {_LONGEST} bytes; nothing was "
                "imported: shorten it or leave the row out"
            )
            raise UsageError(msg)
        yield json.dumps(row, ensure_ascii=False)


async def write_versions(lines: AsyncIterator[str], to: IO[bytes]) -> int:
    """Write the lines of an export as a table, and return how many versions it holds."""
    count = 0
    rows: list[dict[str, JsonValue]] = []
    with pq.ParquetWriter(to, _SCHEMA, compression="zstd") as writer:

        def write() -> None:
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))
            rows.clear()

        async for line in lines:
            rows.append(cast("dict[str, JsonValue]", parse_json(line)))
            count += 1
            if len(rows) == _ROWS:
                write()
        if rows:
            write()
    return count
