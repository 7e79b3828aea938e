"""What the voices stand on, told to fail: embedder, store of precedents, evidence log, secrets provider."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from contextlib import asynccontextmanager

import anyio
from attrs import evolve

from canary.plan import Plan, ShelfSettings
from eleanor_core.api import (
    PrecedentCase,
    PrecedentMatch,
    PrecedentsDeclaration,
    Receipt,
    SealedRecord,
    SecretNotFound,
    SecretsDeclaration,
    SecretUnavailable,
    SecretValue,
    StoredRecord,
    hookimpl,
)
from eleanor_core.model import SecretRef
from eleanor_core.testing import LetterEmbedder, MemoryLog


class Embedder(LetterEmbedder):
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    async def embed(self, texts, /):
        match self._plan.failure:
            case "embedder raises":
                raise ValueError(self._plan.say("embedder raises"))
            case "embedder returns garbage":
                return [self._plan.say("embedder raises")]
            case "embedder hangs":
                await anyio.sleep(60)
        return await super().embed(texts)


class Store:
    """Precedents with a canary in every text."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @hookimpl
    def eleanor_register_precedents(self) -> Iterable[PrecedentsDeclaration]:
        yield PrecedentsDeclaration(name="canary", factory=self._open)

    @asynccontextmanager
    async def _open(self, settings, services):
        self._embedder = services.embedder
        yield self

    async def count(self) -> int:
        if self._plan.is_to("store cannot count"):
            raise ValueError(self._plan.say("store raises"))
        return 1

    async def add(self, case: PrecedentCase, /) -> None:
        raise NotImplementedError

    async def nearest(self, query, k, /):
        say = self._plan.say
        match self._plan.failure:
            case "store raises":
                raise ValueError(say("store raises"))
            case "store returns garbage":
                return [say("store raises")]
            case "store hangs":
                await anyio.sleep(60)
        case = PrecedentCase(
            id=say("precedent id"),
            text=say("precedent text"),
            outcome="deny",
            reason=say("precedent reason"),
            domain=say("precedent domain"),
            decided_by=say("precedent decided by"),
            jurisdiction=say("precedent jurisdiction"),
        )
        return [PrecedentMatch(case=case, similarity=0.99)]


class Log(MemoryLog):
    """The log in memory, with the failures of a real one."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(name="canary")
        self._plan = plan

    def _open(self, settings, services):
        if self._plan.is_to("sink does not start"):
            raise ValueError(self._plan.say("start"))
        return super()._open(settings, services)

    async def append(self, record: SealedRecord, /) -> Receipt:
        say = self._plan.say
        match self._plan.failure:
            case "sink raises" | "sink raises when abandoned":
                raise ValueError(say("sink raises"))
            case "sink raises from":
                raise ValueError(say("sink raises")) from KeyError(say("sink raises, cause"))
            case "sink is full":
                raise OSError(errno.ENOSPC, say("sink raises"))
            case "sink hangs":
                await anyio.sleep(60)
            case "sink forges a receipt":
                receipt = await super().append(record)
                return evolve(receipt, record_id=say("sink raises"))
        return await super().append(record)

    async def get(self, record_id: str, /) -> StoredRecord | None:
        if self._plan.is_to("sink cannot read"):
            raise ValueError(self._plan.say("sink cannot read"))
        return await super().get(record_id)


class Copy(MemoryLog):
    """A log that follows that one, and fails at it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(name="copy")
        self._plan = plan

    async def append(self, record: SealedRecord, /) -> Receipt:
        raise ValueError(self._plan.say("sink that follows raises"))


class Shelf:
    """A secrets provider that keeps what was before, and can be changed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._now = plan.canaries["provider, current"].known
        self._before = plan.canaries["provider, before"].known

    @hookimpl
    def eleanor_register_secrets(self) -> Iterable[SecretsDeclaration]:
        yield SecretsDeclaration(name="shelf", factory=self._open, settings=ShelfSettings)

    @asynccontextmanager
    async def _open(self, settings, services):
        yield self

    async def get(self, ref: SecretRef, /) -> SecretValue:
        if self._plan.is_to("provider raises"):
            raise ValueError(self._plan.say("provider raises"))
        if self._plan.is_to("provider is down"):
            raise SecretUnavailable(f"{ref}: sealed: {self._plan.say('provider raises')}")
        if self._plan.is_to("secret is gone"):
            raise SecretNotFound(
                f"{ref}: nothing is called so: {self._plan.say('provider raises')}"
            )
        return SecretValue(self._before if ref.path == "before" else self._now)

    async def candidates(self, ref: SecretRef, /) -> Sequence[SecretValue]:
        return (await self.get(ref), SecretValue(self._before))

    async def refresh(self, ref: SecretRef, /) -> SecretValue:
        self._now = self._plan.canaries["provider, refreshed"].known
        return await self.get(ref)

    async def changed(self, ref: SecretRef, known: SecretValue, /) -> SecretValue:
        return SecretValue(self._plan.canaries["provider, changed"].known)

    async def put(self, ref: SecretRef, value: SecretValue, /) -> str:
        raise SecretUnavailable(f"{ref}: the store refused {value.reveal()}")

    async def retire(self, ref: SecretRef, /) -> int:
        return 0
