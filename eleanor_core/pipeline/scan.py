"""The shared scan: one automaton finds the patterns of all voices in all views of a text.

All patterns are compiled at start into one `re2.Set`, which says which of them hit; only those are
then matched on their own, for the spans. RE2 matches in linear time, so no pattern can hang, and it
releases the interpreter's lock while it does.

The Python binding answers None both for "no hit" and for an automaton that ran out of memory (and
crashes the process on a set that was not compiled). So the set holds one more pattern that hits in
every text: an answer without it is a failure, never "no hits".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol, TypeAlias

import re2
from attrs import define, field, frozen

from eleanor_core.api import Pattern
from eleanor_core.errors import EleanorError, PluginError
from eleanor_core.model import Hit, Span, View
from eleanor_core.pipeline.views import views_of

MAX_MEM: Final = 256 << 20
"""Bytes that the automaton may take; RE2's own limit, 8 MB, is too small for many patterns."""
MASK: Final = "*"
MAX_HITS: Final = 100
"""Hits of one pattern in one view that are reported."""

_ALWAYS: Final = rb"\z"
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
_RAW_BYTE: Final = re.compile(r"(?:^|[^\\])(?:\\\\)*\\C")
# Every kind of place between two characters, as `^`, `$`, `\b` and `\B` tell them apart.
_PLACES: Final = tuple(
    before + after for before in (b"", b"\n", b"a", b"-") for after in (b"", b"\n", b"a", b"-")
)


class PatternError(PluginError):
    """A pattern that cannot be part of the scan. `voice` and `pattern` say whose it is."""

    code = "pattern"

    def __init__(self, voice: str, pattern: str, reason: str) -> None:
        super().__init__(
            f"pattern {pattern!r} of {voice} cannot be used: {reason}. "
            f"Correct it in the plugin, or block {voice} by name."
        )
        self.voice = voice
        self.pattern = pattern


class ScanError(EleanorError):
    """The scan could not be done. It never means that nothing was found."""

    code = "scan"


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


_Match: TypeAlias = tuple[int, int, str, int]
"""Place of the view, start, pattern id and end: sorted as it stands, it is the order of hits."""


class _RawMatch(Protocol):
    def span(self) -> Span: ...


class _Matcher(Protocol):
    """What is used here of a compiled pattern; the binding ships no types."""

    def finditer(self, data: bytes) -> Iterator[_RawMatch]: ...


class _Automaton(Protocol):
    """What is used here of a compiled set."""

    def Match(self, data: bytes) -> list[int] | None: ...  # noqa: N802 -- the binding's name


@define
class _Rule:
    """One regular expression and all who declared it, as (voice, pattern id).

    It is compiled on its own at its first hit: most patterns never hit, and the start is quicker.
    """

    regex: bytes
    options: re2.Options
    owners: list[tuple[str, str]] = field(factory=list)
    redact: bool = False
    _matcher: _Matcher | None = field(default=None, init=False)

    @property
    def matcher(self) -> _Matcher:
        """The expression alone, for the spans of its matches."""
        if self._matcher is None:
            self._matcher = re2.compile(self.regex, self.options)
        return self._matcher

    def refused(self, reason: str) -> PatternError:
        """Return the error that names the first who declared it."""
        voice, pattern = self.owners[0]
        return PatternError(voice, pattern, reason)

    def spans(self, data: bytes) -> list[Span]:
        """Return the matches in `data` as spans of code points.

        All of them if they are redacted, else as many as show that `MAX_HITS` was passed.
        """
        most = None if self.redact else MAX_HITS + 1
        return list(_code_points(data, islice(_spans(self.matcher, data), most)))


class Scanner:
    """Compiles the patterns of all voices once; `scan` may then be called from any thread.

    `patterns` maps a voice, such as `critics/rights`, to the patterns it declared. Raises
    `PatternError` for a pattern that RE2 refuses, that can match the empty string, or whose id the
    voice uses twice; `PluginError` if all patterns together need more than `max_mem` bytes.
    """

    def __init__(
        self, patterns: Mapping[str, Sequence[Pattern]], *, max_mem: int = MAX_MEM
    ) -> None:
        options = re2.Options()
        options.max_mem = max_mem
        options.log_errors = False
        self._voices = tuple(patterns)
        self._rules = tuple(_rules(patterns, options))
        self._automaton = _automaton(self._rules, options) if self._rules else None
        if self._automaton is not None:
            self._refuse_empty(self._automaton)

    def scan(self, text: str) -> Scan:
        """Make the views of `text` and find every pattern in each of them.

        Raises UnicodeEncodeError if `text` holds a lone surrogate, `ScanError` if the automaton ran
        out of memory.
        """
        views, undecoded = views_of(text)
        if self._automaton is None:
            return Scan(views=views, hits=dict.fromkeys(self._voices, ()), undecoded=undecoded)
        findings = _Findings(views, notes=list(undecoded))
        for place, view in enumerate(views):
            data = view.text.encode()
            for index in self._matching(self._automaton, data):
                findings.add(place, data, self._rules[index])
        return findings.scan(self._voices)

    def _refuse_empty(self, automaton: _Automaton) -> None:
        """Refuse a pattern that can match nothing: it would hit everywhere and show no place."""
        for place in _PLACES:
            for index in self._matching(automaton, place):
                rule = self._rules[index]
                if any(start == end for start, end in _spans(rule.matcher, place)):
                    raise rule.refused("it can match the empty string")

    def _matching(self, automaton: _Automaton, data: bytes) -> list[int]:
        indices = automaton.Match(data)
        always = len(self._rules)
        if not indices or always not in indices:
            raise ScanError(
                f"the automaton of {always} patterns failed on a view of {len(data)} bytes: out of "
                "memory. Enable fewer plugins with patterns."
            )
        return sorted(index for index in indices if index != always)


class _Findings:
    """Gathers the matches in the views of one text."""

    def __init__(self, views: tuple[View, ...], notes: list[str]) -> None:
        self._views = views
        self._notes = notes
        self._matches: dict[str, list[_Match]] = {}
        self._first: dict[int, set[Span]] = {}
        self._redactions: list[Span] = []

    def add(self, place: int, data: bytes, rule: _Rule) -> None:
        """Take in what `rule` matches in the view at `place`, which is `data` in UTF-8."""
        view = self._views[place]
        spans = rule.spans(data)
        if rule.redact:
            self._redactions.extend(view.origin(*span) for span in spans)
        if len(spans) > MAX_HITS:
            self._notes.extend(
                f"{voice}: only the first {MAX_HITS} hits of {pattern} in view {view.name} are told"
                for voice, pattern in rule.owners
            )
        spans = spans[:MAX_HITS]
        if place == 0:
            self._first[id(rule)] = set(spans)
        elif view.name == "normal":
            spans = [span for span in spans if not self._repeats(view, span, rule)]
        for voice, pattern in rule.owners:
            matches = self._matches.setdefault(voice, [])
            matches.extend((place, start, pattern, end) for start, end in spans)

    def _repeats(self, form: View, span: Span, rule: _Rule) -> bool:
        """Whether the normal form only says again what the rule hit in the text itself."""
        start, end = origin = form.origin(*span)
        told = origin in self._first.get(id(rule), ())
        return told and self._views[0].text[start:end] == form.text[span[0] : span[1]]

    def scan(self, voices: Sequence[str]) -> Scan:
        """Return all that was gathered, in its fixed order."""
        return Scan(
            views=self._views,
            hits={voice: self._hits(self._matches.get(voice, [])) for voice in voices},
            undecoded=tuple(self._notes),
            redactions=_merged(self._redactions),
        )

    def _hits(self, matches: list[_Match]) -> tuple[Hit, ...]:
        hits: list[Hit] = []
        for place, start, pattern, end in sorted(matches):
            view = self._views[place]
            span = view.origin(start, end)
            hits.append(Hit(pattern=pattern, span=span, view=view.name, view_span=(start, end)))
        return tuple(hits)


def _rules(patterns: Mapping[str, Sequence[Pattern]], options: re2.Options) -> Iterable[_Rule]:
    """Return the rules, one for each regular expression whoever declared it."""
    rules: dict[str, _Rule] = {}
    for voice, declared in patterns.items():
        ids: set[str] = set()
        for pattern in declared:
            if pattern.id in ids:
                raise PatternError(voice, pattern.id, "the id is declared twice")
            ids.add(pattern.id)
            if pattern.regex not in rules:
                rules[pattern.regex] = _Rule(_checked(voice, pattern), options)
            rule = rules[pattern.regex]
            rule.owners.append((voice, pattern.id))
            rule.redact = rule.redact or pattern.redact
    return rules.values()


def _checked(voice: str, pattern: Pattern) -> bytes:
    if _RAW_BYTE.search(pattern.regex):
        raise PatternError(voice, pattern.id, r"\C splits characters")
    try:
        return pattern.regex.encode()
    except UnicodeEncodeError as error:
        raise PatternError(voice, pattern.id, "it holds a lone surrogate") from error


def _automaton(rules: Sequence[_Rule], options: re2.Options) -> _Automaton:
    automaton = re2.Set.SearchSet(options)
    for rule in rules:
        try:
            automaton.Add(rule.regex)
        except re2.error as error:
            raise rule.refused(f"RE2 says {_reason(rule, error)!r}") from error
    try:
        automaton.Add(_ALWAYS)
        automaton.Compile()
    except re2.error as error:
        raise PluginError(
            f"the {len(rules)} patterns of all voices need more than {options.max_mem} bytes as "
            "one automaton. Enable fewer plugins with patterns."
        ) from error
    compiled: _Automaton = automaton
    return compiled


def _reason(rule: _Rule, error: re2.error) -> str:
    """Return why RE2 refuses a pattern: alone it says so in words, in a set it does not."""
    try:
        re2.compile(rule.regex, rule.options)
    except re2.error as alone:
        error = alone
    (reason,) = error.args
    return reason.decode() if isinstance(reason, bytes) else str(reason)


def _spans(matcher: _Matcher, data: bytes) -> Iterator[Span]:
    return (match.span() for match in matcher.finditer(data))


def _code_points(data: bytes, spans: Iterable[Span]) -> Iterator[Span]:
    """Turn sorted spans of bytes of UTF-8 into spans of code points."""
    if data.isascii():
        yield from spans
        return
    count = last = 0
    for start, end in spans:
        count += len(data[last:start].translate(None, _CONTINUATION))
        first = count
        count += len(data[start:end].translate(None, _CONTINUATION))
        last = end
        yield first, count


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the union of `spans`, sorted; spans that touch become one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)
