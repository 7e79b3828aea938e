"""What an engineer writes who embeds the engine, seen by a strict type checker."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from eleanor_core import (
    Assessment,
    EleanorEngine,
    EleanorEngineV8,
    EvidenceUnavailable,
    ExecutableDecision,
    GateClosed,
    InvalidInput,
    NoPanel,
    Settings,
    load_settings,
    open_evidence,
    open_precedents,
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
    JsonValue,
    PrecedentRecalled,
    TextScanned,
    UncertaintyAnalysed,
)


async def judge(engine: EleanorEngine) -> str:
    """Judge one case and act on what comes back."""
    try:
        result = await engine.run(
            text="Delete the index.",
            context={"domain": "general", "reversible": True, "steps": [1, {"a": None}]},
            kind="action",
        )
    except EvidenceUnavailable as error:
        assert_type(error.assessment, Assessment | None)
        return "nothing runs without its record"
    except InvalidInput as error:
        return f"{error.code} at {error.path}"
    except NoPanel as error:
        return str(error)
    assert_type(result, Assessment)
    try:
        permission = await engine.executable(result)
    except GateClosed:
        return f"a human is needed: {result.gate.requires} (tier {result.gate.tier})"
    assert_type(permission, ExecutableDecision)
    assert_type(permission.constraints, tuple[Constraint, ...])
    return "run" if engine.recognises(permission) else "forged"


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
