"""Spans of the judged text, shown with a little of what stands around them.

Nothing that a detector of secrets or of personal data pointed at is shown, and where such a
detector gave no answer, nothing is quoted at all: the input has not been redacted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from eleanor_cli.escape import safe
from eleanor_core.model import Abstention, Assessment, Span

_HIDING: Final = ("secrets", "personal-data")
"""Detectors whose findings are not to be shown again."""

HIDDEN: Final = "[hidden]"
_AROUND: Final = 28
_LONGEST: Final = 160


class Quote(NamedTuple):
    """A marked span between the text before and after it, safe to show."""

    before: str
    marked: str
    after: str


class Quoter:
    """Quotes spans of one judged text."""

    def __init__(self, text: str, assessment: Assessment) -> None:
        """Take what was judged and the judgement, whose detectors say what to hide."""
        self._text = text
        outcomes = [assessment.detectors[name] for name in _HIDING if name in assessment.detectors]
        self._blind = any(isinstance(outcome, Abstention) for outcome in outcomes)
        self._hidden = sorted(
            signal.span
            for outcome in outcomes
            if not isinstance(outcome, Abstention)
            for signal in outcome.signals
            if signal.span is not None
        )

    def quote(self, span: Span | None) -> Quote | None:
        """Return the span in its surroundings, None where there is nothing to show."""
        if span is None or self._blind:
            return None
        start, end = max(0, span[0]), min(len(self._text), span[1])
        if start >= end:
            return None
        left, right = self._word_start(start), self._word_end(end)
        cut = end - start > _LONGEST
        marked = self._shown(start, start + _LONGEST if cut else end) + ("…" if cut else "")
        return Quote(
            before=("…" if left else "") + self._shown(left, start),
            marked=marked,
            after=self._shown(end, right) + ("…" if right < len(self._text) else ""),
        )

    def _word_start(self, start: int) -> int:
        left = max(0, start - _AROUND)
        blank = self._text.find(" ", left, start)
        return blank + 1 if left and blank != -1 else left

    def _word_end(self, end: int) -> int:
        right = min(len(self._text), end + _AROUND)
        blank = self._text.rfind(" ", end, right)
        return blank if right < len(self._text) and blank != -1 else right

    def _shown(self, start: int, end: int) -> str:
        pieces: list[str] = []
        for hidden_start, hidden_end in _overlapping(self._hidden, start, end):
            pieces += [safe(self._text[start:hidden_start]), HIDDEN]
            start = max(start, hidden_end)
        return "".join(pieces) + safe(self._text[start:end])


def _overlapping(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """Return the spans that meet [start, end), clipped to it and joined where they meet."""
    joined: list[Span] = []
    for span in spans:
        first, last = max(span[0], start), min(span[1], end)
        if first >= last:
            continue
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined
