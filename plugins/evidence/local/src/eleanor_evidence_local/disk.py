"""What the log asks of the file system: appending durably, taking it back, one writer alone."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_FLAGS: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
OWN_MODE: Final = 0o600
"""Only the owner can read and write the file."""
_FOLDER_MODE: Final = 0o700
_KEPT: Final = 1 << 20
"""Bytes of a file's buffer that are kept from one sync to the next."""
# Where Windows locks: beyond the text, which others must be able to read.
_LOCKED_BYTE: Final = 1 << 30


class AppendOnlyFile:
    """A file that grows by whole writes: one that fails leaves nothing behind."""

    def __init__(self, path: Path, size: int) -> None:
        """Open an existing file to go on at `size`; what stands behind that is cut off."""
        self.path = path
        self.size = size
        self._descriptor = os.open(path, os.O_WRONLY | _FLAGS)
        os.lseek(self._descriptor, size, os.SEEK_SET)
        self._behind = os.fstat(self._descriptor).st_size > size
        # One buffer for good: memory that each write takes anew must be asked of the system.
        self._unsynced = bytearray()
        self._held = 0
        self._doubtful = False

    @classmethod
    def create(cls, path: Path, first_line: bytes) -> AppendOnlyFile:
        """Make the file, with its first line and its name in the folder on stable storage."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, OWN_MODE))
        try:
            file = cls(path, 0)
        except BaseException:
            # Left there, it would be in the way of the next attempt.
            with suppress(OSError):
                path.unlink()
            raise
        try:
            file.write(first_line)
            file.sync()
            sync_folder(path.parent)
        except BaseException:
            file.discard()
            raise
        return file

    def write(self, data: bytes | memoryview) -> None:
        """Write `data` at the end, where everybody can read it; `sync` makes it durable.

        Raises OSError if it cannot; what was partly written is taken back, if need be before the
        next write.
        """
        if self._behind:
            self._cut()
        # Not asked of `fstat`: the system then notes the time of the next write more finely, and
        # that takes three times as long.
        if (found := os.lseek(self._descriptor, 0, os.SEEK_END)) != self.size:
            raise OSError(f"{self.path} has {found} bytes, not {self.size}: somebody changed it")
        held = self._held + len(data)
        self._unsynced[self._held : held] = data
        try:
            write_all(self._descriptor, data)
        except BaseException:
            self.take_back(0)
            raise
        self.size, self._held = self.size + len(data), held

    def sync(self) -> None:
        """Wait until all that was written is on stable storage. Raises OSError if it is not."""
        if self._doubtful:
            # After a sync that failed, the system may take for written what it has lost. So all of
            # it is written once more.
            os.lseek(self._descriptor, self.size - self._held, os.SEEK_SET)
            write_all(self._descriptor, self._unsynced[: self._held])
        self._doubtful = True
        sync(self._descriptor)
        self._doubtful = False
        self._held = 0
        del self._unsynced[_KEPT:]

    def take_back(self, count: int) -> None:
        """Let the file end `count` bytes, of the last write, before where it ends."""
        self.size, self._held, self._behind = self.size - count, self._held - count, True
        # Where it cannot be done now, `write` does it first.
        with suppress(OSError):
            self._cut()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def discard(self) -> None:
        """Close the file and remove it."""
        self.close()
        with suppress(OSError):
            self.path.unlink()

    def _cut(self) -> None:
        os.ftruncate(self._descriptor, self.size)
        os.lseek(self._descriptor, self.size, os.SEEK_SET)
        self._behind = False


def make_folder(path: Path) -> None:
    """Make a folder that only its owner can read, with its name on stable storage."""
    if not path.is_dir():
        path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        sync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all. Raises OSError.

    Its bytes are on stable storage, its name only once its folder is synced.
    """
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS, OWN_MODE)
    try:
        write_all(descriptor, data)
        sync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(path)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable. Windows has no such call, and does not need it."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Lock:
    """The right to write the log, held by one process until it closes the lock or ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock; BlockingIOError if it is held, and the file then says by which process."""
        self._descriptor = open_own(path)
        try:
            _lock(self._descriptor)
            os.ftruncate(self._descriptor, 0)
            write_all(self._descriptor, b"%d\n" % os.getpid())
        except OSError:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        """Give the lock back. The file stays: to remove it would race with who waits for it."""
        os.close(self._descriptor)


def holder(path: Path) -> str:
    """Return the id of the process that holds the lock, as its file says."""
    try:
        return path.read_text().strip() or "unknown"
    except OSError:
        return "unknown"


def free_space(path: Path) -> str:
    """Return how much room the disk of `path` has left, in words."""
    try:
        return f"{shutil.disk_usage(path).free:,} bytes are free there"
    except OSError as error:
        return f"its free space cannot be told: {error}"


def open_own(path: Path) -> int:
    """Return the descriptor of a file that only its owner can read, made where it is not there."""
    return os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, OWN_MODE)


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data` where the file stands. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync(descriptor: int) -> None:
    """Wait until the file's bytes, and its size, are on stable storage. Raises OSError."""
    if sys.platform == "darwin":
        # There, fsync leaves the data in the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif sys.platform == "win32":
        os.fsync(descriptor)
    else:
        os.fdatasync(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from error
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
