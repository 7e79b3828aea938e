"""The store as the engine and the command line see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import anyio
from attrs import evolve

from eleanor_core.api import (
    Backend,
    Embedder,
    Embedding,
    Log,
    PrecedentCase,
    PrecedentDrift,
    PrecedentImport,
    PrecedentMatch,
)
from eleanor_precedents_sqlite.blocks import Snapshot
from eleanor_precedents_sqlite.drift import Pairs, decided, drift_of
from eleanor_precedents_sqlite.encoding import Encoder
from eleanor_precedents_sqlite.faults import WHOSE, RefusedError, StoreError
from eleanor_precedents_sqlite.ledger import Ledger
from eleanor_precedents_sqlite.lines import read_lines
from eleanor_precedents_sqlite.search import Search
from eleanor_precedents_sqlite.session import Session
from eleanor_precedents_sqlite.threads import Threads

PATIENCE: Final = 1.0
"""Seconds that a question waits for vectors, before it says what it waits for."""
_FRESH: Final = 0.1
"""Seconds for which a count is believed before the file is looked at again."""
_CHUNK: Final = 32
"""Cases that are compared with all others at once."""


class SqliteStore:
    """Decided cases in one file. What `add` and `import_lines` took survives a power cut."""

    def __init__(
        self,
        writer: Session,
        reader: Session,
        threads: Threads,
        *,
        backend: Backend,
        embedder: Embedder,
        log: Log,
    ) -> None:
        self._embedder = embedder
        self._threads = threads
        self._ledger = Ledger(writer)
        self._search = Search(reader, backend=backend, embedder=embedder)
        self._encoder = Encoder(
            self._search, self._ledger, self._threads, embedder=embedder, log=log
        )
        self._looked = -_FRESH

    async def load(self) -> None:
        """Load what is searched, so that the first question need not."""
        if (await self._look()).missing:
            self._encoder.ask()

    async def serve(self) -> None:
        """Compute missing vectors in the background, until cancelled."""
        await self._encoder.run()

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
            await self._take([case])
        except RefusedError as error:
            raise StoreError(f"{WHOSE}: {error}") from error

    async def nearest(self, query: Embedding, k: int, /) -> Sequence[PrecedentMatch]:
        """Return the at most `k` nearest cases in force, most similar first, ties by id.

        Raises ValueError if `query` is of another encoder than the store's. Raises StoreError if
        vectors are missing and cannot be computed soon: a search over some of the cases could miss
        the one that people denied.
        """
        while True:
            found = await self._threads.read(self._search.nearest, query, k)
            if found is not None:
                return found
            await self._complete()

    # -- what an archive can do -------------------------------------------------------------------

    async def newest(self) -> AsyncIterator[PrecedentCase]:
        """Yield each case in its newest version, by id, those no longer in force too."""
        page = await self._threads.read(self._search.newest_page, "")
        while page:
            for case in page:
                yield case
            page = await self._threads.read(self._search.newest_page, page[-1].id)

    async def versions(self, case_id: str, /) -> Sequence[PrecedentCase]:
        """Return every version of a case, oldest first; empty if there is no such case."""
        return await self._threads.read(self._search.versions, case_id)

    async def retire(
        self, case_id: str, /, *, decided_by: str, reason: str, overruled_by: str = ""
    ) -> PrecedentCase:
        """Add a version that is not in force, and return it.

        `overruled_by`: the case that took its place, which must be there. Raises StoreError if
        there is no such case in force, or if `decided_by` or `reason` is missing.
        """
        versions = await self.versions(case_id)
        if not versions or not versions[-1].in_force:
            what = "is not in force" if versions else "does not exist"
            raise StoreError(f"{WHOSE}: precedent {case_id!r} {what}, so it cannot be retired")
        retired = evolve(
            versions[-1],
            version=versions[-1].version + 1,
            reason=reason,
            decided_by=decided_by,
            decided_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            in_force=False,
            overruled_by=overruled_by,
        )
        await self.add(retired)
        return retired

    async def import_lines(self, lines: Iterable[str], /) -> PrecedentImport:
        """Add the versions of all lines, or none; those that are there already are only counted.

        Raises StoreError, naming the line, if one holds no version or cannot follow what is there.
        """
        numbers: list[int] = []
        try:
            numbers, cases = await self._threads.read(read_lines, lines)
            added = await self._take(cases)
        except RefusedError as error:
            line = f"line {numbers[error.place]}: " if numbers else ""
            msg = f"{WHOSE}: nothing was imported: {line}{error}; correct the line or remove it"
            raise StoreError(msg) from error
        return PrecedentImport(added=added, known=len(cases) - added)

    async def export_lines(self) -> AsyncIterator[str]:
        """Yield the line of every version that is there now, by id and version."""
        until = await self._threads.read(self._search.last_row)
        page = await self._threads.read(self._search.page, ("", 0), until)
        while page:
            for *_, line in page:
                yield line
            page = await self._threads.read(self._search.page, page[-1][:2], until)

    async def drift(self) -> PrecedentDrift:
        """Compare what was decided over time, and near-identical cases with each other."""
        await self._complete()
        cases = {case.id: case async for case in self.newest() if decided(case)}
        pairs = Pairs(cases)
        heads = pairs.to_compare(self._search.snapshot.heads)
        for start in range(0, len(heads), _CHUNK):
            chunk = heads[start : start + _CHUNK]
            near = await self._threads.read(self._search.neighbours, chunk, pairs.k)
            pairs.note(chunk, near)
        return drift_of(list(cases.values()), pairs)

    async def add_examples(self, lines: Iterable[str]) -> None:
        """Add written examples that are new here, but none that somebody retired."""
        _, cases = read_lines(lines)
        new = []
        for case in cases:
            versions = await self.versions(case.id)
            newest = versions[-1] if versions else None
            if newest is None or (newest.in_force and newest.version < case.version):
                new.append(case)
        await self._take(new)

    # -- how --------------------------------------------------------------------------------------

    async def _look(self) -> Snapshot:
        snapshot = await self._threads.read(self._search.refresh)
        self._looked = anyio.current_time()
        return snapshot

    async def _take(self, cases: Sequence[PrecedentCase]) -> int:
        # Asked first: what is refused or known is not worth embedding.
        new = await self._threads.write(self._ledger.unknown, cases)
        if not new:
            return 0
        newest = {cases[place].id: cases[place] for place in new}
        texts = {case.id: case.text for case in newest.values() if case.in_force}
        vectors = await self._embedder.embed(list(texts.values()))
        added = await self._threads.write(
            self._ledger.add, cases, dict(zip(texts, vectors, strict=True))
        )
        await self._look()
        return added

    async def _complete(self) -> None:
        """Return when no vector is missing. Raises StoreError if that takes too long."""
        with anyio.move_on_after(PATIENCE):
            while (await self._look()).missing:
                await self._encoder.caught_up()
            return
        missing = len(self._search.snapshot.missing)
        msg = (
            f"{WHOSE}: {missing} vectors of the encoder {self._embedder.encoder_id!r} are still "
            "being computed, and no case may be missed meanwhile; ask again in a while"
        )
        raise StoreError(msg)
