"""`eleanor evidence list` and `show`: what stands in the log, held against its hashes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import cast

from eleanor_cli import exits
from eleanor_cli.escape import dumps, prose, safe
from eleanor_cli.evidence.opened import Sinks, with_sinks
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_core.api import RECORD_LIMITS, erased_by, erasure_id, parse_json
from eleanor_core.errors import EvidenceCorrupt, InvalidInput, UnresolvableRecord
from eleanor_core.evidence import check_payload, leaf_hash, open_payload
from eleanor_core.model import JsonObject, JsonValue, StoredRecord


def list_records(options: Options, *, limit: int, as_json: bool) -> int:
    """Print the newest records of the primary log, oldest of them first."""

    async def main(sinks: Sinks) -> int:
        sink = next(iter(sinks.values()))
        start = max(0, await sink.count() - limit)
        records = [_summary(stored) async for stored in sink.read(start)]
        if as_json:
            write_json(records)
        else:
            _show_list(records)
        return exits.OK

    return with_sinks(options, main)


def show_record(options: Options, record_id: str, *, as_json: bool) -> int:
    """Print one record. 0 only if it was found and everything in it matches its hashes."""

    async def main(sinks: Sinks) -> int:
        stored = witness = None
        for sink in sinks.values():
            stored = stored or await sink.get(record_id)
            witness = witness or await sink.get(erasure_id(record_id))
        if stored is None:
            msg = (
                f"no record {record_id} in evidence/{', evidence/'.join(sinks)}; "
                "`eleanor evidence list` shows the newest"
            )
            raise UnresolvableRecord(msg)
        erasure = witness if witness and erased_by(witness.leaf) == record_id else None
        problems = list(_problems(stored, record_id, erasure))
        if as_json:
            write_json(_whole(stored, problems, erasure))
        else:
            _show_record(stored, problems, erasure)
        return exits.FAULT if problems else exits.OK

    return with_sinks(options, main)


# -- what stands in a record ----------------------------------------------------------------------


def _leaf(stored: StoredRecord) -> JsonObject:
    try:
        leaf = parse_json(stored.leaf, RECORD_LIMITS)
    except InvalidInput as error:
        msg = f"record {stored.record_id} at position {stored.index}: the leaf: {error}"
        raise EvidenceCorrupt(msg) from None
    if not isinstance(leaf, dict):
        msg = f"record {stored.record_id} at position {stored.index}: the leaf is no record"
        raise EvidenceCorrupt(msg)
    return leaf


def _problems(stored: StoredRecord, record_id: str, erasure: StoredRecord | None) -> Iterator[str]:
    """Yield what does not match: the leaf its hash and name, each payload part its commitment.

    `erasure`: the record that says that the payload was erased, which must then be gone.
    """
    if leaf_hash(stored.leaf) != stored.leaf_hash:
        yield "the leaf does not match its leaf hash"
    named = _leaf(stored).get("record_id")
    if named != record_id:
        yield f"the leaf is that of record {named}"
    if stored.payload is not None:
        yield from check_payload(stored.leaf, stored.payload)
    elif erasure is None:
        yield "the payload is gone, and no erasure says why"
    if erasure and stored.payload:
        yield f"record {erasure.record_id} says that the payload was erased, and it is still there"


def _payload(stored: StoredRecord) -> Mapping[str, JsonValue] | None:
    """Return the payload's parts, {} where they do not match the leaf, None once erased."""
    try:
        return open_payload(stored)
    except EvidenceCorrupt:
        return {}


def _summary(stored: StoredRecord) -> JsonObject:
    leaf = _leaf(stored)
    facts = cast("JsonObject", leaf.get("facts") or {})
    return {
        "index": stored.index,
        "record_id": stored.record_id,
        "time": leaf.get("time"),
        "kind": leaf.get("kind"),
        "decision": facts.get("decision"),
        "trace_id": leaf.get("trace_id"),
        "leaf_hash": stored.leaf_hash,
    }


def _whole(stored: StoredRecord, problems: list[str], erasure: StoredRecord | None) -> JsonObject:
    return {
        "index": stored.index,
        "leaf_hash": stored.leaf_hash,
        "sound": not problems,
        "problems": problems,
        "record": _leaf(stored),
        "payload": _payload(stored),
        "erasure": _leaf(erasure) if erasure else None,
    }


# -- for people -----------------------------------------------------------------------------------


def _show_list(records: list[JsonObject]) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, listing

    screen = console(sys.stdout)
    if not records:
        screen.print(Text("no records yet"))
        return
    lines = (
        tuple(
            prose(str(record[key] if record[key] is not None else ""))
            for key in ("index", "time", "kind", "decision", "record_id")
        )
        for record in records
    )
    screen.print(listing(("#", "time", "kind", "decision", "record"), lines))


def _show_record(stored: StoredRecord, problems: list[str], erasure: StoredRecord | None) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, label, sheet

    screen = console(sys.stdout)
    leaf = _leaf(stored)
    grid = sheet()
    state = ("✗ NOT SOUND", "bold red") if problems else ("✓ SOUND", "bold green")
    matches = "; ".join(problems) or "the record and all its parts match their hashes"
    grid.add_row(Text(state[0], style=state[1]), Text(prose(matches)))
    grid.add_row(label("record"), Text(f"{prose(stored.record_id)} at position {stored.index}"))
    for key in ("time", "kind", "trace_id"):
        grid.add_row(label(key.replace("_id", "")), Text(prose(str(leaf.get(key)))))
    grid.add_row(label("leaf hash"), Text(prose(stored.leaf_hash)))
    screen.print(grid)
    payload = _payload(stored)
    parts: dict[str, JsonValue] = {"facts": leaf.get("facts")}
    parts |= payload or {}
    for name, value in parts.items():
        screen.print(Text(f"\n{prose(name)}", style="bold"))
        screen.print(Text(safe(dumps(value, indent=2), keep="\n")), soft_wrap=True)
    if erasure:
        facts = cast("JsonObject", _leaf(erasure)["facts"])
        by, ground, when = facts.get("by"), facts.get("ground"), _leaf(erasure).get("time")
        said = f"The payload was erased by {by} on {when} ({ground}): record {erasure.record_id}."
        screen.print(Text(prose(f"\n{said} What was proved of it before still is.")))
