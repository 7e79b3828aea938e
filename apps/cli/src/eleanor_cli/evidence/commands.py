"""The verbs of `eleanor evidence` and their options. Each loads what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eleanor_cli.options import Options
from eleanor_cli.verb import Json, finish

evidence = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Read and verify the evidence log, and prove to others what stands in it.",
)

Log = Annotated[
    str | None,
    typer.Option("--log", metavar="NAME", help="The evidence plugin; the primary if not said."),
]


@evidence.command("list")
def evidence_list(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 20,
    json: Json = False,
) -> None:
    """List the newest records."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.records import list_records

        return list_records(options, limit=limit, as_json=json)

    finish(context, verb, json=json)


@evidence.command("show")
def evidence_show(
    context: typer.Context,
    record_id: Annotated[str, typer.Argument(metavar="RECORD_ID", help="The record's id.")],
    json: Json = False,
) -> None:
    """Show one record. Ends 0 only if it was found and is sound."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.records import show_record

        return show_record(options, record_id, as_json=json)

    finish(context, verb, json=json)


@evidence.command("verify")
def evidence_verify(
    context: typer.Context,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="An older checkpoint, kept elsewhere, that the log must go on from. Repeatable.",
        ),
    ] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Make the canonical form of every record again as well."),
    ] = False,
    json: Json = False,
) -> None:
    """Check the whole log. Ends 0 only if there is one and all of it is sound."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.checking import verify_log

        return verify_log(options, checkpoints=checkpoint or (), deep=deep, as_json=json)

    finish(context, verb, json=json)


@evidence.command("checkpoint")
def evidence_checkpoint(
    context: typer.Context,
    log: Log = None,
    new_key: Annotated[
        bool,
        typer.Option("--new-key", help="Sign with a new key from now on; the old one signs it in."),
    ] = False,
    keys: Annotated[
        bool, typer.Option("--keys", help="Print the verifier keys instead, oldest first.")
    ] = False,
) -> None:
    """Sign the log as it is now, and print the note: keep it where the log's owner cannot reach."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.proofs import checkpoint, verifier_keys

        return verifier_keys(options, log) if keys else checkpoint(options, log, new_key=new_key)

    finish(context, verb)


@evidence.command("prove")
def evidence_prove(
    context: typer.Context,
    record_id: Annotated[
        str | None, typer.Argument(metavar="[RECORD_ID]", help="The record's id.")
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Prove that the log goes on from this old checkpoint."),
    ] = None,
    log: Log = None,
) -> None:
    """Print a proof: that a record is in the log, or that the log goes on from a checkpoint."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.proofs import prove

        return prove(options, log, record_id=record_id, since=since)

    finish(context, verb)


@evidence.command("export")
def evidence_export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder to be made.")],
    record: Annotated[
        list[str] | None,
        typer.Option(metavar="RECORD_ID", help="A record; all of them if none is said."),
    ] = None,
    payloads: Annotated[
        bool, typer.Option("--payloads", help="The words too, which are personal data.")
    ] = False,
    log: Log = None,
    json: Json = False,
) -> None:
    """Write records, proofs, checkpoints and keys for somebody who verifies them without us."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.proofs import export

        return export(
            options, log, folder, record_ids=record or (), payloads=payloads, as_json=json
        )

    finish(context, verb, json=json)
