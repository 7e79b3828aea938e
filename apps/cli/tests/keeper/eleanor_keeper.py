"""A secrets provider over one JSON file, for the tests: name -> all values, the current one first."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

from pydantic import Field

from eleanor_core.api import (
    CachedSecrets,
    CachingSettings,
    SecretNotFound,
    SecretRef,
    SecretsDeclaration,
    SecretsProvider,
    SecretUnavailable,
    SecretValue,
    SecretVersions,
    Services,
    hookimpl,
)


class KeeperSettings(CachingSettings):
    """Settings of the provider `keeper`."""

    file: str = Field(default="", description="The JSON file.")
    api_key: str = Field(default="", description="A reference, as other plugins have them.")
    deaf: bool = Field(default=False, description="Store nothing, and do not say so.")


class Keeper(CachedSecrets):
    """The provider."""

    def __init__(self, settings: KeeperSettings, services: Services) -> None:
        super().__init__(self._fetch, settings, services.log)
        self._file = Path(settings.file)
        self._deaf = settings.deaf

    async def put(self, ref: SecretRef, value: SecretValue, /) -> str:
        """Store a new value before the others."""
        if not self._deaf:
            self._write(ref, [value.reveal(), *self._values(ref)])
        await self.refresh(ref)
        return f"v{len(self._values(ref))}"

    async def retire(self, ref: SecretRef, /) -> int:
        """Keep the first value alone."""
        current, *former = self._values(ref)
        self._write(ref, [current])
        await self.refresh(ref)
        return len(former)

    async def _fetch(self, ref: SecretRef) -> SecretVersions:
        values = tuple(map(SecretValue, self._values(ref)))
        if not values:
            raise SecretNotFound(f"{ref}: the file has no such name")
        return SecretVersions(values=values, version=f"v{len(values)}")

    def _values(self, ref: SecretRef) -> list[str]:
        return self._table(ref).get(ref.path, [])

    def _write(self, ref: SecretRef, values: list[str]) -> None:
        self._file.write_text(json.dumps({**self._table(ref), ref.path: values}))

    def _table(self, ref: SecretRef) -> dict[str, list[str]]:
        if not self._file.exists():
            raise SecretUnavailable(f"{ref}: the file is away")
        table: dict[str, list[str]] = json.loads(self._file.read_text())
        return table


def _open(
    settings: KeeperSettings, services: Services
) -> AbstractAsyncContextManager[SecretsProvider]:
    return nullcontext(Keeper(settings, services))


@hookimpl
def eleanor_register_secrets() -> Iterable[SecretsDeclaration]:
    """Declare the provider."""
    yield SecretsDeclaration(name="keeper", factory=_open, settings=KeeperSettings)
