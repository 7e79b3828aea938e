"""Fuzzes one target under atheris: `python tests/fuzz/one.py TARGET [libFuzzer options] [corpora]`.

Ends otherwise than 0 where a target raises, takes more than a second of CPU time, or takes 64 MB
beyond what its input and everything before it took.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import atheris
import structlog


def main() -> None:
    """Fuzz until libFuzzer has had enough."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    with atheris.instrument_imports(
        include=["eleanor_core", "eleanor_detectors_patterns", "eleanor_evidence_local"]
    ):
        from fuzz.targets import TARGETS
        from fuzz.watch import watched
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, watched(TARGETS[name]))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
