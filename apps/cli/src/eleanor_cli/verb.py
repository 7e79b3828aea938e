"""What every verb has in common: the option `--json`, and how it ends the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NoReturn, cast

import typer

from eleanor_cli.options import Options

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def finish(
    context: typer.Context, verb: Callable[[Options], int], *, json: bool = False
) -> NoReturn:
    """Run a verb with the options before it, and end the program with its exit code."""
    from eleanor_cli import crash
    from eleanor_cli.escape import masking
    from eleanor_cli.faults import finish as end

    options = cast(Options, context.find_root().obj)
    masking.set(options.redaction)
    crash.install(options.redaction)
    end(lambda: verb(options), as_json=json, traceback=options.traceback)
