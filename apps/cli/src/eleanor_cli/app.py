"""The verbs and their options. Nothing else is imported here: each verb loads what it needs."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from eleanor_cli import __version__, complete, streams
from eleanor_cli.groups import Verbs
from eleanor_cli.options import Options
from eleanor_cli.verb import Json
from eleanor_cli.verb import finish as _finish

# Plain help (no rich markup) and plain tracebacks: `--help` starts in a third of the time.
app = typer.Typer(
    name="eleanor",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Judge what AI systems say and do, and keep the evidence.",
    epilog=(
        "Exit codes: evaluate ends 0 allow, 10 constrain, 11 review, 12 deny. "
        "Every command: 1 fault, 2 usage."
    ),
)
config = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Show the settings.")
bench = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Measure how well and how fast it judges."
)


def main() -> None:
    """Run the command line. Ends the program."""
    # A start makes 140,000 objects that stay: each look through them for garbage takes 15 ms of it.
    gc.set_threshold(200_000)
    # pydantic would look through all that is installed for plugins of its own, and import them:
    # here nothing is imported that nobody chose.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    streams.mend()
    if "_ELEANOR_COMPLETE" in os.environ:
        # typer folds what a word means at this width; a shell would take the rest for a new word.
        os.environ["COLUMNS"] = "1000"
    try:
        code = app(prog_name="eleanor", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 -- raised again unless it is the parser's
        from eleanor_cli.usage import report

        code = report(error, sys.argv[1:])
    finally:
        # Nor need the interpreter look through them on its way out: that takes a tenth.
        gc.freeze()
    raise SystemExit(code)


def _print_version(asked: bool) -> None:  # noqa: FBT001 -- typer calls it so
    if asked:
        typer.echo(f"eleanor {__version__}")
        raise typer.Exit


@app.callback()
def _before_the_verb(
    context: typer.Context,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings file, YAML or TOML.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="One setting, as in limits.text_bytes=5000. Repeatable; goes before all else.",
            autocompletion=complete.setting_keys,
        ),
    ] = None,
    home: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder for all state (ELEANOR_HOME).")
    ] = None,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error was raised.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show it.")
    ] = False,
) -> None:
    context.obj = Options(settings=settings, sets=sets or (), home=home, traceback=traceback)


@app.command()
def evaluate(
    context: typer.Context,
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="The text to judge; - is standard input."),
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Read the text here.")] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the text from standard input.")
    ] = False,
    case_context: Annotated[
        str | None,
        typer.Option("--context", metavar="JSON|@FILE", help="What is known around the text."),
    ] = None,
    kind: Annotated[
        Literal["prompt", "answer", "action"],
        typer.Option(metavar="prompt|answer|action", help="What the text is."),
    ] = "answer",
    json: Json = False,
    detail: Annotated[
        int,
        typer.Option(
            min=1,
            max=3,
            metavar="1|2|3",
            help="1 decision, 2 critics, 3 everything.",
            autocompletion=complete.details,
        ),
    ] = 2,
    explain: Annotated[
        Literal["person", "operator", "engineer", "auditor"] | None,
        typer.Option(
            metavar="person|operator|engineer|auditor",
            help="Say why, for one of four readers, instead of the usual result.",
        ),
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print each event as it comes.")] = False,
    trace_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Your own id for this case.")
    ] = None,
) -> None:
    """Judge one text. Ends 0 allow, 10 constrain, 11 review, 12 deny."""

    def verb(options: Options) -> int:
        from eleanor_cli.evaluate import Request
        from eleanor_cli.evaluate import evaluate as run

        request = Request(
            text=text,
            file=file,
            stdin=stdin,
            context=case_context,
            kind=kind,
            trace_id=trace_id,
            json=json,
            detail=detail,
            stream=stream,
            explain=explain,
        )
        return run(options, request)

    _finish(context, verb, json=json)


@app.command()
def batch(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(metavar="IN.jsonl", help="Cases, one a line, or one a row of IN.parquet."),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT.jsonl", help="Results, one a line, or one a row of OUT.parquet."
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an OUT that was not finished.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Processes that judge; one for each core if not said."
        ),
    ] = None,
    executor: Annotated[
        Literal["local", "ray"],
        typer.Option(metavar="local|ray", help="Where they run: here, or on a Ray cluster."),
    ] = "local",
) -> None:
    """Judge the cases of a file: objects with id, text and, if you like, context and kind."""

    def verb(options: Options) -> int:
        from eleanor_cli.batch import batch as run

        return run(
            options,
            source,
            target,
            force=force,
            resume=resume,
            workers=workers,
            executor=executor,
        )

    _finish(context, verb)


@app.command()
def doctor(context: typer.Context, json: Json = False) -> None:
    """Try what this system and this installation give. Ends 0 only if nothing is wrong."""

    def verb(options: Options) -> int:
        from eleanor_cli.doctor.command import doctor as run

        return run(options, as_json=json)

    _finish(context, verb, json=json)


@config.command("show")
def config_show(context: typer.Context, json: Json = False) -> None:
    """Show every setting in force and where it came from."""

    def verb(options: Options) -> int:
        from eleanor_cli.config import show_settings

        return show_settings(options, as_json=json)

    _finish(context, verb, json=json)


@config.command("schema")
def config_schema(
    context: typer.Context,
    result: Annotated[
        bool, typer.Option("--result", help="Of a result's wire form instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of a settings file."""

    def verb(_: Options) -> int:
        from eleanor_cli.config import show_schema

        return show_schema(result=result)

    _finish(context, verb)


@bench.command("quality")
def bench_quality(
    context: typer.Context,
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA...", help="Labelled sets: .jsonl, .jsonl.gz or folders."),
    ],
    kind: Annotated[
        Literal["prompt", "answer", "action"],
        typer.Option(metavar="prompt|answer|action", help="What the texts are judged as."),
    ] = "answer",
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most N records of each set, always the same."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures here.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with plots here.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Compare with an earlier --json file.")
    ] = None,
    keep_evidence: Annotated[
        bool,
        typer.Option("--keep-evidence", help="Record in the home's own log, not in a passing one."),
    ] = False,
) -> None:
    """Measure how well critics and detectors tell labelled texts apart."""

    def verb(options: Options) -> int:
        from eleanor_cli.quality.command import Request, quality

        request = Request(
            data=data,
            kind=kind,
            limit=limit,
            json=json,
            html=html,
            baseline=baseline,
            keep_evidence=keep_evidence,
        )
        return quality(options, request)

    _finish(context, verb)


@bench.command("precedents")
def bench_precedents(
    context: typer.Context,
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA...", help="Sets of queries: .jsonl, .jsonl.gz or folders."),
    ],
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures here.")
    ] = None,
) -> None:
    """Measure how well the store finds what is like a text, by words, by vectors and by both."""

    def verb(options: Options) -> int:
        from eleanor_cli.retrieval.command import bench_precedents as run

        return run(options, data, json)

    _finish(context, verb)
