"""The one place where JSON from outside is parsed: what is not I-JSON (RFC 7493) is refused.

The json module reads what it is given without bounds: duplicate keys (the last one wins), NaN, lone
surrogates, a byte order mark, and a megabyte of brackets that takes a hundred times its parse of
text. So the bytes are counted first, and what was parsed is walked once afterwards.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Final, NoReturn, cast

from eleanor_core.api.json_limits import JsonLimits, JsonWalk, Refused
from eleanor_core.errors import InvalidInput, quoted
from eleanor_core.model import JsonValue

_BOM: Final = "\ufeff"
_LIMITS: Final = JsonLimits()
_FIRST: Final = 4
"""Bytes for each permitted value that are counted alone first: enough to know most bombs by, of
whatever size."""
_SMALL: Final = 4096
"""Bytes up to which nothing can be so deep, so many or so long that it costs time to speak of."""
_DIGITS: Final = 256
_ZEROED: Final = bytes(48 if 48 <= code <= 57 else code for code in range(256))
_NO_MARKS: Final = bytes(set(range(256)) - set(b'"[]{},:'))
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")


def parse_json(data: bytes | str, limits: JsonLimits = _LIMITS) -> JsonValue:
    """Return the value of a JSON text, as plain dicts, lists and scalars.

    Refused, with InvalidInput that names the byte or the JSONPath: what is not JSON, not UTF-8,
    begins with a byte order mark or goes on after its end; a key that stands twice in an object;
    NaN, infinities and numbers beyond a double; integers beyond 2^53 - 1; lone surrogates; and what
    passes a limit. What holds too many values or is nested too deep is refused before it is parsed.
    """
    text, raw = _decoded(data, limits)
    small = len(raw) <= _SMALL
    marks = b"" if small else _counted(raw, limits)
    long = not small and b"0" * _DIGITS in raw.translate(_ZEROED)
    value = _parsed(text, _CAREFUL if long else _PLAIN)
    walk = JsonWalk(limits)
    try:
        walk.check(value)
        # Every key has its colon. Where there are more of them, and not in strings, some key
        # stands there twice: find it.
        if walk.members != raw.count(b":") and walk.members != (marks or _marks(raw)).count(b":"):
            _Finder(limits).check(_parsed(text, _MARKING))
    except Refused as refused:
        raise refused.at("$", "JSON") from None
    return value


def _decoded(data: bytes | str, limits: JsonLimits) -> tuple[str, bytes]:
    if len(data) > limits.bytes:
        unit = "characters" if isinstance(data, str) else "bytes"
        _refuse(f"it has {len(data)} {unit}; the limit is {limits.bytes} bytes")
    try:
        if isinstance(data, str):
            text, raw = data, data.encode()
        else:
            text, raw = data.decode(), data
    except UnicodeDecodeError as error:
        _refuse(f"not UTF-8 at byte {error.start}")
    except UnicodeEncodeError as error:
        _refuse(f"lone surrogate U+{ord(error.object[error.start]):04X} at character {error.start}")
    if len(raw) > limits.bytes:
        _refuse(f"it has {len(raw)} bytes; the limit is {limits.bytes}")
    if text.startswith(_BOM):
        _refuse("it begins with a byte order mark (EF BB BF) at byte 0; save it without one")
    return text, raw


# -- counting bytes -------------------------------------------------------------------------------


def _counted(raw: bytes, limits: JsonLimits) -> bytes:
    """Return the marks outside strings, once they were counted. Raises InvalidInput for a bomb."""
    first = _FIRST * limits.values
    if len(raw) > first:
        _count(_marks(raw[:first]), limits)
    marks = _marks(raw)
    _count(marks, limits)
    return marks


def _marks(raw: bytes) -> bytes:
    """Return the brackets, commas and colons that stand outside strings.

    Where the text is not JSON they may be others, but only behind the place where parsing ends.
    """
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # A string without any mark is now two quotes side by side; those that hold one are split out.
    marks = raw.translate(None, _NO_MARKS).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2]) if b'"' in marks else marks


def _count(marks: bytes, limits: JsonLimits) -> None:
    commas = marks.count(b",")
    openers = marks.count(b"[") + marks.count(b"{")
    # At least so many: a comma stands between two values, and each opener begins one.
    values = max(commas + 1, openers)
    if values > limits.values:
        _refuse(f"it holds {values} values or more; the limit is {limits.values}")
    if openers > limits.depth and _is_deeper(marks, limits.depth):
        _refuse(f"it is nested deeper than {limits.depth} levels")


def _is_deeper(marks: bytes, depth: int) -> bool:
    """Return whether brackets stand in one another more than `depth` deep."""
    brackets = marks.translate(_ONE_KIND, b",:")
    run = b"[" * (depth + 1)
    for _ in range(depth):
        if run in brackets:
            return True
        # Takes the innermost pairs away, all at once.
        left = brackets.replace(b"[]", b"")
        if len(left) == len(brackets):
            return False
        brackets = left
    return b"[" in brackets


# -- parsing --------------------------------------------------------------------------------------


class _Twice:
    """Stands for an object with a key that stands there twice."""

    def __init__(self, key: str) -> None:
        self.key = key


def _integer(digits: str) -> int:
    # One that is too long to be read is beyond any limit.
    return int(digits if len(digits) < _DIGITS else digits[:_DIGITS])


def _object(pairs: list[tuple[str, JsonValue]]) -> object:
    table = dict(pairs)
    if len(table) == len(pairs):
        return table
    return _Twice(
        next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    )


class _Finder(JsonWalk):
    """Finds the object with a key that stands there twice."""

    def _scalar(self, value: object) -> JsonValue:
        if isinstance(value, _Twice):
            raise Refused(f"the key {quoted(value.key, 60)} stands there twice")
        return super()._scalar(value)


_PLAIN: Final = json.JSONDecoder()
_CAREFUL: Final = json.JSONDecoder(parse_int=_integer)
_MARKING: Final = json.JSONDecoder(parse_int=_integer, object_pairs_hook=_object)


def _parsed(text: str, decoder: json.JSONDecoder) -> JsonValue:
    try:
        return cast("JsonValue", decoder.decode(text))
    except json.JSONDecodeError as error:
        byte = len(text[: error.pos].encode())
        said = f"{error.msg[:1].lower()}{error.msg[1:]}"
        where = f"byte {byte} (line {error.lineno}, column {error.colno})"
        raise InvalidInput(f"not JSON: {said} at {where}") from None
    except RecursionError:
        _refuse("it is nested deeper than the stack has room for")


def _refuse(problem: str) -> NoReturn:
    raise InvalidInput(f"JSON refused: {problem}")
