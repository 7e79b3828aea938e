"""A secret's reference, which may be shown, and its value, which may not."""

from __future__ import annotations

import re
from typing import NoReturn

from attrs import frozen

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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and self.__value == other.__value

    def __hash__(self) -> int:
        return hash((SecretValue, self.__value))
