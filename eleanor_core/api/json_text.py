"""The one place where JSON from outside is parsed: what is not I-JSON (RFC 7493) is refused.

The json module reads what it is given without bounds: duplicate keys (the last one wins), NaN, lone
surrogates, a byte order mark, and a megabyte of brackets that takes a hundred times its parse of
text. So the bytes are counted first, and what was parsed is walked once afterwards.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections import Counter
from typing import Final, NoReturn, cast

from eleanor_core.api.json_limits import JsonLimits, JsonWalk, Refused
from eleanor_core.errors import InvalidInput, quoted
from eleanor_core.model import JsonValue

_LIMITS: Final = JsonLimits()
_BLOCK: Final = 1 << 14
"""Bytes that are counted at a time. A bomb of whatever size costs no more than what stands before
the limit that it passes, and what a block is cut into stays in the processor's cache."""
_SMALL: Final = 4096
"""Bytes up to which nothing can be so deep, so many or so long that it costs time to speak of."""
_SPACE: Final = " \t\n\r"
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
    raw = _encoded(data, limits)
    small = len(raw) <= _SMALL
    colons = _colons(raw) if small else _counted(raw, limits)
    long = not small and b"0" * _DIGITS in raw.translate(_ZEROED)
    text = data if isinstance(data, str) else _decoded(raw)
    value = _parsed(text, _CAREFUL if long else _PLAIN)
    walk = JsonWalk(limits)
    try:
        walk.check(value)
        # Every key has its colon. Where there are more of them, some key stands there twice.
        if walk.members != colons:
            _Finder(limits).check(_parsed(text, _MARKING))
    except Refused as refused:
        raise refused.at("$", "JSON") from None
    return value


def _encoded(data: bytes | str, limits: JsonLimits) -> bytes:
    if len(data) > limits.bytes:
        unit = "characters" if isinstance(data, str) else "bytes"
        _refuse(f"it has {len(data)} {unit}; the limit is {limits.bytes} bytes")
    if isinstance(data, str):
        try:
            data = data.encode()
        except UnicodeEncodeError as error:
            code = ord(error.object[error.start])
            _refuse(f"lone surrogate U+{code:04X} at character {error.start}")
        if len(data) > limits.bytes:
            _refuse(f"it has {len(data)} bytes; the limit is {limits.bytes}")
    if data.startswith(BOM_UTF8):
        _refuse("it begins with a byte order mark (EF BB BF) at byte 0; save it without one")
    return data


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        _refuse(f"not UTF-8 at byte {error.start}")


# -- counting bytes -------------------------------------------------------------------------------


def _colons(raw: bytes) -> int:
    """Return how many colons stand outside strings; it takes no marks for a few strings."""
    return b"".join(_unescaped(raw).split(b'"')[::2]).count(b":")


def _counted(raw: bytes, limits: JsonLimits) -> int:
    """Return how many colons stand outside strings. Raises InvalidInput for a bomb."""
    found: list[bytes] = []
    commas = openers = colons = inside = 0
    left = b""
    for start in range(0, len(raw), _BLOCK):
        block = _unescaped(left + raw[start : start + _BLOCK])
        left = b"\\" * block.endswith(b"\\")
        marks, inside = _outside(block, inside)
        found.append(marks)
        commas += marks.count(b",")
        openers += marks.count(b"[") + marks.count(b"{")
        colons += marks.count(b":")
        # At least so many: a comma stands between two values, and each opener begins one.
        values = max(commas + 1, openers)
        if values > limits.values:
            _refuse(f"it holds {values} values or more; the limit is {limits.values}")
    if openers > limits.depth and _is_deeper(b"".join(found), limits.depth):
        _refuse(f"it is nested deeper than {limits.depth} levels")
    return colons


def _unescaped(block: bytes) -> bytes:
    """Return a part of a text without escaped backslashes and quotes."""
    return block.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in block else block


def _outside(block: bytes, inside: int) -> tuple[bytes, int]:
    """Return the brackets, commas and colons outside strings, and whether it ends in a string.

    `inside`: whether it begins in one, as 0 or 1. Where the text is not JSON the marks may be
    others, but only behind the place where parsing ends.
    """
    # A string without any mark becomes two quotes side by side; those that hold one are split out.
    pieces = block.translate(None, _NO_MARKS).replace(b'""', b"").split(b'"')
    return b"".join(pieces[inside::2]), (inside + len(pieces) - 1) % 2


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
        return _whole(text, decoder)
    except json.JSONDecodeError as error:
        byte = len(text[: error.pos].encode())
        said = f"{error.msg[:1].lower()}{error.msg[1:]}"
        where = f"byte {byte} (line {error.lineno}, column {error.colno})"
        raise InvalidInput(f"not JSON: {said} at {where}") from None
    except RecursionError:
        _refuse("it is nested deeper than the stack has room for")


def _whole(text: str, decoder: json.JSONDecoder) -> JsonValue:
    """Do as `decoder.decode` does, without its two regular expressions."""
    start = len(text) - len(text.lstrip(_SPACE)) if text[:1] in _SPACE else 0
    value, end = decoder.raw_decode(text, start)
    if end < len(text) and (more := text[end:].lstrip(_SPACE)):
        raise json.JSONDecodeError("Extra data", text, len(text) - len(more))
    return cast("JsonValue", value)


def _refuse(problem: str) -> NoReturn:
    raise InvalidInput(f"JSON refused: {problem}")
