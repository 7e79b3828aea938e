"""`eleanor review keys`: make, register, revoke and list the keys that reviewers sign with."""

from __future__ import annotations

import sys
from getpass import getuser
from pathlib import Path
from typing import cast

from eleanor_cli import exits
from eleanor_cli.escape import prose
from eleanor_cli.faults import UsageError
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_cli.review.opening import with_reviews
from eleanor_core import PrivateKey, Reviews
from eleanor_core.codec import to_json
from eleanor_core.model import JsonObject, Reviewer


def new_key(file: Path, *, as_json: bool) -> int:
    """Write a new private key to a new file, and print the public one."""
    try:
        key = PrivateKey.create(file)
    except FileExistsError:
        raise UsageError(f"{file} exists already; a key is never written over") from None
    if as_json:
        write_json({"key": key.public, "file": str(file)})
    else:
        from rich.text import Text

        from eleanor_cli.screen import console

        screen = console(sys.stdout)
        screen.print(Text(key.public))
        note = f"The private key is in {file}. Keep it to yourself, and have this one registered:"
        screen.print(Text(prose(note)))
        screen.print(Text(f"eleanor review keys add {key.public} --person ID"), soft_wrap=True)
    return exits.OK


def add_key(options: Options, key: str, *, person: str, by: str | None, as_json: bool) -> int:
    """Register a key."""

    async def main(reviews: Reviews) -> int:
        _show([await reviews.register(key, person=person, by=by or getuser())], as_json=as_json)
        return exits.OK

    return with_reviews(options, main)


def revoke_key(options: Options, key: str, *, by: str | None, as_json: bool) -> int:
    """Revoke a key."""

    async def main(reviews: Reviews) -> int:
        _show([await reviews.revoke(key, by=by or getuser())], as_json=as_json)
        return exits.OK

    return with_reviews(options, main)


def list_keys(options: Options, *, as_json: bool) -> int:
    """List all keys, oldest first."""

    async def main(reviews: Reviews) -> int:
        _show(list(await reviews.reviewers()), as_json=as_json)
        return exits.OK

    return with_reviews(options, main)


def _show(reviewers: list[Reviewer], *, as_json: bool) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, listing

    if as_json:
        write_json([cast("JsonObject", to_json(item)) for item in reviewers])
        return
    screen = console(sys.stdout)
    if not reviewers:
        screen.print(Text("no key is registered: `eleanor review keys new FILE` makes one"))
        return
    rows = (
        (
            Text(prose(item.person)),
            Text(prose(item.registered_by)),
            Text(f"revoked by {item.revoked_by}" if item.revoked is not None else "good"),
            Text(item.key),
        )
        for item in reviewers
    )
    screen.print(listing(("person", "registered by", "state", "key"), rows))
