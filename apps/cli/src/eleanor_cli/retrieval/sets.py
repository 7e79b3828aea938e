"""The sets of queries: each with candidates of its own, of which some are like it.

Each line of a file is an object with `id`, `text` and a `context` that holds `candidates` (objects
with `id` and `text`) and `relevant` (the ids of those that are like the text).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eleanor_cli.faults import UsageError
from eleanor_cli.quality.sets import files_of, name_of, opened, refuse, sha256_of, word_of
from eleanor_core.api import JsonLimits, parse_json
from eleanor_core.errors import InvalidInput, quoted
from eleanor_core.model import JsonObject, JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A text, its candidates by id, and the ids of those that are like it.

    A candidate with the query's own text is left out: a case never finds itself.
    """

    id: str
    text: str
    candidates: Mapping[str, str]
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySet:
    """A file that was read whole."""

    name: str
    file: Path
    sha256: str
    queries: tuple[Query, ...]


def read_sets(paths: Iterable[Path], limits: JsonLimits) -> tuple[QuerySet, ...]:
    """Read every file whole. A folder stands for the data files in it.

    Raises UsageError that names the file and the line.
    """
    files = [file for path in paths for file in files_of(path)]
    twice = [name for name, count in Counter(map(name_of, files)).items() if count > 1]
    if twice:
        raise UsageError(f"two data files are called {quoted(twice[0], 80)}; rename one")
    return tuple(_read(file, limits) for file in files)


def _read(file: Path, limits: JsonLimits) -> QuerySet:
    queries: dict[str, Query] = {}
    for number, query in _queries(file, limits):
        if query.id in queries:
            refuse(file, number, f"the id {quoted(query.id, 80)} stands in an earlier line too")
        queries[query.id] = query
    if not queries:
        raise UsageError(f"{file}: no query in it")
    return QuerySet(
        name=name_of(file), file=file, sha256=sha256_of(file), queries=tuple(queries.values())
    )


def _queries(file: Path, limits: JsonLimits) -> Iterator[tuple[int, Query]]:
    try:
        with opened(file) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, _query(file, number, line, limits)
    except (OSError, EOFError) as error:
        raise UsageError(f"cannot read {file}: {error}") from None


def _query(file: Path, number: int, data: bytes, limits: JsonLimits) -> Query:
    try:
        value = parse_json(data, limits)
    except InvalidInput as error:
        refuse(file, number, str(error))
    context = value.get("context") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(context, Mapping):
        refuse(file, number, "must be an object with id, text and context")
    text = word_of(file, number, "text", value.get("text"))
    given = {
        word_of(file, number, "id", item.get("id")): word_of(file, number, "text", item.get("text"))
        for item in _objects(file, number, context.get("candidates"))
    }
    found = context.get("relevant")
    relevant = frozenset(map(str, found if isinstance(found, (list, tuple)) else ()))
    candidates = {name: said for name, said in given.items() if said != text}
    if not relevant or not relevant <= candidates.keys():
        refuse(file, number, "context.relevant must name candidates, at least one")
    query_id = word_of(file, number, "id", value.get("id"))
    return Query(id=query_id, text=text, candidates=candidates, relevant=relevant)


def _objects(file: Path, number: int, value: JsonValue) -> Iterator[JsonObject]:
    if not isinstance(value, (list, tuple)) or not value:
        refuse(file, number, "context.candidates must be a list of objects with id and text")
    for item in value:
        if not isinstance(item, Mapping):
            refuse(file, number, f"a candidate must be an object, got {quoted(item, 40)}")
        yield item
