"""What a backend keeps account of: the memory it holds, its batches, and what went elsewhere."""

from __future__ import annotations

import threading
import weakref
from collections import Counter

from eleanor_core.api.compute import BackendReport


class BackendLedger:
    """Counts for one backend, from any thread. `memory_limit`: bytes it may hold, None: any."""

    def __init__(self, device: str, memory_limit: int | None = None) -> None:
        self._device = device
        self._memory_limit = memory_limit
        self._lock = threading.Lock()
        self._held = 0
        self._batches: Counter[int] = Counter()
        self._fallbacks: dict[str, None] = {}

    def hold(self, owner: object, size: int) -> None:
        """Count `size` bytes until `owner` is gone. Raises MemoryError beyond the limit.

        Call it before the memory is taken.
        """
        with self._lock:
            free = None if self._memory_limit is None else self._memory_limit - self._held
            if free is not None and size > free:
                msg = (
                    f"{size:,} bytes more do not fit: {self._held:,} of memory_limit = "
                    f"{self._memory_limit:,} are held on {self._device}; raise the limit, or load "
                    "the rows as float16 or int8"
                )
                raise MemoryError(msg)
            self._held += size
        weakref.finalize(owner, self._free, size)

    def ran(self, batch: int) -> None:
        """Count a batch of this size."""
        with self._lock:
            self._batches[batch] += 1

    def fell_back(self, what: str) -> bool:
        """Keep in words what ran elsewhere, and why. Returns False if that was said before."""
        with self._lock:
            new = what not in self._fallbacks
            self._fallbacks[what] = None
            return new

    def report(self) -> BackendReport:
        """Return the counts as they are now."""
        with self._lock:
            return BackendReport(
                device=self._device,
                held=self._held,
                memory_limit=self._memory_limit,
                batches=dict(sorted(self._batches.items())),
                fallbacks=tuple(self._fallbacks),
            )

    def _free(self, size: int) -> None:
        with self._lock:
            self._held -= size
