"""The rows of a Parquet file, each as the object that a line of JSON would hold.

What a column may hold is checked before the first row. A null stands for a key that is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from eleanor_cli.faults import UsageError
from eleanor_core.errors import quoted
from eleanor_core.model import JsonValue

Kind: TypeAlias = Literal["text", "integer", "truth", "texts", "object"]
"""What a column holds. `object`: a struct, or text that holds JSON."""

ROWS: Final = 64
"""Rows that are in memory at once."""
_PAGE_BYTES: Final = 1 << 18
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a file may have, by what it may hold; `needed`: it must be there."""

    name: str
    kinds: tuple[Kind, ...]
    needed: bool = False


def read_rows(
    file: Path, columns: Sequence[Column], longest: int
) -> Iterator[dict[str, JsonValue] | None]:
    """Yield the rows of a file in order, nulls left out; `columns` are all that it may have.

    None stands for a row with a text of more than `longest` bytes. Memory: `ROWS` rows. Raises
    UsageError, naming the file and the column, if the file is not Parquet, is damaged, or has other
    columns.
    """
    with _explained(file):
        texts = _checked(file, pq.read_schema(file), columns)
        # A text that stands in many rows is then in memory once, however long it is.
        with pq.ParquetFile(
            file, read_dictionary=texts, buffer_size=_PAGE_BYTES, pre_buffer=False
        ) as table:
            for batch in table.iter_batches(batch_size=ROWS):
                # A damaged file can hold what is no UTF-8, and name texts that are not there.
                batch.validate(full=True)
                long = {place for array in batch.columns for place in _long(array, longest)}
                for place in range(batch.num_rows):
                    yield None if place in long else _row(batch, place)


def read_column(file: Path, name: str) -> Iterator[str]:
    """Yield one column of text. Raises UsageError as `read_rows` does."""
    with _explained(file):
        if name not in pq.read_schema(file).names:
            msg = f"{file} has no column {name!r}, so it was not written here"
            raise UsageError(msg)
        with pq.ParquetFile(file, buffer_size=_PAGE_BYTES, pre_buffer=False) as table:
            for batch in table.iter_batches(batch_size=ROWS, columns=[name]):
                batch.validate(full=True)
                yield from (str(cell) for cell in batch.column(0))


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Raise what pyarrow says of a file as a UsageError."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        msg = (
            f"{file} cannot be read as Parquet: {said[:_SHOWN]}. Write it anew, or give JSON Lines "
            "under a name that does not end in .parquet"
        )
        raise UsageError(msg) from error


def _checked(file: Path, schema: pa.Schema, columns: Sequence[Column]) -> list[str]:
    """Return the names of the columns of text. Raises UsageError for a column that does not fit."""
    known = {column.name: column for column in columns}
    names = ", ".join(known)
    for name in schema.names:
        if name not in known:
            msg = (
                f"{file}: unknown column {quoted(name, 60)}; the columns are {names}. "
                "Leave the others out of the file"
            )
            raise UsageError(msg)
        if schema.names.count(name) > 1:
            msg = f"{file}: two columns are named {name!r}; rename one, or leave it out"
            raise UsageError(msg)
    for column in columns:
        if column.name not in schema.names:
            if column.needed:
                msg = f"{file}: the column {column.name!r} is missing; it needs {names}"
                raise UsageError(msg)
            continue
        held = schema.field(column.name).type
        if not any(_IS[kind](held) for kind in column.kinds):
            wanted = " or ".join(_SAID[kind] for kind in column.kinds)
            msg = f"{file}: the column {column.name!r} is {held}; cast it to {wanted}"
            raise UsageError(msg)
    return [name for name in schema.names if _is_text(schema.field(name).type)]


def _long(array: pa.Array, longest: int) -> Iterator[int]:
    """Yield the places whose text is longer, without making a string of it."""
    if pa.types.is_dictionary(array.type):
        lengths = pc.binary_length(array.dictionary).to_pylist()
        for place, text in enumerate(array.indices.to_pylist()):
            if text is not None and (lengths[text] or 0) > longest:
                yield place


def _row(batch: pa.RecordBatch, place: int) -> dict[str, JsonValue]:
    cells = zip(batch.schema.names, batch.columns, strict=True)
    return _without_nulls({name: array[place].as_py() for name, array in cells})


def _without_nulls(held: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Leave nulls out, of structs too: a column has every field of a struct in every row."""
    return {
        name: _without_nulls(value) if isinstance(value, Mapping) else value
        for name, value in held.items()
        if value is not None
    }


# -- types ----------------------------------------------------------------------------------------


def _plain(held: pa.DataType) -> pa.DataType:
    return held.value_type if pa.types.is_dictionary(held) else held


def _is_text(held: pa.DataType) -> bool:
    plain = _plain(held)
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(plain) for test in texts)


def _is_texts(held: pa.DataType) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list)
    return any(test(held) for test in lists) and _is_text(held.value_type)


def _is_object(held: pa.DataType) -> bool:
    fields = (held.field(place).type for place in range(held.num_fields))
    return _is_text(held) or (pa.types.is_struct(held) and all(map(_is_json, fields)))


def _is_json(held: pa.DataType) -> bool:
    if pa.types.is_list(held) or pa.types.is_large_list(held):
        return _is_json(held.value_type)
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
    return _is_object(held) or any(test(held) for test in numbers)


_IS: Final[Mapping[Kind, Callable[[pa.DataType], bool]]] = {
    "text": _is_text,
    "integer": pa.types.is_integer,
    "truth": pa.types.is_boolean,
    "texts": _is_texts,
    "object": _is_object,
}
_SAID: Final[Mapping[Kind, str]] = {
    "text": "string",
    "integer": "an integer",
    "truth": "bool",
    "texts": "a list of strings",
    "object": "a string that holds a JSON object, or to a struct of what JSON knows",
}
