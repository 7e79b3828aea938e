"""The verbs of `eleanor review` and their options. Each loads what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from eleanor_cli.options import Options
from eleanor_cli.verb import Json, finish

review = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Decide about closed gates, and say who may.",
)
keys = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="The keys that reviewers sign with."
)
review.add_typer(keys, name="keys")

RecordId = Annotated[
    str, typer.Argument(metavar="RECORD_ID", help="The record of the judgement, as in a result.")
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="A public key, 64 hex digits.")]
By = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Who does this; the user of this computer if not said."),
]


@review.command("list")
def review_list(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that people opened or halted, too.")
    ] = False,
    last: Annotated[
        int, typer.Option(min=1, metavar="N", help="Among the newest N records.")
    ] = 1000,
    json: Json = False,
) -> None:
    """List the judgements whose gate waits for a person."""

    def verb(options: Options) -> int:
        from eleanor_cli.review.verbs import list_waiting

        return list_waiting(options, last=last, everything=everything, as_json=json)

    finish(context, verb, json=json)


@review.command("show")
def review_show(context: typer.Context, record_id: RecordId, json: Json = False) -> None:
    """Show a judgement: the case, every escalation with its reason, and what people decided."""

    def verb(options: Options) -> int:
        from eleanor_cli.review.verbs import show_judgement

        return show_judgement(options, record_id, as_json=json)

    finish(context, verb, json=json)


@review.command("decide")
def review_decide(
    context: typer.Context,
    record_id: RecordId,
    choice: Annotated[
        Literal["acknowledge", "proceed", "modify", "halt"],
        typer.Argument(
            metavar="acknowledge|proceed|modify|halt",
            help="Tier 2: acknowledge. Tier 3: proceed or modify. Any: halt, which is final.",
        ),
    ],
    key: Annotated[Path, typer.Option(metavar="FILE", help="Your private key.")],
    reason: Annotated[
        str,
        typer.Option(metavar="WORDS", help="Why; with modify: the conditions that are to be kept."),
    ],
    sign_only: Annotated[
        bool,
        typer.Option("--sign-only", help="Print the signed review, and submit nothing."),
    ] = False,
    json: Json = False,
) -> None:
    """Decide about a gate, for every escalation that is open, and sign it."""

    def verb(options: Options) -> int:
        from eleanor_cli.review.verbs import Decision, decide

        decision = Decision(record_id=record_id, choice=choice, key=key, reason=reason)
        return decide(options, decision, sign_only=sign_only, as_json=json)

    finish(context, verb, json=json)


@review.command("submit")
def review_submit(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A signed review; - is standard input.")
    ],
    json: Json = False,
) -> None:
    """Submit a review that was signed elsewhere, with --sign-only."""

    def verb(options: Options) -> int:
        from eleanor_cli.review.verbs import submit

        return submit(options, file, as_json=json)

    finish(context, verb, json=json)


@keys.command("new")
def keys_new(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where the private key goes; keep it to you.")
    ],
    json: Json = False,
) -> None:
    """Make a key of your own, and print the public key to register."""

    def verb(_: Options) -> int:
        from eleanor_cli.review.keys import new_key

        return new_key(file, as_json=json)

    finish(context, verb, json=json)


@keys.command("add")
def keys_add(
    context: typer.Context,
    key: Key,
    person: Annotated[
        str,
        typer.Option(
            metavar="ID", help="Whose it is: an id that stands in the evidence for good, no name."
        ),
    ],
    by: By = None,
    json: Json = False,
) -> None:
    """Register a reviewer's public key. The evidence says who did."""

    def verb(options: Options) -> int:
        from eleanor_cli.review.keys import add_key

        return add_key(options, key, person=person, by=by, as_json=json)

    finish(context, verb, json=json)


@keys.command("revoke")
def keys_revoke(context: typer.Context, key: Key, by: By = None, json: Json = False) -> None:
    """Refuse a key from now on. What it signed before stands."""

    def verb(options: Options) -> int:
        from eleanor_cli.review.keys import revoke_key

        return revoke_key(options, key, by=by, as_json=json)

    finish(context, verb, json=json)


@keys.command("list")
def keys_list(context: typer.Context, json: Json = False) -> None:
    """List every key that was ever registered, with who did and who revoked it."""

    def verb(options: Options) -> int:
        from eleanor_cli.review.keys import list_keys

        return list_keys(options, as_json=json)

    finish(context, verb, json=json)
