"""What is told of a JSON text by its bytes alone, before anything is parsed.

How deep brackets stand in one another outside strings, up to a fixed depth, is a regular language;
so is how many commas and brackets there are, up to a fixed number. RE2 reads such a language byte
by byte, from state to state of an automaton: a comma, a bracket or a quote in a string costs what
any other byte costs, so no text is dearer to count than another of its size.

Where a text is not JSON, what is told of it holds up to the place where parsing would end.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final, Protocol, cast

import re2

_BLOCK: Final = 1 << 16
"""Bytes that are looked at together for what might pass a limit. One block is often enough."""
_AT_ONCE: Final = (512, 32, 1)
"""Marks that one match counts: more take states that leave the processor's cache, fewer more
matches. The last few are counted with fewer."""
_MEM: Final = 1 << 24
"""Bytes that an automaton may take. That of 512 marks takes one megabyte, and no text more."""

_STRING: Final = rb'"(?:[^"\\]|\\.)*"'
_UP_TO_MARK: Final = rb'(?:[^",\[\]{}]|%b)*[,\[\]{}]' % _STRING

# Strings and containers may be left open by the end of the text. What is closed that was not opened
# is no matter of depth.
_CUT_STRING: Final = rb'"(?:[^"\\]|\\.)*(?:"|\\?\z)'
_CONTAINER: Final = rb"|[\[{]%b(?:[\]}]|\z)"
_CONTENT: Final = rb'(?:[^"\[\]{}]|' + _CUT_STRING + rb"%b)*"
_TEXT: Final = rb'(?:[^"\[{]|' + _CUT_STRING + rb"%b)*"

_PAIR: Final = rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]"
_WHOLE_PAIRS: Final = rb"(?:[^\\]|\\[^u]|\\u(?:[^dD]|[dD][0-7])|%b)*" % _PAIR

_ALL: Final = bytes(range(256))
_ALL_BUT_MARKS: Final = bytes(set(_ALL) - set(b",[]{}"))
_ALL_BUT_OPENERS: Final = bytes(set(_ALL) - set(b"[{"))


class _Match(Protocol):
    def end(self) -> int: ...


class _Pattern(Protocol):
    def match(self, text: bytes, pos: int) -> _Match | None: ...
    def fullmatch(self, text: bytes) -> _Match | None: ...


def excess(raw: bytes, marks: int, depth: int) -> str:
    """Return what there is too much of, in words; nothing where a text is within both limits.

    `marks`: the most commas and brackets that may stand outside strings; `depth`: of lists and
    objects in one another.
    """
    crowded = len(raw) > marks and _has(raw, marks + 1, _ALL_BUT_MARKS)
    if crowded and _has_more_marks(raw, marks):
        return f"it holds {marks + 1} commas and brackets or more; the limit is {marks}"
    # What had to be read for its marks has bytes of every kind, likely as not.
    if (crowded or _has(raw, depth + 1, _ALL_BUT_OPENERS)) and is_deeper(raw, depth):
        return f"it is nested deeper than {depth} levels"
    return ""


def _has_more_marks(raw: bytes, most: int) -> bool:
    at, left = 0, most + 1
    for size in _AT_ONCE:
        times, left = divmod(left, size)
        marks = _marks(size)
        for _ in range(times):
            found = marks.match(raw, at)
            if found is None:
                return False
            at = found.end()
    return True


def is_deeper(raw: bytes, depth: int) -> bool:
    """Return whether lists and objects stand in one another more than `depth` deep."""
    return not _no_deeper(depth).fullmatch(raw)


def has_half_pair(raw: bytes) -> bool:
    """Return whether an escape stands for half of a surrogate pair, without its other half."""
    escaped = b"\\ud" in raw or b"\\uD" in raw
    return escaped and not _whole_pairs().fullmatch(raw)


def _has(raw: bytes, least: int, others: bytes) -> bool:
    """Return whether at least so many bytes of a kind stand anywhere, in strings or out of them."""
    found = 0
    for start in range(0, len(raw), _BLOCK):
        found += len(raw[start : start + _BLOCK].translate(None, others))
        if found >= least:
            return True
    return found >= least


@cache
def _marks(count: int) -> _Pattern:
    """Return what matches so many marks outside strings, from the end of one on."""
    return _compiled(rb"(?:%b){%d}" % (_UP_TO_MARK, count))


@lru_cache(maxsize=8)
def _no_deeper(depth: int) -> _Pattern:
    """Return what matches a text, or the beginning of one, that is no deeper than this."""
    inside = _CONTENT % b""
    for _ in range(1, depth):
        inside = _CONTENT % (_CONTAINER % inside)
    return _compiled(_TEXT % (_CONTAINER % inside if depth else b""))


@cache
def _whole_pairs() -> _Pattern:
    return _compiled(_WHOLE_PAIRS)


def _compiled(pattern: bytes) -> _Pattern:
    options = re2.Options()
    # Bytes, not characters.
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    options.never_capture = True
    options.log_errors = False
    options.max_mem = _MEM
    return cast("_Pattern", re2.compile(pattern, options))
