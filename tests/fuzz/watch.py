"""Limits on what one run of a target may take."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Final

MOST_SECONDS: Final = 1.0
MOST_KB: Final = 64 * 1024
WARM: Final = 50
"""Runs at the beginning that may take what is taken once: imports, automata, caches."""


def watched(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Return the target with limits on the time and the memory of each run."""
    runs = 0

    def run(data: bytes) -> None:
        nonlocal runs
        runs += 1
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        target(data)
        seconds = time.process_time() - started
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held
        if runs > WARM:
            assert seconds < MOST_SECONDS, f"it took {seconds:.1f} s of CPU time"
            assert more < MOST_KB + len(data) // 1024, f"it took {more} KB of memory"

    return run
