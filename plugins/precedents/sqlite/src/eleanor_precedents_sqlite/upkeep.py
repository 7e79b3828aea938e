"""Upkeep in the background: vectors that are missing, then the files that they are searched in."""

from __future__ import annotations

import anyio
from attrs import field, frozen

from eleanor_core.api import Embedder, Log
from eleanor_precedents_sqlite.faults import WHOSE, StoreError
from eleanor_precedents_sqlite.index import Index
from eleanor_precedents_sqlite.ledger import Ledger
from eleanor_precedents_sqlite.reading import Reading
from eleanor_precedents_sqlite.search import Search
from eleanor_precedents_sqlite.threads import Threads

_BATCH = 256
"""Texts that are embedded, and vectors that are written, at once."""


@frozen
class _Round:
    """One run over what is to be done. `errors` holds what stopped it, if anything did."""

    done: anyio.Event = field(factory=anyio.Event)
    errors: list[Exception] = field(factory=list)


class Upkeep:
    """Works when it is asked to, one run at a time. What a run has written stays."""

    def __init__(
        self,
        reading: Reading,
        search: Search,
        index: Index,
        ledger: Ledger,
        threads: Threads,
        *,
        embedder: Embedder,
        log: Log,
    ) -> None:
        self._reading = reading
        self._search = search
        self._index = index
        self._ledger = ledger
        self._threads = threads
        self._embedder = embedder
        self._log = log
        self._asked = anyio.Event()
        self._next = _Round()

    async def run(self) -> None:
        """Do what is asked for, until cancelled. An error goes to who asked."""
        while True:
            await self._asked.wait()
            current, self._asked, self._next = self._next, anyio.Event(), _Round()
            try:
                await self._fill()
                await self._weave()
            except Exception as error:  # noqa: BLE001 -- a stranger's embedder raises anything
                self._log.error("precedents.upkeep_failed", error=str(error))
                current.errors.append(error)
            current.done.set()

    def ask(self) -> None:
        """Start a run, without waiting for it."""
        self._asked.set()

    async def caught_up(self) -> None:
        """Return when a run that starts now has ended. Raises StoreError if it could not."""
        current = self._next
        self.ask()
        await current.done.wait()
        for error in current.errors:
            if isinstance(error, StoreError):
                raise error
            msg = f"{WHOSE}: the embedder did not embed the cases in the store: {error}"
            raise StoreError(msg) from error

    async def _fill(self) -> None:
        missing = await self._threads.read(self._search.missing)
        if not missing:
            return
        encoder_id = self._embedder.encoder_id
        self._log.info("precedents.encoding", encoder_id=encoder_id, cases=len(missing))
        for start in range(0, len(missing), _BATCH):
            rows = missing[start : start + _BATCH]
            cases = await self._threads.read(self._reading.read, rows)
            vectors = await self._embedder.embed([case.text for case in cases])
            pairs = list(zip(rows, vectors, strict=True))
            await self._threads.write(self._ledger.put, pairs)
        self._log.info("precedents.encoded", encoder_id=encoder_id, cases=len(missing))

    async def _weave(self) -> None:
        written = await self._threads.read(self._index.weave)
        if written:
            self._log.info("precedents.block_written", cases=written)
