"""The reference of the command line in `docs/command-line.md`, made from the command itself.

`python tests/support/command_line.py` writes it anew; a test holds the page to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, cast

import typer
from eleanor_cli.app import app

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "command-line.md"
BEGIN: Final = "<!-- made from the command itself: begin -->"
END: Final = "<!-- made from the command itself: end -->"


class Parameter(Protocol):
    """What is read of an option or an argument: the parser's own class has no stable name."""

    param_type_name: str
    opts: Sequence[str]
    metavar: str | None
    help: str | None
    is_flag: bool


class Command(Protocol):
    """What is read of a verb. `commands`: the verbs below it."""

    params: Sequence[Parameter]
    help: str | None
    commands: Mapping[str, Command]


def reference() -> str:
    """Return a section for the options before the verb, and one for each verb."""
    root = cast("Command", typer.main.get_command(app))
    return "\n\n".join(_sections("eleanor", root))


def page() -> str:
    """Return the page with its reference made anew."""
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{rest.split(END)[1]}"


def _sections(name: str, command: Command) -> Iterator[str]:
    below = getattr(command, "commands", {})
    rows = [_row(parameter) for parameter in command.params]
    rows = [row for row in rows if "--help" not in row]
    if rows or not below:
        table = "\n".join(["| | Meaning |", "| --- | --- |", *rows]) if rows else ""
        said = " ".join((command.help or "").split())
        yield "\n\n".join(filter(None, [f"### `{name}`", said, table]))
    for verb, inner in below.items():
        yield from _sections(f"{name} {verb}", inner)


def _row(parameter: Parameter) -> str:
    value = parameter.metavar or ""
    if parameter.param_type_name == "argument":
        shown = value
    else:
        flag = getattr(parameter, "is_flag", False)
        shown = ", ".join(parameter.opts) + ("" if flag or not value else f" {value}")
    cells = (f"`{shown}`", parameter.help or "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
