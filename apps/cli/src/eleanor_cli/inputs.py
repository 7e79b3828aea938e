"""Where the text and the context of a case come from."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from eleanor_cli.faults import UsageError
from eleanor_core.api import JsonLimits, parse_json
from eleanor_core.errors import InvalidInput
from eleanor_core.model import JsonValue

_MOST: Final = 64 * 1024 * 1024
"""Bytes read at most, so that an endless input cannot fill the memory. The settings' own limit is
far lower; the engine applies it, and records what it refuses."""

_NO_TEXT: Final = (
    'no text to judge. Give it as the argument (eleanor evaluate "..."), with --file FILE, '
    "or on standard input (... | eleanor evaluate)"
)


def read_text(argument: str | None, file: Path | None, *, stdin: bool) -> str:
    """Return the text from the one source that was named, else from piped standard input.

    A leading byte order mark is dropped, everything else is kept as it is. Raises UsageError for
    none or several sources, InvalidInput for bytes that are not UTF-8.
    """
    stdin = stdin or argument == "-"
    argument = None if argument == "-" else argument
    if (argument is not None) + (file is not None) + stdin > 1:
        msg = "give the text once: as the argument, with --file or on standard input"
        raise UsageError(msg)
    if argument is not None:
        return argument
    if file is not None:
        return read_file(file)
    if not stdin and sys.stdin.isatty():
        raise UsageError(_NO_TEXT)
    data = sys.stdin.buffer.read(_MOST + 1)
    if not data and not stdin:
        msg = f"{_NO_TEXT}; standard input was empty"
        raise UsageError(msg)
    return _decode(data, "standard input")


def read_file(file: Path) -> str:
    """Return the text of a file. Raises InvalidInput for bytes that are not UTF-8, and OSError."""
    return _decode(_read(file), str(file))


def read_context(option: str | None, limits: JsonLimits) -> Mapping[str, JsonValue] | None:
    """Return the context given as JSON, or as `@FILE` that holds JSON. Raises UsageError."""
    if option is None:
        return None
    where = "--context"
    data: str | bytes = option
    if option.startswith("@"):
        where = f"--context {option}"
        data = _read(Path(option[1:]))
    try:
        value = parse_json(data, limits)
    except InvalidInput as error:
        example = (
            f"@{option}"
            if where == "--context" and _is_file(option)
            else '\'{"domain": "healthcare"}\''
        )
        meant = "A file is named with @" if example.startswith("@") else "An example"
        msg = f"{where}: {error}. {meant}: --context {example}"
        raise UsageError(msg) from None
    if not isinstance(value, dict):
        msg = f'{where} must be a JSON object, such as {{"domain": "healthcare"}}'
        raise UsageError(msg)
    return value


def _is_file(option: str) -> bool:
    try:
        return Path(option).is_file()
    except (OSError, ValueError):
        return False


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_MOST + 1)
    except OSError as error:
        msg = f"cannot read {file}: {error.strerror or error}"
        raise UsageError(msg) from None


def _decode(data: bytes, where: str) -> str:
    if len(data) > _MOST:
        msg = f"{where}: larger than {_MOST} bytes"
        raise InvalidInput(msg)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{where}: not UTF-8 at byte {error.start}; convert it to UTF-8 first"
        raise InvalidInput(msg, path="$.text") from None
