"""What every evidence sink computes alike: leaf hashes, the Merkle tree, payload commitments.

The formats are RFC 6962's (section 2.1) and the record's own (`eleanor_core.model.evidence`). It is
all here, and on the standard library and those values alone, so that a sink by a stranger writes
the same log.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from json.encoder import encode_basestring as quote
from typing import Final

from eleanor_core.model.evidence import RecordKind

_DECODER: Final = json.JSONDecoder()
# No string holds a quote that is not escaped, so this stands in few leaves of another kind.
_ERASURE: Final = b'"kind":"erasure"'
# What stands before the value of nearly every part, read in one go.
_PART: Final = re.compile(r'"([a-z_]+)":\{"salt":"([0-9a-f]{64})","value":')
_PART_OF_BYTES: Final = re.compile(_PART.pattern.encode())
# In canonical order the commitments come first, and nearly all have such names.
_COMMITTED: Final = re.compile(rb'\{"commitments":\{((?:,?"[a-z_]+":"[0-9a-f]{64}")*)\},')
_COMMITMENT: Final = re.compile(rb'"([a-z_]+)":"([0-9a-f]{64})"')


def leaf_hash(leaf: bytes) -> str:
    """Return the hex SHA-256(0x00 || leaf): what names a record in the tree."""
    return hashlib.sha256(b"\x00" + leaf).hexdigest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right): the parent of two nodes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a Merkle tree: all that is needed to append leaves and to state its root.

    `size`: leaves so far. `peaks`: the roots of the perfect subtrees that the leaves fall into,
    largest first, one for each bit set in `size`; 32 bytes each.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Go on from an earlier frontier; ValueError if `peaks` cannot belong to `size` leaves."""
        if size < 0 or len(peaks) != size.bit_count():
            raise ValueError(f"{len(peaks)} peaks cannot stand for {size} leaves")
        self.size = size
        self._peaks = list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The perfect subtrees' roots, largest first."""
        return tuple(self._peaks)

    def append(self, digest: bytes) -> None:
        """Add the hash of the next leaf, 32 bytes."""
        merged = self.size
        while merged & 1:
            digest = node_hash(self._peaks.pop(), digest)
            merged >>= 1
        self._peaks.append(digest)
        self.size += 1

    def root(self) -> bytes:
        """Return the Merkle tree hash, 32 bytes; of no leaves, SHA-256 of nothing."""
        if not self._peaks:
            return hashlib.sha256().digest()
        *others, digest = self._peaks
        for peak in reversed(others):
            digest = node_hash(peak, digest)
        return digest


def merkle_root(digests: Iterable[bytes]) -> bytes:
    """Return the Merkle tree hash over leaf hashes of 32 bytes each, in order."""
    frontier = Frontier()
    for digest in digests:
        frontier.append(digest)
    return frontier.root()


def check_payload(leaf: bytes, payload: bytes) -> list[str]:
    """Return what is wrong with a payload, as seen from its leaf; an empty list if it is right.

    Every commitment is computed again from the salt and the value as they stand in the payload, so
    no byte of it can differ. A part without a commitment and a commitment without a part are wrong.
    A value whose bytes are those that were committed to is not read: it is what was recorded.
    """
    if _is_committed(leaf, payload):
        return []
    try:
        record = _DECODER.decode(leaf.decode())
        committed = dict(record["commitments"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ["the leaf is not a record with commitments"]
    try:
        computed = dict(_commitments(payload))
    except (ValueError, RecursionError) as error:
        return [f"the payload is malformed: {error}"]
    return list(_differences(committed, computed))


def _is_committed(leaf: bytes, payload: bytes) -> bool:
    """Return whether a payload of the usual names is the one that its leaf commits to.

    A value is taken to end where the next part begins, which needs no reading of JSON: one that
    really ends elsewhere has another hash. False says only that all of it must be read.
    """
    head = _COMMITTED.match(leaf)
    if head is None:
        return False
    parts = _COMMITMENT.findall(head[1])
    names, hashes = [name for name, _ in parts], [digest for _, digest in parts]
    if names != sorted(set(names)):
        return False
    if not parts:
        return not payload
    if not payload.startswith(b"{") or not payload.endswith(b"}}"):
        return False
    start = 1
    for name, stated, following in zip_longest(names, hashes, names[1:]):
        part = _PART_OF_BYTES.match(payload, start)
        if part is None or part[1] != name:
            return False
        end = len(payload) - 2
        if following:
            end = payload.find(b'},"%b":{"salt":"' % following, part.end())
        salt, value = bytes.fromhex(part[2].decode()), payload[part.end() : end]
        if commitment(salt, value).encode() != stated:
            return False
        start = end + 2
    return True


def _differences(committed: Mapping[str, object], computed: Mapping[str, str]) -> Iterator[str]:
    for part in sorted(committed.keys() | computed.keys()):
        if part not in computed:
            yield f"part {part!r} is missing"
        elif part not in committed:
            yield f"part {part!r} has no commitment"
        elif committed[part] != computed[part]:
            yield f"part {part!r} does not match its commitment"


def _commitments(payload: bytes) -> Iterator[tuple[str, str]]:
    """Yield each part's name and commitment, reading the payload's one permitted form.

    That is `{"part":{"salt":"64 hex digits","value":...},...}` without a space, parts in canonical
    order: so a value's bytes are those up to where it ends, and need not be made again.
    """
    text = payload.decode()
    position, opening = 0, "{"
    before: bytes | None = None
    while position < len(text) - 1:
        position = _expect(text, position, opening)
        if usual := _PART.match(text, position):
            name, salt, start = usual[1], bytes.fromhex(usual[2]), usual.end()
        else:
            name, position = _name(text, position)
            salt, position = _salt(text, _expect(text, position, ':{"salt":"'))
            start = _expect(text, position, '","value":')
        _, position = _DECODER.raw_decode(text, start)
        order = name.encode("utf-16-be")
        if before is not None and order <= before:
            raise ValueError(f"part {name!r} stands twice or out of order")
        yield name, commitment(salt, text[start:position].encode())
        position = _expect(text, position, "}")
        opening, before = ",", order
    if payload:
        _expect(text, position, "}")


def _name(text: str, position: int) -> tuple[str, int]:
    name, end = _DECODER.raw_decode(text, position)
    if not isinstance(name, str) or text[position:end] != quote(name):
        raise ValueError(f"no part's name is at character {position}")
    return name, end


def _salt(text: str, position: int) -> tuple[bytes, int]:
    end = position + 64
    salt = bytes.fromhex(text[position:end])
    if salt.hex() != text[position:end]:
        raise ValueError(f"no salt of 64 lower-case hex digits is at character {position}")
    return salt, end


def _expect(text: str, position: int, token: str) -> int:
    if not text.startswith(token, position):
        raise ValueError(f"{token!r} is not at character {position}")
    return position + len(token)


def derived_id(label: RecordKind, subject: str = "", number: int = 0) -> str:
    """Return the one id that a record of this kind about this subject has; `number` counts them.

    A UUIDv8 made of a SHA-256, as RFC 9562 shows in its appendix B.2. Since no log takes a second
    record under an id, whoever appends first has it: an intent can be written once, and the next
    review in a row by one writer alone. And nobody has to search a log for what is about a record.
    """
    digest = hashlib.sha256(f"eleanor/{label}/1\n{subject}\n{number}".encode()).digest()
    bits = int.from_bytes(digest[:16], "big")
    bits = bits & ~(0xF << 76) | 0x8 << 76
    bits = bits & ~(0b11 << 62) | 0b10 << 62
    return hyphened(bits)


def erasure_id(record_id: str) -> str:
    """Return the id that the erasure of this record's payload has, if there is one."""
    return derived_id("erasure", record_id)


def erased_by(leaf: bytes) -> str | None:
    """Return the id of the record whose payload a leaf erases; None if it is no erasure's leaf.

    A sink that takes such a leaf destroys that payload; see `ErasableLog`.
    """
    if _ERASURE not in leaf:
        return None
    try:
        record = _DECODER.decode(leaf.decode())
        target = str(record["facts"]["record"])
        said = record["kind"], record["record_id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return target if said == ("erasure", erasure_id(target)) else None


def commitment(salt: bytes, value: bytes) -> str:
    """Return the hex SHA-256(salt || value): what the leaf says of a payload part."""
    return hashlib.sha256(salt + value).hexdigest()


def hyphened(bits: int) -> str:
    """Return 128 bits as a UUID is written."""
    digits = bits.to_bytes(16, "big").hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
