"""`eleanor config`: the settings in force with where each came from, and their schema."""

from __future__ import annotations

import json
import sys

from eleanor_cli import exits
from eleanor_cli.escape import prose
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_core.codec import result_schema
from eleanor_core.model import JsonValue, thaw
from eleanor_core.settings import describe, settings_schema


def show_settings(options: Options, *, as_json: bool) -> int:
    """Print key, value and source of every setting. What may be secret is `***`."""
    rows = describe(options.load())
    if as_json:
        data: JsonValue = {
            row.key: {"value": row.value, "origin": row.origin, "description": row.description}
            for row in rows
        }
        write_json(data)
        return exits.OK
    from rich.text import Text

    from eleanor_cli.screen import DIM, console, listing

    lines = (
        (
            Text(prose(row.key), style="" if row.origin == "default" else "bold"),
            Text(prose(row.origin), style=DIM if row.origin == "default" else ""),
            Text(prose(json.dumps(row.value, ensure_ascii=False))),
        )
        for row in rows
    )
    console(sys.stdout).print(listing(("key", "from", "value"), lines))
    return exits.OK


def show_schema(*, result: bool) -> int:
    """Print the JSON Schema of a settings file, or of a result's wire form."""
    schema = result_schema() if result else settings_schema()
    write_json(thaw(schema), line=False)
    return exits.OK
