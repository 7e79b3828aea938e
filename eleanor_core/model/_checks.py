"""Validators shared by the values. They raise ValueError or TypeError with the field's name.

Most say in an expression what is plainly right: see `eleanor_core.model.made`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from attrs import Attribute, frozen

from eleanor_core.errors import quoted
from eleanor_core.model.clauses import CLAUSES

T = TypeVar("T")


class Check(Protocol):
    """An attrs validator that fits a field of any type."""

    def __call__(self, _: object, attribute: Attribute[T], value: T) -> None: ...


@frozen
class Quick:
    """A check that need not be called where `plain`, of the value in place of `{0}`, is true."""

    plain: str
    thorough: Callable[..., None]

    def __call__(self, _: object, attribute: Attribute[T], value: T) -> None:
        """Check thoroughly."""
        self.thorough(_, attribute, value)


def plainly(expression: str) -> Callable[[Callable[..., None]], Quick]:
    """Say of a check what is plainly right."""
    return lambda thorough: Quick(expression, thorough)


@plainly("type({0}) is float and 0.0 <= {0} <= 1.0")
def unit(_: object, attribute: Attribute[T], value: T) -> None:
    """Accept a real number in [0, 1]; NaN and booleans are refused."""
    if type(value) not in (float, int):
        raise TypeError(f"{attribute.name} must be a float in [0, 1], got {type(value).__name__}")
    if not 0.0 <= value <= 1.0:  # type: ignore[operator] # the type was checked above
        raise ValueError(f"{attribute.name} must be in [0, 1], got {value}")


@plainly("type({0}) is str and {0}.isascii()")
def text(_: object, attribute: Attribute[T], value: T) -> None:
    """Accept exactly `str`: a subclass could carry behaviour into a frozen value."""
    if not isinstance(value, str) or type(value) is not str:
        raise TypeError(f"{attribute.name} must be a str, got {type(value).__name__}")
    if not value.isascii():
        _encodable(attribute.name, value)


@plainly("type({0}) is str and {0} and {0}.isascii()")
def words(_: object, attribute: Attribute[T], value: T) -> None:
    """Accept a non-empty `str`."""
    if not isinstance(value, str) or type(value) is not str or not value:
        raise TypeError(f"{attribute.name} must be a non-empty str, got {quoted(value, 80)}")
    if not value.isascii():
        _encodable(attribute.name, value)


def _encodable(name: str, value: str) -> None:
    """Refuse what has no UTF-8 form: it could not be recorded."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} holds a lone surrogate at character {error.start}") from None


def clause(_: object, attribute: Attribute[T], value: T) -> None:
    """Accept a code of the clause registry."""
    if type(value) is not str or value not in CLAUSES:
        raise ValueError(f"{attribute.name} {quoted(value, 80)} is not in the clause registry")


@plainly("{0} is None")
def span(_: object, attribute: Attribute[T], value: T) -> None:
    """Accept None or a pair (start, end) of ints with 0 <= start <= end."""
    if value is None:
        return
    if not (
        isinstance(value, tuple)
        and type(value) is tuple
        and len(value) == 2
        and type(value[0]) is int
        and type(value[1]) is int
        and 0 <= value[0] <= value[1]
    ):
        raise ValueError(
            f"{attribute.name} must be (start, end) with 0 <= start <= end: {quoted(value, 80)}"
        )


def one_of(*choices: object) -> Check:
    """Accept one of `choices`, all of one type, by type and value (so that True is not 1)."""
    form = type(choices[0])

    @plainly(f"type({{0}}) is {form.__name__} and {{0}} in {choices!r}")
    def check(_: object, attribute: Attribute[T], value: T) -> None:
        if type(value) is not form or value not in choices:
            wanted = ", ".join(map(repr, choices))
            raise ValueError(f"{attribute.name} must be one of {wanted}, got {quoted(value, 80)}")

    return check


def tuple_of(member: type) -> Check:
    """Accept a tuple whose members are exactly of type `member`."""

    @plainly("type({0}) is tuple and not {0}")
    def check(_: object, attribute: Attribute[T], value: T) -> None:
        if not isinstance(value, tuple) or type(value) is not tuple:
            raise TypeError(f"{attribute.name} must be a tuple, got {type(value).__name__}")
        for item in value:
            if type(item) is not member:
                raise TypeError(
                    f"{attribute.name} must hold {member.__name__}, got {type(item).__name__}"
                )

    return check
