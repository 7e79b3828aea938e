"""The one place where JSON from outside is parsed: what is not I-JSON (RFC 7493) is refused.

The json module reads what it is given without bounds: duplicate keys (the last one wins), NaN, lone
surrogates, a byte order mark, and a megabyte of brackets that takes a hundred times its parse of
text. So the bytes are counted first. What was parsed is looked over once, and nearly always nothing
is amiss; else it is walked, to say what and where.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections import Counter
from typing import Any, Final, Literal, NoReturn, TypeAlias, cast

from eleanor_core.api.json_count import excess, has_half_pair, is_deeper
from eleanor_core.api.json_limits import JsonLimits, JsonWalk, Refused
from eleanor_core.errors import InvalidInput, quoted
from eleanor_core.model import JsonValue

_LIMITS: Final = JsonLimits()
_Seen: TypeAlias = Literal["sound", "odd", "twice"]
_SMALL: Final = 4096
"""Bytes up to which nothing can be so deep, so many or so long that it costs time to speak of."""
_WIDEST: Final = 4
"""Bytes of UTF-8 that a character takes at most."""
_BACKSLASH: Final = ord("\\")
_SPACE: Final = " \t\n\r"
_DIGITS: Final = 256
_APART: Final = 16
_ZEROED: Final = bytes(48 if 48 <= code <= 57 else code for code in range(256))


def parse_json(data: bytes | str, limits: JsonLimits = _LIMITS) -> JsonValue:
    """Return the value of a JSON text, as plain dicts, lists and scalars.

    Refused, with InvalidInput that names the byte or the JSONPath: what is not JSON, not UTF-8,
    begins with a byte order mark or goes on after its end; a key that stands twice in an object;
    NaN, infinities and numbers beyond a double; integers beyond 2^53 - 1; lone surrogates; and what
    passes a limit. What holds too much or is nested too deep is refused before it is parsed.
    """
    raw = _encoded(data, limits)
    decoder = _PLAIN
    if len(raw) > _SMALL:
        if problem := excess(raw, limits.marks, limits.depth):
            _refuse(problem)
        if _has_long_number(raw):
            decoder = _CAREFUL
    text = data if isinstance(data, str) else _decoded(raw)
    value = _parsed(text, decoder)
    seen = _seen(value, raw, limits)
    if seen != "sound":
        try:
            if seen == "odd":
                JsonWalk(limits).check(value)
            _each_key_once(_parsed(text, _MARKING))
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


# -- what the bytes tell --------------------------------------------------------------------------


def _has_long_number(raw: bytes) -> bool:
    """Return whether so many digits stand side by side that to read them would take long."""
    # One byte in sixteen first.
    some = raw[::_APART].translate(_ZEROED)
    return b"0" * (_DIGITS // _APART) in some and b"0" * _DIGITS in raw.translate(_ZEROED)


def _strings(raw: bytes) -> int:
    """Return how many strings and keys a text of JSON has."""
    quotes = raw.count(b'"')
    if _BACKSLASH in raw:
        quotes -= raw.replace(b"\\\\", b"").count(b'\\"')
    return quotes // 2


# -- what was parsed ------------------------------------------------------------------------------


# One loop with a branch for each type, for it is most of what a large context costs.
def _seen(root: JsonValue, raw: bytes, limits: JsonLimits) -> _Seen:  # noqa: PLR0912 -- so
    """Return what is to be thought of a parsed text.

    `sound`: it is within its limits, and no key was there twice. `twice`: else it would be. `odd`:
    it may still be sound, a walk tells. Each character is taken for four bytes. What a value holds
    in all is less than the bytes of its text, which are within the limit.
    """
    if _BACKSLASH in raw and has_half_pair(raw):
        return "odd"
    strings = _strings(raw)
    longest_key, longest = limits.key_bytes // _WIDEST, limits.string_bytes // _WIDEST
    # The list that holds the root is none of the text's.
    largest, marks = limits.integer, -2
    # What is found in these goes to their end.
    containers: list[Any] = [[root]]
    for own in containers:
        marks += len(own) + 1 if own else 2
        if type(own) is dict:
            if len(own) > limits.keys:
                return "odd"
            strings -= len(own)
            for key in own:
                if len(key) > longest_key:
                    return "odd"
            items = own.values()
        else:
            if len(own) > limits.items:
                return "odd"
            items = own
        for item in items:
            kind = type(item)
            if kind is str:
                strings -= 1
                if len(item) > longest:
                    return "odd"
            elif kind is dict or kind is list:
                containers.append(item)
            elif kind is int:
                if not -largest <= item <= largest:
                    return "odd"
            # A number less itself is 0, and NaN where it is NaN or infinite.
            elif kind is float and item - item:
                return "odd"
    deep = len(containers) > limits.depth and len(raw) <= _SMALL
    if marks > limits.marks or (deep and is_deeper(raw, limits.depth)):
        return "odd"
    # Of a key that stands there twice, the json module keeps one: its quotes are too many.
    return "twice" if strings else "sound"


# -- parsing --------------------------------------------------------------------------------------


class _Twice:
    """Stands for an object with a key that stands there twice, or more often."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: list[tuple[str, JsonValue]]) -> None:
        self._pairs = pairs

    def key(self) -> str:
        """Return the key, or the first of them."""
        times = Counter(key for key, _ in self._pairs)
        return next(key for key, count in times.items() if count > 1)


_NESTED: Final = frozenset({dict, list, _Twice})


def _integer(digits: str) -> int:
    # One that is too long to be read is beyond any limit.
    return int(digits if len(digits) < _DIGITS else digits[:_DIGITS])


def _object(pairs: list[tuple[str, JsonValue]]) -> object:
    table = dict(pairs)
    return table if len(table) == len(pairs) else _Twice(pairs)


def _each_key_once(root: object) -> None:
    """Raise Refused for the first object that stands for one with a key twice."""
    # What is found in these goes to their end; of each it is known where it was found, and how.
    found: list[Any] = [root] if type(root) in _NESTED else []
    inside: list[tuple[int, str | int]] = []
    for at, own in enumerate(found):
        if type(own) is _Twice:
            refused = Refused(f"the key {quoted(own.key(), 60)} stands there twice")
            up = at
            while up:
                up, step = inside[up - 1]
                refused.steps.append(step)
            raise refused
        for step, item in own.items() if type(own) is dict else enumerate(own):
            if type(item) in _NESTED:
                found.append(item)
                inside.append((at, step))


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
