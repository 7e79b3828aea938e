"""Resolves a secret's reference through the provider that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

import anyio

from eleanor_core._log import Logger
from eleanor_core.api import RotatingSecrets, SecretsProvider, SecretsReporter, SecretsRotator
from eleanor_core.errors import SecretUnavailable
from eleanor_core.evidence import KnownSecrets
from eleanor_core.model import SecretRef, SecretsHealth, SecretValue

_log = Logger("eleanor.secrets")

POLL: Final = 30.0
"""Seconds between two questions to a provider that cannot wait for a change itself."""


class Resolver:
    """All started providers behind one call each. What one cannot do is done here as far as can be.

    Every value that passes is made known, so that it is masked on every way out.
    Every method raises SecretUnavailable, which names the reference alone.
    """

    def __init__(self, providers: Mapping[str, object], known: KnownSecrets) -> None:
        self._providers = cast("Mapping[str, SecretsProvider]", providers)
        self._known = known

    async def resolve(self, ref: SecretRef, /) -> SecretValue:
        """Return the value of `ref`."""
        return self._learnt(ref, await self._provider(ref).get(ref))

    async def candidates(self, ref: SecretRef, /) -> Sequence[SecretValue]:
        """Return every value of `ref` that may be valid now, the current one first."""
        provider = self._provider(ref)
        if isinstance(provider, RotatingSecrets):
            values = await provider.candidates(ref)
            self._known.learn(str(ref), values)
            return values
        return (self._learnt(ref, await provider.get(ref)),)

    async def refresh(self, ref: SecretRef, /) -> SecretValue:
        """Return the value of `ref`, asked for now where the provider can do that."""
        provider = self._provider(ref)
        if isinstance(provider, RotatingSecrets):
            return self._learnt(ref, await provider.refresh(ref))
        return self._learnt(ref, await provider.get(ref))

    async def changed(self, ref: SecretRef, known: SecretValue, /) -> SecretValue:
        """Wait until the value of `ref` is another than `known`, and return it."""
        provider = self._provider(ref)
        if isinstance(provider, RotatingSecrets):
            return self._learnt(ref, await provider.changed(ref, known))
        while True:
            try:
                value = await provider.get(ref)
            except SecretUnavailable:
                value = known
            if value != known:
                return self._learnt(ref, value)
            await anyio.sleep(POLL)

    async def put(self, ref: SecretRef, value: SecretValue, /) -> str:
        """Store `value` as the current one of `ref`; return the store's name for the version."""
        return await self._rotator(ref).put(ref, self._learnt(ref, value))

    async def retire(self, ref: SecretRef, /) -> int:
        """End every value of `ref` but the current one; return how many there were."""
        return await self._rotator(ref).retire(ref)

    def health(self) -> Mapping[str, SecretsHealth]:
        """Return how each provider fares, by name, as far as it says so."""
        return {
            name: provider.health()
            for name, provider in self._providers.items()
            if isinstance(provider, SecretsReporter)
        }

    def _learnt(self, ref: SecretRef, value: SecretValue) -> SecretValue:
        if not self._known.learn(str(ref), (value,)):
            _log.warning("secrets.too_plain_to_mask", ref=str(ref))
        return value

    def _provider(self, ref: SecretRef) -> SecretsProvider:
        provider = self._providers.get(ref.provider)
        if provider is None:
            running = ", ".join(sorted(self._providers)) or "none"
            raise SecretUnavailable(
                f"secret {ref}: no provider called {ref.provider!r} is running (running: {running})"
            )
        return provider

    def _rotator(self, ref: SecretRef) -> SecretsRotator:
        provider = self._provider(ref)
        if not isinstance(provider, SecretsRotator):
            raise SecretUnavailable(
                f"secret {ref}: the provider {ref.provider!r} cannot change what its store holds: "
                "use the store's own tools"
            )
        return provider
