"""JSON values, and the deep freeze that makes a case's context immutable once."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Final, TypeAlias

JsonScalar: TypeAlias = str | int | float | bool | None
JsonValue: TypeAlias = "JsonScalar | Sequence[JsonValue] | Mapping[str, JsonValue]"
JsonObject: TypeAlias = Mapping[str, JsonValue]

_IDENTIFIER: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class FrozenMap(Mapping[str, JsonValue]):
    """A read-only, hashable, picklable mapping.

    A bare `MappingProxyType` can be neither hashed nor pickled, and a dict subclass can be changed
    through `dict.__setitem__`. What stands inside is a proxy over a dict that nobody else holds.
    """

    __slots__ = ("_hash", "_items")
    _items: Mapping[str, JsonValue]
    _hash: int

    def __init__(self, items: Mapping[str, JsonValue] | None = None) -> None:
        object.__setattr__(self, "_items", MappingProxyType(dict(items or {})))

    @staticmethod
    def owning(items: dict[str, JsonValue]) -> FrozenMap:
        """Return a map of a dict that nobody else holds, without copying it."""
        frozen = _new(FrozenMap)
        # The slot's own setter: a context of many small objects makes one of these for each.
        _set_items(frozen, MappingProxyType(items))
        return frozen

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is read-only")

    __delattr__ = __setattr__  # type: ignore[assignment] # both refuse, whatever the arguments

    def __getitem__(self, key: str) -> JsonValue:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> ItemsView[str, JsonValue]:
        """Return the items; the mixin's would look each of them up in Python."""
        return self._items.items()

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            object.__setattr__(self, "_hash", hash(frozenset(self._items.items())))
            return self._hash

    def __reduce__(self) -> tuple[type[FrozenMap], tuple[dict[str, JsonValue]]]:
        return FrozenMap, (dict(self._items),)

    def __repr__(self) -> str:
        return f"FrozenMap({dict(self._items)!r})"


_new = object.__new__
_set_items = FrozenMap.__dict__["_items"].__set__
inside: Final[Callable[[FrozenMap], Mapping[str, JsonValue]]] = attrgetter("_items")
"""Returns the read-only mapping in a `FrozenMap`, whose methods are not written in Python."""

EMPTY_MAP = FrozenMap()
_SCALARS = frozenset({str, int, float, bool, type(None)})


def freeze(value: JsonValue) -> JsonValue:
    """Return `value` with every mapping a `FrozenMap` and every sequence a tuple, at any depth."""
    if isinstance(value, str) or value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, FrozenMap):
        return value
    if isinstance(value, Mapping):
        return FrozenMap({key: freeze(item) for key, item in value.items()})
    return tuple(freeze(item) for item in value)


def thaw(value: JsonValue) -> JsonValue:
    """Return `value` as plain dicts and lists, for the json module."""
    if type(value) in _SCALARS:
        return value
    if value is EMPTY_MAP:
        return {}
    # To ask an abstract class takes longer than all the rest.
    if type(value) is FrozenMap or isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [thaw(item) for item in value]
    return value


def path_step(step: str | int) -> str:
    """Return the JSONPath segment (RFC 9535) that selects a member or an item."""
    if isinstance(step, int):
        return f"[{step}]"
    if step and not step[0].isdecimal() and _IDENTIFIER.issuperset(step):
        return f".{step}"
    escaped = step.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"
