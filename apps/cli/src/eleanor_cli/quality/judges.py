"""Whose score a set measures: one critic, one detector, or the whole panel's highest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from eleanor_cli.quality.sets import Label
from eleanor_cli.quality.tally import Cell
from eleanor_core.api import CriticDeclaration, Thresholds
from eleanor_core.engine import EleanorEngine
from eleanor_core.model import Abstention, Assessment, CriticResult, DetectorResult

Outcome: TypeAlias = CriticResult | DetectorResult | Abstention
Part: TypeAlias = Literal["critic", "detector", "panel"]

ALL_CRITICS: Final = "overrefusal"
"""What a set calls itself that measures the panel as a whole."""

DETECTOR_THRESHOLD: Final = 0.5
"""A detector declares no threshold; its score is a probability, so it objects from one half."""

_DETECTORS: Final[Mapping[str, str]] = {"pii": "personal-data"}
"""What sets call a detector, where it is not its own name."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Whose word counts. `name`: what the set measures. `thresholds`: of all voices of that part.

    `note` says why the whole panel answers where nobody bears the name.
    """

    part: Part
    name: str
    thresholds: Mapping[str, float]
    note: str = ""

    @property
    def title(self) -> str:
        """The judge as shown."""
        return "all critics" if self.part == "panel" else f"{self.part} {self.name}"

    def cell(self, assessment: Assessment, label: Label) -> Cell:
        """Return what counts of one result."""
        heard = self._heard(assessment)
        return Cell(
            score=max(outcome.score for outcome in heard.values()),
            label=label,
            objects=any(objects(heard[name], self.thresholds[name]) for name in heard),
            decision=assessment.decision,
            whole=all(_whole(outcome) for outcome in heard.values()),
        )

    def _heard(self, assessment: Assessment) -> Mapping[str, Outcome]:
        if self.part == "panel":
            return assessment.critics
        if self.part == "critic":
            return {self.name: assessment.critics[self.name]}
        return {self.name: assessment.detectors[self.name]}


@dataclass(frozen=True, slots=True)
class Panel:
    """The voices that an engine hears, and the score from which each objects."""

    critics: Mapping[str, float]
    detectors: Mapping[str, float]

    @classmethod
    def of(cls, engine: EleanorEngine) -> Panel:
        """Ask a running engine. A broken voice stands in every result, and so here too."""
        names: dict[str, set[str]] = {
            kind: {
                *engine.registry.loaded[kind],
                *(b.name for b in engine.broken if b.kind == kind),
            }
            for kind in ("critics", "detectors")
        }
        return cls(
            critics={name: _objection(engine, name) for name in sorted(names["critics"])},
            detectors=dict.fromkeys(sorted(names["detectors"]), DETECTOR_THRESHOLD),
        )

    def judge(self, named: str) -> Judge:
        """Return the judge for what a set says it measures."""
        if named in self.critics:
            return Judge("critic", named, self.critics)
        detector = _DETECTORS.get(named, named)
        if detector in self.detectors:
            return Judge("detector", detector, self.detectors)
        note = "" if named == ALL_CRITICS else f"no critic or detector is called {named!r:.60}"
        return Judge("panel", named, self.critics, note)

    @property
    def voices(self) -> tuple[str, ...]:
        """The refs of all voices, critics first."""
        critics = tuple(f"critics/{name}" for name in self.critics)
        return critics + tuple(f"detectors/{name}" for name in self.detectors)

    def objecting(self, assessment: Assessment) -> Iterator[str]:
        """Yield the ref of each voice that objects, whatever set the text is from."""
        for name, critic in assessment.critics.items():
            if objects(critic, self.critics[name]):
                yield f"critics/{name}"
        for name, detector in assessment.detectors.items():
            if objects(detector, self.detectors[name]):
                yield f"detectors/{name}"


def objects(outcome: Outcome, threshold: float) -> bool:
    """Return whether the score reaches the threshold; a fault objects to nothing."""
    return not isinstance(outcome, Abstention) and outcome.score >= threshold


def _whole(outcome: Outcome) -> bool:
    return not isinstance(outcome, Abstention) and not outcome.not_assessed


def _objection(engine: EleanorEngine, name: str) -> float:
    """Return a critic's objection threshold: the settings', else its own."""
    entry = engine.settings.critics.get(name)
    if entry is not None and entry.thresholds.objection is not None:
        return entry.thresholds.objection
    loaded = engine.registry.loaded["critics"].get(name)
    declaration = loaded.declaration if loaded else None
    if isinstance(declaration, CriticDeclaration):
        return declaration.thresholds.objection
    return Thresholds().objection
