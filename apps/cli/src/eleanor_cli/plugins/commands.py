"""The verbs of `eleanor plugins` and their options. Each loads what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eleanor_cli import complete
from eleanor_cli.options import Options
from eleanor_cli.verb import Json, finish

plugins = typer.Typer(
    rich_markup_mode=None, help="Show the installed plugins and their state; lock them."
)

LockPath = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]", help="The lock; plugins.lock, else plugins.lock in the home folder."
    ),
]


@plugins.callback(invoke_without_command=True)
def _plugins(context: typer.Context, json: Json = False) -> None:
    if context.invoked_subcommand is None:
        plugins_list(context, json=json)


@plugins.command("list")
def plugins_list(context: typer.Context, json: Json = False) -> None:
    """Show every plugin: its status, its dist, and what is missing or broken."""

    def verb(options: Options) -> int:
        from eleanor_cli.plugins.listing import list_plugins

        return list_plugins(options, as_json=json)

    finish(context, verb, json=json)


@plugins.command("explain")
def plugins_explain(
    context: typer.Context,
    plugin: Annotated[
        str,
        typer.Argument(
            metavar="KIND/NAME",
            help="As in critics/rights.",
            autocompletion=complete.plugin_refs,
        ),
    ],
    json: Json = False,
) -> None:
    """Say why one plugin is on, off or broken, and what it declares."""

    def verb(options: Options) -> int:
        from eleanor_cli.plugins.listing import explain_plugin

        return explain_plugin(options, plugin, as_json=json)

    finish(context, verb, json=json)


@plugins.command("lock")
def plugins_lock(context: typer.Context, file: LockPath = None, json: Json = False) -> None:
    """Write down every file of the dists of the enabled plugins, each with its SHA-256."""

    def verb(options: Options) -> int:
        from eleanor_cli.plugins.locking import lock

        return lock(options, file, as_json=json)

    finish(context, verb, json=json)


@plugins.command("verify")
def plugins_verify(context: typer.Context, file: LockPath = None, json: Json = False) -> None:
    """Hold every enabled plugin against the lock. Ends 0 only if all are what it says."""

    def verb(options: Options) -> int:
        from eleanor_cli.plugins.locking import verify

        return verify(options, file, as_json=json)

    finish(context, verb, json=json)
