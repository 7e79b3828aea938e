"""The store as the engine and the command line see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import chain, islice
from typing import Final

import anyio

from eleanor_core.api import (
    Backend,
    Batcher,
    DriftReport,
    Embedder,
    Embedding,
    Log,
    PrecedentCase,
    PrecedentDrift,
    PrecedentImport,
    PrecedentMatch,
    PrecedentQuery,
    Storage,
    precedent_retired,
    precedents_of,
)
from eleanor_precedents_sqlite import index
from eleanor_precedents_sqlite.blocks import Head, Snapshot
from eleanor_precedents_sqlite.faults import WHOSE, RefusedError, StoreError
from eleanor_precedents_sqlite.index import Index
from eleanor_precedents_sqlite.ledger import Ledger, Numbered
from eleanor_precedents_sqlite.reading import Reading
from eleanor_precedents_sqlite.search import Search
from eleanor_precedents_sqlite.session import Sessions
from eleanor_precedents_sqlite.threads import Threads
from eleanor_precedents_sqlite.upkeep import Upkeep

PATIENCE: Final = 1.0
"""Seconds that a question waits for vectors, before it says what it waits for."""
_FRESH: Final = 0.1
"""Seconds for which a count is believed before the file is looked at again."""
_CHUNK: Final = 64
"""Cases that are compared with all others at once."""
AT_ONCE: Final = 4096
"""Lines that are read and embedded before they are added; of more, both happens afterwards."""


class SqliteStore:
    """Decided cases in one file. What `add` and `import_lines` took survives a power cut."""

    def __init__(
        self,
        sessions: Sessions,
        threads: Threads,
        *,
        backend: Backend,
        embedder: Embedder,
        storage: Storage,
        log: Log,
    ) -> None:
        self._embedder = embedder
        self._threads = threads
        self._ledger = Ledger(sessions.writer)
        self._reading = Reading(sessions.reader)
        self._index = Index(sessions, backend=backend, embedder=embedder, storage=storage, log=log)
        self._search = Search(
            sessions.reader, self._index, self._reading, backend=backend, embedder=embedder
        )
        self._upkeep = Upkeep(
            self._reading,
            self._search,
            self._index,
            self._ledger,
            threads,
            embedder=embedder,
            log=log,
        )
        # Questions that come at once are answered in one pass over the vectors.
        self.questions = Batcher(self._search.nearest, limiter=threads.readers)
        self._looked = -_FRESH

    async def load(self) -> None:
        """Load what is searched, so that the first question need not."""
        await self._threads.read(self._index.tidy)
        await self._look()

    async def serve(self) -> None:
        """Compute missing vectors and write blocks in the background, until cancelled."""
        try:
            await self._upkeep.run()
        finally:
            self._index.stop()

    # -- what every store can do ------------------------------------------------------------------

    async def count(self) -> int:
        """Return how many cases are in force, as of a tenth of a second ago at most."""
        if anyio.current_time() - self._looked >= _FRESH:
            await self._look()
        return self._search.snapshot.cases

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
        while (found := await self.questions.ask((query, k))) is None:
            await self._complete()
        self._keep_up()
        return found

    # -- what a store that is searched can do ------------------------------------------------------

    async def search(
        self, wanted: PrecedentQuery, query: Embedding, k: int, /
    ) -> Sequence[PrecedentMatch]:
        """Return the at most `k` best cases in force that are wanted. Raises as `nearest` does."""
        while (found := await self._threads.read(self._search.search, wanted, query, k)) is None:
            await self._complete()
        return found

    # -- what an archive can do -------------------------------------------------------------------

    async def newest(self) -> AsyncIterator[PrecedentCase]:
        """Yield each case in its newest version, by id, those no longer in force too."""
        page = await self._threads.read(self._reading.newest_page, "")
        while page:
            for case in page:
                yield case
            page = await self._threads.read(self._reading.newest_page, page[-1].id)

    async def versions(self, case_id: str, /) -> Sequence[PrecedentCase]:
        """Return every version of a case, oldest first; empty if there is no such case."""
        return await self._threads.read(self._reading.versions, case_id)

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
        hand over lines that are there: no other process can write to the file meanwhile. Raises
        StoreError, naming the line, if one holds no version or cannot follow what is there.
        """
        cases = precedents_of(lines)
        try:
            first = await self._threads.read(list, islice(cases, AT_ONCE + 1))
            if len(first) <= AT_ONCE:
                added = await self._take(first)
                return PrecedentImport(added=added, known=len(first) - added)
            done = await self._threads.write(self._ledger.add_stream, chain(first, cases))
        except ValueError as error:
            msg = f"{WHOSE}: nothing was imported: {error}; correct the line or remove it"
            raise StoreError(msg) from error
        await self._upkeep.caught_up()
        await self._look()
        return done

    async def export_lines(self) -> AsyncIterator[str]:
        """Yield the line of every version that is there now, by id and version."""
        until = await self._threads.read(self._reading.last_row)
        page = await self._threads.read(self._reading.page, ("", 0), until)
        while page:
            for *_, line in page:
                yield line
            page = await self._threads.read(self._reading.page, page[-1][:2], until)

    async def drift(self) -> PrecedentDrift:
        """Compare what was decided over time, and near-identical cases with each other."""
        await self._complete()
        report = DriftReport([case async for case in self.newest()])
        rows = {head.id: head.row for head in await self._threads.read(self._reading.heads)}
        ids = {row: name for name, row in rows.items()}
        compared = report.to_compare()
        for start in range(0, len(compared), _CHUNK):
            chunk = compared[start : start + _CHUNK]
            heads = [Head(name, rows[name]) for name in chunk]
            found = await self._threads.read(self._search.neighbours, heads, report.near)
            for name, near in zip(chunk, found, strict=True):
                report.note(
                    name, ((ids[row], similarity) for similarity, row in near if row in ids)
                )
        return report.made()

    async def add_examples(self, lines: Iterable[str]) -> None:
        """Add written examples that are new here, but none that somebody retired."""
        new = []
        for number, case in precedents_of(lines):
            versions = await self.versions(case.id)
            newest = versions[-1] if versions else None
            if newest is None or (newest.in_force and newest.version < case.version):
                new.append((number, case))
        await self._take(new)

    # -- how --------------------------------------------------------------------------------------

    async def _look(self) -> Snapshot:
        snapshot = await self._threads.read(self._search.refresh)
        self._looked = anyio.current_time()
        self._keep_up()
        return snapshot

    def _keep_up(self) -> None:
        snapshot = self._search.snapshot
        spent = any(len(block.gone) * index.GONE > len(block.rows) for block in snapshot.blocks)
        if snapshot.lacking or spent or len(snapshot.late or ()) > index.LATE:
            self._upkeep.ask()

    async def _take(self, cases: Sequence[Numbered]) -> int:
        # Asked first: what is refused or known is not worth embedding.
        new = await self._threads.write(self._ledger.unknown, cases)
        if not new:
            return 0
        newest = {case.id: case for case in new}
        texts = {name: case.text for name, case in newest.items() if case.in_force}
        vectors = await self._embedder.embed(list(texts.values()))
        added = await self._threads.write(
            self._ledger.add, cases, dict(zip(texts, vectors, strict=True))
        )
        await self._look()
        return added

    async def _complete(self) -> None:
        """Return when every case can be searched. Raises StoreError if that takes too long."""
        with anyio.move_on_after(PATIENCE):
            while (await self._look()).lacking:
                await self._upkeep.caught_up()
            return
        lacking = self._search.snapshot.lacking
        msg = (
            f"{WHOSE}: {lacking} vectors of the encoder {self._embedder.encoder_id!r} are still "
            "being computed or written, and no case may be missed meanwhile; ask again in a while"
        )
        raise StoreError(msg)
