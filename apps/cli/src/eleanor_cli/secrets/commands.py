"""The verbs of `eleanor secrets` and their options. Each loads what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eleanor_cli.options import Options
from eleanor_cli.verb import Json, finish

secrets = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Check and rotate the secrets in use."
)


@secrets.command("check")
def secrets_check(
    context: typer.Context,
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REFERENCE...]",
            help="As in vault:kv/app#key; all that stand in the settings if none is said.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Ask the stores for each secret. Ends 0 only if all are there and the providers are well."""

    def verb(options: Options) -> int:
        from eleanor_cli.secrets.verbs import check

        return check(options, references or (), as_json=json)

    finish(context, verb, json=json)


@secrets.command("rotate")
def secrets_rotate(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="As in vault:kv/app#key.")],
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read the new value here, not from standard input."),
    ] = None,
    generate: Annotated[
        bool, typer.Option("--generate", help="Make a new value by chance: 256 bits.")
    ] = False,
    retire: Annotated[
        bool,
        typer.Option("--retire", help="Store nothing: end the values before the current one."),
    ] = False,
    json: Json = False,
) -> None:
    """Store a new value; the one before it stays valid until --retire."""

    def verb(options: Options) -> int:
        from eleanor_cli.secrets.verbs import Rotation, rotate

        rotation = Rotation(reference=reference, file=file, generate=generate, retire=retire)
        return rotate(options, rotation, as_json=json)

    finish(context, verb, json=json)
