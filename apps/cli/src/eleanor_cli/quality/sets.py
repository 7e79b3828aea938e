"""The labelled sets: read and checked whole before anything runs, then one record at a time.

Each line of a file is an object with `id`, `text`, `context`, `critic` and `label`, optionally
`source` and `meta`, and nothing of it but text and context is ever shown to a judge.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, NoReturn, TypeAlias, cast

from eleanor_cli.faults import UsageError
from eleanor_core.api import parse_json
from eleanor_core.errors import InvalidInput, quoted
from eleanor_core.model import CaseKind, JsonObject, JsonValue
from eleanor_core.pipeline.validate import validate
from eleanor_core.settings.model import Limits

Label: TypeAlias = Literal[0, 1]

SEED: Final = 20_261_122
"""Chooses the texts of `--limit` and draws the resamples: the same ones every time."""

_SUFFIXES: Final = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One labelled text. `label`: 1 where the critic should object. `pair`: None without one."""

    id: str
    text: str
    context: JsonObject | None
    critic: str
    label: Label
    pair: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A file that was checked. `critics`: how many chosen records each name has.

    `chosen`: the line numbers to judge, None for all; `sha256`: of the file as it lies on disk.
    """

    name: str
    file: Path
    sha256: str
    records: int
    critics: Mapping[str, int]
    chosen: frozenset[int] | None

    def read(self, kind: CaseKind, limits: Limits) -> Iterator[Record]:
        """Yield the chosen records in the order of the file."""
        for number, record in _records(self.file, kind, limits):
            if self.chosen is None or number in self.chosen:
                yield record


def check_sets(
    paths: Iterable[Path], *, kind: CaseKind, limits: Limits, limit: int | None
) -> tuple[DataSet, ...]:
    """Read every file whole and return the sets. A folder stands for the data files in it.

    `limit`: most records of each set. Raises UsageError that names the file and the line.
    """
    files = [file for path in paths for file in files_of(path)]
    twice = [name for name, count in Counter(map(name_of, files)).items() if count > 1]
    if twice:
        raise UsageError(
            f"two data files are called {quoted(twice[0], 80)}; a set is named by its file, so "
            "rename one"
        )
    return tuple(_checked(file, kind, limits, limit) for file in files)


def files_of(path: Path) -> list[Path]:
    """Return the data files that a path stands for. Raises UsageError if there is none."""
    if path.is_dir():
        files = sorted(item for item in path.iterdir() if item.name.endswith(_SUFFIXES))
        if not files:
            raise UsageError(f"{path}: no file in this folder ends in {' or '.join(_SUFFIXES)}")
        return files
    if not path.is_file():
        problem = "must be a regular file: it is read twice" if path.exists() else "no such file"
        raise UsageError(f"{path}: {problem}")
    return [path]


def name_of(file: Path) -> str:
    """Return what a set is called."""
    return file.name.removesuffix(".gz").removesuffix(".jsonl")


def _checked(file: Path, kind: CaseKind, limits: Limits, limit: int | None) -> DataSet:
    lines: dict[str, int] = {}
    ranked: list[tuple[bytes, int, str]] = []
    for number, record in _records(file, kind, limits):
        first = lines.setdefault(record.id, number)
        if first != number:
            refuse(file, number, f"the id {quoted(record.id, 80)} stands in line {first} too")
        ranked.append((_rank(record), number, record.critic))
    if not ranked:
        raise UsageError(f"{file}: no record in it")
    chosen = sorted(ranked)[:limit]
    return DataSet(
        name=name_of(file),
        file=file,
        sha256=sha256_of(file),
        records=len(ranked),
        critics=Counter(critic for _, _, critic in chosen),
        chosen=None if len(chosen) == len(ranked) else frozenset(line for _, line, _ in chosen),
    )


def _rank(record: Record) -> bytes:
    """Return where a record stands in the draw for `--limit`: the texts of a pair side by side.

    It depends on the record alone, so a larger limit only adds texts.
    """
    unit = f"id {record.id}" if record.pair is None else f"pair {record.pair}"
    return hashlib.sha256(f"{SEED} {unit}".encode(errors="surrogatepass")).digest()


def sha256_of(file: Path) -> str:
    """Return the digest of a file as it lies on disk."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# -- lines ----------------------------------------------------------------------------------------


def _records(file: Path, kind: CaseKind, limits: Limits) -> Iterator[tuple[int, Record]]:
    """Yield number and record of each line that is not blank."""
    try:
        with opened(file) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, _record(file, number, line, kind, limits)
    except (OSError, EOFError) as error:
        # gzip raises both for a damaged file; its own OSError has no `strerror`.
        problem = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UsageError(f"cannot read {file}: {problem}") from None


def opened(file: Path) -> BinaryIO:
    """Open a data file for its lines."""
    if file.name.endswith(".gz"):
        return cast("BinaryIO", gzip.open(file, "rb"))
    return file.open("rb")


def _record(file: Path, number: int, data: bytes, kind: CaseKind, limits: Limits) -> Record:
    try:
        value = parse_json(data, limits.of_request)
    except InvalidInput as error:
        refuse(file, number, str(error))
    if not isinstance(value, Mapping):
        refuse(file, number, "must be an object with the keys id, text, critic and label")
    label = value.get("label")
    if isinstance(label, bool) or label not in (0, 1):
        refuse(file, number, f"label must be 0 or 1, got {quoted(label, 40)}")
    context = value.get("context")
    try:
        # The engine would refuse the same, but only once it comes to this record.
        validate(value.get("text"), context, kind, None, limits)
    except InvalidInput as error:
        refuse(file, number, str(error))
    return Record(
        id=word_of(file, number, "id", value.get("id")),
        text=cast("str", value["text"]),
        context=cast("JsonObject | None", context),
        critic=word_of(file, number, "critic", value.get("critic")),
        label=1 if label else 0,
        pair=_pair(file, number, value.get("meta")),
    )


def word_of(file: Path, number: int, key: str, value: JsonValue) -> str:
    """Return a string with something in it, or an integer id. Raises UsageError for another."""
    number_as_id = key == "id" and isinstance(value, int) and not isinstance(value, bool)
    if not number_as_id and not (isinstance(value, str) and value.strip()):
        refuse(
            file, number, f"{key} must be a string with something in it, got {quoted(value, 40)}"
        )
    return str(value)


def _pair(file: Path, number: int, meta: JsonValue) -> str | None:
    if meta is None:
        return None
    if not isinstance(meta, Mapping):
        refuse(file, number, f"meta must be an object or null, got {quoted(meta, 40)}")
    pair = meta.get("pair")
    return None if pair is None else str(pair)


def refuse(file: Path, number: int, problem: str) -> NoReturn:
    """Raise UsageError that names file and line."""
    raise UsageError(f"{file}, line {number}: {problem}. Nothing was judged")
