"""Stage 1: refuse what cannot be judged, and freeze the rest once.

Size and structure are checked here, content is not: a hostile text is a case like any other, and
the panel must be able to judge it.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from typing import Final, cast

from attrs import field, frozen

from eleanor_core.errors import InvalidInput, quoted
from eleanor_core.model import CaseKind, FrozenMap, JsonValue
from eleanor_core.settings.model import Limits

_KINDS: Final = ("prompt", "answer", "action")
_MAX_TRACE_ID: Final = 128
_MAX_KEY_SHOWN: Final = 40
_LARGEST_INTEGER: Final = 2**53 - 1
"""Beyond it a JSON number is not the same in every reader (RFC 8785, section 3.2.2.3; RFC 7493)."""


@frozen(kw_only=True)
class ValidInput:
    """A valid case. `context` is deeply immutable; `trace_id` is 32 hex digits unless given."""

    text: str = field(repr=False)
    context: FrozenMap = field(repr=False)
    kind: CaseKind
    trace_id: str


def validate(
    text: object,
    context: object,
    kind: object,
    trace_id: object,
    limits: Limits,
) -> ValidInput:
    """Check and freeze one case. Raises InvalidInput that names the JSON path and the limit."""
    if type(kind) is not str or kind not in _KINDS:
        raise InvalidInput(
            f"kind must be one of {', '.join(_KINDS)}, got {quoted(kind, 40)}", path="$.kind"
        )
    return ValidInput(
        text=_text(text, limits),
        context=_context(context, limits),
        kind=cast("CaseKind", kind),
        trace_id=_trace_id(trace_id),
    )


def _text(text: object, limits: Limits) -> str:
    if type(text) is not str:
        raise InvalidInput(f"text must be a string, got {type(text).__name__}", path="$.text")
    if len(text) > limits.text_bytes:
        raise InvalidInput(
            f"text has {len(text)} characters, the limit is {limits.text_bytes} bytes",
            path="$.text",
        )
    size = len(text) if text.isascii() else _utf8_length(text, "$.text")
    if size > limits.text_bytes:
        raise InvalidInput(
            f"text has {size} bytes, the limit is {limits.text_bytes}", path="$.text"
        )
    if not text or text.isspace():
        raise InvalidInput("text is empty: there is nothing to judge", path="$.text")
    return text


def _utf8_length(text: str, path: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        msg = f"lone surrogate U+{ord(text[error.start]):04X} at character {error.start}"
        raise InvalidInput(msg, path=path) from None


def _trace_id(trace_id: object) -> str:
    if trace_id is None:
        return secrets.token_hex(16)
    if type(trace_id) is not str or not 0 < len(trace_id) <= _MAX_TRACE_ID:
        raise InvalidInput(
            f"trace_id must be a string of 1 to {_MAX_TRACE_ID} characters", path="$.trace_id"
        )
    if not (trace_id.isascii() and trace_id.isprintable()):
        raise InvalidInput("trace_id must be printable ASCII", path="$.trace_id")
    return trace_id


def _context(context: object, limits: Limits) -> FrozenMap:
    if context is None:
        return FrozenMap()
    if not isinstance(context, Mapping):
        raise InvalidInput(
            f"context must be an object, got {type(context).__name__}", path="$.context"
        )
    frozen_context = _Freezer(limits).value(context, 1)
    if not isinstance(frozen_context, FrozenMap):  # pragma: no cover - a mapping freezes to one
        raise InvalidInput("context must be an object", path="$.context")
    return frozen_context


class _Freezer:
    """Freezes one context, counting depth, values and bytes as it goes.

    The byte count is that of compact JSON, without escapes: close enough to bound memory, and it
    never needs the JSON text itself.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._path: list[str] = ["$.context"]
        self._nodes = 0
        self._bytes = 0

    def value(self, value: object, depth: int) -> JsonValue:
        self._count(2)
        if value is None or value is True or value is False:
            return value
        if type(value) is str:
            return self._string(value)
        if type(value) is int:
            return self._integer(value)
        if type(value) is float:
            return self._float(value)
        if depth > self._limits.context_depth:
            raise self._refuse(f"nested deeper than {self._limits.context_depth} levels")
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple)):
            return self._sequence(value, depth)
        raise self._refuse(f"{type(value).__name__} is not a JSON value")

    def _mapping(self, value: Mapping[object, object], depth: int) -> FrozenMap:
        items: dict[str, JsonValue] = {}
        for key, item in value.items():
            if type(key) is not str:
                raise self._refuse(f"keys must be strings, found {type(key).__name__}")
            self._path.append(f".{_in_path(key)}")
            # The key first: what it refuses must not reach the path of an error further down.
            name = self._string(key)
            items[name] = self.value(item, depth + 1)
            self._path.pop()
        return FrozenMap(items)

    def _sequence(self, value: list[object] | tuple[object, ...], depth: int) -> JsonValue:
        items: list[JsonValue] = []
        for index, item in enumerate(value):
            self._path.append(f"[{index}]")
            items.append(self.value(item, depth + 1))
            self._path.pop()
        return tuple(items)

    def _string(self, value: str) -> str:
        self._count_bytes(
            len(value) if value.isascii() else _utf8_length(value, "".join(self._path))
        )
        return value

    def _integer(self, value: int) -> int:
        if not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
            raise self._refuse("integer beyond 2^53 - 1; send it as a string")
        return value

    def _float(self, value: float) -> float:
        if not math.isfinite(value):
            raise self._refuse("NaN and infinities are not JSON")
        return value

    def _count(self, size: int) -> None:
        self._nodes += 1
        if self._nodes > self._limits.context_nodes:
            raise self._refuse(f"more than {self._limits.context_nodes} values")
        self._count_bytes(size)

    def _count_bytes(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._limits.context_bytes:
            raise self._refuse(f"larger than {self._limits.context_bytes} bytes")

    def _refuse(self, message: str) -> InvalidInput:
        path = "".join(self._path)
        return InvalidInput(f"context refused at {path}: {message}", path=path)


def _in_path(key: str) -> str:
    """Return a key as it is shown; of a part of one, nobody could tell that it is secret."""
    shown = key.encode(errors="replace").decode()
    return shown if len(shown) <= _MAX_KEY_SHOWN else f"<{len(shown)} characters>"
