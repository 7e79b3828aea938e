"""Redaction of what voices say, once, before it is aggregated, streamed, shown or stored."""

from __future__ import annotations

from typing import TypeVar, cast

from attrs import AttrsInstance, fields, has

from eleanor_core.evidence import Redactor

T = TypeVar("T")


def clean(redactor: Redactor, value: T) -> T:
    """Return `value` (any value of the model) with every shaped secret in its strings masked.

    The common case costs one scan over all strings together and returns `value` itself.
    """
    strings = list(_strings(value))
    joined = "\n".join(strings)
    if redactor.text(joined) == joined:
        return value
    return cast("T", _rebuilt(redactor, value))


def _strings(value: object) -> list[str]:
    if type(value) is str:
        return [value]
    if isinstance(value, tuple):
        return [text for item in value for text in _strings(item)]
    if has(type(value)):
        return [
            text
            for field in fields(cast("type[AttrsInstance]", type(value)))
            for text in _strings(getattr(value, field.name))
        ]
    return []


def _rebuilt(redactor: Redactor, value: object) -> object:
    if type(value) is str:
        return redactor.text(value)
    if isinstance(value, tuple):
        return tuple(_rebuilt(redactor, item) for item in value)
    if has(type(value)):
        form = cast("type[AttrsInstance]", type(value))
        return form(
            **{
                field.alias: _rebuilt(redactor, getattr(value, field.name))
                for field in fields(form)
            }
        )
    return value
