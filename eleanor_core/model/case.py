"""The case: what is judged, and everything that a voice may see of it.

A case holds no peer's result, no aggregate, no outcome and no person's wish. What differs between
two voices is the shell alone: their own hits, and the detectors' signals for critics.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from attrs import field, frozen

from eleanor_core.errors import quoted
from eleanor_core.model.embedding import Embedding
from eleanor_core.model.json import EMPTY_MAP, FrozenMap, JsonObject
from eleanor_core.model.signals import DetectorSignal

CaseKind: TypeAlias = Literal["prompt", "answer", "action"]
Span: TypeAlias = tuple[int, int]
"""Half-open range of code points [start, end) in the case's text."""

DEFAULT_DOMAIN = "general"
MASK: Final = "*"
"""Stands for each code point of a passage that is hidden, so that spans stay right."""


def domain_of(context: JsonObject) -> str:
    """Return the domain that a context states; no stated domain is `general`.

    What is stated and is no name is returned as it reads: no panel was validated in such a domain.
    """
    domain = context.get("domain")
    if domain is None or domain == "":
        return DEFAULT_DOMAIN
    return domain if isinstance(domain, str) else f"{quoted(domain, 80)}"


@frozen(kw_only=True)
class View:
    """A reading of the text: the text itself, its normal form, or a part that was decoded.

    `name` is `text`, `normal` or a chain such as `base64` or `url+base64`. `origins[i]` is the
    half-open span in the original text that code point i of this view comes from; it is None for
    the identity view, where each code point is its own origin.
    """

    name: str
    text: str = field(repr=False)
    origins: tuple[Span, ...] | None = field(default=None, repr=False)

    def origin(self, start: int, end: int) -> Span:
        """Map the span [start, end) of this view to the span of the original text."""
        if self.origins is None:
            return start, end
        if not self.origins:
            return 0, 0
        first = self.origins[min(start, len(self.origins) - 1)]
        last = self.origins[min(max(end - 1, start), len(self.origins) - 1)]
        return first[0], max(last[1], first[0])


@frozen(kw_only=True)
class Hit:
    """One match of a pattern that the receiving plugin declared.

    `view_span` counts code points in the view named `view`, `span` in the original text; for the
    identity view `text` they are equal.
    """

    pattern: str
    span: Span
    view: str = "text"
    view_span: Span


@frozen(kw_only=True)
class Case:
    """What a voice sees. Deeply immutable: tuples, strings and `FrozenMap` all the way down.

    `views[0]` is always the identity view of `text`. `embedding` is None unless the voice declared
    that it needs one. `signals` is empty for detectors.
    """

    text: str = field(repr=False)
    kind: CaseKind = "answer"
    context: FrozenMap = field(default=EMPTY_MAP, repr=False)
    trace_id: str = ""
    views: tuple[View, ...] = field(default=(), repr=False)
    hits: tuple[Hit, ...] = ()
    signals: tuple[DetectorSignal, ...] = ()
    embedding: Embedding | None = field(default=None, repr=False)

    @property
    def domain(self) -> str:
        """The domain that the context states; no stated domain is `general`."""
        return domain_of(self.context)

    def view(self, name: str) -> View:
        """Return the view called `name`; the text itself if there is no such view."""
        for view in self.views:
            if view.name == name:
                return view
        return View(name="text", text=self.text)
