"""The files of vectors: which there are, and how new ones are written in the background.

A file is written and synced first and named in the database afterwards, so a crash leaves one too
many and never one too few; a lost or damaged one is written again. What was added last is gathered
into a new file, together with those before it that are not much larger: so there are few of them,
and each vector is written a few times only (the logarithmic method of Bentley and Saxe, 1980).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Final, NamedTuple

from attrs import evolve

from eleanor_core.api import Backend, Embedder, Log, Storage
from eleanor_precedents_sqlite.blocks import Block
from eleanor_precedents_sqlite.faults import explained
from eleanor_precedents_sqlite.files import DamagedBlockError, read_block, rows_of, write_block
from eleanor_precedents_sqlite.session import Sessions, last_row

FOLDER: Final = "vectors"
LATE: Final = 1000
"""From so many cases on that no file holds, one is written."""
_SUFFIX: Final = ".block"
_STALE_SECONDS: Final = 86_400
"""After a day, a file that nothing names is one that a crash has left."""
_GROWTH: Final = 2
GONE: Final = 4
"""A block of which one in so many has been replaced is written anew."""

_NAMED: Final = """SELECT name, after, until, cases FROM blocks WHERE encoder =
    (SELECT number FROM encoders WHERE encoder_id = ?) ORDER BY after"""
_REPLACED: Final = "FROM replaced WHERE by > :until AND row > :after AND row <= :until"
_HEADS: Final = "FROM heads WHERE in_force AND row > ?"
_VECTORS: Final = """SELECT vectors.data FROM heads JOIN vectors ON vectors.row = heads.row
    WHERE in_force AND heads.row > ? AND length(data) = ? AND vectors.encoder =
    (SELECT number FROM encoders WHERE encoder_id = ?) ORDER BY heads.id"""


class Named(NamedTuple):
    """A block as the database names it."""

    name: str
    after: int
    until: int
    cases: int


class _StoppedError(Exception):
    """The store is closing, so a file is not written to its end."""


class Index:
    """The files of one encoder."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        backend: Backend,
        embedder: Embedder,
        storage: Storage,
        log: Log,
    ) -> None:
        self._sessions = sessions
        self._folder = sessions.writer.path.parent / FOLDER
        self._backend = backend
        self._encoder_id = embedder.encoder_id
        self._dim = embedder.dim
        self._storage = storage
        self._log = log
        self._opened: dict[str, Block] = {}
        self._lost: set[str] = set()
        self._stopping = threading.Event()

    def blocks(self, connection: sqlite3.Connection) -> tuple[Block, ...]:
        """Return the blocks that this state of the database names, up to the first lost one."""
        opened: dict[str, Block] = {}
        for named in self._named(connection):
            block = self._opened.get(named.name) or self._open(named)
            if block is None:
                break
            gone = connection.execute(f"SELECT row {_REPLACED}", named._asdict())
            opened[named.name] = evolve(block, gone=frozenset(row for (row,) in gone))
        self._opened = opened
        return tuple(opened.values())

    def weave(self) -> int:
        """Write what is due into one file, and return how many cases it holds; 0: nothing is due.

        Nothing is, either, while a vector is missing.
        """
        with suppress(_StoppedError), explained(self._folder):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            name = f"{token_hex(8)}{_SUFFIX}"
            with self._sessions.weaver.reading() as connection:
                named = self._named(connection)
                first = self._first_due(connection, named)
                if first is None:
                    return 0
                after = named[first - 1].until if first else 0
                until = last_row(connection)
                cases = self._write(connection, name, after)
            if cases:
                self._swap(named, first, Named(name, after, until, cases))
            return cases
        return 0

    def tidy(self) -> None:
        """Remove the files that a crash has left."""
        with self._sessions.reader.reading() as connection:
            named = {name for (name,) in connection.execute("SELECT name FROM blocks")}
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if path.name not in named and time.time() - path.stat().st_mtime > _STALE_SECONDS:
                self._remove(path.name)

    def stop(self) -> None:
        """End a file that is being written: it would hold up the end of the store."""
        self._stopping.set()

    # -- how --------------------------------------------------------------------------------------

    def _named(self, connection: sqlite3.Connection) -> list[Named]:
        return list(map(Named._make, connection.execute(_NAMED, (self._encoder_id,))))

    def _open(self, named: Named) -> Block | None:
        try:
            rows, vectors = read_block(self._folder / named.name, self._encoder_id, self._dim)
            if len(rows) != named.cases:
                msg = f"it holds {len(rows)} cases, and not {named.cases}"
                raise DamagedBlockError(msg)  # noqa: TRY301 -- told as any other damage is
        except (OSError, DamagedBlockError) as error:
            if named.name not in self._lost:
                self._log.warning("precedents.block_lost", block=named.name, error=str(error))
            self._lost.add(named.name)
            return None
        loaded = self._backend.load(vectors, storage=self._storage)
        return Block(rows=rows, vectors=loaded, until=named.until)

    def _first_due(self, connection: sqlite3.Connection, named: Sequence[Named]) -> int | None:
        """Return the place of the first block that is to be written anew; None: nothing is due.

        The place after the last one stands for what no block holds.
        """
        end = named[-1].until if named else 0
        (late,) = connection.execute(f"SELECT count(*) {_HEADS}", (end,)).fetchone()
        due = [place for place, block in enumerate(named) if self._spent(connection, block)]
        if late > LATE:
            due.append(len(named))
        if not due:
            return None
        first = due[0]
        size = late + sum(block.cases for block in named[first:])
        while first and named[first - 1].cases <= _GROWTH * size:
            first -= 1
            size += named[first].cases
        return first

    def _spent(self, connection: sqlite3.Connection, block: Named) -> bool:
        (gone,) = connection.execute(f"SELECT count(*) {_REPLACED}", block._asdict()).fetchone()
        return block.name in self._lost or gone * GONE > block.cases

    def _write(self, connection: sqlite3.Connection, name: str, after: int) -> int:
        rows = rows_of(
            row for (row,) in connection.execute(f"SELECT row {_HEADS} ORDER BY +id", (after,))
        )
        found = connection.execute(_VECTORS, (after, 4 * self._dim, self._encoder_id))
        try:
            write_block(self._folder / name, self._dim, rows, self._until_stopped(found))
        except DamagedBlockError:
            return 0  # a vector is missing
        return len(rows)

    def _until_stopped(self, found: sqlite3.Cursor) -> Iterator[bytes]:
        for (data,) in found:
            if self._stopping.is_set():
                raise _StoppedError
            yield data

    def _swap(self, named: Sequence[Named], first: int, new: Named) -> None:
        """Name the new block in place of those from `first` on, unless another process did so."""
        try:
            with self._sessions.writer.writing() as connection:
                overtaken = self._named(connection) != named
                if not overtaken:
                    connection.executemany(
                        "DELETE FROM blocks WHERE name = ?",
                        [(block.name,) for block in named[first:]],
                    )
                    connection.execute(
                        "INSERT INTO blocks (name, encoder, after, until, cases)"
                        " SELECT ?, number, ?, ?, ? FROM encoders WHERE encoder_id = ?",
                        (*new, self._encoder_id),
                    )
        except BaseException:
            self._remove(new.name)
            raise
        for block in [new] if overtaken else named[first:]:
            self._remove(block.name)

    def _remove(self, name: str) -> None:
        # Windows removes no file that is mapped: it is tidied up another day.
        with suppress(PermissionError if os.name == "nt" else FileNotFoundError):
            (self._folder / name).unlink()
