"""Stages 3 and 4: each voice gets a case of its own, and the shared leaves are watched.

In one process independence is a contract: a voice could reach for frozen memory with enough will.
So the engine keeps copies of its own, goes on with those, and finds out if the shared ones changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from attrs import field, frozen

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
from eleanor_core.model.case import shell
from eleanor_core.pipeline.validate import ValidInput
from eleanor_core.pipeline.voice import R, Voice


@frozen(kw_only=True)
class Bench:
    """What all voices of one stage share, from which each one's case is cut."""

    given: ValidInput
    views: tuple[View, ...] = field(repr=False)
    hits: Mapping[str, tuple[Hit, ...]] = field(repr=False)
    signals: tuple[DetectorSignal, ...] = ()
    embedding: Embedding | None = field(default=None, repr=False)

    def case_for(self, voice: Voice[R]) -> Case:
        """Return a new shell for `voice`: its own hits, and the embedding if it declared a need."""
        given = self.given
        return shell(
            text=given.text,
            kind=given.kind,
            context=given.context,
            trace_id=given.trace_id,
            views=self.views,
            hits=self.hits.get(voice.ref, ()),
            signals=self.signals,
            embedding=self.embedding if voice.needs_embedding else None,
        )


class Watch:
    """Copies of the shared leaves, taken before deliberation, and whether they still agree."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._before = _snapshot(bench)

    @property
    def context(self) -> JsonObject:
        """The engine's own copy of the context, as plain JSON values."""
        return cast("JsonObject", self._before[0])

    def escalations(self, meanwhile: str) -> tuple[Escalation, ...]:
        """Return U1 in the engine's name if a shared leaf was altered `meanwhile`, else nothing."""
        if _snapshot(self._bench) == self._before:
            return ()
        rationale = f"the case was altered in memory while {meanwhile}"
        return (Escalation(critic="engine", clause="U1", tier=2, rationale=rationale),)


def _snapshot(bench: Bench) -> tuple[object, ...]:
    embedding = bench.embedding
    return (
        thaw(bench.given.context),
        [(view.name, view.text, view.origins) for view in bench.views],
        [
            (hit.pattern, hit.span, hit.view, hit.view_span)
            for hits in bench.hits.values()
            for hit in hits
        ],
        [
            (
                signal.detector,
                signal.category,
                signal.severity,
                signal.span,
                signal.view,
                signal.note,
            )
            for signal in bench.signals
        ],
        embedding and (embedding.encoder_id, embedding.dim, embedding.data),
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
