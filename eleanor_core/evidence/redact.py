"""Redaction: known secrets, and what patterns marked `redact` match, are masked before they leave.

A mask has as many code points as what it hides, so spans into the text stay right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import is_
from typing import Final, Protocol, TypeGuard

import re2

from eleanor_core.api.declarations import Pattern
from eleanor_core.evidence.known import KnownSecrets
from eleanor_core.model import Span
from eleanor_core.model.case import MASK
from eleanor_core.model.json import FrozenMap, JsonValue

PASSES: Final = 8
"""How often masks may complete further matches before the whole text is masked."""

# A set of a few thousand patterns needs 16 MiB to compile; the rest is room for its states.
_MAX_MEM: Final = 64 << 20
# What can tell the start or end of the text from that of a line, even under the flag `m`.
_TEXT_ANCHOR: Final = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-")
_ALWAYS: Final = r"\z"
_SILENT: Final = frozenset({int, float, bool, type(None)})
_MAPPINGS: Final = frozenset({dict, FrozenMap})
_SEQUENCES: Final = frozenset({list, tuple})
_TOGETHER: Final = 256
"""Texts that are asked about at once where one of all of them has a hit."""
_CONTINUATION: Final = frozenset(bytes([byte]) for byte in range(0x80, 0xC0))


class _Match(Protocol):
    def span(self) -> tuple[int, int]: ...


class _Regex(Protocol):
    def finditer(self, text: bytes) -> Iterator[_Match]: ...


class Redactor:
    """Masks known secrets and what its patterns match. Masking twice changes nothing more.

    All patterns are first asked at once whether anything is there at all; only where there is are
    the ones that hit run one by one for their spans.
    """

    def __init__(self, patterns: Sequence[Pattern], known: KnownSecrets | None = None) -> None:
        """Compile those of `patterns` that say `redact`; ValueError names one that RE2 refuses."""
        self._known = KnownSecrets() if known is None else known
        redacting = [pattern for pattern in patterns if pattern.redact]
        self._patterns = [_compiled(pattern) for pattern in redacting]
        # In the set, `^` and `$` match at lines as well: so one scan may cover many strings, a line
        # each. It may say yes too often, never too seldom; the patterns themselves decide.
        self._any = re2.Set.SearchSet(_options())
        for pattern in redacting:
            # Not as a group: the end of it would belong to the literal of an open `\Q`.
            self._any.Add(f"(?m){pattern.regex}")
        # Hits in every text: an answer without it is a set that ran out of memory, not "no hits".
        self._any.Add(_ALWAYS)
        self._any.Compile()
        self._joinable = not any(_TEXT_ANCHOR.search(pattern.regex) for pattern in redacting)

    def text(self, text: str) -> str:
        """Return `text` with every match masked; the same object where nothing hits."""
        return self.texts((text,))[0]

    def texts(self, texts: Sequence[str]) -> Sequence[str]:
        """Return each text masked; `texts` itself where nothing hits.

        A known secret is also found where it is broken over neighbours.
        """
        joined = "\n".join(texts)
        data = joined.encode("utf-8", "surrogatepass")
        known = self._known.spans(data)
        if known:
            data = _masked(data, known)
            texts = _parted(data.decode("utf-8", "surrogatepass"), texts)
        if not self._patterns or self._clear(data):
            return texts
        shaped: list[str] = []
        for start in range(0, len(texts), _TOGETHER):
            some = texts[start : start + _TOGETHER]
            data = "\n".join(some).encode("utf-8", "surrogatepass")
            shaped += some if self._clear(data) else map(self._shaped, some)
        return texts if all(map(is_, shaped, texts)) else shaped

    def _clear(self, data: bytes) -> bool:
        """Return whether no pattern hits in texts of a line each; it may be said too seldom."""
        return self._joinable and self._hits(data) == []

    def value(self, value: JsonValue) -> JsonValue:
        """Return `value` with every string in it masked, keys too; itself where nothing hits."""
        return over_strings(value, self.texts)

    def spans(self, text: str) -> list[Span]:
        """Return the spans of `text` in which something is to be masked, in code points."""
        data = text.encode("utf-8", "surrogatepass")
        return _code_points(data, (*self._known.spans(data), *self._matches(data)))

    def known_spans(self, text: str) -> list[Span]:
        """Return the spans of `text` in which a known secret stands, in code points."""
        data = text.encode("utf-8", "surrogatepass")
        spans = self._known.spans(data)
        return _code_points(data, spans) if spans else []

    def _matches(self, data: bytes) -> list[Span]:
        hits = self._hits(data) if self._patterns else []
        if hits is None:
            return [(0, len(data))]
        return [span for hit in hits for span in self._places(hit, data)]

    def _places(self, hit: int, data: bytes) -> Iterator[Span]:
        matches = self._patterns[hit].finditer(data)
        return (_whole_characters(data, *match.span()) for match in matches)

    def _shaped(self, text: str) -> str:
        data = text.encode("utf-8", "surrogatepass")
        # A mask may complete another match; on to where nothing changes, so that twice is once.
        for masking in range(PASSES):
            hits = self._hits(data)
            if hits == [] and not masking:
                return text
            if hits is None:
                break
            masked = _masked(data, [span for hit in hits for span in self._places(hit, data)])
            if masked == data:
                return data.decode("utf-8", "surrogatepass")
            data = masked
        return MASK * len(text)

    def _hits(self, data: bytes) -> list[int] | None:
        """Return the patterns that may hit, None where the set ran out of memory."""
        hits: list[int] = self._any.Match(data) or []
        always = len(self._patterns)
        return [hit for hit in hits if hit != always] if always in hits else None


def over_strings(value: JsonValue, mask: Callable[[Sequence[str]], Sequence[str]]) -> JsonValue:
    """Return JSON with all its strings, keys too, handed through `mask` at once.

    What it returns as it was given leaves the value as it is. Keys that become equal are kept apart
    by a number.
    """
    gathered: list[str] = []
    _gather(value, gathered.append)
    texts = tuple(gathered)
    masked = mask(texts)
    return value if masked is texts else _rebuilt(value, iter(masked))


def is_usable(pattern: Pattern) -> bool:
    """Say whether RE2 takes a pattern."""
    try:
        _compiled(pattern)
    except ValueError:
        return False
    return True


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = _MAX_MEM
    options.log_errors = False
    return options


def _compiled(pattern: Pattern) -> _Regex:
    # The binding keeps what was compiled last with the same options, so to ask twice costs nothing.
    try:
        regex: _Regex = re2.compile(pattern.regex, _options())
    except re2.error as error:
        raise ValueError(f"pattern {pattern.id!r} cannot be used: RE2 says {error}") from error
    return regex


def _whole_characters(data: bytes, start: int, end: int) -> tuple[int, int]:
    r"""Return the span widened to whole characters: `\C` matches a single byte."""
    while start > 0 and _continues(data, start):
        start -= 1
    while end < len(data) and _continues(data, end):
        end += 1
    return start, end


def _continues(data: bytes, position: int) -> bool:
    return data[position : position + 1] in _CONTINUATION


def _masked(data: bytes, spans: Iterable[Span]) -> bytes:
    pieces: list[bytes] = []
    done = 0
    for start, end in sorted(spans):
        if end > done:
            first = max(start, done)
            pieces += data[done:first], MASK.encode() * _length(data[first:end])
            done = end
    return b"".join((*pieces, data[done:]))


def _code_points(data: bytes, spans: Iterable[Span]) -> list[Span]:
    """Turn spans of bytes into spans of code points, sorted and without overlap."""
    found: list[Span] = []
    count = last = 0
    for start, end in sorted(spans):
        if end > last:
            first = count + _length(data[last : max(start, last)])
            count = first + _length(data[max(start, last) : end])
            last = end
            found.append((first, count))
    return found


def _length(data: bytes) -> int:
    return len(data.decode("utf-8", "surrogatepass"))


def _parted(joined: str, texts: Sequence[str]) -> Sequence[str]:
    """Return `joined`, which has the length of all texts with one character between, in parts."""
    parts: list[str] = []
    start = 0
    for text in texts:
        parts.append(joined[start : start + len(text)])
        start += len(text) + 1
    return parts


def _gather(value: JsonValue, take: Callable[[str], object]) -> None:
    """Hand all strings to `take`, a key before what stands under it."""
    if isinstance(value, str):
        take(value)
    elif _is_mapping(value):
        for key, item in value.items():
            take(key)
            if type(item) is str:
                take(item)
            elif type(item) not in _SILENT:
                _gather(item, take)
    elif _is_sequence(value):
        for item in value:
            if type(item) is str:
                take(item)
            elif type(item) not in _SILENT:
                _gather(item, take)


def _rebuilt(value: JsonValue, masked: Iterator[str]) -> JsonValue:
    """Return `value` with its strings, in the order of `_gather`, out of `masked`.

    What holds the same strings as before is kept as it is.
    """
    if isinstance(value, str):
        return next(masked)
    if type(value) in _SILENT:
        return value
    if _is_mapping(value):
        rebuilt: dict[str, JsonValue] = {}
        alike: dict[str, int] = {}
        same = True
        for before, item in value.items():
            name = key = next(masked)
            while name in rebuilt:
                alike[key] = alike.get(key, 1) + 1
                name = f"{key}#{alike[key]}"
            after = next(masked) if type(item) is str else _rebuilt(item, masked)
            same = same and name is before and after is item
            rebuilt[name] = after
        if same:
            return value
        return FrozenMap.owning(rebuilt) if type(value) is FrozenMap else rebuilt
    if _is_sequence(value):
        items = [next(masked) if type(item) is str else _rebuilt(item, masked) for item in value]
        if all(map(is_, items, value)):
            return value
        return tuple(items) if isinstance(value, tuple) else items
    return value


# To ask an abstract class takes longer than all the rest.
def _is_mapping(value: JsonValue) -> TypeGuard[Mapping[str, JsonValue]]:
    kind = type(value)
    return kind in _MAPPINGS or (kind not in _SEQUENCES and isinstance(value, Mapping))


def _is_sequence(value: JsonValue) -> TypeGuard[Sequence[JsonValue]]:
    return type(value) in _SEQUENCES or isinstance(value, Sequence)
