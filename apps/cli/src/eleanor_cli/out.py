"""Data for programs: JSON on standard output, in UTF-8 whatever the locale says."""

from __future__ import annotations

import sys

from eleanor_cli.escape import dumps
from eleanor_core.model import JsonValue


def write_json(value: JsonValue, *, line: bool | None = None) -> None:
    """Write one value and flush: on one line when piped, indented on a terminal.

    `line` true or false chooses one of the two.
    """
    if line is None:
        line = not sys.stdout.isatty()
    sys.stdout.flush()
    sys.stdout.buffer.write(dumps(value, indent=None if line else 2).encode() + b"\n")
    sys.stdout.buffer.flush()
