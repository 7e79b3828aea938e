"""Floor 5: the engine, an async context manager that judges cases.

async with EleanorEngine() as engine:
    result = await engine.run(text="...")
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

import anyio
from anyio.abc import TaskGroup, TaskStatus
from attrs import evolve

from eleanor_core._binding import bound
from eleanor_core._execution import Executor
from eleanor_core._flights import Flights
from eleanor_core._judgement import Judgement
from eleanor_core._log import Logger
from eleanor_core._panel import Panel, assemble, check_policy
from eleanor_core._recording import append, append_settings, masked
from eleanor_core._redaction import Redaction
from eleanor_core._retention import Retention
from eleanor_core._reviews import Reviews
from eleanor_core._services import services_with
from eleanor_core.api import EvidenceSink, PrecedentStore
from eleanor_core.errors import (
    EvidenceUnavailable,
    InvalidInput,
    NoPanel,
    NotRunning,
    PrecedentsUnavailable,
)
from eleanor_core.evidence import refused_input
from eleanor_core.model import (
    Action,
    Assessment,
    CaseKind,
    DecisionMade,
    Event,
    ExecutableDecision,
    Executed,
    JsonObject,
    Lag,
)
from eleanor_core.pipeline.validate import ValidInput, validate
from eleanor_core.registry import Broken, Products, Registry, load, open_products
from eleanor_core.settings import LoadedSettings, Settings, home_of, load_settings

T = TypeVar("T")
_log = Logger("eleanor.engine")


class EleanorEngine:
    """Judges cases with the plugins that its settings choose.

    `settings`: a mapping goes before the environment and the settings file; a `Settings` or
    `LoadedSettings` is taken as it is; None reads environment and file. `plugins`: objects with
    hooks (see `eleanor_core.api.hookspecs`) that are used beside the installed ones. `redaction`:
    what masks secrets, to be shared with the program's own logs; None: one of the engine's own.

    Raises SettingsError and PluginError before anything has started.
    """

    def __init__(
        self,
        settings: Settings | LoadedSettings | JsonObject | None = None,
        *,
        plugins: Iterable[object] = (),
        redaction: Redaction | None = None,
    ) -> None:
        self._loaded = _load(settings)
        self._redaction = Redaction.of() if redaction is None else redaction
        self._redaction.learn_settings(self._loaded)
        registry = load(
            self._loaded.settings,
            tuple(plugins),
            origins=self._loaded.origins,
            masks=self._redaction,
        )
        self._registry = self._redaction.learn_shapes(registry)
        check_policy(self.settings, self._registry)
        self._binding = bound(home_of(self.settings))
        self._group: TaskGroup | None = None
        self._streams: TaskGroup | None = None
        self._panel: Panel | None = None
        self._products = Products(started={})
        self._flights = Flights()
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

        Takes `deadlines.stop` seconds at most for each of the two, and `evidence.drain` in between,
        for the sinks that follow the primary. May be called from any task, and more than once.
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
                services_with(self.settings, self._redaction),
                timeout=deadlines.start,
                stop_timeout=deadlines.stop,
                masks=self._redaction,
            ) as products:
                self._products = products
                panel = self._assembled()
                async with panel.evidence.following():
                    await append_settings(panel, self._redaction, self._registry, self._loaded)
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

    async def _drain(self, seconds: float) -> None:
        # Shielded: the records of what is under way are written before the sinks stop.
        with anyio.move_on_after(seconds, shield=True) as scope:
            await self._flights.over()
        if scope.cancelled_caught:
            _log.error("judgements_cut_off", in_flight=self._flights.count, seconds=seconds)

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
        Raises InvalidInput (the refusal is recorded too; InjectionRefused where policy has it so),
        NoPanel, NotRunning, and EvidenceUnavailable, which carries the assessment with a closed
        gate.
        """
        panel = self._running()
        given = await self._validated(panel, text, context, kind, trace_id)
        with self._flights:
            return await Judgement(panel, self._redaction, given).judge()

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
            with send, scope, self._flights:
                try:
                    await Judgement(panel, self._redaction, given, send.send_nowait).judge()
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

    # -- executing --------------------------------------------------------------------------------

    async def executable(self, assessment: Assessment, action: Action[T]) -> ExecutableDecision:
        """Return the permission to carry out `action`, once, on what was judged.

        Raises GateClosed if the gate is closed and nobody who may has opened it, WrongCase if the
        action is on another case, and UnresolvableRecord if a log does not hold the record that
        the assessment names, as it names it: every sink is asked that must hold it
        (`evidence.required`), for a record that one of them never acknowledged permits nothing.
        """
        with self._log_masked():
            return await self._executor().permit(assessment, action)

    async def execute(self, decision: ExecutableDecision, action: Action[T]) -> Executed[T]:
        """Carry out `action` and return what it returned, once its outcome is durable.

        An intent is made durable first, and uses the judgement up. Raises ExecutionRefused (which
        says why in its subclass), GateClosed, UnresolvableRecord or EvidenceUnavailable where
        nothing was carried out; ActionFailed, from what the action raised; and ActionUnknown where
        it was cut off or its outcome could not be recorded.
        """
        executor = self._executor()
        with self._flights, self._log_masked():
            return await executor.execute(decision, action)

    @property
    def reviews(self) -> Reviews:
        """The reviewers, and what they decided about closed gates. Raises NotRunning."""
        panel = self._current()
        return Reviews(panel.evidence, panel.settings, self._redaction.text)

    @property
    def retention(self) -> Retention:
        """The holds on records, and what is erased. Raises NotRunning."""
        panel = self._current()
        return Retention(panel.evidence, panel.settings, self._redaction.text, self.reviews)

    def _executor(self) -> Executor:
        return Executor(self._current(), self.reviews, self._redaction.text)

    @contextmanager
    def _log_masked(self) -> Iterator[None]:
        """Mask what a log says that fails in the block."""
        failed: EvidenceUnavailable | None = None
        try:
            yield
        except EvidenceUnavailable as error:
            failed = error
        if failed is not None:
            raise masked(self._redaction, failed)

    async def _validated(
        self, panel: Panel, text: object, context: object, kind: object, trace_id: object
    ) -> ValidInput:
        redaction = self._redaction
        try:
            given = validate(text, context, kind, trace_id, panel.settings.limits)
        except InvalidInput as error:
            # The path and the message name keys of the caller's.
            told = redaction.text(str(error)), redaction.text(error.path)
            await append(panel, redaction, refused_input(error.code, told[0], text))
            if told == (str(error), error.path):
                raise
        else:
            # An id stands in the leaf, and nobody masks it later.
            return (
                given
                if trace_id is None
                else evolve(given, trace_id=redaction.text(given.trace_id))
            )
        raise InvalidInput(told[0], path=told[1])

    def _running(self) -> Panel:
        panel = self._current()
        if not panel.seats:
            raise NoPanel(
                "no critic is enabled, so nothing can be judged: install some, such as the dist "
                "eleanor-critics-constitutional, and see `eleanor plugins`"
            )
        return panel

    def _current(self) -> Panel:
        if self._panel is None:
            raise NotRunning(
                "the engine is not running: use `async with EleanorEngine() as engine`"
            )
        if len(self._products.failed) > self._panel.failed:
            # Who was lost while running is a fault from now on, as one that never started.
            self._panel = self._assembled()
        return self._panel

    def _assembled(self) -> Panel:
        evidence = self._panel.evidence if self._panel else self._redaction.text
        return assemble(self.settings, self._registry, self._products, self._binding, evidence)

    # -- what it is made of -----------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._loaded.settings

    @property
    def redaction(self) -> Redaction:
        """What masks secrets here; its `processor` and `filter` do so in a program's own logs."""
        return self._redaction

    @property
    def registry(self) -> Registry:
        """What was found, chosen and loaded."""
        return self._registry

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Enabled plugins that failed to load, to start or to go on: why, and what to do."""
        if self._panel is None:
            return self._registry.broken
        lost = self._products.failed[self._panel.failed :]
        return self._redaction.broken((*self._panel.broken, *lost))

    @property
    def evidence(self) -> EvidenceSink:
        """The primary evidence sink. Raises NotRunning, or EvidenceUnavailable if there is none."""
        if self._panel is None:
            raise NotRunning("the engine is not running")
        primary = self._panel.evidence.primary
        if primary is None:
            raise EvidenceUnavailable("no evidence sink is enabled; see `eleanor plugins`")
        return primary

    async def lags(self) -> tuple[Lag, ...]:
        """Return how far each other sink is behind the primary, and why. Raises NotRunning."""
        return await self._current().evidence.lags()

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
