"""The provider `env`: a reference `env:NAME` is the variable NAME.

For development only: every process of the same user can read a process's environment, and every
child inherits it. Production settings refuse to start with this provider.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from pydantic import Field

from eleanor_core.api import (
    CachedSecrets,
    CachingSettings,
    PluginSettings,
    SecretNotFound,
    SecretRef,
    SecretsDeclaration,
    SecretsProvider,
    SecretValue,
    SecretVersions,
    Services,
    hookimpl,
    value_of,
)

FORMER: Final = "_PREVIOUS"
"""What follows a variable's name in that of the value before it."""

_CACHING: Final = CachingSettings(ttl=1.0, stale_for=0.0)


class EnvSettings(PluginSettings):
    """Settings of the provider `env`."""

    prefix: str = Field(
        default="", description="What every variable's name starts with, before the reference's."
    )


class Environment:
    """Reads the variables of this process. `prefix` goes before every name."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    async def fetch(self, ref: SecretRef) -> SecretVersions:
        """Return the variable and the one before it. Raises SecretNotFound for an unset one."""
        name = f"{self._prefix}{ref.path}"
        values = [SecretValue(text) for text in _set(name, f"{name}{FORMER}")]
        if not os.environ.get(name):
            raise SecretNotFound(f"{ref}: the variable {name} is not set; set it, or leave it out")
        return SecretVersions(values=tuple(value_of(ref, value) for value in values))


def _set(*names: str) -> Iterable[str]:
    return filter(None, map(os.environ.get, names))


def open_environment(
    settings: EnvSettings, services: Services
) -> AbstractAsyncContextManager[SecretsProvider]:
    """Yield the provider. Nothing has to be opened."""
    environment = Environment(settings.prefix)
    return nullcontext(CachedSecrets(environment.fetch, _CACHING, services.log))


@hookimpl
def eleanor_register_secrets() -> Iterable[SecretsDeclaration]:
    """Declare the provider."""
    yield SecretsDeclaration(
        name="env",
        factory=open_environment,
        settings=EnvSettings,
        summary="Environment variables, for development only.",
        development_only=True,
    )
