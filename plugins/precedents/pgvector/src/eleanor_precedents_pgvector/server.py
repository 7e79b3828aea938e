"""One connection to the server, made again when it is lost. All of this runs in a worker thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Final, TypeAlias, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.rows import TupleRow

from eleanor_core.api import Log, SecretValue
from eleanor_precedents_pgvector import PgvectorSettings
from eleanor_precedents_pgvector.faults import WHOSE, StoreError

T = TypeVar("T")
Connection: TypeAlias = psycopg.Connection[TupleRow]

FORMAT: Final = "eleanor/precedents-pgvector/1"
ITERATIVE: Final = (0, 8)
"""The first version of pgvector that goes on searching its graph where a filter leaves too few."""
_MAKING: Final = 0x656C_7072_6563
"""Advisory lock under which tables are made: processes that start together do it once."""
_INSTALLED: Final = """SELECT nspname, extversion FROM pg_extension
    JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'vector'"""


class Server:
    """Answers one call at a time. `password`: what the next connection logs in with."""

    def __init__(self, settings: PgvectorSettings, log: Log) -> None:
        self.password: SecretValue | None = None
        self._settings = settings
        self._log = log
        self._where = (
            f"{settings.database}.{settings.schema_name} on {settings.host}:{settings.port}"
        )
        self._lock = threading.Lock()
        self._open: Connection | None = None

    def ask(self, call: Callable[[Connection], T], *, again: bool = True) -> T:
        """Call with the connection; once more over a new one if it was lost and `again` is true.

        Raises StoreError with what the server says.
        """
        with self._lock:
            try:
                try:
                    return call(self._connection())
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    if not again or self._open is None or not self._open.broken:
                        raise
                    self._log.warning("precedents lost their connection", reason=_words(error))
                    self._drop()
                    return call(self._connection())
            except psycopg.Error as error:
                self._drop()
                raise StoreError(
                    f"{WHOSE}: {self._where} did not answer as it should: {_words(error)}; "
                    f"{_remedy(error)}"
                ) from error

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._drop()

    def prepare(self, connection: Connection) -> None:
        """Make the extension and the tables where they are missing. Raises StoreError."""
        made = files("eleanor_precedents_pgvector").joinpath("schema.sql").read_bytes()
        schema = sql.Identifier(self._settings.schema_name)
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            self._extend(connection)
            there = f"{self._settings.schema_name}.format"
            if connection.execute("SELECT to_regclass(%s)", (there,)).fetchone() == (None,):
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
                connection.execute(made)
            (form,) = connection.execute("SELECT name FROM format").fetchone() or ("none",)
        if form != FORMAT:
            raise StoreError(
                f"{WHOSE}: {self._where} has the format {form}, and this plugin writes {FORMAT}: "
                "use the version that made it, or another schema_name"
            )

    def _extend(self, connection: Connection) -> None:
        try:
            with connection.transaction():
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except psycopg.Error as error:
            raise StoreError(
                f"{WHOSE}: {self._where} cannot have pgvector ({_words(error)}). Install it on the "
                "server, and let an administrator run CREATE EXTENSION vector in the database"
            ) from error
        space, version = connection.execute(_INSTALLED).fetchone() or ("public", "0")
        number = tuple(int(part) for part in version.split(".")[:2])
        if self._settings.index == "hnsw" and number < ITERATIVE:
            raise StoreError(
                f"{WHOSE}: {self._where} has pgvector {version}, and index: hnsw needs 0.8 or "
                "newer: install that, or choose index: none"
            )
        self._set_path(connection, space)

    def _set_path(self, connection: Connection, space: str) -> None:
        """Find our tables first, then the extension, wherever the administrator has put it."""
        path = sql.SQL(", ").join(map(sql.Identifier, (self._settings.schema_name, space)))
        connection.execute(sql.SQL("SET search_path TO {}").format(path))

    def _connection(self) -> Connection:
        if self._open is None or self._open.closed:
            settings = self._settings
            milliseconds = round(settings.timeout * 1000)
            connection = psycopg.connect(
                host=settings.host,
                port=settings.port,
                dbname=settings.database,
                user=settings.user,
                password=self.password.reveal() if self.password else None,
                sslmode=settings.sslmode,
                connect_timeout=max(2, round(settings.timeout)),
                tcp_user_timeout=milliseconds,
                application_name="eleanor",
                autocommit=True,  # a question leaves no transaction open behind it
                options=f"-c synchronous_commit=on -c statement_timeout={milliseconds} "
                f"-c lock_timeout={milliseconds}",
            )
            try:
                found = connection.execute(_INSTALLED).fetchone()
                self._set_path(connection, found[0] if found else "public")
            except BaseException:
                connection.close()
                raise
            self._open = connection
        return self._open

    def _drop(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


@contextmanager
def one_state(connection: Connection) -> Iterator[None]:
    """Have all statements of the block see one state of the tables."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


@contextmanager
def writing(connection: Connection) -> Iterator[None]:
    """Commit what the block does, or nothing of it. One writes at a time; all may read meanwhile.

    So the rows of `versions` are committed in their order, and a larger last row means news.
    """
    with connection.transaction():
        connection.execute("LOCK TABLE heads IN SHARE ROW EXCLUSIVE MODE")
        yield


def _remedy(error: psycopg.Error) -> str:
    if isinstance(error, (errors.LockNotAvailable, errors.QueryCanceled)):
        return "another process is writing, or it takes long: try again, or raise the timeout"
    if isinstance(error, errors.InsufficientPrivilege):
        return "grant the role what the plugin's README lists"
    if isinstance(error, psycopg.OperationalError):
        return "see that the server runs and lets this role in, and try again"
    return "see the server's log"


def _words(error: Exception) -> str:
    """Return the first line of what the driver says; the rest repeats the statement."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
