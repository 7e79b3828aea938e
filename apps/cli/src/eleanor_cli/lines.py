"""The lines of a batch file: read one at a time, each checked on its own.

An object holds `id` and `text`, optionally `context` and `kind`, and nothing else. Blank lines are
passed over. A line that breaks a rule is a `BadLine`, which stands in the output in its place.
A row of a table is the line that it stands for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from eleanor_cli.faults import UsageError
from eleanor_cli.tables import is_table
from eleanor_core.api import JsonLimits, parse_json
from eleanor_core.errors import InvalidInput, quoted
from eleanor_core.model import JsonValue

LineId: TypeAlias = str | int
_KEYS: Final = ("id", "text", "context", "kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """A line that can be handed to the engine, which checks what the values hold."""

    number: int
    id: LineId
    text: JsonValue
    context: JsonValue
    kind: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that cannot. `id` is None where none could be read."""

    number: int
    id: LineId | None
    code: str
    message: str


Line: TypeAlias = CaseLine | BadLine


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line as it stands in the file, not yet read. `data` is None for one that is too long."""

    number: int
    data: bytes | None


def raw_lines(file: Path, limits: JsonLimits) -> Iterator[RawLine]:
    """Yield the lines of `file` that are not blank; none over the limit is kept in memory."""
    if is_table(file):
        from eleanor_cli.tables.cases import raw_rows

        yield from starmap(RawLine, raw_rows(file, limits))
        return
    with file.open("rb") as stream:
        yield from starmap(RawLine, _raw_lines(stream, limits.bytes))


def read_lines(file: Path, limits: JsonLimits) -> Iterator[Line]:
    """Yield the lines of `file` that are not blank, each checked."""
    return (parse(line, limits) for line in raw_lines(file, limits))


def refuse_duplicates(file: Path, limits: JsonLimits) -> int:
    """Read the whole file once and return how many lines it has.

    Memory: a digest of 16 bytes for each id, about 100 bytes as Python keeps it. Raises UsageError
    that names the first id that stands there twice, and both lines.
    """
    seen: set[bytes] = set()
    count = 0
    for line in read_lines(file, limits):
        count += 1
        if line.id is None:
            continue
        digest = hashlib.blake2b(repr(line.id).encode(), digest_size=16).digest()
        if digest in seen:
            same = (item.number for item in read_lines(file, limits) if item.id == line.id)
            where = "row" if is_table(file) else "line"
            msg = (
                f"{file}: the id {quoted(line.id, 80)} stands in {where} {next(same)} and in "
                f"{where} {line.number}; ids must be unique. Nothing was judged"
            )
            raise UsageError(msg)
        seen.add(digest)
    return count


def parse(line: RawLine, limits: JsonLimits) -> Line:
    """Check one line on its own."""
    return _line(line.number, line.data, limits)


def _raw_lines(stream: BinaryIO, longest: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and bytes of each line that is not blank, None for one that is too long."""
    number = 0
    while data := stream.readline(longest + 1):
        number += 1
        if len(data) > longest and not data.endswith(b"\n"):
            while data and not data.endswith(b"\n"):
                data = stream.readline(longest)
            yield number, None
        elif data.strip():
            yield number, data


def _line(number: int, data: bytes | None, limits: JsonLimits) -> Line:
    if data is None:
        return _bad(number, None, "the line is longer than any case may be")
    try:
        value = parse_json(data, limits)
    except InvalidInput as error:
        return _bad(number, None, str(error))
    if not isinstance(value, Mapping):
        return _bad(number, None, "must be an object with the keys id and text")
    return _checked(number, value)


def _checked(number: int, value: Mapping[str, JsonValue]) -> Line:
    line_id = value.get("id")
    if "id" not in value:
        return _bad(number, None, "the key id is missing")
    if isinstance(line_id, bool) or not isinstance(line_id, (str, int)):
        return _bad(number, None, "id must be a string or an integer")
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        keys = ", ".join(_KEYS)
        return _bad(number, line_id, f"unknown key {quoted(unknown[0], 60)}; the keys are {keys}")
    if "text" not in value:
        return _bad(number, line_id, "the key text is missing")
    return CaseLine(
        number=number,
        id=line_id,
        text=value["text"],
        context=value.get("context"),
        kind=value.get("kind", "answer"),
    )


def _bad(number: int, line_id: LineId | None, message: str) -> BadLine:
    return BadLine(number=number, id=line_id, code="invalid_input", message=message)
