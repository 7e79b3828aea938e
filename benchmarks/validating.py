"""What it costs to read and check an input, fit to be judged or not.

`python benchmarks/validating.py 9` prints the rows as JSON; `run.py` calls it.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

import anyio
from measure import Benchmark, BenchmarkFailed, Row, in_rounds

from eleanor_core.api import InvalidInput, JsonLimits, parse_json
from eleanor_core.model import JsonValue
from eleanor_core.pipeline.validate import validate
from eleanor_core.settings import Settings

LIMITS: Final = Settings().limits
CONTAINERS: Final = 14_000
_WORDS: Final = "A note of some length, with commas: as people write them. "


def small() -> Mapping[str, JsonValue]:
    """Return a request of 1 KB, with a context of two objects and a list."""
    user: JsonValue = {"id": 7, "tags": ["new", "abroad"]}
    context: JsonValue = {"domain": "credit", "impact": "high", "user": user}
    return {"text": (_WORDS * 15)[:860], "context": context, "kind": "answer"}


def flat(size: int) -> Mapping[str, JsonValue]:
    """Return a request whose context holds a hundred long strings."""
    each = size // 100 - 20
    words = _WORDS * (each // len(_WORDS) + 1)
    return {"text": _WORDS, "context": {f"page {n}": words[:each] for n in range(100)}}


def dense(size: int, containers: int) -> Mapping[str, JsonValue]:
    """Return a request of many small objects and lists, of `size` bytes and a little."""
    each = max(0, size * 2 // containers - 82)
    words = (_WORDS * (each // len(_WORDS) + 1))[:each]
    notes: list[JsonValue] = [
        {"id": n, "score": n / 7, "seen": n % 2 == 0, "note": words, "tags": ["a", "b"]}
        for n in range(containers * 98 // 200)
    ]
    groups: list[JsonValue] = [{"notes": notes[n : n + 50]} for n in range(0, len(notes), 50)]
    return {"text": _WORDS, "context": {"groups": groups}}


class Reading:
    """Parses a request, checks it and freezes it, or does one of the two alone."""

    def __init__(self, request: Mapping[str, JsonValue], times: int, part: str) -> None:
        self._request, self._times, self._part = request, times, part
        self._data = json.dumps(request).encode()

    async def __call__(self) -> int:
        text, context = self._request["text"], self._request["context"]
        for _ in range(self._times):
            if self._part == "parse":
                parse_json(self._data, LIMITS.of_request)
            else:
                validate(text, context, "answer", "t", LIMITS)
        return self._times

    def told(self) -> str:
        """Return how large the request is."""
        containers = self._data.count(b"{") + self._data.count(b"[")
        return f"{len(self._data):,} bytes, {containers:,} lists and objects"


def bombs() -> Iterator[tuple[str, bytes]]:
    """Yield texts that would cost a parser much, by name.

    The last ones are the dearest kinds that a search found, as large as a request may be: motifs,
    how often, in what order, with which end, changed for as long as the CPU time grew. They have
    about as many marks outside strings as are allowed, more than that in strings, and what is too
    deep at their end: so every byte is counted twice.
    """
    yield "100,000 lists in one another", b"[" * 100_000 + b"]" * 100_000
    yield "100,000 objects in one another", b'{"a":' * 100_000
    yield "40 levels, 2,400 times", b"[" + (b"[" * 40 + b"]" * 40 + b",") * 2400 + b"1]"
    yield "500 levels behind strings with brackets", b'["]",' * 500 + b"1" + b',"["]' * 500
    yield "333,000 lists", b"[" + b"[]," * 333_000 + b"[]]"
    yield "500,000 numbers", b"[" + b"1," * 499_000 + b"1]"
    yield "333,000 strings", b"[" + b'"",' * 333_000 + b'""]'
    yield "199,000 strings, each a comma and a colon", b"[" + b'",:",' * 199_000 + b"1]"
    yield "199,000 strings, each an escaped quote", b"[" + b'"\\"",' * 199_000 + b"1]"
    yield "99,900 objects of a colon and a comma", b"[" + b'{":":","},' * 99_900 + b"1]"
    yield "an integer of 900,000 digits", b"[" + b"9" * 900_000 + b"]"
    yield (
        "brackets in a string, then 160,000 lists",
        b'["%b",%b1]' % (b"[" * 5 * 10**5, b"[]," * 160_000),
    )
    endings = (
        ("78,000 strings of commas", b'",,,,,,,",' * 78_000),
        ("78,000 strings, each an escaped quote", b'"\\"",' * 78_000),
        ("78,000 strings with a comma", b'"x,xxxxx",' * 78_000),
        ("78,000 strings of escaped quotes", b'"%b",' % (b'\\",[]' * 2) * 78_000),
        ("78,000 strings beyond ASCII", '"a\u00e9\u4e2d\U0001f600",'.encode() * 78_000),
        ("one string", b""),
    )
    for name, strings in endings:
        rest = LIMITS.of_request.bytes - len(strings) - 50
        ending = b'"%b",%b' % (b"," * rest, b"[" * 40)
        yield f"{name}, one of commas, then 40 levels", b"[" + strings + ending


class Refusing:
    """Refuses a bomb."""

    def __init__(self, data: bytes, limits: JsonLimits) -> None:
        self._data, self._limits = data, limits
        self._accepted = False

    async def __call__(self) -> int:
        try:
            parse_json(self._data, self._limits)
        except InvalidInput:
            return 1
        self._accepted = True
        return 1

    def check(self) -> str:
        """Fail if it was accepted."""
        if self._accepted:
            raise BenchmarkFailed("a bomb was accepted")
        return ""


def benchmarks() -> Iterator[Benchmark]:
    """Yield all of them."""
    sizes = (
        ("1 KB", small(), 1000, 0.01),
        ("24 KB", dense(24_000, CONTAINERS * 24 // 1000), 50, 1.0),
        ("1 MB, flat", flat(990_000), 5, 10.0),
        ("1 MB, dense", dense(990_000, CONTAINERS), 2, 30.0),
    )
    for name, request, times, goal in sizes:
        for part, what in (("parse", "JSON parsed and checked"), ("freeze", "values checked")):
            run = Reading(request, times, part)
            yield Benchmark(name=f"{what}, {name}", run=run, goal=goal, note=run.told())
    for name, data in bombs():
        refusing = Refusing(data, LIMITS.of_request)
        yield Benchmark(name=f"refused: {name}", run=refusing, goal=5.0, check=refusing.check)


def main(rounds: int) -> None:
    """Print the rows as JSON."""
    listed = list(benchmarks())
    # The requests are the benchmark's own: the collector need not go through them again and again.
    gc.collect()
    gc.freeze()
    rows: list[Row] = anyio.run(partial(in_rounds, listed, rounds))
    print(json.dumps([row.as_json() for row in rows]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
