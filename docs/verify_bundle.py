"""Verify a bundle that `eleanor evidence export` wrote, with none of ELEANOR's code.

    python verify_bundle.py BUNDLE [--key KEY]... [--old CHECKPOINT]

KEY is the log's verifier key as you were given it, before and elsewhere; without one, the keys in
the bundle are believed, which shows only that it agrees with itself. CHECKPOINT is a file with an
older one that you kept. Needs Python 3.11 and `cryptography`, and ends 0 only if all is right.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import sys
from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def parent(left: bytes, right: bytes) -> bytes:  # RFC 6962, section 2.1
    return hashlib.sha256(b"\x01" + left + right).digest()


def half(count: int) -> int:  # where a tree divides: the largest power of two below
    return 1 << (count - 1).bit_length() - 1


def root_from(digest: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """RFC 6962, section 2.1.1: the root over `size` leaves, if leaf `index` has this hash."""
    if size == 1:
        return b"" if proof or index else digest
    *proof, other = proof or [b""]
    if index < half(size):
        return parent(root_from(digest, index, half(size), proof), other)
    return parent(other, root_from(digest, index - half(size), size - half(size), proof))


def roots_from(old: int, size: int, proof: list[bytes], whole: bytes) -> tuple[bytes, bytes]:
    """RFC 6962, section 2.1.2: the roots over the first `old` and over all `size` leaves.

    `whole` is the old root while it may still be that of a subtree of its own, else empty.
    """
    if old == size:
        known = [*proof, whole] if whole else proof
        return (known[0], known[0]) if len(known) == 1 else (b"", b"")
    *proof, other = proof or [b""]
    if old <= half(size):
        before, after = roots_from(old, half(size), proof, whole)
        return before, parent(after, other)
    before, after = roots_from(old - half(size), size - half(size), proof, b"")
    return parent(other, before), parent(other, after)


def opened(note: str, keys: list[str]) -> tuple[str, int, bytes]:
    """Return a checkpoint's origin, size and root, once a signature by one of the keys is right."""
    text, _, signatures = note.rpartition("\n\n")
    origin, size, root = text.split("\n")[:3]
    for line in signatures.splitlines():  # a dash, a name, and base64 of key id and signature
        _, name, signature = line.split(" ")
        raw = base64.b64decode(signature, validate=True)
        for key in keys:  # NAME+ID+KEY; KEY is base64 of 01 and the public key; ID is made of both
            known, _, public = key.split("+", 2)
            public = base64.b64decode(public, validate=True)
            key_id = hashlib.sha256(known.encode() + b"\n" + public).digest()[:4]
            if public[0] == 1 and origin == known == name and raw[:4] == key_id:
                try:
                    verifier = Ed25519PublicKey.from_public_bytes(public[1:])
                    verifier.verify(raw[4:], f"{text}\n".encode())
                except InvalidSignature:
                    sys.exit(f"FAIL the signature under the checkpoint of {size} records is wrong")
                return origin, int(size), base64.b64decode(root, validate=True)
    sys.exit(f"FAIL the checkpoint of {size} records is signed by none of the keys")


def check_payload(index: int, leaf: str, payload: str) -> None:
    """Each part's salt and value must have the hash that the leaf commits to."""
    found = {}
    for part, sealed in json.loads(payload).items():
        start = payload.index(f'{{"salt":"{sealed["salt"]}","value":') + 83
        value = payload[start : json.JSONDecoder().raw_decode(payload, start)[1]].encode()
        found[part] = hashlib.sha256(bytes.fromhex(sealed["salt"]) + value).hexdigest()
    if found != json.loads(leaf)["commitments"]:
        sys.exit(f"FAIL record {index}: its payload is not the one that it commits to")


def lines(path: pathlib.Path) -> Iterator[tuple[dict, list[bytes]]]:
    for line in map(json.loads, path.open(encoding="utf-8")):
        yield line, [base64.b64decode(each, validate=True) for each in line["proof"]]


options = argparse.ArgumentParser()
options.add_argument("bundle", type=pathlib.Path)
options.add_argument("--key", action="append", default=[])
options.add_argument("--old", type=pathlib.Path)
given = options.parse_args()
keys = given.key or (given.bundle / "keys").read_text("utf-8").split()
origin, size, root = opened((given.bundle / "checkpoint").read_text("utf-8"), keys)
roots, count, last = {size: root}, 0, -1
gone, said = {}, {}
for line, proof in lines(given.bundle / "checkpoints.jsonl"):
    _, old, old_root = opened(line["checkpoint"], keys)
    if 0 < old and (old > size or roots_from(old, size, proof, old_root) != (old_root, root)):
        sys.exit(f"FAIL the log of {size} records does not go on from its checkpoint of {old}")
    roots[old] = old_root
if given.old:
    _, old, old_root = opened(given.old.read_text("utf-8"), keys)
    if roots.get(old) != old_root:
        sys.exit(f"FAIL your checkpoint of {old} records is not one of this log's")
for line, proof in lines(given.bundle / "records.jsonl"):
    index, leaf = line["index"], line["leaf"]
    digest = hashlib.sha256(b"\x00" + leaf.encode()).digest()
    if not last < index < size or root_from(digest, index, size, proof) != root:
        sys.exit(f"FAIL record {index} is not in the log")
    if "payload" in line:
        check_payload(index, leaf, line["payload"])
    record = json.loads(leaf)
    if "erased" in line:
        gone[line["erased"]] = record["record_id"]
    if record["kind"] == "erasure":
        said[index] = record["facts"]["record"]
    count, last = count + 1, index
for index, record_id in gone.items():
    if said.get(index) != record_id:
        sys.exit(f"FAIL record {index} does not say that the payload of {record_id} was erased")
print(f"ok {origin}: {count} of {size} records, {len(roots)} checkpoints, root {root.hex()}")
