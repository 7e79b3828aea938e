"""A block of vectors in a file of its own: written once, whole, and from then on only read.

Little-endian: a header of 64 bytes (mark, form, values a vector, count), the row of each case as 8
bytes, zeros up to a multiple of 64, and the vectors as float32, one after another.
"""

from __future__ import annotations

import mmap
import os
import sys
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct
from typing import Final

from eleanor_core.api import EmbeddingBlock

_MARK: Final = b"ELEANOR\x00"
_FORM: Final = 1
_HEAD: Final = Struct("<8sIIQ")
_ROW: Final = Struct("<q")
_PLACE: Final = 64
_BUFFER: Final = 1 << 20
_MODE: Final = 0o600


class DamagedBlockError(ValueError):
    """A file that is not the block that its name stands for."""


class Rows:
    """The row of each case of a block, in the block's order."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data) // _ROW.size

    def __getitem__(self, place: int) -> int:
        row: int
        (row,) = _ROW.unpack_from(self._data, place * _ROW.size)
        return row

    def __iter__(self) -> Iterator[int]:
        rows = array("q", bytes(self._data))
        if sys.byteorder == "big":
            rows.byteswap()
        return iter(rows)


def rows_of(rows: Iterable[int]) -> Rows:
    """Return rows that are not in a file."""
    return Rows(memoryview(b"".join(map(_ROW.pack, rows))))


def write_block(path: Path, dim: int, rows: Rows, vectors: Iterable[bytes]) -> None:
    """Write a block so that it is on stable storage when this returns; else there is no file."""
    head = _HEAD.pack(_MARK, _FORM, dim, len(rows))
    written = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(descriptor, "wb", buffering=_BUFFER) as stream:
            stream.write(head.ljust(_PLACE, b"\0"))
            stream.write(rows._data)  # noqa: SLF001 -- the two halves of one form
            stream.write(bytes(_start(len(rows)) - stream.tell()))
            for vector in vectors:
                stream.write(vector)
                written += 1
            stream.flush()
            os.fsync(stream.fileno())
        if written != len(rows):
            msg = f"{written} vectors for {len(rows)} rows"
            raise DamagedBlockError(msg)  # noqa: TRY301 -- the file goes away as after any error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def read_block(path: Path, encoder_id: str, dim: int) -> tuple[Rows, EmbeddingBlock]:
    """Map a block. Raises OSError, or DamagedBlockError for a file of another form or length."""
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size < _PLACE:
            msg = f"{path} is too short"
            raise DamagedBlockError(msg)
        # The map stays for as long as anybody holds a view of it.
        data = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    mark, form, values, count = _HEAD.unpack_from(data)
    start = _start(count)
    if (mark, form, values, size) != (_MARK, _FORM, dim, start + 4 * dim * count):
        msg = f"{path} is not a whole block of {dim} values a vector"
        raise DamagedBlockError(msg)
    rows = Rows(data[_PLACE : _PLACE + _ROW.size * count])
    return rows, EmbeddingBlock(encoder_id=encoder_id, dim=dim, data=data[start:])


def _start(count: int) -> int:
    """Return where the vectors begin."""
    return -(-(_PLACE + _ROW.size * count) // _PLACE) * _PLACE


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows syncs no folder, and needs none synced
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
