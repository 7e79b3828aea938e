"""Redaction on every way out: one object for each engine knows what is secret and masks it.

What voices say is masked once, before it is aggregated, streamed, shown or stored.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Final, Self, TypeVar, cast

from attrs import evolve

from eleanor_core._log import Logger
from eleanor_core.api import Log, VoiceDeclaration
from eleanor_core.errors import describe
from eleanor_core.evidence import KnownSecrets, Redactor, is_usable, over_strings
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
    SecretValue,
    Span,
    UncertaintyAnalysis,
    View,
)
from eleanor_core.model.case import MASK
from eleanor_core.model.made import speaks
from eleanor_core.pipeline.views import is_plain, views_of
from eleanor_core.registry import Broken, Registry
from eleanor_core.settings import LoadedSettings, Settings
from eleanor_core.settings.secrecy import secrets_in_environment, secrets_in_settings

T = TypeVar("T")
# Typed for one class at a time; here it is whichever of those below.
_evolve = cast("Callable[..., object]", evolve)
_DEEPEST: Final = 20
"""Levels of a log field that are masked one by one; what lies deeper is masked as its `repr`."""

_SHORTEST_CODE: Final = 9
"""Characters of the shortest blob that the scan decodes: three escapes of a URL."""

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
    PrecedentCase: ("id", "text", "reason", "domain", "decided_by", "jurisdiction", "overruled_by"),
    UncertaintyAnalysis: ("reasons", "escalations"),
}
"""Where free words stand, directly or further down. Names, clauses and declared words do not."""
_SPEAKS: Final = {form: speaks(*names) for form, names in _SAID.items()}


class Redaction:
    """Masks known secrets and secrets with a published shape. One for each engine.

    It knows what stands in settings and environment under names that say "secret", and every value
    that a secrets provider gave; it has the shapes that the engine's plugins declare once that has
    started. Give it to `EleanorEngine(..., redaction=...)`, and let your own logs pass through it:
    `processor` for structlog, `filter` for the standard library.
    """

    def __init__(self) -> None:
        self.known = KnownSecrets()
        self._redactor = Redactor((), self.known)

    @classmethod
    def of(
        cls,
        settings: Settings | LoadedSettings | None = None,
        *,
        env: Mapping[str, str] | None = None,
    ) -> Self:
        """Return one that knows the secrets of these settings, and of `env` (default: our own)."""
        redaction = cls()
        redaction.learn(secrets_in_environment(os.environ if env is None else env))
        if settings is not None:
            redaction.learn_settings(settings)
        return redaction

    def learn(self, values: Mapping[str, str]) -> None:
        """Take in values by where they come from. One that is plain words is not looked for."""
        for origin, value in values.items():
            self.known.learn(origin, (SecretValue(value),))

    def learn_settings(self, settings: Settings | LoadedSettings) -> None:
        """Take in what stands in the settings in plain, under names that say "secret"."""
        plain = settings.settings if isinstance(settings, LoadedSettings) else settings
        self.learn(secrets_in_settings(plain))

    def learn_shapes(self, registry: Registry) -> Registry:
        """Mask from now on what the loaded plugins declare as `redact`; return the registry masked.

        A pattern that cannot be used breaks its plugin at start, and is left out here.
        """
        shapes = [
            pattern
            for items in registry.loaded.values()
            for loaded in items.values()
            if isinstance(loaded.declaration, VoiceDeclaration)
            for pattern in loaded.declaration.patterns
            if pattern.redact and is_usable(pattern)
        ]
        self._redactor = Redactor(shapes, self.known)
        rows = tuple(
            evolve(row, reason=self.text(row.reason)) if row.status == "broken" else row
            for row in registry.rows()
        )
        return evolve(registry, broken=self.broken(registry.broken), rows=rows)

    def broken(self, items: Iterable[Broken]) -> tuple[Broken, ...]:
        """Return broken plugins with what they raised masked."""
        return tuple(evolve(item, error=self.text(item.error)) for item in items)

    def text(self, text: str) -> str:
        """Return `text` masked, character by character."""
        return self.texts((text,))[0]

    def texts(self, texts: Sequence[str]) -> Sequence[str]:
        """Return each text masked, also in what it decodes to; `texts` itself where nothing hits.

        A known secret is found too where it is broken over neighbours.
        """
        masked = self._redactor.texts(texts)
        if is_plain("\n".join(masked)):
            return masked
        deep = [self._decoded(text) if len(text) >= _SHORTEST_CODE else text for text in masked]
        return masked if all(map(str.__eq__, deep, masked)) else deep

    def value(self, value: JsonValue) -> JsonValue:
        """Return JSON with every string in it masked, keys too; itself where nothing hits."""
        return over_strings(value, self.texts)

    def known_in(self, views: Iterable[View]) -> Iterator[Span]:
        """Yield the spans of a text in which one of its views holds a known secret."""
        for view in views:
            for span in self._redactor.known_spans(view.text):
                yield view.origin(*span)

    def error(self, error: BaseException) -> str:
        """Return type and message of an error in one masked line."""
        return self.text(describe(error))

    def told(self, error: BaseException) -> BaseException:
        """Return `error` to be chained to another one, unless its words hold something to mask.

        Then it is a stand-in that says the same masked: who prints the chain prints no secret.
        """
        said = "".join(traceback.format_exception(error))
        if self.text(said) == said:
            return error
        return WithheldError(self.error(error))

    # -- logs -------------------------------------------------------------------------------------

    def processor(
        self, _logger: object, _method: str, event: MutableMapping[str, object]
    ) -> MutableMapping[str, object]:
        """Mask an event of structlog. Put it first in the chain: later ones may write as they go.

        An exception is written out here, without the values of its variables.
        """
        if error := event.pop("exc_info", None):
            event["exception"] = self.text(_written_out(error))
        for key in tuple(event):
            # Names with `_` are structlog's own, such as the record of the standard library.
            if not key.startswith("_"):
                event[self.text(key)] = self._field(event.pop(key))
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask a record of the standard library: `handler.addFilter(redaction.filter)`."""
        record.msg, record.args = self.text(record.getMessage()), None
        if record.exc_info:
            record.exc_text = self.text(_written_out(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = self.text(record.stack_info)
        return True

    def log(self, name: str) -> Log:
        """Return a logger for a plugin: masked whatever the program does with its logs."""
        return _MaskedLogger(name, self)

    def _field(self, value: object, depth: int = 0) -> object:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (list, tuple)) and depth < _DEEPEST:
            if all(isinstance(item, str) for item in value):
                return list(self.texts(value))
            return [self._field(item, depth + 1) for item in value]
        if isinstance(value, Mapping) and depth < _DEEPEST:
            return {
                self.text(str(key)): self._field(item, depth + 1) for key, item in value.items()
            }
        return self.text(repr(value))

    def _decoded(self, text: str) -> str:
        """Return `text` masked where it encodes something to mask, as the scan decodes it."""
        readable = text.encode(errors="replace").decode()
        views, _ = views_of(readable)
        spans = [
            view.origin(*span) for view in views[1:] for span in self._redactor.spans(view.text)
        ]
        return _masked_in(text, spans) if spans else text


class WithheldError(Exception):
    """Stands in a chain for an error whose words held a secret; its own are masked."""


class _MaskedLogger(Logger):
    """A logger that masks before structlog sees anything."""

    def __init__(self, name: str, redaction: Redaction) -> None:
        super().__init__(name)
        self._redaction = redaction

    def write(self, level: str, event: str, /, **fields: object) -> object:
        masked = self._redaction.processor(None, level, {"event": event, **fields})
        return super().write(level, str(masked.pop("event")), **masked)


class Cleaner:
    """Masks in one case: what is always masked, and the very passages that were found in its text.

    A voice may quote an encoded secret that no pattern matches as it stands: `passages` holds
    those. Masks have the length of what they hide.
    """

    def __init__(self, redaction: Redaction, passages: tuple[str, ...] = ()) -> None:
        self._redaction = redaction
        # Longest first: a passage inside another would hide its part and leave the rest.
        self._passages = tuple(sorted(passages, key=len, reverse=True))

    def text(self, text: str) -> str:
        """Return `text` masked."""
        return self._texts((text,))[0]

    def value(self, value: JsonValue) -> JsonValue:
        """Return JSON with every string in it masked."""
        return self._redaction.value(value)

    def outcome(self, outcome: T) -> T:
        """Return what a voice said, masked; itself where nothing is to be masked (one scan)."""
        if (speaks := _SPEAKS.get(type(outcome))) and not speaks(outcome):
            return outcome
        said: list[str] = []
        _gather(outcome, said)
        masked = self._texts(said) if said else said
        return outcome if masked is said else cast("T", _rebuilt(outcome, iter(masked)))

    def _texts(self, texts: Sequence[str]) -> Sequence[str]:
        joined = "\n".join(texts) if self._passages else ""
        for passage in self._passages:
            if passage in joined:
                texts = [text.replace(passage, MASK * len(passage)) for text in texts]
        return self._redaction.texts(texts)


def _masked_in(text: str, spans: Iterable[Span]) -> str:
    """Return `text` with `spans` masked."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = MASK * (end - start)
    return "".join(characters)


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


def _rebuilt(value: object, masked: Iterator[str]) -> object:
    """Return `value` with the strings that `_gather` finds in it taken from `masked`, in order."""
    if type(value) is str:
        return next(masked)
    if isinstance(value, tuple):
        return tuple(_rebuilt(item, masked) for item in value)
    changes = {
        name: _rebuilt(part, masked)
        for name in _SAID.get(type(value), ())
        if (part := getattr(value, name))
    }
    return _evolve(value, **changes) if changes else value


def _written_out(error: object) -> str:
    """Return the traceback of an error, as logs are given one: itself, its triple, or True."""
    if isinstance(error, BaseException):
        return "".join(traceback.format_exception(error)).rstrip()
    if isinstance(error, tuple):
        return "".join(traceback.format_exception(*error)).rstrip()
    return traceback.format_exc().rstrip()
