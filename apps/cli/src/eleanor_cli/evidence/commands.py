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

hold = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Legal holds: what they cover is not erased until they are released.",
)
evidence.add_typer(hold, name="hold")

By = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Who asks: an id that stays for good; else who is logged in."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="A registered reviewer's key, to sign it with."),
]
Reason = Annotated[str, typer.Option(metavar="WORDS", help="Why; kept beside the record.")]
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
    witness: Annotated[
        list[str] | None,
        typer.Option(
            "--witness",
            metavar="KEY",
            help="Verifier key of a witness, whose signatures are counted. Repeatable.",
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

        return verify_log(
            options, checkpoints=checkpoint or (), witnesses=witness or (), deep=deep, as_json=json
        )

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


@evidence.command("erase")
def evidence_erase(
    context: typer.Context,
    record_id: Annotated[str, typer.Argument(metavar="RECORD_ID", help="The record's id.")],
    reason: Reason = "",
    ground: Annotated[
        str,
        typer.Option(
            metavar="LAW", help="What it rests on, such as 'GDPR 17(1)(b)'; it stays for good."
        ),
    ] = "retention",
    by: By = None,
    key: KeyFile = None,
    json: Json = False,
) -> None:
    """Erase the words of one record for good. The record stays, and proves what it did before."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.keeping import erase

        return erase(
            options, record_id, asked=(by, key), ground=ground, reason=reason, as_json=json
        )

    finish(context, verb, json=json)


@evidence.command("retain")
def evidence_retain(
    context: typer.Context,
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase what is listed, instead of listing it alone.")
    ] = False,
    by: By = None,
    key: KeyFile = None,
    json: Json = False,
) -> None:
    """List the records whose words have been kept for as long as evidence.retention says."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.keeping import retain

        return retain(options, asked=(by, key), erase=erase, as_json=json)

    finish(context, verb, json=json)


@hold.command("add")
def hold_add(
    context: typer.Context,
    reason: Reason,
    record: Annotated[
        list[str] | None, typer.Option(metavar="RECORD_ID", help="A record, and all about it.")
    ] = None,
    trace: Annotated[str, typer.Option(metavar="ID", help="All of this trace id.")] = "",
    case: Annotated[str, typer.Option(metavar="DIGEST", help="All judgements of a case.")] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="All from this time on.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="All before this time.")] = "",
    by: By = None,
    key: KeyFile = None,
    json: Json = False,
) -> None:
    """Place a hold on what fits all that is said. Times are RFC 3339, or a date in UTC."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.keeping import add_hold, covering

        covers = covering(record or (), trace=trace, case=case, since=since, until=until)
        return add_hold(options, covers, asked=(by, key), reason=reason, as_json=json)

    finish(context, verb, json=json)


@hold.command("release")
def hold_release(
    context: typer.Context,
    hold_id: Annotated[str, typer.Argument(metavar="HOLD_ID", help="The hold's id.")],
    reason: Reason,
    by: By = None,
    key: KeyFile = None,
    json: Json = False,
) -> None:
    """Release a hold: what it covered can be erased then."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.keeping import release_hold

        return release_hold(options, hold_id, asked=(by, key), reason=reason, as_json=json)

    finish(context, verb, json=json)


@hold.command("list")
def hold_list(context: typer.Context, json: Json = False) -> None:
    """List all holds there ever were, oldest first."""

    def verb(options: Options) -> int:
        from eleanor_cli.evidence.keeping import list_holds

        return list_holds(options, as_json=json)

    finish(context, verb, json=json)
