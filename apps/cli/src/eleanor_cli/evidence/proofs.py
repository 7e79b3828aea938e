"""`eleanor evidence checkpoint`, `prove` and `export`: what others verify without us."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from eleanor_cli import exits, words
from eleanor_cli.evidence.opened import with_tree
from eleanor_cli.faults import UsageError, say
from eleanor_cli.inputs import read_file
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_core.api import TransparencyLog, read_checkpoint, read_note
from eleanor_core.codec import to_json
from eleanor_core.evidence import prove_growth, prove_record, write_bundle
from eleanor_core.model import JsonObject


def checkpoint(options: Options, log: str | None, *, new_key: bool) -> int:
    """Print the newest checkpoint, signed now if this process may write."""

    async def main(tree: TransparencyLog) -> int:
        note = await tree.checkpoint(new_key=new_key)
        _write(note)
        later = await tree.count() - read_checkpoint(read_note(note)).size
        if later:
            say(
                f"{words.count(later, 'record')} came later: another process writes this log, and "
                "signs by itself"
            )
        return exits.OK

    return with_tree(options, log, main)


def verifier_keys(options: Options, log: str | None) -> int:
    """Print the keys that the log signed with, oldest first."""

    async def main(tree: TransparencyLog) -> int:
        _write("".join(f"{key}\n" for key in await tree.keys()))
        return exits.OK

    return with_tree(options, log, main)


def prove(options: Options, log: str | None, *, record_id: str | None, since: Path | None) -> int:
    """Print the proof of a record, or of the log's growth."""
    if (record_id is None) == (since is None):
        msg = "say one of the two: RECORD_ID, or --since FILE"
        raise UsageError(msg)
    old = _checkpoint_in(since) if since else ""

    async def main(tree: TransparencyLog) -> int:
        _write(await (prove_record(tree, record_id) if record_id else prove_growth(tree, old)))
        return exits.OK

    return with_tree(options, log, main)


def export(
    options: Options,
    log: str | None,
    folder: Path,
    *,
    record_ids: Sequence[str],
    payloads: bool,
    as_json: bool,
) -> int:
    """Write a bundle into a new folder."""
    if folder.exists():
        raise UsageError(f"{folder} exists already; name a folder that is to be made")

    async def main(tree: TransparencyLog) -> int:
        made = await write_bundle(tree, folder, record_ids=record_ids, payloads=payloads)
        if as_json:
            write_json({"folder": str(folder), **cast("JsonObject", to_json(made))})
        else:
            _write(
                f"{folder}: {words.count(made.records, 'record')} of {made.size}, "
                f"{words.count(made.checkpoints, 'earlier checkpoint')}\n"
            )
        return exits.OK

    return with_tree(options, log, main)


def _write(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _checkpoint_in(file: Path) -> str:
    text = read_file(file)
    try:
        read_checkpoint(read_note(text))
    except ValueError as problem:
        msg = f"{file}: {problem}"
        raise UsageError(msg) from None
    return text
