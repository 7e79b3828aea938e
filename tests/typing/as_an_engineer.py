"""What an engineer writes who embeds the engine, seen by a strict type checker."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from eleanor_core import (
    Action,
    ActionUnknown,
    Assessment,
    EleanorEngine,
    EleanorEngineV8,
    EvidenceUnavailable,
    ExecutableDecision,
    Executed,
    Execution,
    ExecutionRefused,
    GateClosed,
    InvalidInput,
    NoPanel,
    PrivateKey,
    ReviewRefused,
    Settings,
    load_settings,
    open_evidence,
    open_precedents,
    sign_review,
)
from eleanor_core.api import PrecedentStore
from eleanor_core.codec import to_json
from eleanor_core.model import (
    Abstention,
    CaseAccepted,
    Constraint,
    CriticReported,
    CriticResult,
    DecisionMade,
    DetectorReported,
    FrozenMap,
    JsonObject,
    JsonValue,
    PrecedentRecalled,
    Review,
    TextScanned,
    UncertaintyAnalysed,
)


async def delete(execution: Execution) -> int:
    """Carry something out."""
    assert_type(execution.context, FrozenMap)
    return len(execution.constraints)


async def review(engine: EleanorEngine, result: Assessment, key: PrivateKey) -> str:
    """Decide about a closed gate."""
    if result.evidence is None:
        return "nothing is recorded"
    await engine.reviews.register(key.public, person="p-17", by="p-1")
    judgement = await engine.reviews.judgement(result.evidence.record_id)
    try:
        decided = await engine.reviews.submit(
            sign_review(key, judgement, choice="proceed", reason="Agreed with the tenants.")
        )
    except ReviewRefused as refusal:
        return refusal.reason
    assert_type(decided, Review)
    return decided.person


async def judge(engine: EleanorEngine) -> str:
    """Judge one case and act on what comes back."""
    context: JsonObject = {"domain": "general", "reversible": True, "steps": [1, {"a": None}]}
    action = Action(
        name="index.delete", run=delete, text="Delete the index.", context=context, kind="action"
    )
    try:
        result = await engine.run(text=action.text, context=context, kind="action")
    except EvidenceUnavailable as error:
        assert_type(error.assessment, Assessment | None)
        return "nothing runs without its record"
    except InvalidInput as error:
        return f"{error.code} at {error.path}"
    except NoPanel as error:
        return str(error)
    assert_type(result, Assessment)
    try:
        permission = await engine.executable(result, action)
    except GateClosed:
        return f"a human is needed: {result.gate.requires} (tier {result.gate.tier})"
    assert_type(permission, ExecutableDecision)
    assert_type(permission.constraints, tuple[Constraint, ...])
    try:
        executed = await engine.execute(permission, action)
    except ExecutionRefused as refusal:
        return refusal.code
    except ActionUnknown as error:
        return f"{error.end}: {error.value!r}"
    assert_type(executed, Executed[int])
    return f"{executed.value} bins, see {executed.outcome_id}"


async def follow(engine: EleanorEngine) -> list[str]:
    """Follow a judgement event by event; the last branch is the decision."""
    told: list[str] = []
    async for event in engine.stream(text="Take out the trash."):
        match event:
            case CaseAccepted():
                told.append(event.trace_id)
            case TextScanned(views=views, undecoded=undecoded):
                told.extend((*views, *undecoded))
            case DetectorReported(name=name, outcome=outcome):
                told.append(f"{name} {outcome.score:.2f}")
            case CriticReported(name=name, outcome=CriticResult(score=score, severity=severity)):
                told.append(f"{name} {score:.2f} {severity + 0}")
            case CriticReported(name=name, outcome=Abstention(reason=reason)):
                told.append(f"{name} {reason.upper()}")
            case PrecedentRecalled(outcome=outcome) | UncertaintyAnalysed(outcome=outcome):
                told.extend(signal.clause for signal in outcome.escalations)
            case DecisionMade(assessment=assessment):
                assert_type(assessment, Assessment)
                told.append(assessment.decision)
    return told


async def start(home: Path) -> JsonValue:
    """Configure and run engines in each of the ways there are."""
    async with EleanorEngine() as engine:
        await judge(engine)
    async with EleanorEngineV8({"home": str(home), "limits": {"text_bytes": 1000}}) as engine:
        await follow(engine)
        await engine.shutdown()
    loaded = load_settings({"policy": {"gaps": "escalate"}}, file=home / "settings.yaml")
    assert_type(loaded.settings, Settings)
    async with EleanorEngine(loaded, plugins=[object()]) as engine:
        result = await engine.run(text="Take out the trash.", trace_id="t-1")
        held = await engine.evidence.get(result.evidence.record_id) if result.evidence else None
        assert held is not None
        broken = [f"{item.ref}: {item.hint}" for item in engine.broken]
        names = sorted(engine.registry.loaded["critics"])
    async with open_evidence(loaded.settings) as sinks:
        counts = [await sink.count() for sink in sinks.values()]
    async with open_precedents(loaded.settings) as precedents:
        assert_type(precedents.store, PrecedentStore)
        counts.append(await precedents.store.count())
    return [to_json(result), *broken, *names, *counts, engine.settings.limits.text_bytes]
