"""What is under way while an engine runs: its plugins do not stop before that has ended."""

from __future__ import annotations

import anyio


class Flights:
    """Counts the blocks that are being run in it: `with flights: ...`."""

    def __init__(self) -> None:
        self.count = 0
        self._idle: anyio.Event | None = None

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1
        if self._idle is not None and not self.count:
            self._idle.set()

    async def over(self) -> None:
        """Wait until none is being run."""
        while self.count:
            self._idle = anyio.Event()
            await self._idle.wait()
