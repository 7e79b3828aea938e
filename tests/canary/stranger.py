"""A plugin of every kind that says what was planted wherever a plugin can say something, and fails as told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import asynccontextmanager

import anyio
from attrs import evolve, frozen
from pydantic import Field, field_validator

from canary.birds import SHAPED
from canary.keepers import Copy, Embedder, Log, Shelf, Store
from canary.plan import Plan, ShelfSettings
from eleanor_core.api import (
    Case,
    CriticDeclaration,
    CriticResult,
    CriticViolation,
    DetectorDeclaration,
    DetectorResult,
    DetectorSignal,
    EscalationSignal,
    Gap,
    Pattern,
    PluginSettings,
    SecretUnavailable,
    hookimpl,
)
from eleanor_core.model import SecretRef
from eleanor_core.testing.makers import Ready

GAPS = {"no-evidence": "nothing to compare with"}


def settings_of_critic(plan: Plan) -> type[PluginSettings]:
    """Return settings whose own check says what was planted."""

    class CanarySettings(ShelfSettings):
        check: str = Field(default="", description="Refused unless it is empty.")

        @field_validator("check")
        @classmethod
        def _refuse(cls, _value: str) -> str:
            raise ValueError(f"this is no good: {plan.say('plugin settings')}")

    return CanarySettings


@frozen(eq=False)
class Voices:
    """Critics that run in every way, and two detectors."""

    plan: Plan

    @hookimpl
    def eleanor_register_critics(self) -> Iterable[CriticDeclaration]:
        if self.plan.is_to("hook raises"):
            raise ValueError(self.plan.say("registration"))
        if self.plan.is_to("no panel"):
            return
        common = {"principle": "risk", "clauses": frozenset({"K4", "D2"}), "gaps": GAPS}
        yield CriticDeclaration(
            name="canary",
            factory=self._task,
            settings=settings_of_critic(self.plan),
            deadline=self.plan.patience,
            **common,
        )
        yield CriticDeclaration(name="inline", factory=self._inline, execution="inline", **common)
        yield CriticDeclaration(name="thread", factory=self._thread, execution="thread", **common)

    @hookimpl
    def eleanor_register_detectors(self) -> Iterable[DetectorDeclaration]:
        yield DetectorDeclaration(
            name="canary",
            factory=self._detector,
            deadline=self.plan.patience,
            gaps=GAPS,
            categories={"bird": "one of ours"},
        )

    @asynccontextmanager
    async def _task(self, settings, services):
        plan = self.plan
        if services.secrets is not None and not plan.is_to("secret is gone", "provider is down"):
            for name in ("current", "before"):
                try:
                    await services.secrets.resolve(SecretRef.parse(f"shelf:{name}"))
                except SecretUnavailable as error:
                    services.log.error("unavailable", reason=str(error))
        if plan.is_to("critic does not start"):
            raise ValueError(plan.say("start"))
        if plan.is_to("critic does not start from", "required critic does not start"):
            raise ValueError(plan.say("start")) from KeyError(plan.say("start, cause"))
        if plan.is_to("start hangs"):
            await anyio.sleep(60)
        services.log.warning(
            plan.say("log, event"),
            field=plan.say("log, field"),
            table={"rows": [plan.say("log, nested field")]},
            error=repr(ValueError(plan.say("log, error"))),
        )
        async with anyio.create_task_group() as group:
            if plan.is_to("plugin fails while running"):
                group.start_soon(self._fail_soon)
            yield self._judge
        if plan.is_to("stop raises"):
            raise ValueError(plan.say("stop"))
        if plan.is_to("stop hangs"):
            await anyio.sleep(60)

    async def _fail_soon(self) -> None:
        await anyio.sleep(0.01)
        raise ValueError(self.plan.say("run"))

    @asynccontextmanager
    async def _inline(self, settings, services):
        def judge(case: Case, /) -> CriticResult:
            if self.plan.is_to("inline critic raises"):
                raise ValueError(self.plan.say("inline critic raises"))
            return self._result("inline")

        yield judge

    @asynccontextmanager
    async def _thread(self, settings, services):
        def judge(case: Case, /) -> CriticResult:
            if self.plan.is_to("thread critic raises"):
                raise ValueError(self.plan.say("thread critic raises"))
            return self._result("thread")

        yield judge

    @asynccontextmanager
    async def _detector(self, settings, services):
        if self.plan.is_to("detector does not start"):
            raise ValueError(self.plan.say("start"))
        yield self._testify

    async def _judge(self, case: Case, /) -> CriticResult:
        plan = self.plan
        if "CANARY_PRINTS" in os.environ:
            # What no redaction can help: a plugin that writes by itself.
            print(plan.say("justification"))
            print(plan.say("justification"), file=sys.stderr)
        said = plan.say if plan.failure.startswith("critic raises") else None
        match plan.failure:
            case "critic raises":
                raise ValueError(said("critic raises"))
            case "critic raises from":
                raise ValueError(said("critic raises")) from KeyError(said("critic raises, cause"))
            case "critic raises a group":
                raise ExceptionGroup(
                    said("critic raises"), [KeyError(said("critic raises, cause"))]
                )
            case "critic raises an exit":
                raise SystemExit(said("critic raises"))
            case (
                "critic hangs" | "cancelled meanwhile" | "abandoned" | "sink raises when abandoned"
            ):
                await anyio.sleep(60)
            case "critic swallows":
                try:
                    await anyio.sleep(60)
                except anyio.get_cancelled_exc_class():
                    return self._result("canary")
            case "critic returns garbage":
                return {"critic": plan.name("critic's name")}
            case "critic returns nothing":
                return None
            case "critic forges its name":
                return evolve(self._result("canary"), critic=plan.name("critic's name"))
            case "critic forges a gap":
                gap = Gap(concern="all of it", reason=plan.name("critic's gap reason"))
                return evolve(self._result("canary"), not_assessed=(gap,))
            case "critic points outside":
                violation = CriticViolation(clause="D2", severity=1, rationale="x", span=(0, 10**6))
                return evolve(self._result("canary"), violations=(violation,), severity=1)
            case "critic alters its result":
                result = self._result("canary")
                object.__setattr__(result, "score", plan.say("justification"))
                return result
            case "plugin fails while running":
                await anyio.sleep(0.02)
        return self._result("canary")

    def _result(self, name: str) -> CriticResult:
        say = self.plan.say
        return CriticResult(
            critic=name,
            score=0.7,
            confidence=0.9,
            justification=say("justification"),
            violations=(CriticViolation(clause="K4", severity=2, rationale=say("violation")),),
            escalations=(EscalationSignal(clause="K4", tier=2, rationale=say("escalation")),),
            not_assessed=(Gap(concern=say("critic's gap"), reason="no-evidence"),),
        )

    async def _testify(self, case: Case, /) -> DetectorResult:
        plan = self.plan
        match plan.failure:
            case "detector raises" | "all detectors raise":
                raise ValueError(plan.say("detector raises"))
            case "detector hangs":
                await anyio.sleep(60)
            case "detector returns garbage":
                return [plan.say("detector's note")]
        forged = plan.is_to("detector forges a category")
        signal = DetectorSignal(
            detector="canary",
            category=plan.name("detector's category") if forged else "bird",
            severity=2,
            view=plan.say("detector's view"),
            note=plan.say("detector's note"),
        )
        gap = Gap(concern=plan.say("detector's gap"), reason="no-evidence")
        return DetectorResult(detector="canary", score=0.5, signals=(signal,), not_assessed=(gap,))


class Shapes:
    """Declares the shape, and is well whatever befalls the others."""

    @hookimpl
    def eleanor_register_detectors(self) -> Iterable[DetectorDeclaration]:
        yield DetectorDeclaration(
            name="shapes",
            factory=Ready(self._testify),
            execution="inline",
            patterns=(Pattern(id="canary", regex=SHAPED, redact=True),),
        )

    @staticmethod
    def _testify(_case: Case, /) -> DetectorResult:
        return DetectorResult(detector="shapes", score=0.0)


def plugins_of(plan: Plan) -> list[object]:
    """Return a plugin of each kind, all of which follow the plan."""
    copies = [Copy(plan)] if plan.is_to("sink that follows raises") else []
    return [Voices(plan), Embedder(plan), Store(plan), Log(plan), *copies, Shelf(plan), Shapes()]
