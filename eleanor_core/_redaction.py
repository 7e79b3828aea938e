"""Redaction of what voices say, once, before it is aggregated, streamed, shown or stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar, cast

from attrs import AttrsInstance, fields, has

from eleanor_core.evidence import Redactor
from eleanor_core.model import (
    Abstention,
    CriticResult,
    DetectorResult,
    JsonValue,
    PrecedentAlignment,
)

T = TypeVar("T")


class Cleaner:
    """Masks shaped secrets, and the very passages of this case that were found to hold one.

    A voice may quote an encoded secret that no pattern matches as it stands: `known` holds those
    passages. Masks have the length of what they hide.
    """

    def __init__(self, redactor: Redactor, known: tuple[str, ...] = ()) -> None:
        self._redactor = redactor
        self._known = known

    def text(self, text: str) -> str:
        """Return `text` masked."""
        for passage in self._known:
            text = text.replace(passage, "*" * len(passage))
        return self._redactor.text(text)

    def value(self, value: JsonValue) -> JsonValue:
        """Return JSON with every string in it masked."""
        return self._redactor.value(value)

    def outcome(self, outcome: T) -> T:
        """Return what a voice said, masked; itself where nothing is to be masked (one scan)."""
        said = "\n".join(_words(outcome))
        if self.text(said) == said:
            return outcome
        return cast("T", self._rebuilt(outcome))

    def _rebuilt(self, value: object) -> object:
        if type(value) is str:
            return self.text(value)
        if isinstance(value, tuple):
            return tuple(self._rebuilt(item) for item in value)
        if has(type(value)):
            form = cast("type[AttrsInstance]", type(value))
            return form(
                **{
                    field.alias: self._rebuilt(getattr(value, field.name)) for field in fields(form)
                }
            )
        return value


def _words(outcome: object) -> Iterator[str]:
    """Yield every string that a voice chose itself."""
    if isinstance(outcome, Abstention):
        yield outcome.detail
    elif isinstance(outcome, CriticResult):
        yield outcome.justification
        for violation in outcome.violations:
            yield violation.rationale
        for escalation in outcome.escalations:
            yield escalation.rationale
        for gap in outcome.not_assessed:
            yield gap.concern
    elif isinstance(outcome, PrecedentAlignment):
        for match in outcome.cases:
            yield match.case.text
            yield match.case.reason
        for escalation in outcome.escalations:
            yield escalation.rationale
    elif isinstance(outcome, DetectorResult):
        for signal in outcome.signals:
            yield signal.category
            yield signal.view
            yield signal.note
        for gap in outcome.not_assessed:
            yield gap.concern
