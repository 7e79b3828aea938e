"""The provider `vault`: `vault:MOUNT/PATH#KEY` is a secret on a server with Vault's API.

The login's token is renewed in the background; a secret is asked for when somebody needs it.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio
from attrs import evolve

from eleanor_core.api import (
    CachedSecrets,
    EleanorError,
    Log,
    SecretRef,
    SecretsDeclaration,
    SecretsHealth,
    SecretsProvider,
    SecretUnavailable,
    SecretValue,
    Services,
    hookimpl,
    in_threads,
)
from eleanor_secrets_vault.settings import VaultSettings

if TYPE_CHECKING:
    from eleanor_secrets_vault.session import Session
    from eleanor_secrets_vault.store import Store

LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries to renew a token while the server cannot be reached, at most."""

SHORTEST_PAUSE: Final = 0.5


class VaultSecrets(CachedSecrets):
    """The provider: the store behind the cache, its changes, and the state of the login."""

    def __init__(self, store: Store, session: Session, settings: VaultSettings, log: Log) -> None:
        super().__init__(in_threads(store.read), settings, log)
        self._store = store
        self._session = session
        self._log_it = log
        self._renew = in_threads(session.renew)
        self._put = in_threads(store.put)
        self._retire = in_threads(store.retire)
        self._trouble = ""

    async def refresh(self, ref: SecretRef, /) -> SecretValue:
        """Ask the server now; what is leased is taken anew."""
        self._store.forget(ref.path)
        return await super().refresh(ref)

    async def put(self, ref: SecretRef, value: SecretValue, /) -> str:
        """Store `value`; in KV version 2 the version before it stays readable."""
        version = await self._put(ref, value)
        await self.refresh(ref)
        return version

    async def retire(self, ref: SecretRef, /) -> int:
        """Destroy the versions before the current one."""
        ended = await self._retire(ref)
        await self.refresh(ref)
        return ended

    def health(self) -> SecretsHealth:
        """Add what is wrong with the login, and how long it is still valid."""
        token = self._session.token
        notes: tuple[str, ...] = ("not logged in",)
        if token:
            ends = f"ends in {token.left:.0f} s" if token.ttl else "has no end"
            notes = (f"the login {ends}" + ("" if token.renewable else ", and cannot be renewed"),)
        return evolve(super().health(), problem=self._trouble, notes=notes)

    async def keep_login(self) -> None:
        """Log in, renew at two thirds of the token's life, and log in again where that fails."""
        pause = SHORTEST_PAUSE
        while True:
            try:
                token = await self._renew()
            except EleanorError as error:
                if not self._trouble:
                    self._log_it.warning("vault.login_fails", reason=str(error))
                self._trouble = str(error)
                await anyio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            if self._trouble:
                self._log_it.info("vault.login_works_again")
            self._trouble, pause = "", SHORTEST_PAUSE
            if not token.ttl:
                return
            share = random.uniform(0.6, 0.7)  # noqa: S311 -- so that not all renew at once
            await anyio.sleep(max(SHORTEST_PAUSE, min(token.ttl * share, token.left)))


@asynccontextmanager
async def open_vault(settings: VaultSettings, services: Services) -> AsyncIterator[SecretsProvider]:
    """Log in and yield the provider. A server that is down now is tried again until it is up."""
    from eleanor_secrets_vault.session import Session  # noqa: PLC0415 -- imports hvac
    from eleanor_secrets_vault.store import Store  # noqa: PLC0415 -- imports hvac

    session = Session(settings)
    store = Store(session)
    secrets = VaultSecrets(store, session, settings, services.log)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(secrets.keep_login)
        try:
            yield secrets
        finally:
            tasks.cancel_scope.cancel()
            with anyio.move_on_after(settings.timeout, shield=True):
                await _leave(store, services.log)


async def _leave(store: Store, log: Log) -> None:
    """Give back what was taken. The server ends it by itself where that fails."""
    try:
        await in_threads(store.close)()
    except SecretUnavailable as error:
        log.warning("vault.logout_fails", reason=str(error))


@hookimpl
def eleanor_register_secrets() -> Iterable[SecretsDeclaration]:
    """Declare the provider."""
    yield SecretsDeclaration(
        name="vault",
        factory=open_vault,
        settings=VaultSettings,
        summary="HashiCorp Vault, OpenBao.",
    )
