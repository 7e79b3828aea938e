"""The store as the engine and the command line see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain, islice
from typing import Final, TypeVar

import anyio
import anyio.to_thread
from psycopg.rows import TupleRow

from eleanor_core.api import (
    DriftReport,
    Embedder,
    Embedding,
    PrecedentCase,
    PrecedentDrift,
    PrecedentImport,
    PrecedentMatch,
    PrecedentQuery,
    SecretRef,
    Services,
    precedent_of,
    precedent_retired,
    precedents_of,
)
from eleanor_precedents_pgvector import PgvectorSettings, ledger
from eleanor_precedents_pgvector.faults import WHOSE, RefusedError, StoreError
from eleanor_precedents_pgvector.ledger import Numbered
from eleanor_precedents_pgvector.search import Search, State
from eleanor_precedents_pgvector.server import Connection, Server

T = TypeVar("T")

PATIENCE: Final = 1.0
"""Seconds that a question waits for vectors, before it says what it waits for."""
AT_ONCE: Final = 4096
"""Lines that are read and embedded before they are added; of more, both happens afterwards."""
_BATCH: Final = 256
"""Texts that are embedded, and vectors that are written, at once."""
_PAGE: Final = 500

_ENCODER: Final = "SELECT number FROM encoders WHERE encoder_id = %s"
_KNOW: Final = "INSERT INTO encoders (encoder_id) VALUES (%s) ON CONFLICT DO NOTHING"
_VERSIONS: Final = "SELECT content FROM versions WHERE id = %s ORDER BY version"
_NEWEST: Final = """SELECT heads.id, content FROM heads JOIN versions USING (row)
    WHERE heads.id > %s ORDER BY heads.id LIMIT %s"""
_PAGES: Final = """SELECT id, version, content FROM versions
    WHERE (id, version) > (%s, %s) AND row <= %s ORDER BY id, version LIMIT %s"""


@asynccontextmanager
async def opened(
    settings: PgvectorSettings, services: Services, embedder: Embedder
) -> AsyncIterator[PgvectorStore]:
    """Connect, make what is missing, and yield the store."""
    store = PgvectorStore(settings, services, embedder)
    try:
        await store.start()
        async with anyio.create_task_group() as group:
            group.start_soon(store.serve)
            yield store
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(store.close)


class PgvectorStore:
    """Decided cases on a server. What `add` and `import_lines` took survives a power cut."""

    def __init__(self, settings: PgvectorSettings, services: Services, embedder: Embedder) -> None:
        self._settings = settings
        self._services = services
        self._log = services.log
        self._embedder = embedder
        self._reader = Server(settings, services.log)
        self._writer = Server(settings, services.log)
        self._search = Search(settings, 0, embedder.dim)
        self._lines = {server: anyio.CapacityLimiter(1) for server in (self._reader, self._writer)}
        self._wanted, self._filled = anyio.Event(), anyio.Event()
        self._trouble: Exception | None = None

    async def start(self) -> None:
        """Make the tables where they are missing. Raises StoreError if they cannot be used."""
        await self._ask(self._writer, self._writer.prepare)
        encoder = await self._ask(self._writer, self._known_encoder)
        self._search = Search(self._settings, encoder, self._embedder.dim)
        await self._ask(self._writer, self._search.make_index)

    async def serve(self) -> None:
        """Compute missing vectors when asked to, until cancelled. An error goes to who waits."""
        while True:
            await self._wanted.wait()
            self._wanted = anyio.Event()
            try:
                await self._fill()
                self._trouble = None
            except Exception as error:  # noqa: BLE001 -- a stranger's embedder raises anything
                self._log.error("precedents.upkeep_failed", error=str(error))
                self._trouble = error
            done, self._filled = self._filled, anyio.Event()
            done.set()

    def close(self) -> None:
        """Let go of the server."""
        self._reader.close()
        self._writer.close()

    # -- what every store can do ------------------------------------------------------------------

    async def count(self) -> int:
        """Return how many cases are in force."""
        return (await self._look()).cases

    async def add(self, case: PrecedentCase, /) -> None:
        """Add a case, or a newer version of one. The very version again changes nothing.

        Raises StoreError if it cannot follow what is there, or says less than its authority needs.
        """
        try:
            await self._take([(0, case)])
        except RefusedError as error:
            raise StoreError(f"{WHOSE}: {error}") from error

    async def nearest(self, query: Embedding, k: int, /) -> Sequence[PrecedentMatch]:
        """Return the at most `k` nearest cases in force, most similar first, ties by id.

        Raises ValueError if `query` is of another encoder than the store's. Raises StoreError if
        vectors are missing and cannot be computed soon: a search over some of the cases could miss
        the one that people denied.
        """
        self._check(query)
        return await self._until_complete(partial(self._search.nearest, query=query, k=max(k, 0)))

    # -- what a store that is searched can do ------------------------------------------------------

    async def search(
        self, wanted: PrecedentQuery, query: Embedding, k: int, /
    ) -> Sequence[PrecedentMatch]:
        """Return the at most `k` best cases in force that are wanted. Raises as `nearest` does."""
        self._check(query)
        return await self._until_complete(
            partial(self._search.search, wanted=wanted, query=query, k=max(k, 0))
        )

    # -- what an archive can do -------------------------------------------------------------------

    async def newest(self) -> AsyncIterator[PrecedentCase]:
        """Yield each case in its newest version, by id, those no longer in force too."""
        after = ""
        while page := await self._rows(_NEWEST, after, _PAGE):
            for after, content in page:  # noqa: B007 -- the last one is where the next page begins
                yield precedent_of(str(content))

    async def versions(self, case_id: str, /) -> Sequence[PrecedentCase]:
        """Return every version of a case, oldest first; empty if there is no such case."""
        if "\0" in case_id:
            return []
        return [precedent_of(str(row[0])) for row in await self._rows(_VERSIONS, case_id)]

    async def retire(
        self, case_id: str, /, *, decided_by: str, reason: str, overruled_by: str = ""
    ) -> PrecedentCase:
        """Add a version that is not in force, and return it.

        `overruled_by`: the case that took its place, which must be there. Raises StoreError if
        there is no such case in force, or if `decided_by` or `reason` is missing.
        """
        versions = await self.versions(case_id)
        try:
            retired = precedent_retired(
                case_id, versions, decided_by=decided_by, reason=reason, overruled_by=overruled_by
            )
        except ValueError as error:
            raise StoreError(f"{WHOSE}: {error}") from error
        await self.add(retired)
        return retired

    async def import_lines(self, lines: Iterable[str], /) -> PrecedentImport:
        """Add the versions of all lines, or none; those that are there already are only counted.

        Memory does not grow with the lines. More than `AT_ONCE` are read while they are added, so
        hand over lines that are there: nobody else can write meanwhile. Raises StoreError, naming
        the line, if one holds no version or cannot follow what is there.
        """
        cases = precedents_of(lines)
        try:
            first = await anyio.to_thread.run_sync(list, islice(cases, AT_ONCE + 1))
            if len(first) <= AT_ONCE:
                added = await self._take(first)
                return PrecedentImport(added=added, known=len(first) - added)
            # Over a connection that is lost nothing was added, and the lines do not come again.
            done = await self._ask(
                self._writer, partial(ledger.add_stream, cases=chain(first, cases)), again=False
            )
        except ValueError as error:
            msg = f"{WHOSE}: nothing was imported: {error}; correct the line or remove it"
            raise StoreError(msg) from error
        while (await self._look()).lacking:
            await self._caught_up()
        return done

    async def export_lines(self) -> AsyncIterator[str]:
        """Yield the line of every version that is there now, by id and version."""
        last = (await self._look()).last
        after: Sequence[object] = ("", 0)
        while page := await self._rows(_PAGES, *after, last, _PAGE):
            for *after, content in page:  # noqa: B007 -- as above
                yield str(content)

    async def drift(self) -> PrecedentDrift:
        """Compare what was decided over time, and near-identical cases with each other."""
        await self._complete()
        report = DriftReport([case async for case in self.newest()])
        for name in report.to_compare():
            near = partial(self._search.neighbours, name=name, k=report.near)
            report.note(name, await self._ask(self._reader, near))
        return report.made()

    # -- how --------------------------------------------------------------------------------------

    def _check(self, query: Embedding) -> None:
        own = (self._embedder.encoder_id, self._embedder.dim)
        if (query.encoder_id, query.dim) != own:
            raise ValueError(
                f"the query is of the encoder {query.encoder_id!r} ({query.dim} values), and the "
                f"cases are compared by {own[0]!r} ({own[1]} values)"
            )

    def _known_encoder(self, connection: Connection) -> int:
        connection.execute(_KNOW, (self._embedder.encoder_id,))
        found = connection.execute(_ENCODER, (self._embedder.encoder_id,)).fetchone()
        return int(found[0]) if found else 0

    async def _ask(
        self, server: Server, call: Callable[[Connection], T], *, again: bool = True
    ) -> T:
        """Call in a thread, with the password as it is now: it may have been rotated."""
        reference, secrets = self._settings.password, self._services.secrets
        if reference is not None:
            if secrets is None:
                raise StoreError(f"{WHOSE}: no secrets provider is running for the password")
            server.password = await secrets.resolve(SecretRef.parse(reference))
        return await anyio.to_thread.run_sync(
            partial(server.ask, call, again=again),
            limiter=self._lines[server],
            abandon_on_cancel=server is self._reader,  # a question that is late is not waited for
        )

    async def _rows(self, query: str, *values: object) -> list[TupleRow]:
        def ask(connection: Connection) -> list[TupleRow]:
            return connection.execute(query, values).fetchall()

        return await self._ask(self._reader, ask)

    async def _look(self) -> State:
        return await self._ask(self._reader, self._search.look)

    async def _take(self, cases: Sequence[Numbered]) -> int:
        # Asked first: what is refused or known is not worth embedding.
        new = await self._ask(self._writer, partial(ledger.unknown, cases=cases))
        if not new:
            return 0
        newest = {case.id: case for case in new}
        texts = {name: case.text for name, case in newest.items() if case.in_force}
        vectors = dict(zip(texts, await self._embedder.embed(list(texts.values())), strict=True))
        encoder = self._search.encoder
        return await self._ask(
            self._writer, partial(ledger.add, cases=cases, encoder=encoder, vectors=vectors)
        )

    async def _until_complete(self, call: Callable[[Connection], T | None]) -> T:
        while (found := await self._ask(self._reader, call)) is None:
            await self._complete()
        return found

    async def _complete(self) -> None:
        """Return when every case can be searched. Raises StoreError if that takes too long."""
        state = State()
        with anyio.move_on_after(PATIENCE):
            while (state := await self._look()).lacking:
                await self._caught_up()
            return
        raise StoreError(
            f"{WHOSE}: {state.lacking} vectors of the encoder {self._embedder.encoder_id!r} are "
            "still being computed, and no case may be missed meanwhile; ask again in a while"
        )

    async def _caught_up(self) -> None:
        """Return when a run that fills in vectors has ended. Raises StoreError if it could not."""
        done = self._filled
        self._wanted.set()
        await done.wait()
        if isinstance(self._trouble, StoreError):
            raise self._trouble
        if self._trouble is not None:
            raise StoreError(
                f"{WHOSE}: the embedder did not embed the cases in the store: {self._trouble}"
            ) from self._trouble

    async def _fill(self) -> None:
        encoder_id, filled = self._embedder.encoder_id, 0
        while missing := await self._ask(self._reader, partial(self._search.missing, most=_BATCH)):
            texts = [precedent_of(line).text for _, line in missing]
            embedded = await self._embedder.embed(texts)
            vectors = [(row, vector) for (row, _), vector in zip(missing, embedded, strict=True)]
            await self._ask(
                self._writer,
                partial(ledger.put, encoder=self._search.encoder, vectors=vectors),
            )
            filled += len(vectors)
        if filled:
            self._log.info("precedents.encoded", encoder_id=encoder_id, cases=filled)
