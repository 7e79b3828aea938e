"""Starts the products of all loaded plugins and stops them in reverse order.

Each plugin lives in a task of its own. What its factory opens (task groups, cancel scopes) is thus
entered and left by one task; a start that hangs can be cut off without unbalancing the caller's
scopes; and a plugin whose background work crashes later takes neither the others nor the engine
with it.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

import anyio
from anyio.abc import TaskGroup
from attrs import evolve, field, frozen

from eleanor_core._log import Logger
from eleanor_core.api import KINDS, Kind, Services
from eleanor_core.registry.backends import Option, options
from eleanor_core.registry.checks import check_manager, check_product
from eleanor_core.registry.faults import Defect, Masks, Unmasked, package_of
from eleanor_core.registry.load import refuse_lost
from eleanor_core.registry.registry import Broken, Found, Loaded, Registry, Stage

_log = Logger(__name__)

STOP_TIMEOUT: Final = 25.0
"""Seconds for all plugins together."""


@frozen(kw_only=True, eq=False)
class Products:
    """What the factories yielded, by kind and name. `broken`: those that failed to start."""

    broken: tuple[Broken, ...] = ()
    _started: Mapping[Kind, Mapping[str, object]] = field(alias="started", repr=False)
    _failed: list[Broken] = field(alias="failed", factory=list, repr=False)

    def of(self, kind: Kind) -> Mapping[str, object]:
        """Return the started products of `kind`, sorted by name."""
        return self._started.get(kind, MappingProxyType({}))

    @property
    def failed(self) -> tuple[Broken, ...]:
        """Plugins that started and then failed: at stage "run" by themselves, or at "stop"."""
        return tuple(self._failed)


MakeServices: TypeAlias = Callable[[Loaded, Products], Services]


@asynccontextmanager
async def open_products(
    registry: Registry,
    make_services: MakeServices,
    *,
    timeout: float,  # noqa: ASYNC109 -- one for each start; no scope around the call could say it
    stop_timeout: float = STOP_TIMEOUT,
    masks: Masks | None = None,
) -> AsyncIterator[Products]:
    """Start every loaded plugin in the order of `KINDS`, by name within a kind; stop in reverse.

    `make_services` is called before each start, with the products of the kinds before; what it
    raises refuses the start. `timeout`: seconds for one start. `stop_timeout`: seconds for all
    stops together; until then they are shielded from cancellation. Raises RequiredPluginError if a
    required plugin does not start. An error while stopping is logged and kept in `failed`. `masks`
    hides secrets in what a plugin raised.
    """
    outcome: BaseException | None = None
    try:
        async with anyio.create_task_group() as group:
            start = _Start(registry, make_services, timeout, group, masks or Unmasked())
            try:
                yield await start.all()
            except BaseException as error:  # noqa: BLE001 -- raised below, not wrapped in a group
                outcome = error
            await start.stop(stop_timeout)
    finally:
        if outcome is not None:
            raise outcome


class _Start:
    """The hosts of one `open_products`, in the order of their starts."""

    def __init__(
        self,
        registry: Registry,
        make_services: MakeServices,
        timeout: float,
        group: TaskGroup,
        masks: Masks,
    ) -> None:
        self._registry = registry
        self._make_services = make_services
        self._timeout = timeout
        self._group = group
        self._masks = masks
        self._hosts: list[_Host] = []
        self._failed: list[Broken] = []

    async def all(self) -> Products:
        """Start all plugins, one after the other, and return their products."""
        started: dict[Kind, Mapping[str, object]] = {}
        broken: list[Broken] = []
        for kind in KINDS:
            # Frozen before the kind starts: no plugin is made with a peer in sight.
            before = self._products(started, broken)
            if kind == "backends":
                running = await self._backend(before, broken)
            else:
                running = {}
                for name, loaded in self._registry.loaded[kind].items():
                    try:
                        running[name] = await self._begun(loaded, before)
                    except _Lost as lost:
                        self._lose(lost, broken)
            started[kind] = MappingProxyType(running)
        return self._products(started, broken)

    async def _backend(self, before: Products, broken: list[Broken]) -> dict[str, object]:
        """Start the first backend that can be, and tell which others were meant to come before."""
        lost: dict[str, _Lost] = {}
        for option in options(self._registry):
            try:
                product = await self._begun(option.loaded, before, option)
            except _Lost as failed:
                lost.setdefault(option.loaded.ref, failed)
                if not option.refusal:
                    _log.warning(
                        "backend.not_started", backend=option.text, reason=failed.broken.error
                    )
                continue
            for ref in lost.keys() & self._registry.required - {option.loaded.ref}:
                self._lose(lost[ref], broken)
            if lost:
                _log.info("backend.started", backend=option.text)
            return {option.loaded.name: product}
        for error in lost.values():
            self._lose(error, broken)
        return {}

    async def _begun(
        self, loaded: Loaded, before: Products, option: Option | None = None
    ) -> object:
        """Start one plugin and return its product. Raises _Lost."""
        services = self._make_services(loaded, before)
        if option is not None:
            services = evolve(services, device=option.device)
        host = _Host(loaded, services, self._failed, self._masks)
        # Listed before it has started: whoever is cut off while starting is stopped too.
        self._hosts.append(host)
        self._group.start_soon(host.live, self._timeout, option.refusal if option else "")
        try:
            return await host.product()
        except Exception as error:
            raise _Lost(host.lost("start", error)) from error

    def _lose(self, lost: _Lost, broken: list[Broken]) -> None:
        """Keep a plugin that did not start among the broken. Raises if it is required."""
        error = lost.__cause__
        told = self._masks.told((error and error.__cause__) or error or lost)
        refuse_lost(self._registry.required, [lost.broken], {lost.broken.ref: told})
        broken.append(lost.broken)

    async def stop(self, limit: float) -> None:
        """Stop all plugins in reverse, each one after the one before it has ended.

        Each may use its share of the time that is left: one that hangs cannot take it from those
        that stop last, the evidence sinks among them.
        """
        with anyio.CancelScope(shield=True):
            end = anyio.current_time() + limit
            for left, host in enumerate(reversed(self._hosts)):
                now = anyio.current_time()
                await host.end(now + (end - now) / (len(self._hosts) - left))

    def _products(
        self, started: Mapping[Kind, Mapping[str, object]], broken: list[Broken]
    ) -> Products:
        return Products(started=dict(started), broken=tuple(broken), failed=self._failed)


class _Lost(Exception):  # noqa: N818 -- a record on its way, not a fault of ours
    """A plugin that did not start."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.text)
        self.broken = broken


class _Host:
    """One plugin's life, in one task: enter its factory, wait to be told, leave it."""

    def __init__(
        self, loaded: Loaded, services: Services, failed: list[Broken], masks: Masks
    ) -> None:
        self._masks = masks
        self._loaded = loaded
        self._services = services
        self._failed = failed
        self._scope = anyio.CancelScope()
        self._started = False
        self._product: object = None
        self._refusal: Defect | None = None
        self._settled = anyio.Event()
        self._told = anyio.Event()
        self._ended = anyio.Event()

    async def live(self, limit: float, refusal: str = "") -> None:
        """Run until `end`. A start that fails is raised by `product`; what fails later is kept.

        `refusal`: why the device it is meant for cannot be used, so that it need not be tried.
        """
        try:
            if refusal:
                raise Defect(  # noqa: TRY301 -- it fails as any start fails
                    "start", refusal, hint="Make it available, or choose another backend."
                )
            await self._serve(limit)
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- a stranger's code
            if not self._started:
                self._refusal = self._defect("start", error)
                if self._refusal is not error:
                    self._refusal.__cause__ = error
                return
            lost = self.lost("stop" if self._told.is_set() else "run", error)
            self._failed.append(lost)
            _log.error(
                "plugin.failed",
                plugin=lost.ref,
                dist=lost.dist,
                version=lost.version,
                stage=lost.stage,
                error=lost.error,
                frame=lost.frame,
            )
        finally:
            self._settled.set()
            self._ended.set()

    async def product(self) -> object:
        """Wait for the start and return what it yielded. Raises Defect if it failed."""
        await self._settled.wait()
        if self._started:
            return self._product
        raise self._refusal or Defect("start", "it was cancelled while it started")

    async def end(self, deadline: float) -> None:
        """Tell the plugin to stop and wait for it, until `deadline` on the loop's clock."""
        if not self._ended.is_set():
            self._scope.deadline = deadline
            self._told.set()
            await self._ended.wait()

    def lost(self, stage: Stage, error: BaseException) -> Broken:
        """Return the record of a failure of this plugin."""
        loaded = self._loaded
        return self._defect(stage, error).broken(
            Found(
                kind=loaded.kind,
                name=loaded.name,
                dist=loaded.provenance.dist,
                version=loaded.provenance.version,
                target=loaded.origin,
            ),
            self._masks,
        )

    async def _serve(self, limit: float) -> None:
        late = Defect("start", f"it did not start within {limit:g} s")
        with self._scope:
            deadline = self._scope.deadline = anyio.current_time() + limit
            async with self._enter() as product:
                # The clock decides: a start that swallows cancellation or blocks looks punctual.
                if anyio.current_time() >= deadline:
                    raise late
                check_product(self._loaded.declaration, product)
                self._scope.deadline, self._scope.shield = math.inf, True
                self._product, self._started = product, True
                self._settled.set()
                await self._told.wait()
        if not self._started and self._scope.cancel_called:
            raise late
        if not self._started:
            raise Defect("start", "its factory swallowed an error and ended without a product")
        if not self._told.is_set():
            raise Defect("run", "it ended by itself while the engine was running")
        if self._scope.cancelled_caught:
            raise Defect("stop", "it did not stop in time and was cut off")

    def _enter(self) -> AbstractAsyncContextManager[object]:
        declaration = self._loaded.declaration
        return check_manager(declaration.factory(self._loaded.settings, self._services))

    def _defect(self, stage: Stage, error: BaseException) -> Defect:
        factory = self._loaded.declaration.factory
        while isinstance(factory, partial):
            factory = factory.func
        module = getattr(factory, "__module__", None) or type(factory).__module__
        return Defect.of(stage, error, package_of(module))
