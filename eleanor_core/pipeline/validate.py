"""Stage 1: refuse what cannot be judged, and freeze the rest once.

Size and structure are checked here, content is not: a hostile text is a case like any other, and
the panel must be able to judge it.

What comes in may be any object of Python. Nothing that it defines is called, save to read a mapping
of a foreign type; none of its words but the name of its type stands in an error.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, cast

from attrs import field, frozen

from eleanor_core.api.json_limits import (
    JsonWalk,
    Refused,
    type_name,
    utf8_length,
)
from eleanor_core.errors import InvalidInput, quoted
from eleanor_core.model import EMPTY_MAP, CaseKind, FrozenMap, JsonValue
from eleanor_core.model.made import unchecked
from eleanor_core.pipeline.plain import freeze_plain
from eleanor_core.settings.model import Limits

_KINDS: Final = ("prompt", "answer", "action")
_MAX_TRACE_ID: Final = 128


@frozen(kw_only=True)
class ValidInput:
    """A valid case. `context` is deeply immutable; `trace_id` is 32 hex digits unless given."""

    text: str = field(repr=False)
    context: FrozenMap = field(repr=False)
    kind: CaseKind
    trace_id: str


_valid: Final = unchecked(ValidInput)


def validate(
    text: object,
    context: object,
    kind: object,
    trace_id: object,
    limits: Limits,
) -> ValidInput:
    """Check and freeze one case. Raises InvalidInput that names the JSON path and the limit."""
    if type(kind) is not str or kind not in _KINDS:
        found = quoted(kind, 40) if type(kind) is str else type_name(kind)
        raise InvalidInput(f"kind must be one of {', '.join(_KINDS)}, got {found}", path="$.kind")
    return _valid(
        text=_text(text, limits),
        context=_context(context, limits),
        kind=cast("CaseKind", kind),
        trace_id=_trace_id(trace_id),
    )


def _text(text: object, limits: Limits) -> str:
    plain = _plain(text)
    if type(plain) is not str:
        problem = f"text must be a string, got {type_name(text)}"
    elif len(plain) > limits.text_bytes:
        problem = f"text has {len(plain)} characters, the limit is {limits.text_bytes} bytes"
    elif (size := _size(plain)) > limits.text_bytes:
        problem = f"text has {size} bytes, the limit is {limits.text_bytes}"
    elif not plain or plain.isspace():
        problem = "text is empty: there is nothing to judge"
    else:
        return plain
    raise InvalidInput(problem, path="$.text")


def _size(text: str) -> int:
    try:
        return utf8_length(text)
    except Refused as refused:
        raise InvalidInput(f"text holds a {refused.problem}", path="$.text") from None


def _trace_id(trace_id: object) -> str:
    if trace_id is None:
        return secrets.token_bytes(16).hex()
    if type(trace_id) is not str or not 0 < len(trace_id) <= _MAX_TRACE_ID:
        raise InvalidInput(
            f"trace_id must be a string of 1 to {_MAX_TRACE_ID} characters", path="$.trace_id"
        )
    if not (trace_id.isascii() and trace_id.isprintable()):
        raise InvalidInput("trace_id must be printable ASCII", path="$.trace_id")
    return trace_id


def _context(context: object, limits: Limits) -> FrozenMap:
    if context is None:
        return EMPTY_MAP
    plain = freeze_plain(context, limits.of_context)
    if plain is not None:
        return plain
    try:
        held = _Freezer(limits.of_context).check(context)
    except Refused as refused:
        raise refused.at("$.context", "context") from None
    if type(held) is not FrozenMap:
        raise InvalidInput(f"context must be an object, got {type_name(context)}", path="$.context")
    return held


class _Freezer(JsonWalk):
    """Walks a copy of a context, one container after the other, and freezes it on the way back.

    The copy comes first: what is checked is what is kept, whatever becomes of the caller's own. The
    types of JSON are copied by the interpreter in one step; so are their subclasses (an ordered
    dict, an enum's member, a number of numpy's), as what they are underneath.
    """

    def _any(self, value: object, depth: int) -> JsonValue:
        plain = _plain(value)
        kind = type(plain)
        if plain is None or kind is bool or kind is str or kind is int or kind is float:
            return self._scalar(plain)
        return self._container(value, depth)

    def _container(self, value: object, depth: int) -> JsonValue:
        own: dict[str, JsonValue] | list[JsonValue]
        if type(value) is dict and len(value) <= self._limits.keys:
            own = value.copy()
            for key in own:
                if type(key) is not str:
                    own = self._named(own.items())
                    break
        elif type(value) is list and len(value) <= self._limits.items:
            own = value.copy()
        else:
            own = self._read(value)
        super()._container(own, depth)
        return FrozenMap.owning(own) if type(own) is dict else tuple(own)

    def _read(self, value: object) -> dict[str, JsonValue] | list[JsonValue]:
        try:
            return self._foreign(value)
        except Refused:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it raises, it is refused
            said = f"{type_name(value)} cannot be read: it raised {type_name(error)}"
            raise Refused(said) from None

    def _foreign(self, value: object) -> dict[str, JsonValue] | list[JsonValue]:
        """Copy a container of any type, one item more than it may have at most.

        Its length is not asked for: it might lie. It may raise whatever it likes.
        """
        kind = type(value)
        pairs: Iterable[tuple[object, JsonValue]]
        if issubclass(kind, list):
            return self._first(list.__iter__(cast("list[JsonValue]", value)))
        if issubclass(kind, tuple):
            return self._first(tuple.__iter__(cast("tuple[JsonValue, ...]", value)))
        if issubclass(kind, dict):
            pairs = dict.items(cast("dict[object, JsonValue]", value))
        elif issubclass(kind, Mapping):
            pairs = cast("Mapping[object, JsonValue]", value).items()
        else:
            raise Refused(f"{type_name(value)} is not a JSON value")
        return self._named(islice(pairs, self._limits.keys + 1))

    def _first(self, items: Iterable[JsonValue]) -> list[JsonValue]:
        return list(islice(items, self._limits.items + 1))

    def _named(self, pairs: Iterable[tuple[object, JsonValue]]) -> dict[str, JsonValue]:
        """Return a dict whose keys are strings and of no other type."""
        named: dict[str, JsonValue] = {}
        for key, item in pairs:
            name = _plain(key)
            if type(name) is not str:
                raise Refused(f"keys must be strings, found {type_name(key)}")
            if name in named:
                raise Refused(f"the key {quoted(name, 60)} stands there twice")
            named[name] = item
        return named


def _plain(value: object) -> object:
    """Return an instance of a subclass of a scalar type as one of that type, else the value."""
    kind = type(value)
    # Never by isinstance, which asks the value for its `__class__`.
    if kind is str:
        return value
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, int) and kind is not bool:
        return int.__int__(cast("int", value))
    if issubclass(kind, float):
        return float.__float__(cast("float", value))
    return value
