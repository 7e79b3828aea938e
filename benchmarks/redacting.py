"""What redaction costs: its share of a judgement, and how it grows with a text.

`python benchmarks/redacting.py` judges people's texts and what is hard to redact with the installed
default panel while twenty secrets are known, and ends 1 if redaction takes more than a fifth of the
CPU time of any.
"""

from __future__ import annotations

import base64
import functools
import random
import statistics
import string
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, cast

import anyio
import structlog
from corpus import corpus
from validating import dense

from eleanor_core import EleanorEngine, Redaction
from eleanor_core.model import JsonValue
from eleanor_core.settings import Settings

KNOWN: Final = 20
ROUNDS: Final = 5
LIMIT: Final = 0.2
SIZES: Final = (1_000, 8_000, 64_000)
HARD: Final = 95_000
"""Characters of a text that is hard to redact: nearly as many as a text may have."""
AWS: Final = "AKIAIOSFODNN7EXAMPLE"


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


def records() -> Iterator[tuple[str, list[tuple[str, Mapping[str, JsonValue]]]]]:
    """Yield what is judged, text and context, by name: people's texts, then what is hard."""
    yield "the corpus", [(item.text, {"note": item.text[:200]}) for item in corpus()]
    for name, part in shapes(random.Random(9)):
        # Each another one: what an automaton has seen costs it less.
        texts = ["".join(part() for _ in range(HARD))[:HARD] for _ in range(ROUNDS)]
        yield name, [(text, {}) for text in texts]
    context = cast("Mapping[str, JsonValue]", dense(900_000, 12_000)["context"])
    yield "12,000 lists and objects", [("A text.", context)] * ROUNDS
    yield "12,000 lists and objects, one key", [("A text.", {**context, "key": AWS})] * ROUNDS


def shapes(chance: random.Random) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what makes a part of a text, another one each time."""

    def some(length: int, of: str = string.ascii_letters + string.digits) -> str:
        return "".join(chance.choices(of, k=length))

    def few(*of: str) -> str:
        return chance.choice(of)

    upper = string.ascii_uppercase + string.digits
    yield "assigned secrets", lambda: f"{few('password', 'api_key', 'token')}={some(40)}\n"
    yield (
        "settings",
        lambda: f"{few('LOG', 'token')}={few('10', 'localhost', some(12), some(32))}\n",
    )
    yield "near access keys", lambda: f"AKIA{some(chance.choice((14, 15, 17)), upper)} "
    yield (
        "near tokens",
        lambda: f"{few('ghp_', 'sk-', 'xoxb-', 'eyJ')}{some(chance.randrange(18))} ",
    )
    yield "base64", lambda: base64.b64encode(chance.randbytes(57)).decode()
    yield "lines of base64", lambda: base64.b64encode(chance.randbytes(57)).decode() + "\n"
    yield "mail addresses", lambda: f"{some(6)}@{some(5)}.example, "
    yield "hexadecimal words", lambda: chance.randbytes(8).hex() + " "
    yield (
        "URLs",
        lambda: f"https://{some(5)}:{some(8)}@{some(6)}.example/?key={some(10)}&sig={some(20)} ",
    )


async def shares(home: Path) -> list[tuple[str, float, float]]:
    """Return CPU seconds of a judgement and of redaction in it, of each sort of records."""
    clock = Clock()
    for name in ("texts", "value", "known_in"):
        setattr(Redaction, name, clock.wrap(getattr(Redaction, name)))
    rows = []
    async with EleanorEngine(Settings(home=home), redaction=known()) as engine:
        for item in corpus():
            await engine.run(text=item.text)
        for name, judged in records():
            clock.spent, started = 0.0, time.process_time()
            for text, context in judged:
                await engine.run(text=text, context=context)
            spent = time.process_time() - started
            rows.append((name, spent / len(judged), clock.spent / len(judged)))
    return rows


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
    print(f"\n{'':34}{'a judgement':>12}{'redaction':>12}   ms of CPU time")
    with tempfile.TemporaryDirectory() as home:
        rows = anyio.run(shares, Path(home).resolve())
    for name, whole, masking in rows:
        print(f"{name:34}{whole * 1e3:>12.2f}{masking * 1e3:>12.3f}{masking / whole:>8.1%}")
    print(f"the limit is {LIMIT:.0%}")
    return int(any(masking > LIMIT * whole for _, whole, masking in rows))


if __name__ == "__main__":
    raise SystemExit(main())
