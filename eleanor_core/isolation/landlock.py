"""Landlock: which files a process may touch, by the kernel's own interface for taking rights away.

It needs no privilege and no other program. Three system calls, which the C library does not wrap:
`linux/landlock.h` and the kernel's `userspace-api/landlock.rst`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""The same numbers on every machine."""
_VERSION_FLAG, _PATH_BENEATH, _NO_NEW_PRIVS = 1, 1, 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_FIRST: Final = (1 << 13) - 1
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
"""The rights that a rule for a file, and not for a folder, may name."""
_TCP: Final = 3
_SCOPES: Final = 3
"""Abstract sockets and signals to processes outside."""

LEAST: Final = 3
"""The version from which truncating is covered (Linux 6.2)."""


def version() -> int:
    """Return the version that this kernel offers, 0 if none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG)))


def restrict(*, read: Iterable[Path], write: Iterable[Path], network: bool) -> None:
    """Leave this process these files and folders, for good. Raises OSError where it cannot.

    A path that is not there is left out. As the filter of system calls it holds for this thread.
    """
    offered = version()
    if offered < LEAST:
        raise OSError(errno.ENOSYS, f"Landlock {offered or 'is not there'}; {LEAST} is needed")
    every = _FIRST | _REFER | _TRUNCATE | (_IOCTL if offered >= 5 else 0)
    words = [every]
    if offered >= 4:
        words.append(0 if network else _TCP)
    if offered >= 6:
        words.append(_SCOPES)
    attributes = struct.pack(f"{len(words)}Q", *words)
    ruleset = _call(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for path in read:
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in write:
            _allow(ruleset, path, every & ~_EXECUTE)
        libc = ctypes.CDLL(None, use_errno=True)
        zero = ctypes.c_ulong(0)
        libc.prctl(_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero)
        _call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not path.is_dir():
            rights &= _OF_FILES
        _call(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
