"""What an outsider is given: records, proofs, checkpoints and keys in a folder of plain files.

It is made from what any `TransparencyLog` offers, and every proof in it was checked. How to verify
it without this code is in `docs/evidence.md`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from attrs import frozen

from eleanor_core.api import (
    Checkpoint,
    Note,
    TransparencyLog,
    check_consistency,
    check_inclusion,
    consistency_text,
    erased_by,
    erasure_id,
    inclusion_text,
    leaf_hash,
    read_checkpoint,
    read_note,
)
from eleanor_core.errors import EvidenceCorrupt, EvidenceUnavailable, UnresolvableRecord
from eleanor_core.model import StoredRecord

README: Final = """\
Records of an ELEANOR evidence log, and the proofs that they are in it.

keys               the log's verifier keys, one a line, oldest first (C2SP signed-note)
checkpoint         what all proofs lead to: the log's signed statement of its size and root
records.jsonl      a record a line: its number, its leaf, the proof that it is under `checkpoint`,
                   and its payload, where that was asked for; of one that was erased, the number
                   of the record that says so, which is then in here too
checkpoints.jsonl  an earlier checkpoint a line, and the proof that `checkpoint` goes on from it

Trust no key because it lies here: compare it with the one that you were given before.
Verify with verify_bundle.py, which needs Python and one library for Ed25519, or with any tool
that knows RFC 6962 and C2SP's formats.
"""


@frozen(kw_only=True)
class Bundle:
    """What was written: the checkpoint's size, how many records, how many earlier checkpoints."""

    size: int
    records: int
    checkpoints: int


async def write_bundle(
    log: TransparencyLog, folder: Path, *, record_ids: Collection[str] = (), payloads: bool
) -> Bundle:
    """Write a bundle of these records, or of all, into a new folder, and sign a checkpoint for it.

    Raises UnresolvableRecord for an id that has no record, EvidenceUnavailable where the log has no
    checkpoint that holds a record, EvidenceCorrupt where a proof does not hold, and OSError.
    """
    note, checkpoint = await _newest(log)
    _begin(folder, note, await log.keys())
    with (folder / "records.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        records = 0
        async for stored in _chosen(log, record_ids, checkpoint):
            proof = await _inclusion(log, stored, checkpoint)
            line: dict[str, object] = {
                "index": stored.index,
                "leaf": stored.leaf.decode(),
                "proof": [*_encoded(proof)],
            }
            if stored.payload is None:
                line["erased"] = await _erasure(log, stored, checkpoint)
            elif payloads and stored.payload:
                line["payload"] = stored.payload.decode()
            _write(file, line)
            records += 1
    with (folder / "checkpoints.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        earlier = 0
        async for text in log.checkpoints():
            old = read_checkpoint(read_note(text))
            if old.size <= checkpoint.size and text != str(note):
                proof = await _consistency(log, old, checkpoint)
                _write(file, {"checkpoint": text, "proof": [*_encoded(proof)]})
                earlier += 1
    return Bundle(size=checkpoint.size, records=records, checkpoints=earlier)


async def prove_record(log: TransparencyLog, record_id: str) -> str:
    """Return the proof that a record is in the log, as a C2SP `tlog-proof`. Raises as above."""
    note, checkpoint = await _newest(log)
    async for stored in _chosen(log, [record_id], checkpoint):
        proof = await _inclusion(log, stored, checkpoint)
        return inclusion_text(stored.index, proof, note)
    raise AssertionError  # `_chosen` yields or raises


async def prove_growth(log: TransparencyLog, old: str) -> str:
    """Return the proof that the log goes on from an old checkpoint, as a witness is sent it.

    Raises EvidenceCorrupt if it does not, and ValueError if `old` is no checkpoint.
    """
    before = read_checkpoint(read_note(old))
    note, checkpoint = await _newest(log)
    if before.size > checkpoint.size:
        raise EvidenceCorrupt(
            f"the old checkpoint is of {before.size} records, and the log has {checkpoint.size}: "
            "records were taken from its end, or it is not the same log"
        )
    return consistency_text(before.size, await _consistency(log, before, checkpoint), note)


async def _newest(log: TransparencyLog) -> tuple[Note, Checkpoint]:
    note = read_note(await log.checkpoint())
    return note, read_checkpoint(note)


async def _chosen(
    log: TransparencyLog, record_ids: Collection[str], checkpoint: Checkpoint
) -> AsyncIterator[StoredRecord]:
    """Yield the records in order of their number."""
    if not record_ids:
        async for stored in log.read():
            if stored.index == checkpoint.size:
                return
            yield stored
        return
    found: dict[int, StoredRecord] = {}
    for record_id in record_ids:
        one = await log.get(record_id)
        if one is None:
            raise UnresolvableRecord(f"no record {record_id} in this log")
        if one.index >= checkpoint.size:
            raise EvidenceUnavailable(
                f"record {record_id} is number {one.index}, and the newest checkpoint holds the "
                f"{checkpoint.size} before: wait for the next one, which the process that writes "
                "the log signs"
            )
        found[one.index] = one
        erasure = await log.get(erasure_id(record_id)) if one.payload is None else None
        if erasure and erasure.index < checkpoint.size:
            found[erasure.index] = erasure
    for _, one in sorted(found.items()):
        yield one


async def _erasure(log: TransparencyLog, stored: StoredRecord, checkpoint: Checkpoint) -> int:
    """Return the number of the record that says that a payload was erased."""
    erasure = await log.get(erasure_id(stored.record_id))
    if erasure is None or erased_by(erasure.leaf) != stored.record_id:
        raise EvidenceCorrupt(
            f"the payload of record {stored.record_id} is gone, and no erasure says why; "
            "`eleanor evidence verify` says what was changed"
        )
    if erasure.index >= checkpoint.size:
        raise EvidenceUnavailable(
            f"record {stored.record_id} was erased a moment ago, and no checkpoint holds that yet: "
            "try again"
        )
    return erasure.index


async def _inclusion(
    log: TransparencyLog, stored: StoredRecord, checkpoint: Checkpoint
) -> Sequence[bytes]:
    proof = await log.inclusion(stored.index, checkpoint.size)
    digest = bytes.fromhex(leaf_hash(stored.leaf))
    if not check_inclusion(digest, stored.index, checkpoint.size, proof, checkpoint.root):
        raise EvidenceCorrupt(
            f"record {stored.index} ({stored.record_id}) is not the one that the checkpoint of "
            f"{checkpoint.size} records holds; `eleanor evidence verify` says what was changed"
        )
    return proof


async def _consistency(
    log: TransparencyLog, old: Checkpoint, checkpoint: Checkpoint
) -> Sequence[bytes]:
    proof = await log.consistency(old.size, checkpoint.size)
    if not check_consistency(old.size, old.root, checkpoint.size, checkpoint.root, proof):
        raise EvidenceCorrupt(
            f"this log does not go on from the checkpoint of {old.size} records with root "
            f"{old.root.hex()}; `eleanor evidence verify` says what was changed"
        )
    return proof


def _begin(folder: Path, note: Note, keys: Sequence[str]) -> None:
    folder.mkdir(parents=True)
    lines = "".join(f"{key}\n" for key in keys)
    for name, text in (("README.txt", README), ("keys", lines), ("checkpoint", str(note))):
        (folder / name).write_text(text, "utf-8", newline="\n")


def _encoded(hashes: Sequence[bytes]) -> Iterator[str]:
    return (b64encode(digest).decode() for digest in hashes)


def _write(file: IO[str], line: Mapping[str, object]) -> None:
    file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
