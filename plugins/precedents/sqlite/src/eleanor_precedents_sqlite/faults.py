"""What the store raises, and SQLite's errors in words: what happened, and what to do now."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from eleanor_core.api import EleanorError

WHOSE: Final = "precedents/sqlite (eleanor-precedents-sqlite)"

_RIGHTS: Final = "give this user the right to write the file and its folder"
_DAMAGED: Final = (
    "is damaged",
    "move it away and import your last export, or put a backup in its place",
)
_SAID: Final = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another process",
        "end the process that holds it, or wait longer with the setting busy_timeout",
    ),
    sqlite3.SQLITE_READONLY: ("cannot be written", _RIGHTS),
    sqlite3.SQLITE_PERM: ("cannot be used", _RIGHTS),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", _RIGHTS),
    sqlite3.SQLITE_FULL: ("has no room left", "make room on the disk"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "check the disk"),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}


class StoreError(EleanorError):
    """The file of precedents cannot be used, or cannot take what it was given."""

    code = "precedents"


class RefusedError(ValueError):
    """A version that the store does not take. `number`: of its line, 0 if it came in none."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}" if number else why)


def fault(path: Path, what: str, remedy: str) -> StoreError:
    """Return an error about the file at `path`."""
    return StoreError(f"{WHOSE}: {path} {what}; {remedy}")


def damaged(path: Path, detail: str) -> StoreError:
    """Return the error for a file whose contents cannot be what was written."""
    what, remedy = _DAMAGED
    return fault(path, f"{what} ({detail})", remedy)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise SQLite's and the system's errors as a StoreError that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        what, remedy = _SAID.get(code, ("cannot be used", "see the error"))
        raise fault(path, f"{what} ({error})", remedy) from error
    except OSError as error:
        raise fault(path, f"cannot be used ({error})", _RIGHTS) from error
