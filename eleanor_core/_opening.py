"""Opens one kind of plugin and what it needs, for those who read or keep it and judge nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Final, cast

from attrs import evolve, field, frozen

from eleanor_core._log import Logger
from eleanor_core._panel import LostSink, fan_out, first
from eleanor_core._redaction import Redaction
from eleanor_core._retention import Retention
from eleanor_core._reviews import Reviews
from eleanor_core._secrets import Resolver
from eleanor_core._services import services_with
from eleanor_core.api import (
    Embedder,
    EvidenceSink,
    Kind,
    PrecedentSearch,
    PrecedentStore,
)
from eleanor_core.errors import EvidenceUnavailable, PrecedentsUnavailable, SecretUnavailable
from eleanor_core.evidence import NO_SINK, FanOut
from eleanor_core.model import PrecedentCase, PrecedentMatch, PrecedentQuery
from eleanor_core.pipeline.embed import embed
from eleanor_core.pipeline.recall import NEAR_IDENTICAL
from eleanor_core.registry import Products, Registry, load, open_products
from eleanor_core.settings import Settings

_log = Logger(__name__)

_SECRETS: Final[Sequence[Kind]] = ("secrets",)
_SINKS: Final[Sequence[Kind]] = ("secrets", "evidence")
_VOICES: Final[Sequence[Kind]] = ("detectors", "critics")
_STORE: Final[Sequence[Kind]] = ("secrets", "backends", "embedders", "models", "precedents")
"""A kind, after those that it may use."""
_LOOKED_AT: Final = 64


@frozen(kw_only=True)
class Secrets:
    """The running secrets providers. `lost`: what is wrong with those that do not run, by name."""

    resolver: Resolver = field(repr=False)
    running: tuple[str, ...]
    lost: Mapping[str, str]


@asynccontextmanager
async def open_secrets(
    settings: Settings,
    *,
    plugins: Iterable[object] = (),
    redaction: Redaction | None = None,
) -> AsyncIterator[Secrets]:
    """Start the enabled secrets providers alone.

    Raises SecretUnavailable if none is enabled. One that is broken is among the lost.
    """
    redaction = _learnt(redaction, settings)
    registry = load(_only(_SECRETS, settings), tuple(plugins), masks=redaction)
    async with _opened(registry, settings, _SECRETS, redaction) as products:
        running = products.of("secrets")
        broken = (*registry.broken, *products.broken)
        lost = {item.name: item.text for item in broken if item.kind == "secrets"}
        if not (running or lost):
            raise SecretUnavailable(
                "no secrets provider is enabled: install one, such as eleanor-secrets-vault, and "
                "name it in security.secret_provider"
            )
        resolver = Resolver(running, redaction.known)
        yield Secrets(resolver=resolver, running=tuple(sorted(running)), lost=lost)


@asynccontextmanager
async def open_evidence(
    settings: Settings,
    *,
    plugins: Iterable[object] = (),
    redaction: Redaction | None = None,
) -> AsyncIterator[Mapping[str, EvidenceSink]]:
    """Start the enabled evidence sinks and yield them by name, the primary one first.

    One that should be there and does not run is left out, and the log says which and why. Raises
    EvidenceUnavailable if none runs, with what is wrong and what to do.
    """
    redaction = _learnt(redaction, settings)
    registry = load(_only(_SINKS, settings), tuple(plugins), masks=redaction)
    async with _opened(registry, settings, _SINKS, redaction) as products:
        running = cast("Mapping[str, EvidenceSink]", products.of("evidence"))
        if not running:
            raise EvidenceUnavailable(_lost(registry, products, _SINKS) or NO_SINK)
        broken = (*registry.broken, *products.broken)
        lost = {item.name: item.text for item in broken if item.kind == "evidence"}
        for name in settings.evidence.sinks or lost:
            if name not in running:
                why = lost.get(name, f"evidence/{name} is not enabled")
                _log.warning("evidence.sink_not_running", sink=name, reason=why)
        order = [name for name in settings.evidence.sinks if name in running] or sorted(running)
        yield {name: running[name] for name in order}


@asynccontextmanager
async def open_fan_out(
    settings: Settings,
    *,
    plugins: Iterable[object] = (),
    redaction: Redaction | None = None,
) -> AsyncIterator[FanOut]:
    """Start the enabled evidence sinks to append to them; the others follow the primary meanwhile.

    Raises EvidenceUnavailable if one does not run that must hold every record.
    """
    redaction = _learnt(redaction, settings)
    registry = load(_only(_SINKS, settings), tuple(plugins), masks=redaction)
    async with _opened(registry, settings, _SINKS, redaction) as products:
        broken = (*registry.broken, *products.broken)
        evidence = fan_out(settings, products, broken, redaction.text)
        for name in evidence.required:
            if isinstance(lost := evidence.sinks[name], LostSink):
                raise EvidenceUnavailable(
                    f"evidence/{name} must record and does not run. {lost.why}"
                )
        if not evidence.sinks:
            raise EvidenceUnavailable(_lost(registry, products, _SINKS) or NO_SINK)
        async with evidence.following():
            yield evidence


@asynccontextmanager
async def open_reviews(
    settings: Settings,
    *,
    plugins: Iterable[object] = (),
    redaction: Redaction | None = None,
) -> AsyncIterator[Reviews]:
    """Start the enabled evidence sinks and yield the reviewers and reviews in them.

    Nothing is judged, so no voice is started; what critics and detectors mark for redaction still
    must not stand in a reason. Raises as `open_fan_out` does.
    """
    async with _kept(settings, tuple(plugins), _learnt(redaction, settings)) as (logs, mask):
        yield Reviews(logs, settings, mask)


@asynccontextmanager
async def open_retention(
    settings: Settings,
    *,
    plugins: Iterable[object] = (),
    redaction: Redaction | None = None,
) -> AsyncIterator[Retention]:
    """Start the enabled evidence sinks and yield the holds and erasures in them.

    As `open_reviews` does.
    """
    async with _kept(settings, tuple(plugins), _learnt(redaction, settings)) as (logs, mask):
        yield Retention(logs, settings, mask, Reviews(logs, settings, mask))


@asynccontextmanager
async def _kept(
    settings: Settings, plugins: tuple[object, ...], known: Redaction
) -> AsyncIterator[tuple[FanOut, Callable[[str], str]]]:
    """Yield the logs, and what masks that which must not be recorded."""

    @cache
    def learn_shapes() -> Registry:
        return known.learn_shapes(load(_only(_VOICES, settings), plugins, masks=known))

    def mask(text: str) -> str:
        learn_shapes()  # only where a word is written: the voices are loaded for it
        return known.text(text)

    async with open_fan_out(settings, plugins=plugins, redaction=known) as evidence:
        yield evidence, mask


@frozen(kw_only=True)
class Precedents:
    """A running store of precedents. `whose`: its plugin and dist, for messages."""

    whose: str
    store: PrecedentStore = field(repr=False)
    embedder: Embedder | None = field(repr=False)

    async def like(self, text: str, k: int) -> Sequence[PrecedentMatch]:
        """Return the at most `k` nearest cases of a text, most similar first.

        Raises PrecedentsUnavailable without an embedder, and whatever embedder and store raise.
        """
        if self.embedder is None:
            raise PrecedentsUnavailable(f"{self.whose} cannot compare: no embedder is running")
        return await self.store.nearest(await embed(self.embedder, text), k)

    async def search(self, wanted: PrecedentQuery, k: int) -> Sequence[PrecedentMatch]:
        """Return the at most `k` best cases that are wanted.

        Raises as `like` does, and PrecedentsUnavailable if the store cannot search so.
        """
        if self.embedder is None:
            raise PrecedentsUnavailable(f"{self.whose} cannot compare: no embedder is running")
        if not isinstance(self.store, PrecedentSearch):
            raise PrecedentsUnavailable(
                f"{self.whose} finds the nearest of all cases and searches no other way. Enable a "
                "store that does, such as precedents/sqlite, and block this one"
            )
        return await self.store.search(wanted, await embed(self.embedder, wanted.text), k)

    async def contradicting(self, case: PrecedentCase) -> Sequence[PrecedentMatch]:
        """Return other cases that are near-identical to this one and have another outcome.

        Written examples do not count. Looks at the 64 nearest; raises as `like` does.
        """
        return [
            match
            for match in await self.like(case.text, _LOOKED_AT)
            if match.similarity >= NEAR_IDENTICAL
            and match.case.authority != "example"
            and match.case.id != case.id
            and match.case.outcome != case.outcome
        ]


@asynccontextmanager
async def open_precedents(
    settings: Settings,
    *,
    plugins: Iterable[object] = (),
    redaction: Redaction | None = None,
) -> AsyncIterator[Precedents]:
    """Start the store that recall would ask, with what it needs, and no voice and no sink.

    Raises PrecedentsUnavailable if none runs, with what is wrong and what to do.
    """
    redaction = _learnt(redaction, settings)
    registry = load(_only(_STORE, settings), tuple(plugins), masks=redaction)
    async with _opened(registry, settings, _STORE, redaction) as products:
        name, store = next(iter(products.of("precedents").items()), (None, None))
        if name is None:
            raise PrecedentsUnavailable(
                _lost(registry, products, _STORE)
                or "no precedent store is enabled: install one, such as eleanor-precedents-sqlite"
            )
        yield Precedents(
            whose=f"precedents/{name} ({registry.loaded['precedents'][name].provenance.dist})",
            store=cast("PrecedentStore", store),
            embedder=cast("Embedder | None", first(products.of("embedders"))),
        )


def _only(kinds: Sequence[Kind], settings: Settings) -> Settings:
    """Return settings that choose no plugin of another kind: it would be imported for nothing."""
    chosen = settings.plugins
    lists = {"defaults": chosen.defaults, "enable": chosen.enable, "require": chosen.require}
    if chosen.exact is not None:
        lists["exact"] = chosen.exact
    of_kinds = {
        name: tuple(ref for ref in refs if ref.partition("/")[0] in kinds)
        for name, refs in lists.items()
    }
    return settings.model_copy(update={"plugins": chosen.model_copy(update=of_kinds)})


def _learnt(redaction: Redaction | None, settings: Settings) -> Redaction:
    """Return the caller's redaction, or a new one; it knows the secrets of the settings then."""
    redaction = Redaction.of() if redaction is None else redaction
    redaction.learn_settings(settings)
    return redaction


def _opened(
    registry: Registry, settings: Settings, kinds: Sequence[Kind], redaction: Redaction
) -> AbstractAsyncContextManager[Products]:
    """Start the loaded plugins of these kinds alone."""
    chosen = {kind: items if kind in kinds else {} for kind, items in registry.loaded.items()}
    return open_products(
        evolve(registry, loaded=chosen),
        services_with(settings, redaction),
        timeout=settings.deadlines.start,
        stop_timeout=settings.deadlines.stop,
        masks=redaction,
    )


def _lost(registry: Registry, products: Products, kinds: Sequence[Kind]) -> str:
    """Return what broke among these kinds, in words; empty if nothing did."""
    broken = (*registry.broken, *products.broken)
    return " ".join(item.text for item in broken if item.kind in kinds)
