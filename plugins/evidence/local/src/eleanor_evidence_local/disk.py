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
_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
# Where Windows locks: beyond the text, which others must be able to read.
_LOCKED_BYTE: Final = 1 << 30


class AppendOnlyFile:
    """A file that grows by whole appends: one that fails leaves nothing behind."""

    def __init__(self, path: Path, size: int) -> None:
        """Open an existing file to go on at `size`; what stands behind that is cut off."""
        self.path = path
        self.size = size
        self._descriptor = os.open(path, os.O_WRONLY | _FLAGS)
        self._behind = os.fstat(self._descriptor).st_size > size

    @classmethod
    def create(cls, path: Path, first_line: bytes) -> AppendOnlyFile:
        """Make the file, with its first line and its name in the folder on stable storage."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, _MODE))
        file = cls(path, 0)
        try:
            file.append(first_line)
            sync_folder(path.parent)
        except BaseException:
            file.discard()
            raise
        return file

    def append(self, data: bytes) -> None:
        """Write `data` and wait until it is on stable storage. Raises OSError if it is not.

        What was partly written is taken back, if need be before the next append.
        """
        if self._behind:
            self._cut()
        if (found := os.fstat(self._descriptor).st_size) != self.size:
            raise OSError(f"{self.path} has {found} bytes, not {self.size}: somebody changed it")
        try:
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
            _write(self._descriptor, data)
            _sync(self._descriptor)
        except BaseException:
            self.take_back(self.size)
            raise
        self.size += len(data)

    def take_back(self, size: int) -> None:
        """Let the file end at `size` again."""
        self.size, self._behind = size, True
        # Where it cannot be done now, `append` does it first.
        with suppress(OSError):
            self._cut()

    def close(self) -> None:
        """Close the file. All that was appended is durable already."""
        os.close(self._descriptor)

    def discard(self) -> None:
        """Close the file and remove it."""
        self.close()
        with suppress(OSError):
            self.path.unlink()

    def _cut(self) -> None:
        os.ftruncate(self._descriptor, self.size)
        self._behind = False


class Pair:
    """A segment and its payload file, which grow together."""

    def __init__(self, leaves: AppendOnlyFile, payloads: AppendOnlyFile) -> None:
        """Take the two files."""
        self._leaves = leaves
        self._payloads = payloads

    @classmethod
    def create(cls, leaves: tuple[Path, bytes], payloads: tuple[Path, bytes]) -> Pair:
        """Make both files, each from its path and first line; neither stays if one fails."""
        segment = AppendOnlyFile.create(*leaves)
        try:
            return cls(segment, AppendOnlyFile.create(*payloads))
        except BaseException:
            segment.discard()
            raise

    def append(self, leaves: bytes, payloads: bytes) -> None:
        """Append to both or to neither. The payloads are durable before a leaf is written."""
        size = self._payloads.size
        self._payloads.append(payloads)
        try:
            self._leaves.append(leaves)
        except BaseException:
            self._payloads.take_back(size)
            raise

    def close(self) -> None:
        """Close both files."""
        self._leaves.close()
        self._payloads.close()


def make_folder(path: Path) -> None:
    """Make a folder that only its owner can read, with its name on stable storage."""
    if not path.is_dir():
        path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        sync_folder(path.parent)


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
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, _MODE)
        try:
            _lock(self._descriptor)
            os.ftruncate(self._descriptor, 0)
            _write(self._descriptor, b"%d\n" % os.getpid())
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


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync(descriptor: int) -> None:
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
