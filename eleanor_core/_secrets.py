"""Resolves a secret's reference through the provider that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from eleanor_core.api import SecretsProvider
from eleanor_core.errors import SecretUnavailable
from eleanor_core.model import SecretRef, SecretValue


class Resolver:
    """All started providers behind one call."""

    def __init__(self, providers: Mapping[str, object]) -> None:
        self._providers = cast("Mapping[str, SecretsProvider]", providers)

    async def resolve(self, ref: SecretRef, /) -> SecretValue:
        """Return the value of `ref`. Raises SecretUnavailable, which names the reference alone."""
        provider = self._providers.get(ref.provider)
        if provider is None:
            running = ", ".join(sorted(self._providers)) or "none"
            raise SecretUnavailable(
                f"secret {ref}: no provider called {ref.provider!r} is running (running: {running})"
            )
        return await provider.get(ref)
