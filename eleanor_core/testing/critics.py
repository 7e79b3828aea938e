"""The contract of critics. Subclass it in a test module, and pytest collects the rest.

```python
class TestCivility(CriticContract):
    plugin = eleanor_critics_civility
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest

from eleanor_core.api import (
    CLAUSES,
    Case,
    CriticDeclaration,
    CriticResult,
    CriticViolation,
    DetectorSignal,
    EscalationSignal,
    Kind,
)
from eleanor_core.codec import from_json
from eleanor_core.model import Abstention, Assessment, JsonValue
from eleanor_core.pipeline.accept import accept_critic
from eleanor_core.pipeline.voice import Voice
from eleanor_core.testing.makers import critic_plugin
from eleanor_core.testing.rules import broken
from eleanor_core.testing.voices import VoiceContract, short


def object_gravely(_case: Case) -> CriticResult:
    """Judge every case as grave: the loudest peer that a critic can have."""
    said = "The contract kit objects to everything."
    return CriticResult(
        critic="kit-objector",
        score=1.0,
        confidence=1.0,
        justification=said,
        violations=(CriticViolation(clause="D2", severity=3, rationale=said),),
        escalations=(EscalationSignal(clause="D2", tier=CLAUSES["D2"].tier, rationale=said),),
    )


def fail_always(_case: Case) -> CriticResult:
    """Fail on every case."""
    msg = "the contract kit's failing critic fails"
    raise RuntimeError(msg)


class CriticContract(VoiceContract[CriticDeclaration, CriticResult]):
    """The rules for a critic; attributes as in `PluginContract` and `VoiceContract`."""

    kind: ClassVar[Kind] = "critics"
    signals: ClassVar[Sequence[DetectorSignal]] = (
        DetectorSignal(detector="injection", category="override", severity=3),
        DetectorSignal(detector="secrets", category="private-key", severity=2, span=(0, 0)),
        DetectorSignal(detector="personal-data", category="email", severity=1, span=(0, 0)),
        DetectorSignal(detector="hidden-text", category="invisible-characters", severity=2),
    )

    def accept(self, voice: Voice[CriticResult], result: object, case: Case) -> CriticResult:
        """Return the result as the engine takes it. Raises MalformedError."""
        return accept_critic(voice, result, case)

    def undeclared(self, result: CriticResult) -> list[str]:
        """Return the result's clauses that the declaration does not list."""
        said = {item.clause for item in result.violations}
        said |= {item.clause for item in result.escalations}
        return [f"clause {clause}" for clause in sorted(said - self.declaration.clauses)]

    def peers(self) -> Sequence[object]:
        """Return a critic that objects to everything and one that always fails."""
        return (
            critic_plugin("kit-objector", object_gravely, principle="rights", clauses=["D2"]),
            critic_plugin("kit-failure", fail_always, principle="rights"),
        )

    def outcome(self, assessment: Assessment) -> CriticResult | Abstention:
        """Return what the assessment says of this critic."""
        return assessment.critics[self.declaration.name]

    def restored(self, wire: dict[str, JsonValue]) -> CriticResult:
        """Build the result from its wire form."""
        return from_json({**wire, "critic": self.declaration.name}, CriticResult)

    @pytest.mark.anyio
    async def test_a_signal_never_lowers_the_score(self) -> None:
        """`signals-only-add`: each signal alone, then all of them."""
        sets = [*((signal,) for signal in self.signals), tuple(self.signals)]
        async with self.asking() as ask:
            for text in self.all_texts():
                without = await ask(await self.case(text))
                for signals in sets:
                    score = (await ask(await self.case(text, signals))).score
                    if score < without.score:
                        names = ", ".join(signal.category for signal in signals)
                        found = f"{without.score} -> {score} with {names} on {short(text)}"
                        broken(self.whose, "signals-only-add", found)
