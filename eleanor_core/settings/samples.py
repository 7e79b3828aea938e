"""Writes what is generated from the settings model, so that it never says other than the code.

`python -m eleanor_core.settings.samples FOLDER` writes `.env.sample`, `.env.production.template`
and the table of `docs/settings.md` into a checkout of the repository.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Final

from pydantic.fields import FieldInfo

from eleanor_core.model import JsonValue
from eleanor_core.settings.keys import RESERVED, Key, dotted, fields_below, keys, variable
from eleanor_core.settings.model import DEFAULT_PLUGINS
from eleanor_core.settings.types import TABLES

BEGIN: Final = "<!-- generated from the settings model: begin -->"
END: Final = "<!-- generated from the settings model: end -->"

_SAMPLE_HEAD: Final = """\
Every setting of ELEANOR, with its default or, where there is none, an example.
Copy this file to `.env` and take the `#` off the lines that you want to change.
Variables of the process win over this file; this file wins over the settings file.
Lists: words joined by commas, or JSON. Tables: JSON. An empty value counts as not set.
Secrets never stand here: a plugin's setting names one as a reference, provider:path#key.
The guide: docs/settings.md"""

_PRODUCTION_HEAD: Final = """\
What a production deployment of ELEANOR must decide. Copy this file to `.env.production`, replace
each value in <angle brackets>, and start with ELEANOR_ENV_FILE=.env.production.
A value left in brackets is refused at the start. Every other setting: .env.sample"""

_REQUIRED: Final = tuple(
    ref for ref in DEFAULT_PLUGINS if ref.startswith(("critics/", "detectors/", "evidence/"))
)

_PRODUCTION: Final[Mapping[str, tuple[str | None, str]]] = {
    "home": (
        "</absolute/folder>",
        "Evidence, precedents and keys: on a durable disk, backed up, for this service alone.",
    ),
    "plugins.require": (
        ",".join(_REQUIRED),
        "The start is refused where one of these is missing or broken. Add your own.",
    ),
    "policy.prohibited_clauses": (
        "<clauses such as K1>",
        "No human can open the gate of these; [] for none. Decide with your legal counsel.",
    ),
    "policy.high_impact_domains": (
        None,
        "Here gaps, novelty and uncertainty escalate. Add what is grave where you are.",
    ),
    "policy.validated_domains": (
        None,
        "Leave only domains in which you measured the panel's quality: any other one escalates.",
    ),
    "policy.gaps": (None, "What a critic could not assess; `escalate` sends all of it to a human."),
    "policy.audit_sample": ("0.01", "Share of all results that are marked for audit."),
    "deadlines.request": (None, "Seconds for one judgement: less than the caller waits."),
    "security.production": (
        "true",
        "Refuses what is for development only. Where plugins need secrets, name their provider: "
        "ELEANOR_SECURITY__SECRET_PROVIDER=aws or vault; see docs/secrets.md.",
    ),
    "logging.level": (None, "debug, info, warning or error."),
    "logging.format": ("json", "One JSON object a line, for the log collector."),
}
"""Key -> its value (None: the default), and what to think of when deciding it."""


def env_sample() -> str:
    """Return `.env.sample`: every variable, commented out, with its meaning and default."""
    lines = _comment(_SAMPLE_HEAD)
    for section, group in _sections():
        lines += ["", *_comment(f"--- {section} --- {_version(section)}".rstrip())]
        for key in group:
            note = "" if _default(key.field) is not None else " (The value is an example.)"
            lines += ["", *_comment(f"{key.field.description}{note}")]
            lines += [f"# {variable(key.path)}={_text(_example(key.field))}"]
    return "\n".join(lines) + "\n"


def production_template() -> str:
    """Return `.env.production.template`: what a production deployment must decide."""
    lines = _comment(_PRODUCTION_HEAD)
    for key in keys():
        if dotted(key.path) in _PRODUCTION:
            value, advice = _PRODUCTION[dotted(key.path)]
            lines += ["", *_comment(advice)]
            lines += [f"{variable(key.path)}={value or _text(_default(key.field))}"]
    return "\n".join(lines) + "\n"


def reference() -> str:
    """Return the reference of every setting as Markdown tables, a section each."""
    lines = []
    for section, group in _sections():
        lines += [f"### `{section}`", "", *([about, ""] if (about := _version(section)) else [])]
        lines += [
            "| Key | Variable | Value | Default | Meaning |",
            "| --- | --- | --- | --- | --- |",
        ]
        for key in group:
            default = _default(key.field)
            shown = "none" if default is None else f"`{_text(default)}`".replace(",", ", ")
            cells = (f"`{dotted(key.path)}`", f"`{variable(key.path)}`", _values(key), shown)
            lines.append(f"| {' | '.join(cells)} | {key.field.description} |")
        lines.append("")
    lines += ["### Variables that are not settings", "", "| Variable | Meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in RESERVED.items()]
    return "\n".join(lines)


def with_reference(page: str) -> str:
    """Return the page with the tables between its two markers made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}"


def _sections() -> Iterator[tuple[str, Iterator[Key]]]:
    return groupby(keys(), key=lambda key: key.path[0])


def _version(section: str) -> str:
    field = fields_below(())[section]
    if section not in TABLES.values():
        return (field.description or "") if fields_below((section,)) else ""
    (name,) = (field.examples or [""])[0]
    return f"{field.description} `{name}` stands for any name; a variable writes its `-` as `_`."


def _default(field: FieldInfo) -> JsonValue:
    default: JsonValue = field.get_default(call_default_factory=True)
    return default


def _example(field: FieldInfo) -> JsonValue:
    default = _default(field)
    return default if default is not None else (field.examples or [None])[0]


def _text(value: JsonValue) -> str:
    """Write a value as a variable holds it."""
    if isinstance(value, (list, tuple)) and value:
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def _values(key: Key) -> str:
    """Say what may stand there, from the JSON Schema of the field."""
    schema = key.owner.model_json_schema()["properties"][key.path[-1]]
    schema = next((kind for kind in schema.get("anyOf", ()) if kind["type"] != "null"), schema)
    words = {"array": "list", "object": "table", "string": "text"}
    said = words.get(schema["type"], schema["type"])
    if "enum" in schema:
        said = ", ".join(f"`{value}`" for value in schema["enum"])
    elif schema.get("format") == "path":
        said = "absolute path"
    bounds = {"exclusiveMinimum": "> ", "minimum": "\u2265 ", "maximum": "\u2264 "}
    limits = [f"{sign}{schema[name]:g}" for name, sign in bounds.items() if name in schema]
    return ", ".join([said, *limits])


def _comment(text: str) -> list[str]:
    lines = [part for line in text.splitlines() for part in wrap(line, 98)]
    return [f"# {line}" for line in lines]


def main(arguments: Sequence[str]) -> int:
    """Write the three files below the folder named in `arguments`; return the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m eleanor_core.settings.samples FOLDER\n")
        return 2
    folder = Path(arguments[0])
    page = folder / "docs" / "settings.md"
    made = {
        folder / ".env.sample": env_sample(),
        folder / ".env.production.template": production_template(),
        page: with_reference(page.read_text("utf-8")),
    }
    for path, text in made.items():
        path.write_text(text, "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
