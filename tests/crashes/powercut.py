"""A file system in memory whose power can be cut: what no sync covered is kept as chance has it.

`kill -9` cannot show that a sync is missing, since the kernel keeps what was written. This can: a
file's bytes are durable once the file was synced, its name once its folder was.
"""

from __future__ import annotations

import ctypes
import errno
import os
import random
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import mfusepy
from attrs import define, field

SECTOR: Final = 512
_LAZY: Final = 2  # MNT_DETACH


def missing() -> str:
    """Return why no such file system can be had here, "" if one can."""
    if not Path("/dev/fuse").exists():
        return "/dev/fuse is missing"
    return "" if os.geteuid() == 0 else "only root can mount the file system"


@define(eq=False)
class _File:
    """`data`: what programs see. `kept`: what would be there after a cut if nothing else were."""

    data: bytearray = field(factory=bytearray)
    kept: bytearray = field(factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(factory=list)

    def change(self, at: int, data: bytes | None) -> None:
        """Write `data` at an offset, or without any cut the file off there."""
        _apply(self.data, at, data)
        self.pending.append((at, data))

    def sync(self) -> None:
        for at, data in self.pending:
            _apply(self.kept, at, data)
        self.pending.clear()

    def cut(self, chance: random.Random) -> None:
        if chance.random() < 0.5:
            # In order, up to a byte in the middle of some write.
            whole = chance.randint(0, len(self.pending))
            torn = self.pending[whole : whole + 1]
            self.pending = self.pending[:whole] + [
                (at, data[: chance.randint(0, len(data))]) for at, data in torn if data
            ]
        else:
            # Each sector by itself: no disk promises an order.
            share = chance.random()
            self.pending = [
                part for op in self.pending for part in _parts(*op) if chance.random() < share
            ]
        self.sync()
        self.data = bytearray(self.kept)


@define(eq=False)
class _Folder:
    names: dict[str, _File | _Folder] = field(factory=dict)
    kept: dict[str, _File | _Folder] = field(factory=dict)
    pending: list[dict[str, _File | _Folder | None]] = field(factory=list)

    def change(self, **names: _File | _Folder | None) -> None:
        """Give or take names, all of them at once."""
        _rename(self.names, names)
        self.pending.append(names)

    def sync(self) -> None:
        for names in self.pending:
            _rename(self.kept, names)
        self.pending.clear()

    def cut(self, chance: random.Random) -> None:
        share = chance.random()
        self.pending = [names for names in self.pending if chance.random() < share]
        self.sync()
        self.names = dict(self.kept)
        for node in self.names.values():
            node.cut(chance)


def _apply(data: bytearray, at: int, new: bytes | None) -> None:
    end = at if new is None else at + len(new)
    if len(data) < end:
        data.extend(bytes(end - len(data)))
    if new is None:
        del data[at:]
    else:
        data[at:end] = new


def _parts(at: int, data: bytes | None) -> Iterator[tuple[int, bytes | None]]:
    if data is None:
        yield at, None
        return
    start = 0
    while start < len(data):
        end = start + SECTOR - (at + start) % SECTOR
        yield at + start, data[start:end]
        start = end


def _rename(names: dict[str, _File | _Folder], change: dict[str, _File | _Folder | None]) -> None:
    for name, node in change.items():
        names.pop(name, None)
        if node is not None:
            names[name] = node


class Disk(mfusepy.Operations):
    """The file system. Asked for the attribute `user.cut.SEED` of a folder, it cuts its power.

    `user.fail.N`: the Nth sync of a file from then on fails, and what it was to make durable counts
    for durable and is not, as on Linux.
    """

    use_ns = True

    def __init__(self) -> None:
        self._root = _Folder()
        self._open: dict[int, _File] = {}
        self._handles = count(1)
        self._fail = 0

    # -- the power --------------------------------------------------------------------------------

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        order, _, number = name.removeprefix("user.").partition(".")
        if order == "cut":
            self._folder(path).cut(random.Random(int(number)))
        elif order == "fail":
            self._fail = int(number)
        else:
            raise OSError(errno.ENODATA, "")
        return b"done"

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._fail -= 1
        if self._fail == 0:
            self._open[fh].pending.clear()
            raise OSError(errno.EIO, "")
        self._open[fh].sync()
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._folder(path).sync()
        return 0

    # -- names ------------------------------------------------------------------------------------

    def getattr(self, path: str, fh: int | None = None) -> dict[str, object]:
        node = self._open[fh] if fh in self._open else self._node(path)
        folder = isinstance(node, _Folder)
        now = time.time_ns()
        return {
            "st_mode": stat.S_IFDIR | 0o700 if folder else stat.S_IFREG | 0o600,
            "st_size": 0 if folder else len(node.data),
            "st_nlink": 2 if folder else 1,
            "st_uid": os.geteuid(),
            "st_gid": os.getegid(),
            "st_atime": now,
            "st_mtime": now,
            "st_ctime": now,
        }

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *self._folder(path).names]

    def mkdir(self, path: str, mode: int) -> int:
        return self._rename(path, _Folder())

    def unlink(self, path: str) -> int:
        self._node(path)
        return self._rename(path, None)

    rmdir = unlink

    def rename(self, old: str, new: str) -> int:
        place, before = old.rpartition("/")[::2]
        if new.rpartition("/")[0] != place:
            raise OSError(errno.EXDEV, "")
        self._folder(place).change(**{before: None, new.rpartition("/")[2]: self._node(old)})
        return 0

    def chmod(self, path: str, mode: int) -> int:
        return 0

    def utimens(self, path: str, times: object = None) -> int:
        return 0

    # -- bytes ------------------------------------------------------------------------------------

    def create(self, path: str, mode: int, fi: object = None) -> int:
        self._rename(path, _File())
        return self.open(path, 0)

    def open(self, path: str, flags: int) -> int:
        handle = next(self._handles)
        self._open[handle] = self._file(path)
        return handle

    def release(self, path: str, fh: int) -> int:
        self._open.pop(fh, None)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._open[fh].data[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._open[fh].change(offset, bytes(data))
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        (self._open[fh] if fh in self._open else self._file(path)).change(length, None)
        return 0

    def _node(self, path: str) -> _File | _Folder:
        node: _File | _Folder = self._root
        for name in path.split("/"):
            if name:
                if not isinstance(node, _Folder) or name not in node.names:
                    raise OSError(errno.ENOENT, "")
                node = node.names[name]
        return node

    def _folder(self, path: str) -> _Folder:
        node = self._node(path)
        if not isinstance(node, _Folder):
            raise OSError(errno.ENOTDIR, "")
        return node

    def _file(self, path: str) -> _File:
        node = self._node(path)
        if not isinstance(node, _File):
            raise OSError(errno.EISDIR, "")
        return node

    def _rename(self, path: str, node: _File | _Folder | None) -> int:
        place, _, name = path.rpartition("/")
        self._folder(place).change(**{name: node})
        return 0


@contextmanager
def mounted(place: Path) -> Iterator[Path]:
    """Mount the file system, served by a process of its own."""
    place.mkdir()
    server = os.fork()
    if not server:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        # Nothing that the kernel remembers may outlive a cut.
        never = dict.fromkeys(("entry_timeout", "attr_timeout", "negative_timeout"), 0)
        try:
            mfusepy.FUSE(
                Disk(), str(place), foreground=True, nothreads=True, hard_remove=True, **never
            )
        finally:
            os._exit(0)
    try:
        end = time.monotonic() + 10
        while not place.is_mount():
            if time.monotonic() > end or os.waitpid(server, os.WNOHANG)[0]:
                raise OSError(f"the file system was not mounted at {place}")
            time.sleep(0.01)
        yield place
    finally:
        ctypes.CDLL(None).umount2(str(place).encode(), _LAZY)
        os.waitpid(server, 0)


def cut(folder: Path, seed: int) -> None:
    """Cut the power of a folder on the file system."""
    os.getxattr(folder, f"user.cut.{seed}")


def fail_sync(folder: Path, number: int) -> None:
    """Let the sync of a file with this number, counted from now, fail; 0: none."""
    os.getxattr(folder, f"user.fail.{number}")
