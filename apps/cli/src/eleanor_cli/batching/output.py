"""The results' file: whole lines in order, on stable storage at intervals, one writer.

What stands in it after any stop, a power cut too, is a prefix of the whole; at most its last line
is torn. It is made with the first result, so that a run that cannot start leaves all as it was.
"""

from __future__ import annotations

import os
import sys
from io import FileIO
from pathlib import Path
from typing import Final, Self

import anyio
import anyio.to_thread

from eleanor_cli.batching.job import Job
from eleanor_cli.faults import UsageError

SYNC_SECONDS: Final = 1.0
"""At most so much work is judged again after a power cut."""


class Output:
    """Writes to `target`, anew unless `keep` is called. Raises UsageError if another batch does."""

    def __init__(self, target: Path, job: Job) -> None:
        self._target = target
        self._job = job
        self._kept: int | None = None
        self._file: FileIO | None = None
        self._synced = True
        self.finished = False
        # Held from now on, and not from the first result: nobody else may write meanwhile.
        self._old = _locked(target, "r+") if target.exists() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
        if self._old is not None:
            self._old.close()

    def keep(self, size: int) -> None:
        """Go on after the first `size` bytes of what an earlier run left."""
        self._kept = size

    def write(self, data: bytes) -> None:
        """Append whole lines. Raises OSError if the disk takes no more."""
        file = self._open()
        self._synced = False
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]

    def finish(self) -> None:
        """Make everything durable: the last line is written."""
        os.fsync(self._open().fileno())
        self.finished = True

    async def keep_synced(self) -> None:
        """Bring what was written to stable storage, again and again, until cancelled."""
        while True:
            await anyio.sleep(SYNC_SECONDS)
            if self._file is not None and not self._synced:
                self._synced = True
                await anyio.to_thread.run_sync(os.fsync, self._file.fileno())

    def _open(self) -> FileIO:
        if self._file is None:
            self._file = self._begin() if self._kept is None else self._go_on(self._kept)
        return self._file

    def _begin(self) -> FileIO:
        # First the output is ours and empty, then its side file is made: an empty output without
        # one was never begun.
        file, self._old = self._old or _locked(self._target, "x"), None
        self._job.remove()
        file.truncate(0)
        os.fsync(file.fileno())
        self._job.save()
        sync_folder(self._target.parent)
        return file

    def _go_on(self, kept: int) -> FileIO:
        if self._old is None:
            msg = f"{self._target} vanished"
            raise FileNotFoundError(msg)
        file, self._old = self._old, None
        file.truncate(kept)
        file.seek(kept)
        return file


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _locked(target: Path, mode: str) -> FileIO:
    """Open a file that no other batch has open. The lock goes with the process."""
    file = FileIO(target, mode)
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            msg = f"another `eleanor batch` is writing {target}; wait for it, or stop it"
            raise UsageError(msg) from None
    return file
