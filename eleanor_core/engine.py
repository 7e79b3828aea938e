"""Floor 5: the engine, an async context manager that judges cases.

async with EleanorEngine() as engine:
    result = await engine.run(text="...")
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncGenerator, Iterable
from types import TracebackType
from typing import Self, cast

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from eleanor_core._judgement import Emit, Judgement, append
from eleanor_core._panel import Panel, assemble, first, thresholds_of
from eleanor_core._secrets import Resolver
from eleanor_core._version import __version__
from eleanor_core.api import Backend, Embedder, EvidenceSink, PrecedentStore, Services
from eleanor_core.errors import (
    EvidenceUnavailable,
    InvalidInput,
    NoPanel,
    NotRunning,
    PrecedentsUnavailable,
    SettingsError,
)
from eleanor_core.evidence import seal
from eleanor_core.model import (
    Assessment,
    CaseKind,
    DecisionMade,
    Event,
    ExecutableDecision,
    JsonObject,
    JsonValue,
    SealedRecord,
)
from eleanor_core.pipeline.gate import GateKeeper
from eleanor_core.pipeline.validate import ValidInput, validate
from eleanor_core.registry import Broken, Loaded, Products, Registry, load, open_products
from eleanor_core.settings import (
    LoadedSettings,
    Settings,
    effective,
    home_of,
    keys_of,
    load_settings,
)

_log = structlog.get_logger("eleanor.engine")


class EleanorEngine:
    """Judges cases with the plugins that its settings choose.

    `settings`: a mapping goes before the environment and the settings file; a `Settings` or
    `LoadedSettings` is taken as it is; None reads environment and file. `plugins`: objects with
    hooks (see `eleanor_core.api.hookspecs`) that are used beside the installed ones.

    Raises SettingsError and PluginError before anything has started.
    """

    def __init__(
        self,
        settings: Settings | LoadedSettings | JsonObject | None = None,
        *,
        plugins: Iterable[object] = (),
    ) -> None:
        self._loaded = _load(settings)
        self._registry = load(self._loaded.settings, tuple(plugins), origins=self._loaded.origins)
        self._gate = GateKeeper()
        self._group: TaskGroup | None = None
        self._streams: TaskGroup | None = None
        self._panel: Panel | None = None
        self._products = Products(started={})
        self._in_flight = 0
        self._idle = anyio.Event()
        self._stopping = anyio.Event()
        self._stopped = anyio.Event()

    # -- life -------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start every enabled plugin. An engine starts once."""
        if self._group is not None:
            raise NotRunning("an engine starts once; make a new one")
        self._group = await anyio.create_task_group().__aenter__()
        try:
            await self._group.start(self._live)
        except BaseException:
            await self._group.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop as `shutdown` does."""
        try:
            await self.shutdown()
        finally:
            if self._group is not None:
                await self._group.__aexit__(None, None, None)

    async def shutdown(self) -> None:
        """Let running judgements end, then stop all plugins in reverse order.

        Takes `deadlines.stop` seconds at most for each of the two. May be called from any task, and
        more than once.
        """
        if self._group is None:
            return
        self._panel = None
        self._stopping.set()
        await self._stopped.wait()

    async def _live(self, *, task_status: TaskStatus[None]) -> None:
        """Hold all plugins from start to stop, in one task: what they open is theirs to close."""
        deadlines = self.settings.deadlines
        try:
            async with open_products(
                self._registry,
                self._services,
                timeout=deadlines.start,
                stop_timeout=deadlines.stop,
            ) as products:
                panel = await self._open(products)
                async with anyio.create_task_group() as self._streams:
                    self._panel = panel
                    task_status.started()
                    try:
                        await self._stopping.wait()
                    finally:
                        self._panel = None
                        await self._drain(deadlines.stop)
                        self._streams.cancel_scope.cancel()
        finally:
            self._stopped.set()

    async def _open(self, products: Products) -> Panel:
        self._products = products
        panel = assemble(self.settings, self._registry, products)
        for item in panel.broken:
            _log.error("plugin_broken", plugin=item.ref, stage=item.stage, error=item.error)
        await self._record_settings(panel)
        return panel

    async def _drain(self, seconds: float) -> None:
        # Shielded: the records of what is under way are written before the sinks stop.
        with anyio.move_on_after(seconds, shield=True) as scope:
            while self._in_flight:
                self._idle = anyio.Event()
                await self._idle.wait()
        if scope.cancelled_caught:
            _log.error("judgements_cut_off", in_flight=self._in_flight, seconds=seconds)

    def _services(self, loaded: Loaded, products: Products) -> Services:
        return Services(
            data_dir=home_of(self.settings) / loaded.kind / loaded.name,
            keys_dir=keys_of(self.settings),
            log=structlog.get_logger(f"eleanor.{loaded.kind}.{loaded.name}"),
            thresholds=thresholds_of(loaded, self.settings),
            backend=cast("Backend | None", first(products.of("backends"))),
            embedder=cast("Embedder | None", first(products.of("embedders"))),
            secrets=Resolver(products.of("secrets")),
        )

    async def _record_settings(self, panel: Panel) -> None:
        facts: dict[str, JsonValue] = {
            "core": __version__,
            "plugins": {
                f"{kind}/{name}": f"{item.provenance.dist} {item.provenance.version}"
                for kind, items in self._registry.loaded.items()
                for name, item in items.items()
            },
            "broken": {item.ref: item.stage for item in panel.broken},
            "settings": dict(effective(self._loaded)),
        }
        try:
            record = seal("settings", trace_id="", facts=facts, payload={})
        except ValueError as error:
            raise SettingsError(f"the settings cannot be recorded: {error}") from error
        try:
            await append(panel, record)
        except EvidenceUnavailable as error:
            # Judging would fail the same way and say so; starting must still be possible.
            _log.warning("settings_not_recorded", reason=str(error))

    # -- judging ----------------------------------------------------------------------------------

    async def run(
        self,
        *,
        text: str,
        context: JsonObject | None = None,
        kind: CaseKind = "answer",
        trace_id: str | None = None,
    ) -> Assessment:
        """Judge one case and return once its record is durable.

        `trace_id` stands in the record's leaf, which nobody can erase: put nothing personal in it.
        Raises InvalidInput (the refusal is recorded too), NoPanel, NotRunning, and
        EvidenceUnavailable, which carries the assessment with a closed gate.
        """
        panel = self._running()
        given = await self._validated(panel, text, context, kind, trace_id)
        return await self._judge(panel, given)

    async def stream(
        self,
        *,
        text: str,
        context: JsonObject | None = None,
        kind: CaseKind = "answer",
        trace_id: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Judge one case and yield each event as it comes; the last is `DecisionMade`.

        Raises as `run` does. Who stops iterating abandons the case, which is recorded as such.
        """
        panel = self._running()
        given = await self._validated(panel, text, context, kind, trace_id)
        send, receive = anyio.create_memory_object_stream[Event](math.inf)
        failed: list[Exception] = []
        scope = anyio.CancelScope()

        async def judge() -> None:
            with send, scope:
                try:
                    await self._judge(panel, given, send.send_nowait)
                except Exception as error:  # noqa: BLE001 -- raised again where the events are read
                    failed.append(error)

        if self._streams is None:
            raise NotRunning("the engine is stopping")
        self._streams.start_soon(judge)
        decided = False
        with receive:
            try:
                async for event in receive:
                    yield event
                    decided = isinstance(event, DecisionMade)
            finally:
                scope.cancel()
        if failed:
            raise failed[0]
        if not decided:
            raise NotRunning("the engine stopped before it could decide; the case is abandoned")

    async def executable(self, assessment: Assessment) -> ExecutableDecision:
        """Return the permission to execute what was judged.

        Raises GateClosed if the gate is closed, and UnresolvableRecord if a log does not hold
        the record that the assessment names, as it names it: every sink is asked, for a record
        that one of them never acknowledged permits nothing.
        """
        panel, reference = self._panel, assessment.evidence
        if panel is None:
            raise NotRunning("the engine is not running")
        stored = [
            await sink.get(reference.record_id) if reference else None
            for sink in panel.evidence.sinks.values()
        ]
        return self._gate.admit(assessment, stored)

    def recognises(self, decision: ExecutableDecision) -> bool:
        """Return whether this engine's gate made `decision` and nobody changed it since."""
        return self._gate.made(decision)

    async def _judge(self, panel: Panel, given: ValidInput, emit: Emit | None = None) -> Assessment:
        self._in_flight += 1
        try:
            return await Judgement(panel, given, emit).judge()
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def _validated(
        self, panel: Panel, text: object, context: object, kind: object, trace_id: object
    ) -> ValidInput:
        try:
            return validate(text, context, kind, trace_id, panel.settings.limits)
        except InvalidInput as error:
            await append(panel, _refusal(error, text))
            raise

    def _running(self) -> Panel:
        if self._panel is None:
            raise NotRunning(
                "the engine is not running: use `async with EleanorEngine() as engine`"
            )
        if len(self._products.failed) > self._panel.failed:
            # Who was lost while running is a fault from now on, as one that never started.
            self._panel = assemble(self.settings, self._registry, self._products)
        if not self._panel.seats:
            raise NoPanel(
                "no critic is enabled, so nothing can be judged: install some, such as the dist "
                "eleanor-critics-constitutional, and see `eleanor plugins`"
            )
        return self._panel

    # -- what it is made of -----------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._loaded.settings

    @property
    def registry(self) -> Registry:
        """What was found, chosen and loaded."""
        return self._registry

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Enabled plugins that failed to load, to start or to go on: why, and what to do."""
        if self._panel is None:
            return self._registry.broken
        return (*self._panel.broken, *self._products.failed[self._panel.failed :])

    @property
    def evidence(self) -> EvidenceSink:
        """The primary evidence sink. Raises NotRunning, or EvidenceUnavailable if there is none."""
        if self._panel is None:
            raise NotRunning("the engine is not running")
        primary = self._panel.evidence.primary
        if primary is None:
            raise EvidenceUnavailable("no evidence sink is enabled; see `eleanor plugins`")
        return primary

    @property
    def precedents(self) -> PrecedentStore:
        """The precedent store that recall asks. Raises NotRunning, or PrecedentsUnavailable."""
        if self._panel is None:
            raise NotRunning("the engine is not running")
        if self._panel.store is None:
            raise PrecedentsUnavailable("no precedent store is running; see `eleanor plugins`")
        return self._panel.store


EleanorEngineV8 = EleanorEngine


def _load(settings: Settings | LoadedSettings | JsonObject | None) -> LoadedSettings:
    if isinstance(settings, LoadedSettings):
        return settings
    if isinstance(settings, Settings):
        return LoadedSettings(settings=settings, origins={})
    return load_settings(settings)


def _refusal(error: InvalidInput, text: object) -> SealedRecord:
    raw = str.encode(text, errors="surrogatepass") if isinstance(text, str) else b""
    return seal(
        "refused",
        trace_id="",
        facts={"code": error.code, "bytes": len(raw)},
        payload={"refusal": {"sha256": hashlib.sha256(raw).hexdigest(), "reason": str(error)}},
    )
