"""Makes values and places of bytes, for the targets."""

from __future__ import annotations

import atexit
import math
import shutil
import tempfile
from collections import UserDict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any


def text_of(data: bytes) -> str:
    """Return any bytes as text."""
    return data.decode(errors="replace")


@cache
def folder() -> Path:
    """Return a folder that goes away with the process."""
    made = Path(tempfile.mkdtemp(prefix="eleanor-fuzz-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


class _Text(str):
    __slots__ = ()


class _Whole(int):
    def __index__(self) -> int:
        raise RuntimeError("not to be called")


class _Odd(UserDict[str, Any]):
    def __iter__(self) -> Iterator[str]:
        if len(self.data) == 3:
            raise KeyError("it fails")
        return iter(self.data)


def values(data: bytes) -> Iterator[Any]:
    """Make two values of the bytes: each byte says what comes next."""
    at = iter(data)
    yield value(at, 2) if data[:1] == b"\xff" else _words(at)
    yield value(at, 8)


def _words(at: Iterator[int]) -> str:
    return text_of(bytes(islice(at, next(at, 0) % 24)))


def value(at: Iterator[int], depth: int) -> Any:
    kind = next(at, 0) % 20
    if depth and kind in (0, 1, 2, 3, 4, 5):
        count = next(at, 0) % 6
        if kind < 2:
            return [value(at, depth - 1) for _ in range(count)]
        if kind == 2:
            return tuple(value(at, depth - 1) for _ in range(count))
        key = (lambda: next(at, 0)) if kind == 5 else (lambda: _words(at))
        table = {key(): value(at, depth - 1) for _ in range(count)}
        return _Odd(table) if kind == 4 else table
    scalar: Sequence[Callable[[], Any]] = (
        lambda: _words(at),
        lambda: _Text(_words(at)),
        lambda: next(at, 0),
        lambda: _Whole(next(at, 0)),
        lambda: 2 ** next(at, 0),
        lambda: next(at, 0) / 7,
        lambda: math.nan,
        lambda: -math.inf,
        lambda: chr(0xD800 + next(at, 0)),
        lambda: None,
        lambda: True,
        lambda: _words(at).encode(),
        lambda: iter(()),
        lambda: "é" * next(at, 0),
    )
    return scalar[kind % len(scalar)]()
