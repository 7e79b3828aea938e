"""The verbs of `eleanor precedents` and their options. Each loads what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from eleanor_cli.options import Options
from eleanor_cli.verb import Json, finish

precedents = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Read and keep the decided cases that recall compares with.",
)

Outcome = Literal["allow", "constrain", "review", "deny"]
CaseId = Annotated[str, typer.Argument(metavar="ID", help="The id of a case.")]
DecidedBy = Annotated[
    str,
    typer.Option(
        metavar="WHO", help="The account or role that answers for it; shown wherever it is cited."
    ),
]
Reason = Annotated[str, typer.Option(metavar="WORDS", help="Why it is decided so.")]


@precedents.command("list")
def precedents_list(
    context: typer.Context,
    like: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The cases nearest to this text.")
    ] = None,
    by: Annotated[
        Literal["vectors", "words", "both"],
        typer.Option(help="What --like goes by; recall goes by vectors."),
    ] = "vectors",
    outcome: Annotated[Outcome | None, typer.Option(help="Only cases decided so.")] = None,
    clause: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only cases that turned on this clause.")
    ] = None,
    domain: Annotated[str | None, typer.Option(help="Only cases of this domain.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that are no longer in force, too.")
    ] = False,
    json: Json = False,
) -> None:
    """List the cases in force, by id."""

    def verb(options: Options) -> int:
        from eleanor_cli.precedents.reading import Wanted, list_cases

        wanted = Wanted(
            like=like, by=by, outcome=outcome, clause=clause, domain=domain, everything=everything
        )
        return list_cases(options, wanted, as_json=json)

    finish(context, verb, json=json)


@precedents.command("show")
def precedents_show(context: typer.Context, case_id: CaseId, json: Json = False) -> None:
    """Show one case, all its versions."""

    def verb(options: Options) -> int:
        from eleanor_cli.precedents.reading import show_case

        return show_case(options, case_id, as_json=json)

    finish(context, verb, json=json)


@precedents.command("add")
def precedents_add(
    context: typer.Context,
    case_id: CaseId,
    outcome: Annotated[Outcome, typer.Option(help="How it was decided.")],
    decided_by: DecidedBy,
    reason: Reason,
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="What was judged; - is standard input."),
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Read the text here.")] = None,
    clause: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="A clause that it turned on. Repeatable."),
    ] = None,
    domain: Annotated[str | None, typer.Option(help="The field it belongs to.")] = None,
    jurisdiction: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Where it binds; everywhere if not said.")
    ] = None,
    decided_at: Annotated[
        str | None, typer.Option(metavar="DATE", help="As in 2026-03-31; now if not said.")
    ] = None,
    new_version: Annotated[
        bool,
        typer.Option("--new-version", help="Decide a case anew; what is not said stays as it was."),
    ] = False,
    overrules: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Retire this case, which it takes the place of."),
    ] = None,
    conflicting: Annotated[
        bool,
        typer.Option("--conflicting", help="Add it although a near-identical case says otherwise."),
    ] = False,
    json: Json = False,
) -> None:
    """Add a case that people decided. It needs who answers for it, and a reason."""

    def verb(options: Options) -> int:
        from eleanor_cli.precedents.writing import Ruling, add_case

        ruling = Ruling(
            case_id=case_id,
            text=text,
            file=file,
            outcome=outcome,
            decided_by=decided_by,
            reason=reason,
            clauses=clause,
            domain=domain,
            jurisdiction=jurisdiction,
            decided_at=decided_at,
            new_version=new_version,
            overrules=overrules,
            conflicting=conflicting,
        )
        return add_case(options, ruling, as_json=json)

    finish(context, verb, json=json)


@precedents.command("retire")
def precedents_retire(
    context: typer.Context,
    case_id: CaseId,
    decided_by: DecidedBy,
    reason: Reason,
    overruled_by: Annotated[
        str, typer.Option(metavar="ID", help="The case that takes its place, if one does.")
    ] = "",
    json: Json = False,
) -> None:
    """Take a case out of force, by a new version of it. Nothing is deleted."""

    def verb(options: Options) -> int:
        from eleanor_cli.precedents.writing import retire_case

        return retire_case(
            options,
            case_id,
            decided_by=decided_by,
            reason=reason,
            overruled_by=overruled_by,
            as_json=json,
        )

    finish(context, verb, json=json)


@precedents.command("import")
def precedents_import(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON Lines, or .parquet; - is standard input.")
    ],
    json: Json = False,
) -> None:
    """Add the versions of a file, one a line: all of them, or none."""

    def verb(options: Options) -> int:
        from eleanor_cli.precedents.moving import import_file

        return import_file(options, source, as_json=json)

    finish(context, verb, json=json)


@precedents.command("export")
def precedents_export(
    context: typer.Context,
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="JSON Lines, or .parquet; standard output if not said, or -."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
) -> None:
    """Write every version of every case, one a line."""

    def verb(options: Options) -> int:
        from eleanor_cli.precedents.moving import export_file

        return export_file(options, target, force=force)

    finish(context, verb)


@precedents.command("drift")
def precedents_drift(context: typer.Context, json: Json = False) -> None:
    """Say how what is decided changes over time."""

    def verb(options: Options) -> int:
        from eleanor_cli.precedents.reading import show_drift

        return show_drift(options, as_json=json)

    finish(context, verb, json=json)
