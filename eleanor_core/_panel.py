"""From what was loaded and started to what a judgement needs: done once, at start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Literal, TypeAlias, cast

from attrs import frozen

from eleanor_core._binding import Binding
from eleanor_core.api import (
    CriticDeclaration,
    DetectorDeclaration,
    Embedder,
    EvidenceSink,
    ExecutionPolicy,
    ExecutionRequest,
    Kind,
    Pattern,
    PolicyVerdict,
    PrecedentStore,
    Receipt,
    SealedRecord,
    StoredRecord,
    Thresholds,
)
from eleanor_core.errors import (
    EvidenceUnavailable,
    RequiredPluginError,
    SettingsError,
    shortened,
)
from eleanor_core.evidence import FanOut
from eleanor_core.model import Abstention, CriticResult, DetectorResult, Provenance
from eleanor_core.pipeline.accept import accept_critic, accept_detector
from eleanor_core.pipeline.aggregate import Seat
from eleanor_core.pipeline.runner import Runner
from eleanor_core.pipeline.scan import PatternError, Scanner
from eleanor_core.pipeline.voice import Call, Remake, Voice
from eleanor_core.registry import Broken, Loaded, Products, Registry
from eleanor_core.settings import Settings, home_of

Mask: TypeAlias = Callable[[str], str]
_VOICES: tuple[Literal["critics", "detectors"], ...] = ("critics", "detectors")

_UNSEATED = Seat(principle="rights")
"""Where a critic that never loaded sits: it only abstains, and that escalates from any seat."""


@frozen(kw_only=True)
class Panel:
    """Everything that one judgement uses. Nothing in it changes while the engine runs."""

    settings: Settings
    critics: Runner[CriticResult]
    detectors: Runner[DetectorResult]
    seats: Mapping[str, Seat]
    thresholds: Mapping[str, Thresholds]
    scanner: Scanner
    needs_embedding: bool
    embedder: Embedder | None
    store: PrecedentStore | None
    recall_fault: Abstention | None
    evidence: FanOut
    policies: Mapping[str, ExecutionPolicy]
    binding: Binding
    broken: tuple[Broken, ...]
    failed: int = 0
    """How many plugins had failed by themselves when this panel was put together."""


def thresholds_of(loaded: Loaded, settings: Settings) -> Thresholds:
    """Return a critic's thresholds: its own, with the overrides of the settings."""
    declaration = loaded.declaration
    if not isinstance(declaration, CriticDeclaration):
        return Thresholds()
    entry = settings.critics.get(loaded.name)
    given = entry.thresholds if entry else None
    own = declaration.thresholds
    if given is None:
        return own
    try:
        return Thresholds(
            objection=own.objection if given.objection is None else given.objection,
            escalation=own.escalation if given.escalation is None else given.escalation,
            deny=own.deny if given.deny is None else given.deny,
        )
    except ValueError as error:
        raise SettingsError(
            f"critics.{loaded.name}.thresholds, beside what {loaded.provenance.dist} declares: "
            f"{error}"
        ) from error


def assemble(
    settings: Settings,
    registry: Registry,
    products: Products,
    binding: Binding,
    evidence: FanOut | Mask,
) -> Panel:
    """Put the started plugins together. Raises RequiredPluginError for unusable patterns.

    `evidence`: the sinks of the panel before, without those that have failed since; at first, what
    masks secrets in what a sink raises.
    """
    scanner, unusable = _compiled(registry, products)
    broken = (
        *registry.broken,
        *products.broken,
        *unusable,
        *_without_embedder(registry, products),
        *products.failed,
    )
    critics = _voices("critics", settings, registry, products, broken)
    detectors = _voices("detectors", settings, registry, products, broken)
    voices = [*critics.values(), *detectors.values()]
    seats = {
        name: Seat(principle=voice.principle, thresholds=voice.thresholds)
        if voice.principle
        else _UNSEATED
        for name, voice in critics.items()
    }
    return Panel(
        settings=settings,
        critics=Runner(cast("dict[str, Voice[CriticResult]]", critics), accept_critic),
        detectors=Runner(cast("dict[str, Voice[DetectorResult]]", detectors), accept_detector),
        seats=seats,
        thresholds={name: seat.thresholds for name, seat in seats.items()},
        scanner=scanner,
        needs_embedding=any(voice.needs_embedding for voice in voices),
        embedder=cast("Embedder | None", first(products.of("embedders"))),
        store=cast("PrecedentStore | None", first(products.of("precedents"))),
        recall_fault=_recall_fault(broken),
        evidence=_without_lost(evidence, products)
        if isinstance(evidence, FanOut)
        else fan_out(settings, products, broken, evidence),
        policies=_policies(products, broken),
        binding=binding,
        broken=broken,
        failed=len(products.failed),
    )


def _voices(
    kind: Literal["critics", "detectors"],
    settings: Settings,
    registry: Registry,
    products: Products,
    broken: tuple[Broken, ...],
) -> dict[str, Voice[CriticResult] | Voice[DetectorResult]]:
    """Return the voices of a kind, the broken ones as faults, by name."""
    voices: dict[str, Voice[CriticResult] | Voice[DetectorResult]] = {}
    started = products.of(kind)
    for name, loaded in registry.loaded[kind].items():
        if name in started:
            voices[name] = _voice(loaded, started[name], settings)
    for item in broken:
        if item.kind == kind:
            voices[item.name] = _broken_voice(item)
    return dict(sorted(voices.items()))


def _voice(
    loaded: Loaded, product: object, settings: Settings
) -> Voice[CriticResult] | Voice[DetectorResult]:
    declaration = loaded.declaration
    if not isinstance(declaration, (CriticDeclaration, DetectorDeclaration)):
        msg = f"{loaded.kind}/{loaded.name} is not a voice"
        raise TypeError(msg)
    entry = (settings.critics if loaded.kind == "critics" else settings.detectors).get(loaded.name)
    thresholds = thresholds_of(loaded, settings)
    return Voice[CriticResult](
        name=_voice_name(loaded.kind, loaded.name),
        ref=f"{loaded.kind}/{loaded.name}",
        provenance=loaded.provenance,
        execution=declaration.execution,
        deadline=(entry.deadline if entry else None) or declaration.deadline,
        gaps=frozenset(declaration.gaps),
        categories=frozenset(declaration.categories)
        if isinstance(declaration, DetectorDeclaration)
        else None,
        thresholds=thresholds,
        principle=declaration.principle if isinstance(declaration, CriticDeclaration) else None,
        needs_embedding=declaration.needs_embedding,
        thread_safe=declaration.thread_safe,
        call=cast("Call[CriticResult]", product),
        remake=Remake(
            factory=declaration.factory,
            settings=loaded.settings,
            data_dir=home_of(settings) / loaded.kind / loaded.name,
            thresholds=thresholds,
        ),
    )


def _voice_name(kind: str, name: str) -> str:
    return name if kind == "critics" else f"detector:{name}"


def _broken_voice(broken: Broken) -> Voice[CriticResult]:
    name = _voice_name(broken.kind, broken.name)
    provenance = Provenance(plugin=broken.name, dist=broken.dist, version=broken.version)
    return Voice(
        name=name,
        ref=f"{broken.kind}/{broken.name}",
        provenance=provenance,
        broken=_fault(name, broken, provenance),
    )


def _fault(voice: str, broken: Broken, provenance: Provenance) -> Abstention:
    return Abstention(
        voice=voice,
        reason="broken",
        detail=shortened(f"{broken.kind}/{broken.name} failed at {broken.stage}: {broken.error}"),
        provenance=provenance,
    )


def _recall_fault(broken: tuple[Broken, ...]) -> Abstention | None:
    for item in broken:
        if item.kind in ("precedents", "embedders", "backends"):
            provenance = Provenance(plugin=item.name, dist=item.dist, version=item.version)
            return _fault("recall", item, provenance)
    return None


def _patterns(registry: Registry, refs: set[str]) -> dict[str, tuple[Pattern, ...]]:
    return {
        f"{kind}/{name}": loaded.declaration.patterns
        for kind in _VOICES
        for name, loaded in registry.loaded[kind].items()
        if f"{kind}/{name}" in refs
        and isinstance(loaded.declaration, (CriticDeclaration, DetectorDeclaration))
        and loaded.declaration.patterns
    }


def _compiled(registry: Registry, products: Products) -> tuple[Scanner, tuple[Broken, ...]]:
    """Compile the patterns of all started voices; one that does not compile breaks its plugin."""
    started = {f"{kind}/{name}" for kind in _VOICES for name in products.of(kind)}
    patterns = _patterns(registry, started)
    broken: list[Broken] = []
    while True:
        try:
            return Scanner(patterns), tuple(broken)
        except PatternError as error:
            if error.voice not in patterns:
                raise
            if error.voice in registry.required:
                raise RequiredPluginError(str(error)) from error
            del patterns[error.voice]
            broken.append(_unusable(registry, error))


def _without_embedder(registry: Registry, products: Products) -> Iterator[Broken]:
    """Yield the started voices that need the shared embedding where nobody makes one."""
    if products.of("embedders"):
        return
    for kind in _VOICES:
        for name in products.of(kind):
            loaded = registry.loaded[kind][name]
            declaration = loaded.declaration
            if (
                isinstance(declaration, (CriticDeclaration, DetectorDeclaration))
                and declaration.needs_embedding
            ):
                yield Broken(
                    kind=kind,
                    name=name,
                    dist=loaded.provenance.dist,
                    version=loaded.provenance.version,
                    stage="start",
                    error="it needs the text's embedding, and no embedder is running",
                    frame="",
                    hint=f"Enable an embedder, or add '{loaded.ref}' to plugins.block",
                )


def _unusable(registry: Registry, error: PatternError) -> Broken:
    kind: Kind = "critics" if error.voice.startswith("critics/") else "detectors"
    name = error.voice.partition("/")[2]
    provenance = registry.loaded[kind][name].provenance
    return Broken(
        kind=kind,
        name=name,
        dist=provenance.dist,
        version=provenance.version,
        stage="start",
        error=str(error),
        frame="",
        hint=f"Correct the pattern, or add '{error.voice}' to plugins.block",
    )


def first(products: Mapping[str, object]) -> object | None:
    """Return the first product by name, None if there is none."""
    return next(iter(products.values()), None)


def fan_out(
    settings: Settings, products: Products, broken: tuple[Broken, ...], mask: Mask
) -> FanOut:
    """Return the sinks in order. An enabled one that does not run refuses, so that it is missed."""
    running = cast("Mapping[str, EvidenceSink]", products.of("evidence"))
    lost = {item.name: item.text for item in broken if item.kind == "evidence"}
    order = settings.evidence.sinks or tuple(sorted({*running, *lost}))
    return FanOut(
        {
            name: running[name]
            if name in running and name not in lost
            else LostSink(lost.get(name, f"evidence/{name} is not enabled"))
            for name in order
        },
        settings.evidence,
        mask,
    )


def _without_lost(evidence: FanOut, products: Products) -> FanOut:
    for item in products.failed:
        if item.kind == "evidence" and item.name in evidence.sinks:
            evidence.lose(item.name, LostSink(item.text), item.text)
    return evidence


def _policies(products: Products, broken: tuple[Broken, ...]) -> Mapping[str, ExecutionPolicy]:
    """Return the policies by name. An enabled one that does not run refuses everything."""
    running = cast("Mapping[str, ExecutionPolicy]", products.of("policies"))
    lost = {item.name: LostPolicy(item.text) for item in broken if item.kind == "policies"}
    return dict(sorted({**running, **lost}.items()))


@frozen
class LostPolicy:
    """Stands where an enabled policy should be."""

    why: str

    async def decide(self, _request: ExecutionRequest, /) -> PolicyVerdict:
        """Refuse."""
        return PolicyVerdict(permitted=False, reasons=(self.why,))


@frozen
class LostSink:
    """Stands where an enabled sink should be, and acknowledges nothing."""

    why: str

    async def append(self, _record: SealedRecord, /) -> Receipt:
        """Refuse."""
        raise EvidenceUnavailable(self.why)

    async def get(self, _record_id: str, /) -> StoredRecord | None:
        """Find nothing."""
        return None

    def read(self, _start: int = 0, /) -> AsyncIterator[StoredRecord]:
        """Refuse: an empty log and a lost one are not the same."""
        raise EvidenceUnavailable(self.why)

    async def count(self) -> int:
        """Refuse, as `read` does."""
        raise EvidenceUnavailable(self.why)


def check_policy(settings: Settings, registry: Registry) -> None:
    """Raise SettingsError where policy refuses what nobody looks for.

    A detector that is there and fails leaves a fault, and a human is asked.
    """
    names = {*registry.loaded["detectors"], *(item.name for item in registry.broken)}
    if settings.policy.injection == "refuse" and "injection" not in names:
        raise SettingsError(
            "policy.injection is refuse, and no detector named injection is enabled: enable one, "
            "such as that of eleanor-detectors-patterns, or set policy.injection to signal"
        )
