"""What redaction costs: its share of a judgement, and how it grows with a text.

`python benchmarks/redacting.py` judges the corpus with the installed default panel while twenty
secrets are known, and ends 1 if redaction takes more than a fifth of the CPU time.
"""

from __future__ import annotations

import base64
import functools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import anyio
import structlog
from corpus import corpus

from eleanor_core import EleanorEngine, Redaction
from eleanor_core.settings import Settings

KNOWN: Final = 20
ROUNDS: Final = 5
LIMIT: Final = 0.2
SIZES: Final = (1_000, 8_000, 64_000)


class Clock:
    """CPU time spent in what it wraps, nested calls counted once."""

    def __init__(self) -> None:
        self.spent = 0.0
        self._depth = 0

    def wrap(self, call: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(call)
        def timed(*args: object) -> object:
            self._depth += 1
            started = time.thread_time()
            try:
                result = call(*args)
                # A generator does its work when it is read.
                return tuple(result) if isinstance(result, Iterator) else result
            finally:
                self._depth -= 1
                if not self._depth:
                    self.spent += time.thread_time() - started

        return timed


def known() -> Redaction:
    """Return a redaction that knows some secrets, always the same."""
    chance = random.Random(7)
    redaction = Redaction()
    values = (base64.b64encode(chance.randbytes(30)).decode() for _ in range(KNOWN))
    redaction.learn({str(number): value for number, value in enumerate(values)})
    return redaction


async def share(home: Path) -> tuple[float, float]:
    """Return the CPU seconds of one judgement, and those of redaction in it: medians of rounds."""
    texts = corpus()
    clock = Clock()
    for name in ("texts", "value", "known_in"):
        setattr(Redaction, name, clock.wrap(getattr(Redaction, name)))
    rounds = []
    async with EleanorEngine(Settings(home=home), redaction=known()) as engine:
        for item in texts:
            await engine.run(text=item.text, context={"domain": "general", "note": item.text[:200]})
        for _ in range(ROUNDS):
            clock.spent, started = 0.0, time.process_time()
            for item in texts:
                await engine.run(
                    text=item.text, context={"domain": "general", "note": item.text[:200]}
                )
            rounds.append(((time.process_time() - started) / len(texts), clock.spent / len(texts)))
    return min(rounds)


def growth() -> None:
    """Print the CPU time for texts of growing size: it grows as they do."""
    chance = random.Random(8)
    prose = " ".join(item.text for item in corpus())
    shapes = {
        "prose": prose,
        "one base64 blob": base64.b64encode(chance.randbytes(60_000)).decode(),
        "percent signs": "%41%62%63" * 8_000,
        "one letter": "a" * 64_000,
        "hexadecimal words": " ".join(chance.randbytes(8).hex() for _ in range(4_000)),
    }
    redaction = known()
    print(f"\n{'':22}" + "".join(f"{size:>12,}" for size in SIZES) + "   characters, us")
    for name, text in shapes.items():
        cells = []
        for size in SIZES:
            spent = []
            for _ in range(ROUNDS):
                started = time.thread_time()
                redaction.text(text[:size])
                spent.append(time.thread_time() - started)
            cells.append(statistics.median(spent) * 1e6)
        print(f"{name:22}" + "".join(f"{cell:>12,.0f}" for cell in cells))


def main() -> int:
    """Print both."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    growth()
    with tempfile.TemporaryDirectory() as home:
        whole, masking = anyio.run(share, Path(home).resolve())
    part = masking / whole
    print(
        f"\na judgement takes {whole * 1e3:.2f} ms of CPU time, redaction {masking * 1e3:.3f} ms "
        f"of it: {part:.1%}, the limit is {LIMIT:.0%}"
    )
    return int(part > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
