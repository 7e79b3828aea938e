"""A context of JSON's own types is copied, checked and frozen in one go, as nearly every one is.

Only what is plainly right comes through. Anything else is left to the walk of
`eleanor_core.pipeline.validate`, which takes half as long again, knows every type, and says what is
amiss and where.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from eleanor_core.api.json_limits import JsonLimits
from eleanor_core.model import EMPTY_MAP, FrozenMap

_Sequence: TypeAlias = list[Any] | tuple[Any, ...]
_owning: Final = FrozenMap.owning


class _Odd(Exception):  # noqa: N818 -- no error: the walk will judge
    """Something is not plainly right."""


def freeze_plain(context: object, limits: JsonLimits) -> FrozenMap | None:
    """Return a deeply immutable copy; None where not all in it is plain and within the limits."""
    if type(context) is not dict:
        return None
    try:
        return _Freezer(limits).mapping(context, limits.depth)
    except (_Odd, RecursionError, UnicodeEncodeError):
        return None


class _Freezer:
    """Freezes containers, and counts what they hold.

    Two loops with a branch for each type, for they are most of what a large context costs.
    """

    __slots__ = ("_limits", "_marks", "_size")

    def __init__(self, limits: JsonLimits) -> None:
        self._limits = limits
        self._marks = 0
        self._size = 0

    def mapping(self, value: dict[str, Any], room: int) -> FrozenMap:  # noqa: PLR0912 -- see above
        """Return the copy of a dict; containers may stand in one another `room` deep."""
        limits = self._limits
        if not room or len(value) > limits.keys:
            raise _Odd
        # What is checked is the copy, whatever becomes of the caller's own.
        own, nested, longest = value.copy(), [], limits.string_bytes
        largest, smallest = limits.integer, -limits.integer
        count = held = len(own)
        for key, item in own.items():
            if type(key) is not str:
                raise _Odd
            kind = type(item)
            if kind is str:
                held += len(item) if item.isascii() else _bytes(item, longest, limits.bytes - held)
            elif kind is int:
                if not smallest <= item <= largest:
                    raise _Odd
            # A number less itself is 0, and NaN where it is NaN or infinite.
            elif kind is float:
                if item - item:
                    raise _Odd
            elif kind is dict or kind is list or kind is tuple:
                nested.append(key)
            elif item is not None and kind is not bool:
                raise _Odd
        if held > longest:
            _bytes_of(own.values(), longest, limits.bytes)
        names = "".join(own)
        longest = limits.key_bytes
        if len(names) > longest or not names.isascii():
            held += _bytes_of(own, longest, limits.bytes)
        else:
            held += len(names)
        self._size = size = self._size + count + held
        self._marks = marks = self._marks + (count + 1 if count else 2)
        if size > limits.bytes or marks > limits.marks:
            raise _Odd
        # Once all keys are known to be of no class that would have its say in an assignment.
        for key in nested:
            item = own[key]
            if type(item) is dict:
                own[key] = self.mapping(item, room - 1)
            else:
                own[key] = self.sequence(item, room - 1)
        return _owning(own) if own else EMPTY_MAP

    def sequence(self, value: _Sequence, room: int) -> tuple[Any, ...]:
        """Return the copy of a list or tuple; containers may stand in one another `room` deep."""
        limits = self._limits
        if not room or len(value) > limits.items:
            raise _Odd
        own, nested, longest = tuple(value), False, limits.string_bytes
        largest, smallest = limits.integer, -limits.integer
        count = held = len(own)
        for item in own:
            kind = type(item)
            if kind is str:
                held += len(item) if item.isascii() else _bytes(item, longest, limits.bytes - held)
            elif kind is dict or kind is list or kind is tuple:
                nested = True
            elif kind is int:
                if not smallest <= item <= largest:
                    raise _Odd
            elif kind is float:
                if item - item:
                    raise _Odd
            elif item is not None and kind is not bool:
                raise _Odd
        if held > longest:
            _bytes_of(own, longest, limits.bytes)
        self._size = size = self._size + count + held
        self._marks = marks = self._marks + (count + 1 if count else 2)
        if size > limits.bytes or marks > limits.marks:
            raise _Odd
        return self._nested(own, room - 1) if nested else own

    def _nested(self, own: tuple[Any, ...], room: int) -> tuple[Any, ...]:
        return tuple(
            [
                self.mapping(item, room)
                if type(item) is dict
                else self.sequence(item, room)
                if type(item) is list or type(item) is tuple
                else item
                for item in own
            ]
        )


def _bytes_of(items: Iterable[Any], each: int, together: int) -> int:
    """Return the bytes of all strings among `items`."""
    size = 0
    for item in items:
        if type(item) is str:
            size += _bytes(item, each, together - size)
    return size


def _bytes(text: str, *most: int) -> int:
    """Return the bytes of a text; of one that is too long by its characters, nothing is copied."""
    size, limit = len(text), min(most)
    if size <= limit and not text.isascii():
        size = len(text.encode())
    if size > limit:
        raise _Odd
    return size
