"""A secret's reference, which may be shown, and its value, which may not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NoReturn

from attrs import field, frozen

MASK = "***"
_PROVIDER = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@frozen
class SecretRef:
    """`provider:path#key`, for example `vault:kv/app#key`. `key` is "" where there is none."""

    provider: str
    path: str
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> SecretRef:
        """Parse a reference. Raises ValueError without repeating the text: it may be a value."""
        provider, colon, rest = text.partition(":")
        path, _, key = rest.partition("#")
        if not (colon and _PROVIDER.fullmatch(provider) and path):
            raise ValueError(
                "a secret is given as a reference 'provider:path#key', never as its value"
            )
        return cls(provider, path, key)

    def __str__(self) -> str:
        return f"{self.provider}:{self.path}" + (f"#{self.key}" if self.key else "")


class SecretValue:
    """The value of a secret. `reveal()` is the only way to it.

    It prints as `***` and refuses to become a string, to be pickled, copied or serialised.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the value, for the one call that needs it."""
        return self.__value

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> NoReturn:
        raise TypeError("a secret value is not text; call reveal() where it is needed")

    def __format__(self, _spec: str) -> NoReturn:
        raise TypeError("a secret value is not text; call reveal() where it is needed")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret value cannot be copied, pickled or serialised")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret value cannot be copied, pickled or serialised")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and self.__value == other.__value

    def __hash__(self) -> int:
        return hash((SecretValue, self.__value))


def _newest_first(values: Iterable[SecretValue]) -> tuple[SecretValue, ...]:
    return tuple(dict.fromkeys(values))


def _some(_: object, __: object, values: tuple[SecretValue, ...]) -> None:
    if not values:
        raise ValueError("there is no version of a secret without a value")


@frozen(kw_only=True)
class SecretVersions:
    """What a store says of one secret. `values`: those that may be valid now, the current first.

    The others are what came before it, or comes after it, while a rotation is under way; a value
    that stands twice counts once. `version`: the store's own name for the current one, "" where it
    has none. `lease`: seconds for which the values are valid from now on, None without a limit.
    """

    values: tuple[SecretValue, ...] = field(converter=_newest_first, validator=_some)
    version: str = ""
    lease: float | None = None


@frozen(kw_only=True)
class SecretState:
    """What is known of one secret, without its value.

    `version`: the store's own name for it, "" where there is none. `others`: how many values beside
    the current one may be valid now. `age`: seconds since the store last said so, None if it never
    did. `stale`: it is served beyond its time, because the store cannot be asked. `problem`: why
    the last question failed, "" if it did not.
    """

    ref: SecretRef
    version: str = ""
    others: int = 0
    age: float | None = None
    stale: bool = False
    problem: str = ""


@frozen(kw_only=True)
class SecretsHealth:
    """How a provider fares. `problem`: of the provider as a whole, "" if there is none.

    `notes`: what else an operator wants to know, such as until when its own login is valid.
    """

    secrets: tuple[SecretState, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the store answered the last question about every secret."""
        return not self.problem and not any(state.problem for state in self.secrets)
