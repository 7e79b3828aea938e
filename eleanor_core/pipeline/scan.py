"""The shared scan: the patterns of all voices in all views of a text, found once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from attrs import field, frozen

from eleanor_core.api import Pattern
from eleanor_core.model import MASK, Hit, Span, View
from eleanor_core.model.made import unchecked
from eleanor_core.pipeline.patterns import MAX_MEM, PatternError, Patterns, Rule, ScanError
from eleanor_core.pipeline.views import views_of

__all__ = ["MAX_HITS", "PatternError", "Scan", "ScanError", "Scanner"]

MAX_HITS: Final = 100
"""Hits of one pattern in one view that are reported."""


@frozen(kw_only=True)
class Scan:
    """What was found in one text.

    `hits`: for every voice its own hits, in the order of the views, then of their start, then of
    the pattern's id. `redactions`: merged spans of the text that patterns with `redact` matched.
    `undecoded`: what the limits left out, in words.
    """

    views: tuple[View, ...] = field(repr=False)
    hits: Mapping[str, tuple[Hit, ...]]
    undecoded: tuple[str, ...] = ()
    redactions: tuple[Span, ...] = ()

    def masked(self, text: str) -> str:
        """Return the text that was scanned with its `redactions` masked, character by character."""
        if not self.redactions:
            return text
        characters = list(text)
        for start, end in self.redactions:
            characters[start:end] = MASK * (end - start)
        return "".join(characters)


_scan: Final = unchecked(Scan)
_hit: Final = unchecked(Hit)
_Match: TypeAlias = tuple[int, int, str, int]
"""Place of the view, start, pattern id and end: sorted as it stands, it is the order of hits."""


class Scanner:
    """Compiles the patterns of all voices once; `scan` may then be called from any thread.

    `patterns` maps a voice, such as `critics/rights`, to the patterns it declared. Raises
    `PatternError` for a pattern that RE2 refuses, that can match the empty string, or whose id the
    voice uses twice; `PluginError` if all patterns together need more than `max_mem` bytes.
    """

    def __init__(
        self, patterns: Mapping[str, Sequence[Pattern]], *, max_mem: int = MAX_MEM
    ) -> None:
        self._voices = tuple(patterns)
        self._patterns = Patterns(patterns, max_mem=max_mem)

    def scan(self, text: str) -> Scan:
        """Make the views of `text` and find every pattern in each of them.

        Raises UnicodeEncodeError if `text` holds a lone surrogate, `ScanError` if an automaton ran
        out of memory.
        """
        views, undecoded = views_of(text)
        findings = _Findings(views, notes=list(undecoded))
        for place, view in enumerate(views):
            data = view.text.encode()
            for rule in self._patterns.possible(data):
                findings.add(place, data, rule)
        return findings.scan(self._voices)


class _Findings:
    """Gathers the matches in the views of one text."""

    def __init__(self, views: tuple[View, ...], notes: list[str]) -> None:
        self._views = views
        self._notes = notes
        self._matches: dict[str, list[_Match]] = {}
        self._first: dict[Rule, set[Span]] = {}
        self._redactions: list[Span] = []

    def add(self, place: int, data: bytes, rule: Rule) -> None:
        """Take in what `rule` matches in the view at `place`, which is `data` in UTF-8."""
        # All of it if it is redacted, else as much as shows that the limit was passed.
        spans = rule.spans(data, None if rule.redact else MAX_HITS + 1)
        if not spans:
            return
        view = self._views[place]
        if rule.redact:
            self._redactions.extend(view.origin(*span) for span in spans)
        if len(spans) > MAX_HITS:
            self._notes.extend(
                f"{voice}: only the first {MAX_HITS} hits of {pattern} in view {view.name} are told"
                for voice, pattern in rule.owners
            )
        spans = spans[:MAX_HITS]
        if place == 0:
            self._first[rule] = set(spans)
        elif view.name == "normal":
            spans = [span for span in spans if not self._repeats(view, span, rule)]
        for voice, pattern in rule.owners:
            matches = self._matches.setdefault(voice, [])
            matches.extend((place, start, pattern, end) for start, end in spans)

    def _repeats(self, form: View, span: Span, rule: Rule) -> bool:
        """Whether the normal form only says again what the rule hit in the text itself."""
        start, end = origin = form.origin(*span)
        told = origin in self._first.get(rule, ())
        return told and self._views[0].text[start:end] == form.text[span[0] : span[1]]

    def scan(self, voices: Sequence[str]) -> Scan:
        """Return all that was gathered, in its fixed order."""
        hits: dict[str, tuple[Hit, ...]] = dict.fromkeys(voices, ())
        for voice, found in self._matches.items():
            hits[voice] = self._hits(found)
        return _scan(
            views=self._views,
            hits=hits,
            undecoded=tuple(self._notes),
            redactions=_merged(self._redactions),
        )

    def _hits(self, matches: Iterable[_Match]) -> tuple[Hit, ...]:
        hits: list[Hit] = []
        for place, start, pattern, end in sorted(matches):
            view = self._views[place]
            span = view.origin(start, end)
            hits.append(_hit(pattern=pattern, span=span, view=view.name, view_span=(start, end)))
        return tuple(hits)


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the union of `spans`, sorted; spans that touch become one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)
