"""Canonical JSON (RFC 8785): the one byte form of a value, so that a hash of it means something.

The `rfc8785` package is the reference, and pure Python. What is here writes the same bytes about
ten times faster: a class of the model by one expression that is compiled once, strings by the
interpreter's C encoder, and from bounded caches the member order of a known set of keys, the digits
of a known number, and what a voice is written as that found nothing and gave the same figures
before. Floats that ECMAScript and Python write differently are left to the reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring as quote
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar, cast, get_origin

import attrs
import rfc8785
from attrs import AttrsInstance

from eleanor_core.codec import WIRE_FORMS, WireForm, to_json
from eleanor_core.model import (
    CriticResult,
    DetectorResult,
    Gate,
    PrecedentAlignment,
    Provenance,
    UncertaintyAnalysis,
)
from eleanor_core.model.json import FrozenMap, JsonValue, inside, path_step
from eleanor_core.model.made import said

T = TypeVar("T")
MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Largest integer that every JSON reader holds exactly (RFC 8785, section 3.2.2.3)."""

_KEPT_KEY_CHARS: Final = 512
_KEPT_FORMS: Final = 1024
_KEPT_NUMBERS: Final = 2048
_KEPT_VALUES: Final = 256

_SAYING: Final[Mapping[type, tuple[str, ...]]] = MappingProxyType(
    {
        CriticResult: ("justification", "violations", "escalations", "not_assessed"),
        DetectorResult: ("signals", "not_assessed"),
        UncertaintyAnalysis: ("reasons", "escalations"),
        PrecedentAlignment: ("cases", "escalations"),
        Gate: (),
        Provenance: (),
    }
)
"""Fields of values that come again and again where these are empty: only the others are figures,
and names that stand in settings. So no word of anybody stays in memory."""

Writable: TypeAlias = (
    "JsonValue | AttrsInstance | Written | Sequence[Writable] | Mapping[str, Writable]"
)
"""JSON, and values of the model, which stand for their wire form."""

_Writer: TypeAlias = Callable[[Any], str]
"""Takes values of one class. Which one is known where it is looked up, and nowhere else."""
_Form: TypeAlias = tuple[str, Callable[[Mapping[str, object]], Sequence[object]]]
"""An object in canonical form, all but its values as a format of them; and what returns those."""


class Written:
    """What a value is in canonical JSON; it is written where the value would stand, as it is."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class _Refused(Exception):  # noqa: N818 -- caught here, and told as a ValueError with its path
    """Something in the value has no canonical form."""


def canonical(value: Writable, path: str = "$") -> bytes:
    """Return `value` as RFC 8785 bytes (UTF-8, keys in UTF-16 order, ECMAScript numbers).

    A value of the model, at any depth, is written as its wire form is (`to_json`), without the
    dicts in between. Raises ValueError with the JSONPath of the first thing that has no such form:
    an integer beyond 2**53 - 1 either way (readers would disagree about it), NaN or an infinity, a
    lone surrogate, a key that is not a string, a type that is not JSON, or nesting beyond the
    interpreter's stack. `path` is where the value itself stands.
    """
    try:
        return _WRITERS[type(value)](value).encode()
    except (_Refused, UnicodeEncodeError):
        path, problem = next(_problems(to_json(value), path))
    except RecursionError:
        problem = "nested too deep"
    raise ValueError(f"no canonical JSON: {problem} at {path}")


def written(value: Writable) -> Written:
    """Return `value` written once, to be kept for all the places where it will stand."""
    return Written(canonical(value).decode())


def member_order(key: str) -> bytes:
    """Return what the members of an object are sorted by (RFC 8785, section 3.2.3)."""
    return key.encode("utf-16-be")


class _Writers(dict[type, _Writer]):
    """What writes the values of a class, by the class."""

    def __missing__(self, form: type) -> _Writer:
        if attrs.has(form):
            # Kept: the classes of the model are few, and compiling one takes a millisecond.
            write = _compiled(form)
            return self.setdefault(form, _keeping(form, write) if form in _SAYING else write)
        # A subclass is written as its plain like.
        if issubclass(form, str):
            return lambda value: quote(str.__str__(value))
        if issubclass(form, float):
            return lambda value: self[float](float.__float__(value))
        if issubclass(form, int):
            return lambda value: self[int](int.__int__(value))
        if issubclass(form, Mapping):
            # By its items: `dict(value)` would look each key up in Python.
            return lambda value: _object(dict(value.items()))
        return _array if issubclass(form, (list, tuple)) else _refuse


def _refuse(_: object) -> str:
    raise _Refused


def _object(value: Mapping[str, object]) -> str:
    if not value:
        return "{}"
    form, values = _FORMS[tuple(value)]
    # Most members are strings, and looking up their writer takes as long as writing them.
    return form % tuple(
        [quote(item) if type(item) is str else _WRITERS[type(item)](item) for item in values(value)]
    )


def _array(value: Sequence[object]) -> str:
    return f"[{','.join([_WRITERS[type(item)](item) for item in value])}]" if value else "[]"


def _compiled(form: type[AttrsInstance]) -> _Writer:
    """Return what writes the values of a class of the model: one f-string, its keys sorted once.

    Compiled from source, as the `__init__` of such a class is, with what each field's type says:
    to go through the fields and ask each value for its type takes three times as long.
    """
    wire = WIRE_FORMS.get(form, WireForm())
    known: dict[str, object] = {"writers": _WRITERS, "quote": quote, "float_": _WRITERS[float]}
    fields = {
        item.name: item
        for item in attrs.fields(attrs.resolve_types(form))
        if item.name not in wire.omitted
    }
    parts = ["'{'"]
    for key in sorted((*fields, *wire.fixed), key=member_order):
        opening = f"{',' if len(parts) > 1 else ''}{quote(key)}:"
        if key in wire.fixed:
            parts.append(repr(opening + canonical(wire.fixed[key]).decode()))
            continue
        written = _source(f"value.{key}", fields[key].type)
        if key not in wire.if_set:
            parts.append(f'{opening!r} f"{{{written}}}"')
        elif len(parts) > 1:
            default = fields[key].default
            known |= {f"{key}_opening": opening, f"{key}_default": default}
            # To compare a value of the model with None takes nearly as long as to write it.
            given = f"value.{key} {'is not' if default is None else '!='} {key}_default"
            parts.append(f"f\"{{{key}_opening + {written} if {given} else ''}}\"")
        else:
            msg = f"{form.__name__}.{key} cannot be left out: it is the first member"
            raise TypeError(msg)
    source = f"lambda value: {' '.join(parts)} '}}'"
    return cast("_Writer", eval(source, known))  # noqa: S307 -- our fields' names # nosec B307


def _keeping(form: type[AttrsInstance], write: _Writer) -> _Writer:
    """Return `write` with a memory of the values that say nothing, by their figures."""
    omitted = (*_SAYING[form], *WIRE_FORMS.get(form, WireForm()).omitted)
    names = [item.name for item in attrs.fields(form) if item.name not in omitted]
    figures = f"({', '.join(f'value.{name}' for name in names)})"
    kept: dict[object, str] = {}

    def keep(key: object, value: object) -> str:
        if len(kept) >= _KEPT_VALUES:
            kept.clear()
        return kept.setdefault(key, write(value))

    recall = f"kept.get({figures}) or keep({figures}, value)"
    source = f"lambda value: write(value) if {said(_SAYING[form])} else {recall}"
    known = {"write": write, "kept": kept, "keep": keep}
    return cast("_Writer", eval(source, known))  # noqa: S307 -- our fields' names # nosec B307


def _source(item: str, declared: object) -> str:
    """Return the expression that writes a field of the declared type."""
    if declared is str:
        return f"quote({item})"
    if declared is float:
        return f"float_({item})"
    written = f"writers[type({item})]({item})"
    return f"{written} if {item} else '[]'" if get_origin(declared) is tuple else written


class _Forms(dict[tuple[str, ...], _Form]):
    """The forms of objects by their keys. Those of long keys are not kept: they cost no memory."""

    def __missing__(self, keys: tuple[str, ...]) -> _Form:
        try:
            short = len("".join(keys)) <= _KEPT_KEY_CHARS
        except TypeError:
            raise _Refused from None
        form = _form(sorted(keys, key=member_order))
        if not short:
            return form
        if len(self) >= _KEPT_FORMS:
            self.clear()
        return self.setdefault(keys, form)


def _form(ordered: Sequence[str]) -> _Form:
    text = ",".join([quote(key).replace("%", "%%") + ":%s" for key in ordered])
    if len(ordered) == 1:
        # With one key alone, the getter would return its value, and not a tuple of it.
        return f"{{{text}}}", lambda value: (value[ordered[0]],)
    return f"{{{text}}}", itemgetter(*ordered)


class _Digits(dict[T, str]):
    """What numbers are written as: scores come again and again, and times too.

    Most times are some microseconds, told as milliseconds.
    """

    def __init__(self, write: Callable[[T], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, value: T) -> str:
        digits = self._write(value)
        if len(self) >= _KEPT_NUMBERS:
            self.clear()
        return self.setdefault(value, digits)


def _integer(value: int) -> str:
    if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return int.__repr__(value)
    raise _Refused


def _float(value: float) -> str:
    if not value:
        return "0"  # of either sign
    if not math.isfinite(value):
        raise _Refused
    digits = repr(value)
    whole = digits.endswith(".0")
    if whole and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return digits[:-2]
    return rfc8785.dumps(value).decode() if whole or "e" in digits else digits


_FORMS: Final = _Forms()
_WRITERS: Final = _Writers(
    {
        str: quote,
        Written: attrgetter("text"),
        float: _Digits(_float).__getitem__,
        int: _Digits(_integer).__getitem__,
        bool: {True: "true", False: "false"}.__getitem__,
        type(None): {None: "null"}.__getitem__,
        dict: _object,
        FrozenMap: lambda value: _object(inside(value)),
        MappingProxyType: _object,
        list: _array,
        tuple: _array,
    }
)


def _problems(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield JSONPath and problem of all that no writer takes, in the order of the value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield path, f"a key of type {type(key).__name__}"
            elif not _encodable(key):
                yield path, "a key with a lone surrogate"
            else:
                yield from _problems(item, path + path_step(key))
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            yield from _problems(item, f"{path}[{position}]")
    elif not isinstance(value, Written) and (problem := _problem(value)):
        yield path, problem


def _problem(value: object) -> str | None:
    if isinstance(value, str):
        return None if _encodable(value) else "a lone surrogate"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value}, which is not a JSON number,"
    if isinstance(value, int):
        safe = -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
        return None if safe else "an integer beyond 2**53 - 1 (send it as a string)"
    return None if value is None else f"a value of type {type(value).__name__}"


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
