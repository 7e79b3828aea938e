"""Pieces of the judged text, shown with what was said of them marked.

Nothing that a detector of secrets or of personal data pointed at is shown, and where such a
detector gave no answer, nothing is quoted at all: the input has not been redacted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from eleanor_cli.escape import safe
from eleanor_core.model import Abstention, Assessment, Span

_HIDING: Final = ("secrets", "personal-data")
"""Detectors whose findings are not to be shown again."""

HIDDEN: Final = "[hidden]"
_AROUND: Final = 28
_LONGEST: Final = 160
_WHOLE: Final = 480
"""Characters up to which a text is shown whole."""

_LINES: Final = 10
"""Lines up to which a text is shown whole."""

_CONTEXT: Final = 60
"""Characters shown on each side of a mark in a longer text."""

_WINDOWS: Final = 8
"""Passages shown of one text at most."""


class Quote(NamedTuple):
    """A marked span between the text before and after it, safe to show."""

    before: str
    marked: str
    after: str


class Mark(NamedTuple):
    """A span that somebody pointed at. `ref` leads to what was said; a detector's severity is 0."""

    span: Span
    ref: str
    severity: int


class Piece(NamedTuple):
    """Text under the same marks throughout, safe to show; it may hold line breaks.

    `marks`: those that lie over it. `opens`, `closes`: those that begin before it and end after it.
    """

    text: str
    marks: tuple[Mark, ...] = ()
    opens: tuple[Mark, ...] = ()
    closes: tuple[Mark, ...] = ()


class Quoter:
    """Quotes spans of one judged text.

    `blind`: nothing may be quoted, for nobody knows what to hide.
    """

    def __init__(self, text: str, assessment: Assessment) -> None:
        """Take what was judged and the judgement, whose detectors say what to hide."""
        self._text = text
        outcomes = [assessment.detectors[name] for name in _HIDING if name in assessment.detectors]
        self.blind = any(isinstance(outcome, Abstention) for outcome in outcomes)
        self._hidden = sorted(
            signal.span
            for outcome in outcomes
            if not isinstance(outcome, Abstention)
            for signal in outcome.signals
            if signal.span is not None
        )

    def quote(self, span: Span | None) -> Quote | None:
        """Return the span in its surroundings, None where there is nothing to show."""
        inside = self.within(span)
        if inside is None:
            return None
        start, end = inside
        left, right = self._word_start(start, _AROUND), self._word_end(end, _AROUND)
        cut = end - start > _LONGEST
        marked = self._shown(start, start + _LONGEST if cut else end) + ("…" if cut else "")
        return Quote(
            before=("…" if left else "") + self._shown(left, start),
            marked=marked,
            after=self._shown(end, right) + ("…" if right < len(self._text) else ""),
        )

    def within(self, span: Span | None) -> Span | None:
        """Return the part of a span that can be shown, None where there is none."""
        if span is None or self.blind:
            return None
        start, end = max(0, span[0]), min(len(self._text), span[1])
        return (start, end) if start < end else None

    def excerpt(self, marks: Sequence[Mark]) -> tuple[list[Piece], int]:
        """Return the text around `marks` in pieces, and how many passages had no room.

        A short text is shown whole. Each mark's span must come from `within`.
        """
        windows = list(self._windows(marks))
        shown, left = windows[:_WINDOWS], len(windows[_WINDOWS:])
        pieces: list[Piece] = []
        done = 0
        for start, end in shown:
            if start > done:
                pieces.append(Piece(" … " if done else "… "))
            pieces += self._pieces(start, end, marks)
            done = end
        if done < len(self._text):
            pieces.append(Piece(" …"))
        return pieces, left

    def _windows(self, marks: Sequence[Mark]) -> Iterator[Span]:
        if len(self._text) <= _WHOLE and self._text.count("\n") < _LINES:
            yield 0, len(self._text)
            return
        ranges: list[Span] = []
        for (start, end), _, _ in sorted(marks):
            ranges += [(start, end)] if end - start <= _LONGEST else _ends(start, end)
        widened = sorted(
            (self._word_start(start, _CONTEXT), self._word_end(end, _CONTEXT))
            for start, end in ranges
        )
        for start, end in _joined(widened):
            # Dense marks join to one long passage, of which there is room for a part.
            yield from ((part, min(part + _WHOLE, end)) for part in range(start, end, _WHOLE))

    def _pieces(self, start: int, end: int, marks: Sequence[Mark]) -> Iterator[Piece]:
        inside = [mark for mark in marks if mark.span[0] < end and start < mark.span[1]]
        edges = {start, end, *(min(max(edge, start), end) for mark in inside for edge in mark.span)}
        for first, last in pairwise(sorted(edges)):
            over = tuple(mark for mark in inside if mark.span[0] <= first and last <= mark.span[1])
            yield Piece(
                self._shown(first, last, keep="\n"),
                marks=over,
                opens=tuple(mark for mark in over if mark.span[0] == first),
                closes=tuple(mark for mark in over if mark.span[1] == last),
            )

    def _word_start(self, start: int, around: int) -> int:
        left = max(0, start - around)
        blank = self._text.find(" ", left, start)
        return blank + 1 if left and blank != -1 else left

    def _word_end(self, end: int, around: int) -> int:
        right = min(len(self._text), end + around)
        blank = self._text.rfind(" ", end, right)
        return blank if right < len(self._text) and blank != -1 else right

    def _shown(self, start: int, end: int, *, keep: str = "") -> str:
        pieces: list[str] = []
        for hidden_start, hidden_end in _overlapping(self._hidden, start, end):
            pieces += [self._safe(start, hidden_start, keep), HIDDEN]
            start = max(start, hidden_end)
        return "".join(pieces) + self._safe(start, end, keep)

    def _safe(self, start: int, end: int, keep: str) -> str:
        text = self._text[start:end]
        return safe(text.replace("\r\n", "\n") if keep else text, keep=keep)


def _ends(start: int, end: int) -> list[Span]:
    """Return the beginning and the end of a span that is too long to show."""
    return [(start, start + _LONGEST // 2), (end - _LONGEST // 2, end)]


def _overlapping(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """Return the spans that meet [start, end), clipped to it and joined where they meet."""
    clipped = ((max(first, start), min(last, end)) for first, last in spans)
    return _joined(span for span in clipped if span[0] < span[1])


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return sorted spans with those that meet made one."""
    joined: list[Span] = []
    for first, last in spans:
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined
