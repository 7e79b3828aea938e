"""Where settings come from. Each source yields what it sets, key by key, and what is wrong with it.

From highest to lowest: the command line, variables `ELEANOR_*`, the env file, the settings file,
the defaults in the model. Nothing here judges a value: that is the model's work.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Final, TypeAlias

from attrs import frozen

from eleanor_core.model import JsonValue
from eleanor_core.settings.keys import (
    NESTING,
    PREFIX,
    RESERVED,
    KeyPath,
    dotted,
    with_plugin_name,
)


@frozen
class Entry:
    """One leaf that a source sets."""

    path: KeyPath
    value: JsonValue
    origin: str


@frozen
class Problem:
    """Why something cannot be used: whole sentences for the person who wrote it."""

    text: str


Read: TypeAlias = Iterator[Entry | Problem]

_MOST: Final = 100_000
"""Values in a settings file at most. The longest one that anybody writes has some hundreds."""


def leaves(value: JsonValue, path: KeyPath = ()) -> Iterator[tuple[KeyPath, JsonValue]]:
    """Yield every leaf of a tree with its path. A list is a leaf, and so is an empty table."""
    if isinstance(value, Mapping) and (value or not path):
        for key, item in value.items():
            yield from leaves(item, (*path, str(key)))
    else:
        yield path, value


def from_overrides(overrides: Mapping[str, JsonValue]) -> Read:
    """Read what the caller or the command line says: nested tables, or dotted keys.

    Text under a dotted key is read as a variable's text is, so that a command line can hand on
    what was typed.
    """
    origin = "command line"
    for key, value in overrides.items():
        path = tuple(key.split("."))
        if len(path) > 1 and isinstance(value, str):
            yield from _decoded(path, value, origin)
        else:
            for leaf, item in leaves(value, path):
                yield Entry(leaf, item, origin)


def from_environment(env: Mapping[str, str]) -> Read:
    """Read the variables `ELEANOR_*`, in any case of letters. An empty one counts as not set."""
    yield from _from_variables((name, text, f"environment {name}") for name, text in env.items())


def from_env_file(path: Path) -> Read:
    """Read an env file: `NAME=value` lines. Nothing is expanded in a value."""
    from dotenv.parser import parse_stream  # noqa: PLC0415 -- most starts read no env file

    text = _text(path, "env file")
    if isinstance(text, Problem):
        yield text
        return
    lines = []
    for line in parse_stream(StringIO(text)):
        where = f"env file {path}, line {line.original.line}"
        if line.error or (line.key and line.value is None):
            yield Problem(f"{where}: must be NAME=value; correct the line")
        elif line.key and line.key.upper() in RESERVED:
            yield Problem(f"{where}: {line.key} has no effect here; set it in the environment")
        elif line.key:
            lines.append((line.key, line.value or "", f"env file {path}"))
    yield from _from_variables(lines)


def from_file(path: Path) -> Read:
    """Read a settings file, YAML or TOML by its suffix."""
    text = _text(path, "settings file")
    if isinstance(text, Problem):
        yield text
        return
    tree: object
    try:
        match path.suffix.lower():
            case ".yaml" | ".yml":
                tree = _yaml(text)
            case ".toml":
                tree = tomllib.loads(text)
            case _:
                yield Problem(f"settings file {path}: its name must end in .yaml, .yml or .toml")
                return
        if not isinstance(tree, Mapping):
            yield Problem(f"settings file {path}: must be a table of keys at its top")
            return
        yield from [Entry(leaf, value, f"file {path}") for leaf, value in leaves(tree)]
    except ValueError as error:
        yield Problem(f"settings file {path}: {error}; correct the file there")
    except RecursionError:
        yield Problem(f"settings file {path}: is nested too deeply; correct it")


def _from_variables(variables: Iterable[tuple[str, str, str]]) -> Read:
    """Read (name, text, origin) of each variable; the longer of two names is the nearer word."""
    seen: dict[str, str] = {}
    for name, text, origin in sorted(variables):
        upper = name.upper()
        if not upper.startswith(PREFIX) or name in RESERVED or not text.strip():
            continue
        path = with_plugin_name(tuple(upper.removeprefix(PREFIX).lower().split(NESTING)))
        if upper in seen:
            yield Problem(f"{dotted(path)} ({origin}): is set twice there; remove one of the two")
        seen[upper] = origin
        yield from _decoded(path, text, origin)


def _decoded(path: KeyPath, text: str, origin: str) -> Read:
    if path == ("home",):  # the one that most programs set, and never more than a text
        yield Entry(path, text, origin)
        return
    from eleanor_core.settings.environment import decode  # noqa: PLC0415 -- slow

    try:
        tree = decode(path, text)
    except ValueError as error:
        yield Problem(f"{dotted(path)} ({origin}): a list or table must be JSON: {error}")
        return
    # An unknown first part decodes to nothing; the model then refuses it by name.
    for leaf, value in leaves(tree) if tree else [(path, text)]:
        yield Entry(with_plugin_name(leaf), value, origin)


def _text(path: Path, what: str) -> str | Problem:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Problem(f"{what} {path}: cannot be read: {reason}; correct its path or permissions")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Problem(f"{what} {path}, line {line}: is not UTF-8; save it as UTF-8")


def _yaml(text: str) -> object:
    """Parse YAML with the safe loader. Raises ValueError with the line, and never a value."""
    import yaml  # noqa: PLC0415 -- a start without a settings file does without

    class Loader(yaml.SafeLoader):
        """The safe loader, with duplicate keys refused: YAML lets the last one win in silence."""

        def compose_mapping_node(self, anchor: object) -> yaml.MappingNode:
            node = super().compose_mapping_node(anchor)  # type: ignore[arg-type] # str or None, in truth
            seen = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value!r} stands there twice",
                        problem_mark=key.start_mark,
                    )
                seen.add(key.value)
            return node

    try:
        tree = yaml.load(text, Loader)  # noqa: S506 -- a safe loader, see above # nosec B506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        said = str(error.problem)
        if said.startswith("but "):
            said = f"{error.context}, {said}"
        raise ValueError(f"line {line}: {said}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ValueError(f"line {line}: {error.reason}") from None
    if _bursts(tree):
        raise ValueError(f"holds more than {_MOST} values, each alias counted where it is used")
    return {} if tree is None else tree


def _bursts(tree: object) -> bool:
    """Say whether a tree holds too much: a few aliases of aliases stand for billions of values."""
    waiting, seen = [tree], 0
    while waiting:
        item = waiting.pop()
        seen += 1
        waiting += (
            item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        )
        if seen + len(waiting) > _MOST:
            return True
    return False
