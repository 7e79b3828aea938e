"""What JSON from outside may hold, and the walk that holds it to that.

The walk goes over values of the plain types that the json module makes. What a caller of the engine
hands over may be of any type: `eleanor_core.pipeline.validate` copies it first, with the same walk.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, cast

from attrs import field, frozen, validators

from eleanor_core.errors import InvalidInput
from eleanor_core.model import JsonValue
from eleanor_core.model.json import path_step

_MOST_SHOWN: Final = 40
LARGEST_INTEGER: Final = 2**53 - 1
"""Beyond it a JSON number is not the same in every reader (RFC 8785, section 3.2.2.3; RFC 7493)."""


@frozen(kw_only=True)
class JsonLimits:
    """Sizes that JSON may have. Bytes are those of UTF-8.

    `bytes`: of the whole text; of a value: of its keys and strings, and two for each value.
    `depth`: of lists and objects in one another, 500 at most, for the json module's stack holds
    little more. `marks`: commas and brackets outside strings, which is what values cost to read: a
    list or an object as much as two or three of the others. `keys`: of one object.
    `items`: of one list. `string_bytes`, `key_bytes`: of one string, one key. `integer`: the
    largest, either way.
    """

    bytes: int = 8_000_000
    depth: int = field(default=64, validator=validators.le(500))
    marks: int = 200_000
    keys: int = 10_000
    items: int = 100_000
    string_bytes: int = 8_000_000
    key_bytes: int = 1_000
    integer: int = LARGEST_INTEGER


RECORD_LIMITS: Final = JsonLimits(
    bytes=2**30,
    depth=300,
    marks=2**26,
    keys=2**20,
    items=2**22,
    string_bytes=2**30,
    key_bytes=2**16,
    # A large double is written without an exponent up to here (RFC 8785, section 3.2.2.3).
    integer=10**21,
)
"""What a record of the evidence log may hold: far more than an engine ever writes."""


class Refused(Exception):  # noqa: N818 -- caught by whoever starts the walk, who knows what it is of
    """A value that breaks a limit. The steps to it are gathered on the way out, the last one first.

    So a walk that refuses nothing, which is nearly every one, keeps no path at all.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.steps: list[str | int] = []

    def at(self, root: str, what: str) -> InvalidInput:
        """Return the error for people: `what` was refused, where below `root`, and why."""
        path = root + "".join(path_step(_shown(step)) for step in reversed(self.steps))
        return InvalidInput(f"{what} refused at {path}: {self.problem}", path=path)


class JsonWalk:
    """Checks one value of plain dicts, lists and scalars, and counts what it holds."""

    __slots__ = ("_bytes", "_limits", "_marks")

    def __init__(self, limits: JsonLimits) -> None:
        self._limits = limits
        self._marks = 0
        self._bytes = 0

    def check(self, value: object) -> JsonValue:
        """Return what is to be kept of the value. Raises Refused."""
        try:
            return self._any(value, 1)
        except RecursionError:
            raise Refused("nested deeper than the stack has room for") from None

    def _any(self, value: object, depth: int) -> JsonValue:
        """Check a value of any type."""
        if type(value) is dict or type(value) is list:
            return self._container(value, depth)
        return self._scalar(value)

    # One loop with a branch for each type, for it is most of what a large context costs: it calls
    # only where something is amiss.
    def _container(self, own: Any, depth: int) -> JsonValue:  # noqa: ANN401, PLR0912 -- a dict or list
        """Return a dict or list, once all in it is checked and replaced by what is kept of it."""
        limits, count = self._limits, len(own)
        if depth > limits.depth:
            raise Refused(f"nested deeper than {limits.depth} levels")
        # A comma between two items, and two brackets.
        self._marks += count + 1 if count else 2
        if self._marks > limits.marks:
            raise Refused(f"more than {limits.marks} commas and brackets in all")
        size, most, largest = 2 * count, limits.string_bytes, limits.integer
        if type(own) is dict:
            # All keys at once, for nearly always all of them are short and ASCII.
            names = "".join(own)
            if count > limits.keys or len(names) > limits.key_bytes or not names.isascii():
                self._keys(own)
            size += len(names)
            pairs: Iterable[tuple[Any, Any]] = own.items()
        else:
            if count > limits.items:
                raise Refused(f"a list of {count} items; the limit is {limits.items}")
            pairs = enumerate(own)
        at = 0
        try:
            for at, item in pairs:
                kind = type(item)
                if kind is str:
                    size += len(item)
                    if len(item) > most or not item.isascii():
                        self._scalar(item)
                elif kind is dict or kind is list:
                    kept = self._container(item, depth + 1)
                    if kept is not item:
                        own[at] = kept
                elif kind is int:
                    if not -largest <= item <= largest:
                        self._scalar(item)
                elif kind is float:
                    # A number less itself is 0, and NaN where it is NaN or infinite.
                    if item - item:
                        self._scalar(item)
                elif item is not None and kind is not bool:
                    own[at] = self._any(item, depth + 1)
        except Refused as refused:
            refused.steps.append(at)
            raise
        self._bytes += size
        if self._bytes > limits.bytes:
            raise Refused(f"larger than {limits.bytes} bytes in all")
        return own  # type: ignore[no-any-return] # as it came, with checked items

    def _scalar(self, value: object) -> JsonValue:
        """Return a value of a plain type; raise Refused with what is wrong with it."""
        if type(value) is str:
            self._string(value, self._limits.string_bytes, "a string")
        elif type(value) is int:
            if not -self._limits.integer <= value <= self._limits.integer:
                raise Refused("an integer beyond 2^53 - 1; send it as a string")
        elif type(value) is float:
            if not math.isfinite(value):
                found = "NaN" if math.isnan(value) else "an infinity, or a number beyond 1.8e308,"
                raise Refused(f"{found} is not a JSON value")
        elif value is not None and type(value) is not bool:
            raise Refused(f"{type_name(value)} is not a JSON value")
        return cast("JsonValue", value)

    def _keys(self, own: dict[str, JsonValue]) -> None:
        limits = self._limits
        if len(own) > limits.keys:
            raise Refused(f"an object of {len(own)} keys; the limit is {limits.keys}")
        for key in own:
            try:
                self._string(key, limits.key_bytes, "a key")
            except Refused as refused:
                refused.steps.append(key)
                raise

    def _string(self, text: str, most: int, what: str) -> None:
        # Its characters first: encoding a text of any length would cost memory of any size.
        if len(text) > most:
            raise Refused(f"{what} of {len(text)} characters; the limit is {most} bytes")
        size = utf8_length(text)
        if size > most:
            raise Refused(f"{what} of {size} bytes; the limit is {most}")
        # Its characters are counted where it stands.
        self._bytes += size - len(text)
        if self._bytes > self._limits.bytes:
            raise Refused(f"larger than {self._limits.bytes} bytes in all")


def _shown(step: str | int) -> str | int:
    """Return a key as it is shown; of a part of one, nobody could tell that it is secret."""
    if isinstance(step, int):
        return step
    shown = step.encode(errors="replace").decode()
    return shown if len(shown) <= _MOST_SHOWN else f"<{len(shown)} characters>"


def utf8_length(text: str) -> int:
    """Return the bytes of a text. Raises Refused where a lone surrogate has none."""
    try:
        return len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise Refused(f"lone surrogate U+{code:04X} at character {error.start}") from None


def type_name(value: object) -> str:
    """Return the name of a value's type, without a call of anything that the value defines."""
    # A metaclass may say something else under `__name__`, or raise.
    name = cast("str", type.__dict__["__name__"].__get__(type(value)))
    return name[:60]
