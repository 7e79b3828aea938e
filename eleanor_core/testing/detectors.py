"""The contract of detectors. Subclass it in a test module, and pytest collects the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import pytest

from eleanor_core.api import Case, DetectorDeclaration, DetectorResult, DetectorSignal, Kind
from eleanor_core.codec import from_json
from eleanor_core.model import Abstention, Assessment, JsonValue
from eleanor_core.pipeline.accept import accept_detector
from eleanor_core.pipeline.voice import Voice
from eleanor_core.testing.critics import object_gravely
from eleanor_core.testing.makers import critic_plugin, detector_plugin
from eleanor_core.testing.rules import broken
from eleanor_core.testing.voices import VoiceContract, short

TELLING = 6
"""Characters from which a matched text counts as repeated when the note holds it."""


def see_everything(_case: Case) -> DetectorResult:
    """Report a grave signal on every case."""
    signal = DetectorSignal(detector="kit-witness", category="anything", severity=3)
    return DetectorResult(detector="kit-witness", score=1.0, signals=(signal,))


def fail_always(_case: Case) -> DetectorResult:
    """Fail on every case."""
    msg = "the contract kit's failing detector fails"
    raise RuntimeError(msg)


class DetectorContract(VoiceContract[DetectorDeclaration, DetectorResult]):
    """The rules for a detector; attributes as in `PluginContract` and `VoiceContract`."""

    kind: ClassVar[Kind] = "detectors"

    def accept(self, voice: Voice[DetectorResult], result: object, case: Case) -> DetectorResult:
        """Return the result as the engine takes it. Raises MalformedError."""
        return accept_detector(voice, result, case)

    def undeclared(self, result: DetectorResult) -> list[str]:
        """Return the result's categories that the declaration does not list."""
        said = {signal.category for signal in result.signals}
        return [f"category {name!r}" for name in sorted(said - self.declaration.categories.keys())]

    def panel(self) -> list[object]:
        """Return the plugins to run the detector in an engine, which needs a critic."""
        return [*super().panel(), critic_plugin("kit-objector", object_gravely, clauses=["D2"])]

    def peers(self) -> Sequence[object]:
        """Return a detector that sees something everywhere and one that always fails."""
        categories = {"anything": "whatever it is asked about"}
        return (
            detector_plugin("kit-witness", see_everything, categories=categories),
            detector_plugin("kit-failure", fail_always),
        )

    def outcome(self, assessment: Assessment) -> DetectorResult | Abstention:
        """Return what the assessment says of this detector."""
        return assessment.detectors[self.declaration.name]

    def restored(self, wire: dict[str, JsonValue]) -> DetectorResult:
        """Build the result from its wire form."""
        name = self.declaration.name
        given = cast("list[dict[str, JsonValue]]", wire["signals"])
        signals = [{**signal, "detector": name} for signal in given]
        return from_json({**wire, "detector": name, "signals": signals}, DetectorResult)

    @pytest.mark.anyio
    async def test_does_not_repeat_what_it_found(self) -> None:
        """`no-echo`."""
        async with self.asking() as ask:
            for text in self.all_texts():
                for signal in (await ask(await self.case(text))).signals:
                    start, end = signal.span or (0, 0)
                    if end - start >= TELLING and text[start:end] in signal.note:
                        found = f"category {signal.category!r} on {short(text)}"
                        broken(self.whose, "no-echo", found)
