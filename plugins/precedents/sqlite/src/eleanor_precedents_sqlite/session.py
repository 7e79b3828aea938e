"""Connections to the file: how it is opened, checked and brought up to date, and who may use it.

Everything here runs in a worker thread.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from eleanor_precedents_sqlite.faults import damaged, explained, fault
from eleanor_precedents_sqlite.schema import STEPS

APPLICATION_ID: Final = 0x454C_5052
"""Marks the file as ours: "ELPR"."""

# With 8 KiB a vector of up to 500 values lies on one page.
_PAGE_BYTES: Final = 8192
_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


class Session:
    """One connection, used by one thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for statements that all see one state of the file."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for changes that are made together, durably, or not at all."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def changes(self) -> int:
        """Return a number that moves when another connection, of any process, has committed."""
        with self._lock, explained(self.path):
            return changes(self._connection)

    def close(self) -> None:
        """Close the connection, once nobody uses it."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, explained(self.path), transaction(self._connection, begin):
            yield self._connection


class Sessions(NamedTuple):
    """One that writes, one that answers questions, and one for long readings in the background."""

    writer: Session
    reader: Session
    weaver: Session


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    """Commit what the block does, or take all of it back if it raises."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Some errors, such as a full disk, have ended it already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def last_row(connection: sqlite3.Connection) -> int:
    """Return the row of the version that was written last, 0 if there is none."""
    return int(connection.execute("SELECT coalesce(max(row), 0) FROM versions").fetchone()[0])


def changes(connection: sqlite3.Connection) -> int:
    """Return SQLite's change counter as this connection sees it."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def open_sessions(
    path: Path, busy_timeout: float, *, steps: Sequence[Sequence[str]] = STEPS
) -> Sessions:
    """Open the file at `path`, made if there is none, and bring it to the newest schema.

    `busy_timeout`: seconds to wait for
    another process. Raises StoreError if the file cannot be used: damaged, locked, read-only, of
    another program, or of a newer release.
    """
    with explained(path), ExitStack() as stack:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _MODE))
        writer = stack.enter_context(closing(_connect(path, busy_timeout)))
        _configure(writer, busy_timeout)
        _migrate(path, writer, steps)
        _check(path, writer)
        readers = [stack.enter_context(closing(_connect(path, busy_timeout))) for _ in range(2)]
        for reader in readers:
            reader.execute("PRAGMA query_only = ON")
        stack.pop_all()
    return Sessions(*(Session(path, connection) for connection in (writer, *readers)))


def _connect(path: Path, busy_timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=busy_timeout, isolation_level=None, check_same_thread=False
    )


def _configure(connection: sqlite3.Connection, busy_timeout: float) -> None:
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    end = time.monotonic() + busy_timeout
    # SQLite does not wait for the lock that this change needs where two processes make it at once.
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _migrate(path: Path, connection: sqlite3.Connection, steps: Sequence[Sequence[str]]) -> None:
    if _schema(path, connection) == len(steps):
        return
    with transaction(connection, "BEGIN IMMEDIATE"):
        # Looked at again under the lock: of two processes that open a new file, one fills it.
        version = _schema(path, connection)
        if version > len(steps):
            what = f"has schema {version}, and this release knows {len(steps)}"
            raise fault(path, what, "update eleanor-precedents-sqlite")
        for statement in (statement for step in steps[version:] for statement in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")


def _schema(path: Path, connection: sqlite3.Connection) -> int:
    """Return the schema's version, 0 for an empty file. Raises StoreError for a stranger's file."""
    (own,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and own != APPLICATION_ID:
        what = "is the database of another program"
        raise fault(path, what, "move it away, or name another ELEANOR_HOME")
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Check what cannot be computed again: the versions, and which of them is the newest."""
    for table in ("versions", "heads"):
        (said, *_) = connection.execute(f"PRAGMA quick_check('{table}')").fetchone()
        if said != "ok":
            raise damaged(path, said)
