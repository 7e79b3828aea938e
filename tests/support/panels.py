"""Generated voices: honest ones with any result, and hostile ones with any misbehaviour."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

import anyio
from attrs import evolve, field, frozen
from hypothesis import strategies as st

from eleanor_core.api import (
    CLAUSES,
    Case,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    EscalationSignal,
    Gap,
    Thresholds,
)
from eleanor_core.model import PRINCIPLES, Principle
from eleanor_core.testing import critic_plugin, detector_plugin

GAPS = {"no-evidence": "nothing to compare with"}
DEADLINE = 0.05
PATIENCE = 30.0
"""Seconds for whoever does not wait on purpose: a busy machine makes no fault of its own."""

Fault = Literal[
    "raises",
    "raises-exit",
    "hangs",
    "swallows",
    "blocks",
    "garbage",
    "none",
    "forges-name",
    "forges-tier",
    "undeclared-gap",
    "span-outside",
    "out-of-range",
]
FAULTS: tuple[Fault, ...] = (
    "raises",
    "raises-exit",
    "hangs",
    "swallows",
    "blocks",
    "garbage",
    "none",
    "forges-name",
    "forges-tier",
    "undeclared-gap",
    "span-outside",
    "out-of-range",
)
SLOW_FAULTS = ("hangs", "swallows", "blocks")
INLINE_FAULTS = tuple(fault for fault in FAULTS if fault not in SLOW_FAULTS)


@frozen(kw_only=True)
class Member:
    """One critic of a generated panel."""

    principle: Principle = "risk"
    score: float = 0.02
    confidence: float = 0.9
    violations: tuple[CriticViolation, ...] = ()
    escalates: tuple[str, ...] = ()
    gaps: int = 0
    fault: Fault | None = None
    inline: bool = False
    thresholds: Thresholds = field(factory=Thresholds)

    def result(self, name: str) -> CriticResult:
        """Return what the member says when it is well."""
        return CriticResult(
            critic=name,
            score=self.score,
            confidence=self.confidence,
            justification=f"{name} weighed it: {self.score}",
            violations=self.violations,
            escalations=tuple(
                EscalationSignal(
                    clause=code, tier=CLAUSES[code].tier, rationale=f"{code}, says {name}"
                )
                for code in self.escalates
            ),
            not_assessed=tuple(
                Gap(concern=f"concern {number}", reason="no-evidence")
                for number in range(self.gaps)
            ),
        )

    def plugin(self, name: str) -> object:
        """Return the member as a plugin."""
        voice = InlineVoice(self, name) if self.inline else TaskVoice(self, name)
        return critic_plugin(
            name,
            voice,
            principle=self.principle,
            clauses=CLAUSES,
            deadline=DEADLINE if self.fault in SLOW_FAULTS else PATIENCE,
            gaps=GAPS,
            thresholds=self.thresholds,
        )


def misbehave(member: Member, name: str) -> object:
    """Return what a faulty member returns, or raise what it raises."""
    good = member.result(name)
    match member.fault:
        case "raises":
            raise RuntimeError("out of order")
        case "raises-exit":
            raise SystemExit(3)
        case "garbage":
            return {"critic": name, "score": 0.0}
        case "none":
            return None
        case "forges-name":
            return evolve(good, critic="somebody-else")
        case "forges-tier":
            signal = EscalationSignal(clause="U1", tier=2, rationale="forged")
            object.__setattr__(signal, "tier", 3)
            return evolve(good, escalations=(signal,))
        case "undeclared-gap":
            return evolve(good, not_assessed=(Gap(concern="all of it", reason="too-lazy"),))
        case "span-outside":
            violation = CriticViolation(clause="D2", severity=1, rationale="x", span=(0, 10**6))
            return evolve(good, violations=(violation,), severity=1)
        case "out-of-range":
            object.__setattr__(good, "score", 7.0)
            return good
    return good


@frozen
class InlineVoice:
    """The member, called on the loop."""

    member: Member
    name: str

    def __call__(self, _case: Case, /) -> CriticResult:
        return misbehave(self.member, self.name)  # type: ignore[return-value] # garbage is the point


@frozen
class TaskVoice:
    """The member, as a task."""

    member: Member
    name: str

    async def __call__(self, _case: Case, /) -> CriticResult:
        match self.member.fault:
            case "hangs":
                await anyio.sleep(60)
            case "swallows":
                try:
                    await anyio.sleep(60)
                except anyio.get_cancelled_exc_class():
                    # Exactly what the contract forbids: it returns as if in time.
                    return self.member.result(self.name)
            case "blocks":
                time.sleep(DEADLINE * 1.5)  # noqa: ASYNC251 -- blocking the loop is the fault
        await anyio.lowlevel.checkpoint()
        return misbehave(self.member, self.name)  # type: ignore[return-value] # garbage is the point


def panel_plugins(members: Sequence[Member]) -> list[object]:
    """Return the members as plugins called c0, c1, ..."""
    return [member.plugin(f"c{number}") for number, member in enumerate(members)]


def signalling(name: str, result: DetectorResult) -> object:
    """Return a detector that always testifies `result`."""

    def detect(_case: Case, /) -> DetectorResult:
        return result

    categories = {"thing": "what the test is about"}
    return detector_plugin(name, detect, gaps=GAPS, categories=categories)


def failing_detector(name: str) -> object:
    """Return a detector that always raises."""

    def detect(_case: Case, /) -> DetectorResult:
        raise RuntimeError("out of order")

    return detector_plugin(name, detect)


# -- strategies -----------------------------------------------------------------------------------

unit = st.floats(0.0, 1.0, allow_nan=False).map(lambda value: round(value, 3))
words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30)
violations = st.builds(
    CriticViolation,
    clause=st.sampled_from(sorted(CLAUSES)),
    severity=st.sampled_from((1, 2, 3)),
    rationale=words,
    span=st.none() | st.tuples(st.integers(0, 5), st.integers(5, 9)),
)
members = st.builds(
    Member,
    principle=st.sampled_from(PRINCIPLES),
    score=unit,
    confidence=unit,
    violations=st.lists(violations, max_size=3).map(tuple),
    escalates=st.lists(st.sampled_from(sorted(CLAUSES)), max_size=2, unique=True).map(tuple),
    gaps=st.integers(0, 2),
    fault=st.none() | st.none() | st.sampled_from(INLINE_FAULTS),
    inline=st.just(value=True),
)
calm_members = members.map(
    lambda member: evolve(member, fault=None, escalates=(), gaps=0, violations=(), score=0.02)
)
panels = st.lists(members, min_size=1, max_size=4)
contexts = st.sampled_from(
    (None, {"impact": "high"}, {"domain": "healthcare"}, {"domain": "astrology"}, {"note": "calm"})
)
detector_results = st.builds(
    DetectorResult,
    detector=st.just("d"),
    score=unit,
    signals=st.lists(
        st.builds(
            DetectorSignal,
            detector=st.just("d"),
            category=st.just("thing"),
            severity=st.sampled_from((1, 2, 3)),
        ),
        max_size=2,
    ).map(tuple),
    not_assessed=st.lists(st.just(Gap(concern="all", reason="no-evidence")), max_size=2).map(tuple),
)

__all__ = [
    "DEADLINE",
    "FAULTS",
    "GAPS",
    "INLINE_FAULTS",
    "Fault",
    "Member",
    "calm_members",
    "contexts",
    "detector_results",
    "failing_detector",
    "members",
    "panel_plugins",
    "panels",
    "signalling",
    "unit",
    "violations",
]
