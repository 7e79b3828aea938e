"""A table of cases to judge: each row as the line of a batch that it stands for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from eleanor_cli.tables.reading import Column, read_rows
from eleanor_core.api import JsonLimits, parse_json
from eleanor_core.errors import InvalidInput
from eleanor_core.model import JsonValue

COLUMNS: Final = (
    Column("id", ("text", "integer"), needed=True),
    Column("text", ("text",), needed=True),
    Column("context", ("object",)),
    Column("kind", ("text",)),
)


def raw_rows(file: Path, limits: JsonLimits) -> Iterator[tuple[int, bytes | None]]:
    """Yield number, from 1, and bytes of each row as a line; None for one over the limit."""
    for number, row in enumerate(read_rows(file, COLUMNS, limits.bytes), start=1):
        data = None if row is None else _line(row, limits)
        yield number, data if data is None or len(data) <= limits.bytes else None


def _line(row: dict[str, JsonValue], limits: JsonLimits) -> bytes:
    context = row.get("context")
    if isinstance(context, str):
        # What is no JSON stays a string, which is refused as any context that is no object.
        with suppress(InvalidInput):
            row["context"] = parse_json(context, limits)
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
