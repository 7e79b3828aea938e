"""The log on the server, without event loops: one connection, made again when it is lost.

A writer holds the tree's one row for its transaction, so that however many processes write, each
position is given once and none is left out. What was acknowledged is on the server's disk: with
`fsync` switched off no promise could be kept, and the log refuses to open.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Final, NamedTuple, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from eleanor_core.api import (
    EvidenceDiffers,
    EvidenceUnavailable,
    Finding,
    Frontier,
    Log,
    Receipt,
    SealedRecord,
    SecretValue,
    StoredRecord,
    VerifyReport,
    check_payload,
    erased_by,
    erasure_id,
    leaf_hash,
)
from eleanor_evidence_postgres import PostgresSettings
from eleanor_evidence_postgres.erasures import Erasures

T = TypeVar("T")

FORMAT: Final = "eleanor/evidence-postgres/1"
_COLUMNS: Final = sql.SQL("position, record_id, leaf_hash, leaf, payload")
_TREE: Final = "SELECT size, peaks FROM tree"
_TREE_LOCKED: Final = "SELECT size, peaks FROM tree FOR UPDATE"
_ERASE: Final = (
    "UPDATE records SET payload = NULL WHERE record_id = ANY(%s) AND payload IS NOT NULL"
)
_MAKING: Final = 0x656C_6561_6E6F_72
"""Advisory lock under which tables are made: processes that start together do it once."""


class Refusal(NamedTuple):
    """Why a record was not appended."""

    message: str
    cause: Exception | None = None


class Store:
    """One connection to the log. `password`: what the next connection logs in with.

    `untidy`: payloads were erased, and the server still has to clear their place.
    """

    def __init__(self, server: PostgresSettings, log: Log) -> None:
        """Connect when something is asked for first."""
        self.password: SecretValue | None = None
        self.untidy = False
        self._server = server
        self._where = f"{server.database}.{server.schema_name} on {server.host}:{server.port}"
        self._log = log
        self._lock = threading.Lock()
        self._prepared = False
        self._open: psycopg.Connection[TupleRow] | None = None

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._drop()

    def prepare(self) -> None:
        """Make the tables where they are missing, and see that the server keeps its word.

        Where it cannot be reached that is told, and done before the first thing that is asked.
        """
        try:
            self._do(lambda _connection: None)
        except EvidenceUnavailable as error:
            if not isinstance(error.__cause__, psycopg.OperationalError):
                raise
            self._log.warning("evidence log cannot be reached yet", reason=str(error))

    def replicate(self, records: Sequence[StoredRecord]) -> None:
        """Append another log's records in one transaction, each to its own position.

        Raises EvidenceDiffers, and appends none, where that is not where they come to stand.
        """
        self._do(lambda connection: self._append(connection, records, at=records[0].index))

    def commit(self, batch: Sequence[SealedRecord]) -> list[Receipt | Refusal]:
        """Append what is new in `batch` in one transaction; never raises. An outcome for each.

        A transaction whose answer was lost is tried once more: what it wrote is found by its id.
        """
        try:
            return self._do(lambda connection: self._append(connection, batch))
        except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait must hear of it
            self._log.error("evidence not recorded", log=self._where, reason=str(error))
            return [Refusal(str(error), error)] * len(batch)

    def vacuum(self) -> None:
        """Have the server clear what was erased from the table; a failure is only logged.

        It waits for nobody and nobody for it, and takes as long as the table is large.
        """

        def clear(connection: psycopg.Connection[TupleRow]) -> None:
            connection.execute("SET statement_timeout = 0")
            connection.execute("VACUUM records")

        try:
            self._do(clear)
        except EvidenceUnavailable as error:
            self._log.warning("evidence log not vacuumed", log=self._where, reason=str(error))

    def count(self) -> int:
        """Return the number of records."""
        return self._do(lambda connection: _tree(connection).size)

    def get(self, record_id: str) -> StoredRecord | None:
        """Return a record, None if there is none."""
        query = sql.SQL("SELECT {} FROM records WHERE record_id = %s").format(_COLUMNS)
        found = self._do(lambda connection: connection.execute(query, (record_id,)).fetchone())
        return _stored(found) if found else None

    def chunk(self, start: int, size: int) -> list[StoredRecord]:
        """Return at most `size` records from position `start` on."""
        query = sql.SQL(
            "SELECT {} FROM records WHERE position >= %s ORDER BY position LIMIT %s"
        ).format(_COLUMNS)
        found = self._do(lambda connection: connection.execute(query, (start, size)).fetchall())
        return [_stored(row) for row in found]

    def verify(self) -> VerifyReport:
        """Check everything that is stored, in one snapshot of it."""
        return self._do(self._verify)

    # -- the connection ---------------------------------------------------------------------------

    def _do(self, call: Callable[[psycopg.Connection[TupleRow]], T]) -> T:
        """Call with the connection; once more with a new one if it was lost on the way."""
        with self._lock:
            try:
                try:
                    return call(self._connection())
                except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                    if self._open is None or not self._open.broken:
                        raise
                    self._log.warning("evidence log lost its connection", reason=_words(error))
                    self._drop()
                    return call(self._connection())
            except psycopg.Error as error:
                self._drop()
                raise EvidenceUnavailable(
                    f"the evidence log {self._where} did not answer as it should: {_words(error)}. "
                    "It goes on by itself once that is put right"
                ) from error

    def _connection(self) -> psycopg.Connection[TupleRow]:
        if self._open is None or self._open.closed:
            server = self._server
            milliseconds = round(server.timeout * 1000)
            connection = psycopg.connect(
                host=server.host,
                port=server.port,
                dbname=server.database,
                user=server.user,
                password=self.password.reveal() if self.password else None,
                sslmode=server.sslmode,
                connect_timeout=max(2, round(server.timeout)),
                tcp_user_timeout=milliseconds,
                application_name="eleanor",
                autocommit=True,  # a question leaves no transaction open behind it
                options=f"-c search_path={server.schema_name} -c synchronous_commit=on "
                f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
            )
            try:
                if not self._prepared:
                    self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._open, self._prepared = connection, True
        return self._open

    def _drop(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    # -- what is asked ----------------------------------------------------------------------------

    def _prepare(self, connection: psycopg.Connection[TupleRow]) -> None:
        (fsync,) = connection.execute("SHOW fsync").fetchone() or ("unknown",)
        if fsync != "on":
            raise EvidenceUnavailable(
                f"the server of {self._where} has fsync = {fsync}: a power cut would lose what it "
                "acknowledged. Switch it on in postgresql.conf"
            )
        made = files("eleanor_evidence_postgres").joinpath("schema.sql").read_bytes()
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
            there = "SELECT to_regclass('records'), to_regclass('tree')"
            if None in (connection.execute(there).fetchone() or (None,)):
                schema = sql.Identifier(self._server.schema_name)
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
                connection.execute(made)
                connection.execute(
                    "INSERT INTO tree (format, size, peaks) VALUES (%s, 0, '')", (FORMAT,)
                )
            _tree(connection)
            (form,) = connection.execute("SELECT format FROM tree").fetchone() or ("none",)
        if form != FORMAT:
            raise EvidenceUnavailable(
                f"the evidence log {self._where} has the format {form}, this plugin writes "
                f"{FORMAT}: use the version that made it, or another schema_name"
            )

    def _append(
        self,
        connection: psycopg.Connection[TupleRow],
        batch: Sequence[SealedRecord | StoredRecord],
        at: int | None = None,
    ) -> list[Receipt | Refusal]:
        with connection.transaction():
            tree = _tree(connection, lock=True)
            erased = {target: record for record in batch if (target := erased_by(record.leaf))}
            places = _places(connection, batch)
            new: list[tuple[int, SealedRecord | StoredRecord]] = []
            for number, record in enumerate(batch):
                if at is not None:
                    _check_place(record, at + number, places, tree.size)
                if record.record_id not in places:
                    places[record.record_id] = (tree.size, record.leaf_hash)
                    new.append((tree.size, record))
                    tree.append(bytes.fromhex(record.leaf_hash))
            if new:
                with connection.cursor().copy(
                    sql.SQL("COPY records ({}) FROM STDIN (FORMAT BINARY)").format(_COLUMNS)
                ) as copy:
                    copy.set_types(["int8", "text", "bytea", "bytea", "bytea"])
                    for position, record in new:
                        digest = bytes.fromhex(record.leaf_hash)
                        gone = record.record_id in erased or erasure_id(record.record_id) in places
                        payload = None if gone else record.payload
                        copy.write_row((position, record.record_id, digest, record.leaf, payload))
                connection.execute(
                    "UPDATE tree SET size = %s, peaks = %s", (tree.size, b"".join(tree.peaks))
                )
            if erased and connection.execute(_ERASE, ([*erased],)).rowcount:
                self.untidy = True
        return [_outcome(record, *places[record.record_id]) for record in batch]

    def _verify(self, connection: psycopg.Connection[TupleRow]) -> VerifyReport:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute("SET LOCAL statement_timeout = 0")
            stated = _tree(connection)
            computed = Frontier()
            findings: list[Finding] = []
            erasures, erased = Erasures(connection), 0
            with connection.cursor("verify") as rows:
                rows.itersize = 1000
                rows.execute(sql.SQL("SELECT {} FROM records ORDER BY position").format(_COLUMNS))
                for row in rows:
                    record = _stored(row)
                    findings += (*_problems(record, computed.size), *erasures.take(record))
                    erased += record.payload is None
                    computed.append(bytes.fromhex(leaf_hash(record.leaf)))
            findings += erasures.rest()
        if (stated.size, stated.peaks) != (computed.size, computed.peaks):
            findings.append(
                Finding(
                    where="tree",
                    what=f"it states {stated.size} records with root {stated.root().hex()}, the "
                    f"records are {computed.size} with root {computed.root().hex()}",
                )
            )
        return VerifyReport(
            records=computed.size,
            root=computed.root().hex(),
            findings=tuple(findings),
            notes=(f"the payloads of {erased} records have been erased",) if erased else (),
        )


def _tree(connection: psycopg.Connection[TupleRow], *, lock: bool = False) -> Frontier:
    row = connection.execute(_TREE_LOCKED if lock else _TREE).fetchone()
    if row is None:
        raise EvidenceUnavailable("the evidence log's table `tree` is empty: somebody changed it")
    size, peaks = row
    try:
        return Frontier(size, [peaks[place : place + 32] for place in range(0, len(peaks), 32)])
    except ValueError as error:
        raise EvidenceUnavailable(f"the evidence log's table `tree` is damaged: {error}") from error


def _places(
    connection: psycopg.Connection[TupleRow], batch: Iterable[SealedRecord | StoredRecord]
) -> dict[str, tuple[int, str]]:
    """Return position and leaf hash of those records, and erasures, that are in the log already."""
    query = "SELECT record_id, position, leaf_hash FROM records WHERE record_id = ANY(%s)"
    ids = [record.record_id for record in batch]
    found = connection.execute(query, ([*ids, *map(erasure_id, ids)],))
    return {record_id: (position, digest.hex()) for record_id, position, digest in found}


def _check_place(
    record: SealedRecord | StoredRecord, at: int, places: Mapping[str, tuple[int, str]], end: int
) -> None:
    """Raise EvidenceDiffers unless a record stands at a position, or will."""
    there, digest = places.get(record.record_id, (end, record.leaf_hash))
    if (there, digest) == (at, record.leaf_hash):
        return
    held = f"holds it at {there} with leaf {digest}" if there != end else f"ends before {there}"
    raise EvidenceDiffers(
        f"record {record.record_id} with leaf {record.leaf_hash} belongs at {at}, and this log "
        f"{held}: it is not the log of the same records. Nothing was written"
    )


def _outcome(record: SealedRecord | StoredRecord, position: int, digest: str) -> Receipt | Refusal:
    if digest != record.leaf_hash:
        return Refusal(
            f"record {record.record_id} is in the log at position {position} with another leaf "
            f"({digest}); a record never changes: append a new one"
        )
    return Receipt(index=position, record_id=record.record_id, leaf_hash=digest)


def _stored(row: TupleRow) -> StoredRecord:
    position, record_id, digest, leaf, payload = row
    return StoredRecord(
        index=position, record_id=record_id, leaf_hash=digest.hex(), leaf=leaf, payload=payload
    )


def _problems(record: StoredRecord, expected: int) -> Iterator[Finding]:
    where = f"record {record.index}"
    if record.index != expected:
        yield Finding(where=where, what=f"it stands where record {expected} should")
    if leaf_hash(record.leaf) != record.leaf_hash:
        yield Finding(where=where, what="its leaf does not match its hash")
    if _id_in(record.leaf) != record.record_id:
        yield Finding(where=where, what=f"its leaf is not that of record {record.record_id}")
    if record.payload is not None:
        for problem in check_payload(record.leaf, record.payload):
            yield Finding(where=f"{where}, payload", what=problem)


def _id_in(leaf: bytes) -> str:
    try:
        return str(json.loads(leaf)["record_id"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""


def _words(error: Exception) -> str:
    """Return the first line of what the driver says; the rest repeats the statement."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
