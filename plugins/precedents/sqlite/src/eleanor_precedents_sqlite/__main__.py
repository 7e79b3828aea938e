"""`python -m eleanor_precedents_sqlite` prints the written examples as lines of an import."""

from __future__ import annotations

import sys
from importlib.resources import files

if __name__ == "__main__":
    sys.stdout.buffer.write(
        files("eleanor_precedents_sqlite").joinpath("starter.jsonl").read_bytes()
    )
