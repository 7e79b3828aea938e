"""Fuzzes one target under atheris: `python tests/fuzz/one.py TARGET [libFuzzer options] [corpora]`.

Ends otherwise than 0 where a target raises, takes more than a second of CPU time, or takes 64 MB
beyond what its input and everything before it took.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import atheris
import structlog

MOST_SECONDS: Final = 1.0
MOST_KB: Final = 64 * 1024
_WARM: Final = 50
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
        if runs > _WARM:
            assert seconds < MOST_SECONDS, f"it took {seconds:.1f} s of CPU time"
            assert more < MOST_KB + len(data) // 1024, f"it took {more} KB of memory"

    return run


def main() -> None:
    """Fuzz until libFuzzer has had enough."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    with atheris.instrument_imports(
        include=["eleanor_core", "eleanor_detectors_patterns", "eleanor_evidence_local"]
    ):
        from fuzz.targets import TARGETS
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, watched(TARGETS[name]))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
