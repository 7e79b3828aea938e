"""The section `security`: which provider secrets come from, with its settings beside the name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from pydantic import ConfigDict, Field, JsonValue, model_validator

from eleanor_core.errors import quoted
from eleanor_core.settings.types import PluginName, Section


class Security(Section):
    """Where secrets come from. `security.NAME` holds settings of the secrets provider NAME.

    That is the same table as `secrets.NAME.settings`; one key may stand in one of the two.
    """

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[PluginName, dict[str, JsonValue]] = Field(init=False)

    secret_provider: PluginName | None = Field(
        default=None,
        description="The secrets provider to use, by name; enabled beside the others, and its own "
        "settings may stand in `security.NAME`.",
        examples=["aws"],
    )
    production: bool = Field(
        default=False, description="Refuse to start with what is for development only."
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        # A provider's table may hold a secret that somebody wrote in plain against all advice.
        yield from ((name, getattr(self, name)) for name in type(self).model_fields)

    @model_validator(mode="before")
    @classmethod
    def _other_keys_are_tables(cls, data: object) -> object:
        for key, value in data.items() if isinstance(data, Mapping) else ():
            if key not in cls.model_fields and not isinstance(value, Mapping):
                close = get_close_matches(str(key), cls.model_fields, n=1)
                meant = f"did you mean {close[0]}?" if close else "a provider has a table"
                raise ValueError(f"{quoted(str(key), 60)} is unknown; {meant}")
        return data

    @property
    def providers(self) -> Mapping[str, Mapping[str, JsonValue]]:
        """Settings of secrets providers, by name."""
        return self.__pydantic_extra__ or {}
