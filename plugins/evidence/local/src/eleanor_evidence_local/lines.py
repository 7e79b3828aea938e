"""The lines that the log's files are made of, written and read. See `docs/evidence.md`.

A line is right only if it is, byte for byte, the one that would be written for what it holds. So no
byte of a file stands outside of what is checked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from eleanor_core.api import leaf_hash

ERASED: Final = b"-"
"""Fills the digest and the payload of a line whose payload was erased."""

_SEGMENT: Final = b"eleanor-segment 1 "
_PAYLOADS: Final = b"eleanor-payloads 1 "
_LEAF_FIELDS: Final = 4
_PAYLOAD_FIELDS: Final = 5

_TORN_LEAF: Final = re.compile(
    rb"\d{0,20}|\d{20} \d{0,12}|\d{20} \d{1,12} [0-9a-f]{0,64}"
    rb"|\d{20} (?P<size>\d{1,12}) [0-9a-f]{64} (?P<body>.*)",
    re.DOTALL,
)
_TORN_PAYLOAD: Final = re.compile(
    rb"\d{0,20}|\d{20} \d{0,12}|\d{20} \d{1,12} [0-9a-f]{0,64}"
    rb"|\d{20} \d{1,12} [0-9a-f]{64} [0-9a-f]{0,64}"
    rb"|\d{20} (?P<size>\d{1,12}) [0-9a-f]{64} [0-9a-f]{64} (?P<body>.*)",
    re.DOTALL,
)


class BadLine(Exception):  # noqa: N818 -- a finding, which the caller gives its place
    """A line that is not what belongs in its place; the message says how."""


def segment_header(first: int, peaks: Sequence[bytes]) -> bytes:
    """Return the first line of the segment that starts with record `first`.

    `peaks`: the Merkle frontier over all records before it, which ties the segments together.
    """
    edge = b",".join(peak.hex().encode() for peak in peaks) or b"-"
    return _closed(b"%b%020d %b" % (_SEGMENT, first, edge))


def payload_header(first: int) -> bytes:
    """Return the first line of the payload file that belongs to the segment `first`."""
    return _closed(b"%b%020d" % (_PAYLOADS, first))


def peaks_of(header: bytes, first: int) -> tuple[bytes, ...]:
    """Return the frontier that a segment's first line states. Raises `BadLine`."""
    edge = header.removeprefix(b"%b%020d " % (_SEGMENT, first)).split(b" ")[0]
    try:
        peaks = () if edge == b"-" else tuple(map(bytes.fromhex, edge.decode().split(",")))
    except ValueError:
        peaks = ()
    if header != segment_header(first, peaks) or len(peaks) != first.bit_count():
        raise BadLine(f"this is not the first line of the segment that starts with record {first}")
    return peaks


def leaf_line(index: int, leaf: bytes, digest: str) -> bytes:
    """Return the line of a leaf; `digest` is its leaf hash, hex."""
    return b"%020d %d %b %b\n" % (index, len(leaf), digest.encode(), leaf)


def payload_line(index: int, payload: bytes | None, digest: str) -> bytes:
    """Return the line of a payload, None where it is erased and its length not known.

    `digest` is the leaf hash of the record that it belongs to.
    """
    if payload is None:
        return erased_line(index, 0, digest)
    own = hashlib.sha256(payload).hexdigest().encode()
    return b"%020d %d %b %b %b\n" % (index, len(payload), digest.encode(), own, payload)


def payload_prefix(index: int, size: int, digest: str) -> bytes:
    """Return the start of a payload's line, which erasing leaves as it is."""
    return b"%020d %d %b " % (index, size, digest.encode())


def erased_line(index: int, size: int, digest: str) -> bytes:
    """Return the line of a payload of `size` bytes once it is erased."""
    return b"%b%b %b\n" % (payload_prefix(index, size, digest), ERASED * 64, ERASED * size)


def read_leaf(line: bytes, index: int) -> tuple[bytes, str]:
    """Return the leaf and its hash from the line of record `index`. Raises `BadLine`."""
    fields = line.split(b" ", _LEAF_FIELDS - 1)
    if len(fields) < _LEAF_FIELDS:
        raise BadLine(f"this is not the line of record {index}")
    leaf = fields[-1][:-1]
    digest = leaf_hash(leaf)
    if line != leaf_line(index, leaf, digest):
        if fields[0] != b"%020d" % index:
            raise BadLine(f"record {index} belongs here, and the line says {_shown(fields[0])}")
        raise BadLine(f"record {index}: the leaf does not match its stated length and hash")
    return leaf, digest


def read_payload(line: bytes, index: int, digest: str) -> bytes | None:
    """Return the payload from the line of record `index`, None if erased. Raises `BadLine`.

    `digest`: the leaf hash of that record.
    """
    fields = line.split(b" ", _PAYLOAD_FIELDS - 1)
    if len(fields) < _PAYLOAD_FIELDS:
        raise BadLine(f"this is not the payload line of record {index}")
    payload = fields[-1][:-1]
    if line == payload_line(index, payload, digest):
        return payload
    if line == erased_line(index, len(payload), digest):
        return None
    if fields[0] != b"%020d" % index:
        raise BadLine(f"the payload of record {index} belongs here, not {_shown(fields[0])}")
    if fields[2] != digest.encode():
        raise BadLine(f"record {index}: the payload line names another leaf")
    raise BadLine(f"record {index}: the payload does not match its stated length and digest")


def is_torn(tail: bytes) -> bool:
    """Return whether `tail`, which ends a file, is the start of a line that was never finished.

    A line that is there in full, or longer than it says, was finished and then damaged.
    """
    return any(_is_start(pattern.fullmatch(tail)) for pattern in (_TORN_LEAF, _TORN_PAYLOAD))


def is_torn_header(head: bytes) -> bool:
    """Return whether `head` is all there is of a file whose first line was never finished."""
    return b"\n" not in head and any(
        magic.startswith(head) or head.startswith(magic) for magic in (_SEGMENT, _PAYLOADS)
    )


def _is_start(match: re.Match[bytes] | None) -> bool:
    if match is None or match["body"] is None:
        return match is not None
    return b"\n" not in match["body"] and len(match["body"]) <= int(match["size"])


def _closed(text: bytes) -> bytes:
    return text + b" " + hashlib.sha256(text).hexdigest().encode() + b"\n"


def _shown(field: bytes) -> str:
    return repr(field[:24].decode("ascii", "replace"))
