"""What travels between the parent and a worker process: a JSON head, and bytes as they are.

A frame is the length of its head and of its blobs together (4 bytes each, big-endian), the head,
then the blobs; the head's `sizes` tells them apart. Nothing is pickled: all that a worker can say
is text and bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    # A worker learns where to import from out of its first frame.
    from eleanor_core.model import JsonValue

PREFIX: Final = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. `form` says what it is; `head` holds what goes with it."""

    form: str
    head: Mapping[str, JsonValue]
    blobs: tuple[bytes, ...] = ()


def encode(form: str, head: Mapping[str, JsonValue], blobs: Iterable[bytes] = ()) -> bytes:
    """Return a frame's bytes."""
    parts = tuple(blobs)
    sizes: JsonValue = [len(part) for part in parts]
    text = json.dumps({**head, "form": form, "sizes": sizes}).encode()
    return b"".join((PREFIX.pack(len(text), sum(map(len, parts))), text, *parts))


def decode(head: bytes, body: bytes) -> Frame:
    """Return the frame that was encoded, without its prefix."""
    fields = json.loads(head)
    form, sizes = fields.pop("form"), fields.pop("sizes")
    return Frame(form, fields, tuple(_cut(body, sizes)))


def read_frame(source: BinaryIO) -> Frame | None:
    """Read one frame from a buffered stream, None at its end."""
    prefix = source.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    head_size, body_size = PREFIX.unpack(prefix)
    head, body = source.read(head_size), source.read(body_size)
    return decode(head, body) if len(body) == body_size else None


def _cut(body: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for size in sizes:
        yield body[start : start + size]
        start += size
