"""Stages 3 and 4: each voice gets a case of its own, and the shared leaves are watched.

In one process independence is a contract: a voice could reach for frozen memory with enough will.
So the engine keeps copies of its own, goes on with those, and finds out if the shared ones changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Final, cast

from eleanor_core.model import (
    Abstention,
    Case,
    DetectorResult,
    DetectorSignal,
    Embedding,
    Escalation,
    Hit,
    JsonObject,
    View,
    thaw,
)
from eleanor_core.model.made import unchecked
from eleanor_core.pipeline.validate import ValidInput
from eleanor_core.pipeline.voice import R, Voice

# Every voice gets one of its own in every judgement.
_case: Final = unchecked(Case)

_VIEW: Final = attrgetter("name", "text", "origins")
_HIT: Final = attrgetter("pattern", "span", "view", "view_span")
_SIGNAL: Final = attrgetter("detector", "category", "severity", "span", "view", "note")
_EMBEDDING: Final = attrgetter("encoder_id", "dim", "data")


class Bench:
    """What all voices of one stage share, from which each one's case is cut; and a watch over it.

    Copies of the shared leaves are taken before anybody is asked.
    """

    def __init__(
        self,
        *,
        given: ValidInput,
        views: tuple[View, ...],
        hits: Mapping[str, tuple[Hit, ...]],
    ) -> None:
        self._given = given
        self._views = views
        self._hits = hits
        self._all_hits = [hit for found in hits.values() for hit in found]
        self._signals: tuple[DetectorSignal, ...] = ()
        self.embedding: Embedding | None = None
        self._before = self._snapshot()

    @property
    def context(self) -> JsonObject:
        """The engine's own copy of the context, as plain JSON values."""
        return cast("JsonObject", self._before[0])

    def case_for(self, voice: Voice[R]) -> Case:
        """Return a new shell for `voice`: its own hits, and the embedding if it declared a need."""
        given = self._given
        return _case(
            text=given.text,
            kind=given.kind,
            context=given.context,
            trace_id=given.trace_id,
            views=self._views,
            hits=self._hits.get(voice.ref, ()),
            signals=self._signals,
            embedding=self.embedding if voice.needs_embedding else None,
        )

    def add(
        self, signals: tuple[DetectorSignal, ...], embedding: Embedding | Abstention | None
    ) -> None:
        """Lay beside the rest what the critics see beside it; a fault is no embedding."""
        self._signals = signals
        self.embedding = embedding if isinstance(embedding, Embedding) else None
        if signals or self.embedding is not None:
            self._before = self._snapshot()

    def escalations(self, meanwhile: str) -> tuple[Escalation, ...]:
        """Return U1 in the engine's name if a shared leaf was altered `meanwhile`, else nothing."""
        found = self._snapshot()
        if found == self._before:
            return ()
        self._before = found
        rationale = f"the case was altered in memory while {meanwhile}"
        return (Escalation(critic="engine", clause="U1", tier=2, rationale=rationale),)

    def _snapshot(self) -> tuple[object, ...]:
        embedding = self.embedding
        return (
            thaw(self._given.context),
            [*map(_VIEW, self._views)],
            [*map(_HIT, self._all_hits)],
            [*map(_SIGNAL, self._signals)],
            embedding and _EMBEDDING(embedding),
        )


def testimony(detectors: Mapping[str, DetectorResult | Abstention]) -> tuple[DetectorSignal, ...]:
    """Return all signals as critics get to see them: copies, in order of detector and finding."""
    return tuple(
        DetectorSignal(
            detector=signal.detector,
            category=signal.category,
            severity=signal.severity,
            span=signal.span,
            view=signal.view,
            note=signal.note,
        )
        for outcome in detectors.values()
        if isinstance(outcome, DetectorResult)
        for signal in outcome.signals
    )
