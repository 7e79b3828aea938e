"""Redaction of what voices say, once, before it is aggregated, streamed, shown or stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar, cast

from attrs import evolve

from eleanor_core.evidence import Redactor
from eleanor_core.model import (
    Abstention,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    EscalationSignal,
    Gap,
    JsonValue,
    PrecedentAlignment,
    PrecedentCase,
    PrecedentMatch,
    UncertaintyAnalysis,
)

T = TypeVar("T")
# Typed for one class at a time; here it is whichever of those below.
_evolve = cast("Callable[..., object]", evolve)

_SAID: Final[Mapping[type, tuple[str, ...]]] = {
    Abstention: ("detail",),
    CriticResult: ("justification", "violations", "escalations", "not_assessed"),
    CriticViolation: ("rationale",),
    EscalationSignal: ("rationale",),
    Gap: ("concern",),
    DetectorResult: ("signals", "not_assessed"),
    DetectorSignal: ("view", "note"),
    PrecedentAlignment: ("cases", "escalations"),
    PrecedentMatch: ("case",),
    PrecedentCase: ("text", "reason"),
    UncertaintyAnalysis: ("reasons", "escalations"),
}
"""Where free words stand, directly or further down. Names, clauses and declared words do not."""


class Cleaner:
    """Masks shaped secrets, and the very passages of this case that were found to hold one.

    A voice may quote an encoded secret that no pattern matches as it stands: `known` holds those
    passages. Masks have the length of what they hide.
    """

    def __init__(self, redactor: Redactor, known: tuple[str, ...] = ()) -> None:
        self._redactor = redactor
        # Longest first: a passage inside another would hide its part and leave the rest.
        self._known = tuple(sorted(known, key=len, reverse=True))

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
        said: list[str] = []
        _gather(outcome, said)
        joined = "\n".join(said)
        quoted = tuple([passage for passage in self._known if passage in joined])
        if not said or (not quoted and self._redactor.value(said) == said):
            return outcome
        return cast("T", _rebuilt(outcome, Cleaner(self._redactor, quoted).text))


def _gather(value: object, said: list[str]) -> None:
    """Add every string that a voice chose itself to `said`; empty ones say nothing."""
    if type(value) is str:
        said.append(value)
    elif isinstance(value, tuple):
        for item in value:
            _gather(item, said)
    else:
        for name in _SAID.get(type(value), ()):
            if part := getattr(value, name):
                _gather(part, said)


def _rebuilt(value: object, mask: Callable[[str], str]) -> object:
    """Return `value` with every string that `_gather` finds in it masked."""
    if type(value) is str:
        return mask(value)
    if isinstance(value, tuple):
        return tuple(_rebuilt(item, mask) for item in value)
    changes = {name: _rebuilt(getattr(value, name), mask) for name in _SAID.get(type(value), ())}
    return _evolve(value, **changes) if changes else value
