"""What somebody who can write a log's files may do to it, and what `verify` says then.

`python tests/support/attacks.py` writes the table of it into docs/evidence.md; a test holds it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Final, NamedTuple

import structlog
from eleanor_evidence_local import notary
from eleanor_evidence_local.keys import KeyFile, Keys
from eleanor_evidence_local.layout import heading
from eleanor_evidence_local.notary import Signing
from eleanor_evidence_local.store import Store
from eleanor_evidence_local.submission import Submission

from eleanor_core.api import SealedRecord, VerifyReport
from eleanor_core.testing.sinks import make_erasure

PAGE: Final = Path(__file__).parents[2] / "docs" / "evidence.md"
BEGIN: Final = "<!-- made by tests/support/attacks.py: begin -->\n"
END: Final = "<!-- made by tests/support/attacks.py: end -->\n"
HEAD: Final = "| Somebody who can write the files | `verify` | says |\n| --- | --- | --- |\n"

# The example key of Go's package golang.org/x/mod/sumdb/note, which is public.
KEY: Final = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
VERIFIER: Final = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

NOON: Final = 1_769_860_800
"""Of the last of January 2026, in seconds since the epoch."""

SIZES: Final = (100, 260, 300)
"""How many records there were at each checkpoint. An outsider keeps the second."""


class Attack(NamedTuple):
    """What is done, to which folder it is done, and who finds it: `how` is one of HOW's keys."""

    what: str
    how: str
    do: Callable[[Path], None]


HOW: Final = {
    "found": "found",
    "outsider": "found with the old checkpoint",
    "told": "told in a note",
    "rebuilt": "made anew",
}


def record(number: int, *, text: str = "hello", second: int | None = None) -> SealedRecord:
    """The record of that number; its time is so many seconds after noon."""
    salt = hashlib.sha256(f"salt {number}".encode()).digest()
    value = json.dumps({"text": text}, separators=(",", ":")).encode()
    moment = time.gmtime(NOON + (number if second is None else second))
    leaf = {
        "commitments": {"case": hashlib.sha256(salt + value).hexdigest()},
        "facts": {"decision": "allow"},
        "kind": "assessment",
        "record_id": f"019c1430-0000-7000-8000-{number:012x}",
        "schema": "eleanor/record/1",
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", moment),
        "trace_id": f"case-{number}",
    }
    raw = json.dumps(leaf, separators=(",", ":")).encode()
    return SealedRecord(
        record_id=str(leaf["record_id"]),
        leaf_hash=hashlib.sha256(b"\x00" + raw).hexdigest(),
        leaf=raw,
        payload=b'{"case":{"salt":"%b","value":%b}}' % (salt.hex().encode(), value),
    )


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """Open the log in `folder` with the example key; its clock is that of its last record."""
    keys = folder.parent / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "evidence-log.key").write_text(f"{KEY}\n")
    (keys / "evidence-log.pub").write_text(f"{VERIFIER}\n")
    signing = Signing(Keys(keys, "log"), every=10**9, seconds=10**6)
    store = Store(folder, 60_000, structlog.get_logger(), signing)
    clock, real = (
        SimpleNamespace(time=lambda: NOON + store.head.count, monotonic=time.monotonic),
        time,
    )
    notary.time = clock  # type: ignore[assignment] # a clock is all that is asked of it
    try:
        yield store
    finally:
        store.close()
        notary.time = real


def write(folder: Path, records: Sequence[SealedRecord], *, sizes: Sequence[int] = SIZES) -> None:
    """Write a log of these records, with a checkpoint at each of the sizes."""
    with opened(folder) as store:
        assert store.notary
        start = 0
        for size in (*sizes, len(records)):
            batch = records[start:size]
            store.commit([Submission(each, heading(each.leaf)) for each in batch])
            store.notary.sign()
            start = max(start, size)


def honest() -> list[SealedRecord]:
    """The records that were there."""
    return [record(number) for number in range(300)]


def rewritten(folder: Path, records: Sequence[SealedRecord]) -> None:
    """Put another log's records in the place of the log's, consistent in themselves.

    What was signed, and the tiles, stay: whoever lacks the key cannot make them anew.
    """
    forged = folder.parent / "forged" / "log"
    shutil.rmtree(forged.parent, ignore_errors=True)
    write(forged, records, sizes=())
    for name in ("segments", "payloads"):
        shutil.rmtree(folder / name)
        shutil.move(forged / name, folder / name)
    without_index(folder)


def without_index(folder: Path) -> None:
    for path in folder.glob("index.sqlite*"):
        path.unlink()


def segment(folder: Path, which: int = 0) -> Path:
    return sorted(folder.glob("segments/*"))[which]


def replace(path: Path, old: bytes, new: bytes) -> None:
    """Replace the first `old` in a file."""
    whole = path.read_bytes()
    assert old in whole, path
    path.write_bytes(whole.replace(old, new, 1))


def flip(path: Path, place: int) -> None:
    """Change one bit of a file."""
    whole = bytearray(path.read_bytes())
    whole[place] ^= 1
    path.write_bytes(whole)


def edited(change: Callable[[list[SealedRecord]], object]) -> Callable[[Path], None]:
    """Rewrite the log with its list of records changed."""

    def attack(folder: Path) -> None:
        records = honest()
        change(records)
        rewritten(folder, records)

    return attack


def swap(records: list[SealedRecord]) -> None:
    records[7], records[8] = records[8], records[7]


def changed_payload(folder: Path) -> None:
    """Replace a payload, and what the line says of its length and digest."""
    path = min(folder.glob("payloads/*"))
    lines = path.read_bytes().splitlines(keepends=True)
    fields = lines[6].split(b" ", 4)
    payload = fields[4][:-1].replace(b"hello", b"howdy")
    fields[3] = hashlib.sha256(payload).hexdigest().encode()
    lines[6] = b" ".join((*fields[:4], payload + b"\n"))
    path.write_bytes(b"".join(lines))


def gone(folder: Path) -> None:
    """Write over a payload as erasing does, without a record of it."""
    path = min(folder.glob("payloads/*"))
    lines = path.read_bytes().splitlines(keepends=True)
    *fields, payload = lines[8].split(b" ", 4)
    lines[8] = b" ".join((*fields[:3], b"-" * 64, b"-" * (len(payload) - 1) + b"\n"))
    path.write_bytes(b"".join(lines))


def erased_and_put_back(folder: Path) -> None:
    """Put back an older copy of the payloads, after one of them was erased."""
    path = min(folder.glob("payloads/*"))
    before = path.read_bytes()
    erasure = make_erasure(record(9))
    with opened(folder) as store:
        store.commit([Submission(erasure, heading(erasure.leaf))])
    path.write_bytes(before + path.read_bytes()[len(before) :])


def fork(folder: Path) -> None:
    """Write a new history with the same key, tiles and checkpoints too."""
    shutil.rmtree(folder)
    records = honest()
    records[42] = record(42, text="something else")
    write(folder, records)


def roll_back(folder: Path) -> None:
    """Put back a copy that was made when there were 100 records."""
    shutil.rmtree(folder)
    write(folder, honest()[:100], sizes=())


def another_key(folder: Path) -> None:
    """Sign with a key of one's own what was changed."""
    stranger = KeyFile("PeterNeumann", hashlib.sha256(b"another").digest())
    key = Keys(folder.parent / "stranger", "log", signer=stranger)
    forged = folder.parent / "strange" / "log"
    signing = Signing(key, every=10**9, seconds=10**6)
    store = Store(forged, 60_000, structlog.get_logger(), signing)
    store.commit([Submission(each, heading(each.leaf)) for each in honest()])
    store.close()
    (folder / "checkpoints").write_bytes((forged / "checkpoints").read_bytes())


def append_back_dated(folder: Path) -> None:
    """Append a record that says that it was made before noon."""
    late = record(300, second=-7200)
    with opened(folder) as store:
        store.commit([Submission(late, heading(late.leaf))])


def forget(folder: Path) -> None:
    """Rewrite, and take away all that was signed: a log as if none had ever been."""
    edited(lambda records: records.__setitem__(5, record(5, text="other")))(folder)
    for path in folder.glob("checkpoint*"):
        path.unlink()
    shutil.rmtree(folder / "tile")


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:-size])


ATTACKS: Final = (
    Attack("a byte of a leaf is changed", "found", lambda f: flip(segment(f), 900)),
    Attack(
        "a leaf is changed, and all hashes with it",
        "found",
        edited(lambda records: records.__setitem__(120, record(120, text="other"))),
    ),
    Attack(
        "a byte of a payload is changed",
        "found",
        lambda f: replace(min(f.glob("payloads/*")), b"hello", b"hallo"),
    ),
    Attack("a payload is replaced, and its digest with it", "found", changed_payload),
    Attack("a payload is erased, and no record says so", "found", gone),
    Attack("a payload that was erased is put back", "found", erased_and_put_back),
    Attack("two records change places", "found", edited(swap)),
    Attack("the last record is dropped", "found", edited(lambda records: records.pop())),
    Attack("the first record is dropped", "found", edited(lambda records: records.pop(0))),
    Attack("one in the middle is dropped", "found", edited(lambda records: records.pop(150))),
    Attack(
        "one is inserted, with an earlier time",
        "found",
        edited(lambda records: records.insert(150, record(999, second=149))),
    ),
    Attack(
        "a record is back-dated, and all hashes with it",
        "found",
        edited(lambda records: records.__setitem__(280, record(280, second=-7200))),
    ),
    Attack("a record is back-dated when it is appended", "told", append_back_dated),
    Attack("a segment is cut off", "found", lambda f: cut(segment(f), 1000)),
    Attack("a segment is deleted", "found", lambda f: segment(f, -1).unlink()),
    Attack("a byte of a checkpoint is changed", "found", lambda f: flip(f / "checkpoints", 60)),
    Attack("the checkpoints are replaced by those of another key", "found", another_key),
    Attack("the log is replaced by another, signed with its own key", "outsider", fork),
    Attack("the log is rolled back to an old copy", "outsider", roll_back),
    Attack("the log is rewritten, and all that was signed removed", "outsider", forget),
    Attack("a byte of a tile is changed", "rebuilt", lambda f: flip(f / "tile/0/000", 32 * 9)),
    Attack("the tiles are deleted", "rebuilt", lambda f: shutil.rmtree(f / "tile")),
    Attack(
        "the copy of the newest checkpoint is changed",
        "rebuilt",
        lambda f: flip(f / "checkpoint", 2),
    ),
    Attack("the index is deleted", "rebuilt", without_index),
)


def verified(attack: Attack, base: Path, work: Path) -> tuple[VerifyReport, VerifyReport]:
    """Return what is found in an attacked copy of `base`, and what with the old checkpoint."""
    folder = work / "log"
    shutil.copytree(base / "log", folder)
    lines = (folder / "checkpoints").read_text("utf-8").splitlines()
    old = str(json.loads(lines[1]))
    attack.do(folder)
    alone = work / "alone" / "log"
    shutil.copytree(folder, alone)
    with opened(alone) as store:
        first = store.verify()
    with opened(folder) as store:
        return first, store.verify([old])


def said(attack: Attack, alone: VerifyReport, with_old: VerifyReport) -> str:
    """Return the first words that tell of the attack, where and what."""
    report = with_old if attack.how == "outsider" else alone
    told = [f"{found.where}: {found.what}" for found in report.findings] or list(report.notes)
    # What a file is called on this machine says nothing to others.
    return re.sub(r"[^ ]*/(?=(?:segments|payloads)/)", "", told[0])


def row(attack: Attack, alone: VerifyReport, with_old: VerifyReport) -> str:
    """Return the line of the table that tells of the attack."""
    words = said(attack, alone, with_old)
    words = re.sub(r"[0-9a-f]{64}", lambda match: f"{match[0][:8]}…", words)
    return f"| {attack.what} | {HOW[attack.how]} | `{words}` |\n"


def section(page: str) -> tuple[str, str, str]:
    """Return what stands before the table in the page, the table, and what stands after it."""
    before, _, rest = page.partition(BEGIN)
    inner, _, after = rest.partition(END)
    return before + BEGIN, inner, END + after


def main() -> None:
    """Write the table into the page."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write(work / "base" / "log", honest())
        rows = [
            row(attack, *verified(attack, work / "base", work / str(number)))
            for number, attack in enumerate(ATTACKS)
        ]
    before, _, after = section(PAGE.read_text("utf-8"))
    PAGE.write_text(before + HEAD + "".join(rows) + after, "utf-8")


if __name__ == "__main__":
    main()
