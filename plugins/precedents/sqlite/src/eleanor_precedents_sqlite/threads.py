"""Where the work on the file is done: in worker threads, never on the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, TypeVarTuple

import anyio
from anyio import to_thread

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_READERS: Final = 4


class Threads:
    """Limits of the store's own, so that other work in threads neither waits for it nor stops it.

    One write at a time; reads beside it, since the file's write-ahead log lets them.
    """

    def __init__(self) -> None:
        self.readers = anyio.CapacityLimiter(_READERS)
        self._writes = anyio.CapacityLimiter(1)

    async def read(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Return what `work` returns. A caller who is cancelled does not wait for it to end."""
        return await to_thread.run_sync(
            work, *arguments, limiter=self.readers, abandon_on_cancel=True
        )

    async def write(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Return what `work` returns. It runs to its end even if the caller is cancelled."""
        return await to_thread.run_sync(work, *arguments, limiter=self._writes)
