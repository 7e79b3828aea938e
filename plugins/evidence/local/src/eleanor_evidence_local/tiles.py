"""The tree beside the segments, as C2SP `tlog-tiles`: any node of it without reading the log.

Tiles hold nothing that the segments do not: missing or wrong ones are made anew. A file is written
whole and synced before its name appears, and nothing of it is trusted: what a proof is made of is
checked against the root by whoever reads the proof.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from eleanor_core.api import node_hash
from eleanor_evidence_local.disk import make_folder, sync_folder, write_whole

TILE: Final = "tile"
WIDTH: Final = 256
"""Hashes in a full tile, 8 levels of the tree."""
_HASH: Final = 32
_BITS: Final = 8
_NAME: Final = re.compile(r"(\d{1,2})/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?")

Emit: TypeAlias = Callable[["Tile", bytes], None]
"""Is handed each tile as it becomes full, with its bytes."""


class Tile(NamedTuple):
    """Which tile: its level, its number in that level, and how many hashes of it are there."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def start(self) -> int:
        """The first record that it stands for."""
        return self.number << _BITS * (self.level + 1)

    @property
    def end(self) -> int:
        """The record after the last that it stands for."""
        return self.start + (self.width << _BITS * self.level)

    @property
    def name(self) -> str:
        """Its path in the folder `tile`, in three-digit elements."""
        digits = f"{self.number:03d}"
        digits = digits.zfill(-len(digits) // 3 * -3)
        parts = [digits[place : place + 3] for place in range(0, len(digits), 3)]
        path = "/".join((*(f"x{part}" for part in parts[:-1]), parts[-1]))
        return f"{self.level}/{path}" + ("" if self.width == WIDTH else f".p/{self.width}")


def tile_named(name: str) -> Tile | None:
    """Return which tile a path is that of; None if it is none."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    number = int(match[2].replace("x", "").replace("/", ""))
    tile = Tile(int(match[1]), number, int(match[3] or WIDTH))
    return tile if tile.name == name else None


class TileBuilder:
    """The right edge of the tree in tiles: what is appended leaves it as full tiles."""

    def __init__(self, emit: Emit, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        """Go on after `size` records; `edge`: the bytes of the partial tiles, level 0 first."""
        self.size = size
        self._emit = emit
        self._edge: list[bytearray] = [bytearray(hashes) for hashes in edge] or [bytearray()]

    def append(self, digest: bytes) -> None:
        """Add the hash of the next leaf, 32 bytes."""
        self.size += 1
        level = 0
        edge = self._edge
        while True:
            edge[level] += digest
            if len(edge[level]) < WIDTH * _HASH:
                return
            full = bytes(edge[level])
            edge[level].clear()
            self._emit(Tile(level, (self.size >> _BITS * (level + 1)) - 1), full)
            digest = rows_of(full)[-1][0]
            level += 1
            if level == len(edge):
                edge.append(bytearray())

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """Yield the tiles at the edge that hold something but are not full."""
        for level, hashes in enumerate(self._edge):
            if hashes:
                number = self.size >> _BITS * (level + 1)
                yield Tile(level, number, len(hashes) // _HASH), bytes(hashes)

    def peaks(self) -> tuple[bytes, ...]:
        """Return the roots of the perfect subtrees that the leaves fall into, largest first."""
        found: list[bytes] = []
        for _, hashes in reversed([*self.partial()]):
            rows, place = rows_of(hashes), 0
            for height in range(_BITS - 1, -1, -1):
                if len(hashes) // _HASH >> height & 1:
                    found.append(rows[height][place >> height])
                    place += 1 << height
        return tuple(found)


class Tiles:
    """The tiles of a log on disk."""

    def __init__(self, folder: Path) -> None:
        """Read and write the tiles in `folder`/tile, which need not be there."""
        self._folder = folder / TILE
        self._unsynced: set[Path] = set()
        self._rows = lru_cache(maxsize=64)(self._read_rows)

    def path(self, tile: Tile) -> Path:
        """Return where the tile is, or would be."""
        return self._folder / tile.name

    def read(self, tile: Tile) -> bytes | None:
        """Return the tile's bytes; None if it is not there or has another size."""
        try:
            found = self.path(tile).read_bytes()
        except OSError:
            return None
        return found if len(found) == tile.width * _HASH else None

    def at_least(self, tile: Tile) -> bytes | None:
        """Return the tile's bytes, be it from the full one that has taken its place."""
        found = self.read(tile)
        if found is None and (full := self.read(Tile(tile.level, tile.number))):
            found = full[: tile.width * _HASH]
        return found

    def builder(self, size: int) -> TileBuilder | None:
        """Return a builder that goes on after `size` records; None if tiles are missing."""
        edge: list[bytes] = []
        for level in range((size.bit_length() + _BITS - 1) // _BITS):
            number, width = divmod(size >> _BITS * level, WIDTH)
            hashes = self.at_least(Tile(level, number, width)) if width else b""
            if hashes is None:
                return None
            edge.append(hashes)
        return TileBuilder(self.write, size, edge)

    def write(self, tile: Tile, hashes: bytes) -> None:
        """Write a tile; its name is durable after `sync`. Raises OSError."""
        path = self.path(tile)
        for folder in reversed(path.relative_to(self._folder).parents):
            make_folder(self._folder / folder)
        write_whole(path, hashes)
        self._unsynced.add(path.parent)
        if tile.width == WIDTH:
            partial = path.with_name(f"{path.name}.p")
            shutil.rmtree(partial, ignore_errors=True)
            self._unsynced.discard(partial)

    def sync(self) -> None:
        """Make the names of what was written durable."""
        while self._unsynced:
            sync_folder(self._unsynced.pop())

    def node(self, size: int) -> Callable[[int, int], bytes]:
        """Return what gives the hashes of perfect subtrees in the tree of `size` records.

        It raises KeyError, with the tile's name, where a tile is missing.
        """

        def node(height: int, number: int) -> bytes:
            level, above = divmod(height, _BITS)
            first = number << above
            of_tile, place = divmod(first, WIDTH)
            width = min(WIDTH, (size >> _BITS * level) - of_tile * WIDTH)
            return self._rows(Tile(level, of_tile, width))[above][place >> above]

        return node

    def all(self) -> Iterator[tuple[str, Tile | None]]:
        """Yield the path of each file that is there, and which tile it is, if it is one."""
        for path in sorted(self._folder.rglob("*")):
            if not path.is_dir():
                name = path.relative_to(self._folder).as_posix()
                yield f"{TILE}/{name}", tile_named(name)

    def remove(self) -> None:
        """Remove all of them, to be made anew."""
        self._rows.cache_clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read_rows(self, tile: Tile) -> list[list[bytes]]:
        hashes = self.at_least(tile)
        if hashes is None:
            raise KeyError(f"{TILE}/{tile.name}")
        return rows_of(hashes)


def rows_of(hashes: bytes) -> list[list[bytes]]:
    """Return the rows of the tree over a tile's hashes, as far as its nodes are perfect."""
    row = [hashes[place : place + _HASH] for place in range(0, len(hashes), _HASH)]
    rows = [row]
    while len(row) > 1:
        row = [node_hash(row[place], row[place + 1]) for place in range(0, len(row) - 1, 2)]
        rows.append(row)
    return rows
