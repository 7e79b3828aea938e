"""The time of one judgement: what each stage took, and what is left until its deadline."""

from __future__ import annotations

import time

from eleanor_core.model import FrozenMap, JsonValue


class Stopwatch:
    """Runs from where it is made. `seconds`: what the judgement may take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._started = self._marked = time.perf_counter_ns()
        self._timings: dict[str, JsonValue] = {}

    def mark(self, stage: str) -> None:
        """Say that a stage is over: it took the time since the one before it."""
        now = time.perf_counter_ns()
        # To the microsecond.
        self._timings[stage] = (now - self._marked) // 1000 / 1000
        self._marked = now

    def left(self) -> float:
        """Return the seconds that are left, 0 where there are none."""
        return max(0.0, self._seconds - (time.perf_counter_ns() - self._started) * 1e-9)

    def within(self, deadline: float) -> float:
        """Return the seconds that a stage may take: its own, or what is left."""
        return min(deadline, self.left())

    def timings(self) -> FrozenMap:
        """Return the milliseconds of each stage so far, and `total`."""
        total = (time.perf_counter_ns() - self._started) // 1000 / 1000
        return FrozenMap.owning({**self._timings, "total": total})
