"""Redaction: what patterns marked `redact` match is masked once, before anything leaves.

A mask has as many code points as what it hides, so spans into the text stay right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

import re2

from eleanor_core.api.declarations import Pattern
from eleanor_core.model.case import MASK
from eleanor_core.model.json import FrozenMap, JsonValue

PASSES: Final = 8
"""How often masks may complete further matches before the whole text is masked."""

# A set of a few thousand patterns needs 16 MiB to compile; the rest is room for its states.
_MAX_MEM: Final = 64 << 20
# What can tell the start or end of the text from that of a line, even under the flag `m`.
_TEXT_ANCHOR: Final = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-")
_ALWAYS: Final = r"\z"
_CONTINUATION: Final = frozenset(bytes([byte]) for byte in range(0x80, 0xC0))


class _Match(Protocol):
    def span(self) -> tuple[int, int]: ...


class _Regex(Protocol):
    def finditer(self, text: bytes) -> Iterator[_Match]: ...


class Redactor:
    """Masks what its patterns match. Masking twice changes nothing more.

    All patterns are first asked at once whether anything is there at all; only where there is are
    the ones that hit run one by one for their spans.
    """

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Compile those of `patterns` that say `redact`; ValueError names one that RE2 refuses."""
        options = re2.Options()
        options.max_mem = _MAX_MEM
        options.log_errors = False
        redacting = [pattern for pattern in patterns if pattern.redact]
        self._patterns = [_compiled(pattern, options) for pattern in redacting]
        # In the set, `^` and `$` match at lines as well: so one scan may cover many strings, a line
        # each. It may say yes too often, never too seldom; the patterns themselves decide.
        self._any = re2.Set.SearchSet(options)
        for pattern in redacting:
            # Not as a group: the end of it would belong to the literal of an open `\Q`.
            self._any.Add(f"(?m){pattern.regex}")
        # Hits in every text: an answer without it is a set that ran out of memory, not "no hits".
        self._any.Add(_ALWAYS)
        self._any.Compile()
        self._joinable = not any(_TEXT_ANCHOR.search(pattern.regex) for pattern in redacting)

    def text(self, text: str) -> str:
        """Return `text` with every match masked; the same object where nothing hits."""
        if not self._patterns:
            return text
        data = text.encode("utf-8", "surrogatepass")
        # A mask may complete another match; on to where nothing changes, so that twice is once.
        for masking in range(PASSES):
            hits = self._hits(data)
            if hits == [] and not masking:
                return text
            masked = None if hits is None else self._masked(data, hits)
            if masked is None:
                break
            if masked == data:
                return data.decode("utf-8", "surrogatepass")
            data = masked
        return MASK * len(text)

    def value(self, value: JsonValue) -> JsonValue:
        """Return `value` with every string in it masked, keys too; itself where nothing hits.

        Keys that become equal are kept apart by a number.
        """
        if not self._patterns:
            return value
        if self._joinable:
            joined = "\n".join(_strings(value))
            if self._hits(joined.encode("utf-8", "surrogatepass")) == []:
                return value
        return self._redacted(value)

    def _hits(self, data: bytes) -> list[int] | None:
        """Return the patterns that may hit, None where the set ran out of memory."""
        hits: list[int] = self._any.Match(data) or []
        always = len(self._patterns)
        return [hit for hit in hits if hit != always] if always in hits else None

    def _masked(self, data: bytes, hits: Sequence[int]) -> bytes:
        pieces: list[bytes] = []
        done = 0
        for start, end in sorted(
            _whole_characters(data, *match.span())
            for hit in hits
            for match in self._patterns[hit].finditer(data)
        ):
            if end > done:
                hidden = data[max(start, done) : end].decode("utf-8", "surrogatepass")
                pieces += data[done:start], MASK.encode() * len(hidden)
                done = end
        return b"".join((*pieces, data[done:]))

    def _redacted(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            redacted: dict[str, JsonValue] = {}
            alike: dict[str, int] = {}
            for key, item in value.items():
                name = masked = self.text(key)
                while name in redacted:
                    alike[masked] = alike.get(masked, 1) + 1
                    name = f"{masked}#{alike[masked]}"
                redacted[name] = self._redacted(item)
            return FrozenMap(redacted) if isinstance(value, FrozenMap) else redacted
        if isinstance(value, Sequence):
            items = [self._redacted(item) for item in value]
            return tuple(items) if isinstance(value, tuple) else items
        return value


def _compiled(pattern: Pattern, options: re2.Options) -> _Regex:
    try:
        regex: _Regex = re2.compile(pattern.regex, options)
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


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _strings(item)
