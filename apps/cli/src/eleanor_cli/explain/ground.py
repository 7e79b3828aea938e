"""What an explanation may draw on, and the shape in which every reader gets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from eleanor_cli import words
from eleanor_cli.quote import Quoter
from eleanor_core.api import CriticDeclaration, Thresholds, VoiceDeclaration
from eleanor_core.model import (
    Abstention,
    Assessment,
    CriticOutcome,
    CriticViolation,
    DetectorResult,
    Gap,
    Span,
)
from eleanor_core.settings import describe

if TYPE_CHECKING:
    from eleanor_core.registry import Registry
    from eleanor_core.settings import LoadedSettings


class Item(NamedTuple):
    """One thing said, under a label of its own or none."""

    text: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what is said below it. Without items it is left out."""

    title: str
    items: tuple[Item, ...]

    @classmethod
    def of(cls, title: str, items: Iterator[Item]) -> Section:
        """Collect a section."""
        return cls(title, tuple(items))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A judgement with the text, the plugins that judged and the settings that they judged by."""

    assessment: Assessment
    text: str
    registry: Registry
    loaded: LoadedSettings

    @property
    def quoter(self) -> Quoter:
        """Quotes the text, and hides what a detector found to be secret."""
        return Quoter(self.text, self.assessment)

    def quote(self, span: Span | None) -> str:
        """Return the passage in quotation marks, "" where there is none to show."""
        quote = self.quoter.quote(span)
        return f"“{quote.marked}”" if quote else ""

    def declared(self, name: str) -> CriticDeclaration | None:
        """Return what a critic declares of itself, None for one that could not be loaded."""
        loaded = self.registry.loaded["critics"].get(name)
        declaration = loaded.declaration if loaded else None
        return declaration if isinstance(declaration, CriticDeclaration) else None

    def thresholds(self, name: str) -> Thresholds | None:
        """Return the thresholds that a critic was judged by: its own, or those of the settings."""
        declared = self.declared(name)
        if declared is None:
            return None
        own, entry = declared.thresholds, self.loaded.settings.critics.get(name)
        given = entry.thresholds if entry else None
        if given is None:
            return own
        return Thresholds(
            objection=own.objection if given.objection is None else given.objection,
            escalation=own.escalation if given.escalation is None else given.escalation,
            deny=own.deny if given.deny is None else given.deny,
        )

    def changed_settings(self) -> Iterator[Item]:
        """Yield the settings that are not the default, with where each came from."""
        for row in describe(self.loaded):
            if row.origin != "default":
                yield Item(f"{row.value} (from {row.origin})", row.key)

    def faults(self) -> Iterator[tuple[str, Abstention]]:
        """Yield whoever gave no usable answer, under its ref or the name of its stage."""
        outcomes: Mapping[str, object] = {
            **{f"critics/{name}": item for name, item in self.assessment.critics.items()},
            **{f"detectors/{name}": item for name, item in self.assessment.detectors.items()},
            "recall": self.assessment.precedent,
            "uncertainty": self.assessment.uncertainty,
        }
        for name, outcome in outcomes.items():
            if isinstance(outcome, Abstention):
                yield name, outcome

    def gaps(self) -> Iterator[tuple[str, Gap, str]]:
        """Yield voice, gap and what its reason means, "" where nobody declares that."""
        for name, outcome in self.assessment.critics.items():
            yield from self._gaps("critics", name, outcome)
        for name, testimony in self.assessment.detectors.items():
            yield from self._gaps("detectors", name, testimony)

    def _gaps(
        self, kind: str, name: str, outcome: CriticOutcome | DetectorResult
    ) -> Iterator[tuple[str, Gap, str]]:
        if isinstance(outcome, Abstention):
            return
        known = self.registry.loaded["critics" if kind == "critics" else "detectors"].get(name)
        declaration = known.declaration if known else None
        meanings = declaration.gaps if isinstance(declaration, VoiceDeclaration) else {}
        for gap in outcome.not_assessed:
            yield name, gap, meanings.get(gap.reason, "")


def objections(assessment: Assessment) -> Iterator[tuple[str, CriticViolation]]:
    """Yield critic and violation of every objection that stands in the dissent."""
    for item in assessment.dissent:
        for violation in item.violations:
            yield item.critic, violation


def demands(assessment: Assessment) -> Iterator[Item]:
    """Yield every escalation as what a human does about it."""
    for item in sorted(assessment.escalations, key=lambda item: -item.tier):
        yield Item(
            f"{words.clause(item.clause)} (tier {item.tier}), asked by {item.critic}: "
            f"{item.rationale}",
            words.TIERS[item.tier],
        )
