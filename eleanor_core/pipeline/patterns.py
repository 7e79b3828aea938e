"""The patterns of all voices, compiled so that few of them are run on a text.

- Short patterns stand in one `re2.Set`, an automaton that tells in one pass which of them match.
- A long pattern would fill the set with its states. It is run alone, where the text holds the words
  that it cannot match without (see `words.py`); it is compiled when that happens first.
- Long patterns without such words, or with words that most texts hold, stand in small sets.

RE2 matches in linear time, so no pattern can hang, and it releases the interpreter's lock.

The Python binding answers None both for "no hit" and for an automaton that ran out of memory (and
crashes the process on a set that was not compiled). So each set holds one more pattern that hits in
every text: an answer without it is a failure, never "no hits".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol, TypeVar

import re2
from attrs import define, field

from eleanor_core.api import Pattern
from eleanor_core.errors import EleanorError, PluginError
from eleanor_core.model import Span
from eleanor_core.pipeline.word_index import WordIndex
from eleanor_core.pipeline.words import Reader, Reading

T = TypeVar("T")

MAX_MEM: Final = 256 << 20
"""Bytes that one automaton may take at most; most compile with far less, and keep to that."""
SHORT: Final = 200
"""Characters up to which a pattern stands in the one set."""

_SHARED_MEM: Final = 32 << 20
_SMALL_MEM: Final = 16 << 20
_ALONE_MEM: Final = 8 << 20
_TOGETHER: Final = 12  # long patterns in one small set: their states multiply
_ALWAYS: Final = r"\z"
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


class _Match(Protocol):
    def span(self) -> Span: ...


class _Matcher(Protocol):
    """What is used here of a compiled pattern; the binding ships no types."""

    def finditer(self, data: bytes) -> Iterator[_Match]: ...


class _Set(Protocol):
    """What is used here of a set, and of a compiled one."""

    def Add(self, regex: str) -> int: ...  # noqa: N802 -- the binding's name
    def Match(self, data: bytes) -> list[int] | None: ...  # noqa: N802 -- the binding's name


@define(eq=False)
class Rule:
    """One regular expression and all who declared it, as (voice, pattern id)."""

    regex: str
    max_mem: int
    owners: list[tuple[str, str]] = field(factory=list)
    redact: bool = False
    _matcher: _Matcher | None = field(default=None, init=False)

    @property
    def matcher(self) -> _Matcher:
        """The expression alone. It is compiled at its first use: most are never used."""
        if self._matcher is None:
            try:
                self._matcher = _fitting(self._compiled, _ALONE_MEM, self.max_mem)
            except re2.error as error:
                voice, pattern = self.owners[0]
                raise ScanError(
                    f"pattern {pattern!r} of {voice} needs more than {self.max_mem} bytes. "
                    f"Block {voice} by name."
                ) from error
        return self._matcher

    def _compiled(self, options: re2.Options) -> _Matcher:
        matcher: _Matcher = re2.compile(self.regex, options)
        return matcher

    def refused(self, reason: str) -> PatternError:
        """Return the error that names the first who declared it."""
        voice, pattern = self.owners[0]
        return PatternError(voice, pattern, reason)

    def spans(self, data: bytes, most: int | None = None) -> list[Span]:
        """Return the first `most` matches in `data`, which is UTF-8, as spans of code points."""
        spans = [match.span() for match in islice(self.matcher.finditer(data), most)]
        return list(_code_points(data, spans)) if spans and not data.isascii() else spans


class Patterns:
    """Compiles the patterns of all voices once; `possible` may then be called from any thread.

    Raises `PatternError` for a pattern that RE2 refuses, that can match the empty string, or whose
    id the voice uses twice; `PluginError` if a set of them needs more than `max_mem` bytes.
    """

    def __init__(
        self, patterns: Mapping[str, Sequence[Pattern]], *, max_mem: int = MAX_MEM
    ) -> None:
        rules = tuple(_rules(patterns, max_mem))
        short = [rule for rule in rules if len(rule.regex) <= SHORT]
        reader = Reader()
        worded: dict[Rule, tuple[Reading, ...]] = {}
        rest: list[Rule] = []
        for rule in rules:
            if len(rule.regex) > SHORT:
                if readings := reader.required(rule.regex):
                    worded[rule] = readings
                else:
                    rest.append(rule)
        _check_syntax(worded)
        self._automata = [_Automaton(short, _SHARED_MEM, max_mem)] if short else []
        self._automata += (
            _Automaton(rest[start : start + _TOGETHER], _SMALL_MEM, max_mem)
            for start in range(0, len(rest), _TOGETHER)
        )
        self._worded = tuple(worded)
        self._index = WordIndex(tuple(worded.values()))
        for automaton in self._automata:
            automaton.refuse_empty()

    def possible(self, data: bytes) -> Iterator[Rule]:
        """Yield the rules that may match in `data`, which is UTF-8; no other one does.

        Raises `ScanError` if an automaton ran out of memory.
        """
        for automaton in self._automata:
            yield from automaton.matching(data)
        if self._worded:
            for place in sorted(self._index.candidates(data)):
                yield self._worded[place]


class _Automaton:
    """A set of rules that tells in one pass which of them match."""

    def __init__(self, rules: Sequence[Rule], least_mem: int, max_mem: int) -> None:
        self._rules = rules
        try:
            self._set = _fitting(self._compiled, least_mem, max_mem)
        except re2.error as error:
            raise PluginError(
                f"the {len(rules)} patterns of all voices need more than {max_mem} bytes as one "
                "automaton. Enable fewer plugins with patterns."
            ) from error

    def _compiled(self, options: re2.Options) -> _Set:
        automaton = re2.Set.SearchSet(options)
        for rule in self._rules:
            _add(automaton, rule)
        automaton.Add(_ALWAYS)
        automaton.Compile()
        compiled: _Set = automaton
        return compiled

    def matching(self, data: bytes) -> list[Rule]:
        """Return the rules that match in `data`, in their order."""
        places = self._set.Match(data)
        always = len(self._rules)
        if not places or always not in places:
            raise ScanError(
                f"the automaton of {always} patterns failed on a view of {len(data)} bytes: out of "
                "memory. Enable fewer plugins with patterns."
            )
        if len(places) == 1:  # most sets, most of the time
            return []
        return [self._rules[place] for place in sorted(places) if place != always]

    def refuse_empty(self) -> None:
        """Refuse a pattern that can match nothing: it would hit everywhere and show no place."""
        for place in _PLACES:
            for rule in self.matching(place):
                if any(start == end for start, end in rule.spans(place)):
                    raise rule.refused("it can match the empty string")


def _fitting(compiled: Callable[[re2.Options], T], least_mem: int, max_mem: int) -> T:
    """Return what is compiled with the least memory that it takes. Raises the binding's error."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = min(least_mem, max_mem)
    while True:
        try:
            return compiled(options)
        except re2.error:
            if options.max_mem >= max_mem:
                raise
        options.max_mem = min(2 * options.max_mem, max_mem)


def _rules(patterns: Mapping[str, Sequence[Pattern]], max_mem: int) -> Iterable[Rule]:
    """Return the rules, one for each regular expression whoever declared it."""
    rules: dict[str, Rule] = {}
    for voice, declared in patterns.items():
        ids: set[str] = set()
        for pattern in declared:
            if pattern.id in ids:
                raise PatternError(voice, pattern.id, "the id is declared twice")
            ids.add(pattern.id)
            rule = rules.setdefault(pattern.regex, Rule(pattern.regex, max_mem))
            rule.owners.append((voice, pattern.id))
            rule.redact = rule.redact or pattern.redact
    return rules.values()


def _check_syntax(rules: Iterable[Rule]) -> None:
    """Refuse what RE2 does not read: in a set, which it need not compile for that."""
    options = re2.Options()
    options.log_errors = False
    readable = re2.Set.SearchSet(options)
    for rule in rules:
        _add(readable, rule)


def _add(automaton: _Set, rule: Rule) -> None:
    """Add the rule to a set. Raises `PatternError` if RE2 does not read it."""
    if _RAW_BYTE.search(rule.regex):
        raise rule.refused(r"\C splits characters")
    try:
        automaton.Add(rule.regex)
    except UnicodeEncodeError as error:
        raise rule.refused("it holds a lone surrogate") from error
    except re2.error as error:
        raise rule.refused(f"RE2 says {_reason(rule, error)!r}") from error


def _reason(rule: Rule, error: re2.error) -> str:
    """Return in words why RE2 does not read it: alone it says so, in a set it does not."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(rule.regex, options)
    except re2.error as alone:
        error = alone
    (reason,) = error.args
    return reason.decode() if isinstance(reason, bytes) else str(reason)


def _code_points(data: bytes, spans: Iterable[Span]) -> Iterator[Span]:
    """Turn sorted spans of bytes of UTF-8 into spans of code points."""
    count = last = 0
    for start, end in spans:
        count += len(data[last:start].translate(None, _CONTINUATION))
        first = count
        count += len(data[start:end].translate(None, _CONTINUATION))
        last = end
        yield first, count
