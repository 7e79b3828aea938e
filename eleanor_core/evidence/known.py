"""Secrets whose values this process knows, found wherever they stand and however they are written.

A text is looked at without its punctuation: a base64 of either alphabet, a value broken over lines,
chunks or list items, and one behind backslashes are then all the same few strings, and one
automaton finds them in one pass.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from typing import Final, NoReturn
from urllib.parse import quote, quote_plus

import re2
from attrs import frozen

from eleanor_core.model import SecretValue, Span

SHORTEST: Final = 8
"""Characters of a value from which it is looked for."""
FEWEST_LETTERS: Final = 6
"""Letters and digits that it must have among them."""
LONGEST_WORDS: Final = 20
"""Characters up to which a value that is made of words alone is not looked for."""
PIECE: Final = 24
"""Characters of a piece: each piece of a long value is looked for on its own."""
KEPT: Final = 8
"""Values that are kept of one origin: in a rotation three are valid, and some are revoked late."""
MOST_ORIGINS: Final = 1024
"""Origins in memory; the one that came first gives way."""

_WORDS: Final = re.compile(r"[^A-Za-z0-9]*(?:(?:[a-z]+|[A-Z]+|[A-Z][a-z]+)(?:[^A-Za-z0-9]+|$))+")
# A mask stays: what stood on both sides of it must not become neighbours.
_PUNCTUATION: Final = bytes(
    code for code in range(128) if not chr(code).isalnum() and chr(code) != "*"
)
_KEPT: Final = bytes(code not in _PUNCTUATION for code in range(256))
_BROKEN_OFF: Final = 3
"""Characters of base64 at either end that share a byte with what is encoded beside the value."""
_BASE64: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
_GAP: Final = 4
_MEM: Final = 64 << 20
_MOST_MEM: Final = 512 << 20
_ALWAYS: Final = r"\z"


@frozen(repr=False)
class _Needle:
    """One writing of a piece of a value, without punctuation.

    `sign`: how it begins, which is enough to know it by, also where it was cut off. `folded`: the
    case of its letters says nothing.
    """

    sign: bytes
    whole: bytes
    folded: bool
    base64: bool


@frozen(repr=False)
class _Sign:
    """How needles begin that begin alike, as keys of one maker do; and all of them, sorted."""

    sign: bytes
    wholes: Sequence[bytes]
    folded: bool
    base64: bool

    def places(self, haystack: bytes) -> Iterator[Span]:
        """Yield where one of them stands, as far as the one goes on that goes on longest."""
        most = max(map(len, self.wholes))
        start = haystack.find(self.sign)
        while start >= 0:
            text = haystack[start : start + most]
            # What begins most alike stands beside it in the order.
            place = bisect(self.wholes, text)
            beside = self.wholes[max(0, place - 1) : place + 1]
            yield start, start + max(_alike(whole, text) for whole in beside)
            start = haystack.find(self.sign, start + len(self.sign))


@frozen(repr=False)
class _Held:
    """A value, and how it is looked for; empty if it is too plain for that."""

    value: SecretValue
    needles: Sequence[_Needle]


@frozen(repr=False)
class _Search:
    """How all values begin, and the automaton that tells which of that is there at all."""

    signs: Sequence[_Sign]
    automaton: re2.Set

    def hits(self, lowered: bytes) -> Iterable[_Sign]:
        """Return the signs that may stand in a text without punctuation, in lower case."""
        places = self.automaton.Match(lowered) or ()
        always = len(self.signs)
        if always not in places:
            # Out of memory: slow is better than blind.
            return self.signs
        return [self.signs[place] for place in places if place != always]


class KnownSecrets:
    """The values to be masked wherever they are found. One for each engine, never a global.

    It tells nobody what it holds: it prints as a count and cannot be copied, pickled or serialised.
    A value is kept while it may be valid: of each origin the newest `KEPT`.
    """

    __slots__ = ("__held", "__search")

    def __init__(self) -> None:
        self.__held: dict[str, tuple[_Held, ...]] = {}
        self.__search: _Search | None = None

    def learn(self, origin: str, values: Iterable[SecretValue]) -> bool:
        """Take in the values of `origin` (a reference, a setting's key), the current one first.

        Returns False if one of them is too short or too plain to be looked for: to mask it would
        hide words that everybody uses, and whoever sends a guess would see it confirmed.
        """
        before = self.__held.get(origin, ())
        known = {held.value for held in before}
        new = tuple(_held(value) for value in values if value not in known)
        if new:
            if origin not in self.__held and len(self.__held) >= MOST_ORIGINS:
                del self.__held[next(iter(self.__held))]
            self.__held[origin] = (*new, *before)[:KEPT]
            self.__search = None
        return all(held.needles for held in new)

    def spans(self, data: bytes) -> list[Span]:
        """Return the merged spans of bytes of `data`, which is UTF-8, that write a known value."""
        if not self.__held:
            return []
        compact = data.translate(None, _PUNCTUATION)
        lowered = compact.lower()
        search = self.__search = self.__search or _search(self.__held.values())
        spans = [
            (*span, sign.base64)
            for sign in search.hits(lowered)
            for span in sign.places(lowered if sign.folded else compact)
        ]
        return _in_place(data, spans) if spans else []

    def __repr__(self) -> str:
        return f"<{len(self.__held)} known secrets>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("known secrets cannot be copied, pickled or serialised")

    def __getstate__(self) -> NoReturn:
        raise TypeError("known secrets cannot be copied, pickled or serialised")


def is_telling(value: str) -> bool:
    """Say whether a value is so long and so unlike words that only its owner would write it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    letters = sum(char.isalnum() for char in value)
    if len(value) < SHORTEST or letters < FEWEST_LETTERS or len(set(value)) < SHORTEST // 2:
        return False
    return len(value) > LONGEST_WORDS or not _WORDS.fullmatch(value)


def _held(value: SecretValue) -> _Held:
    if not is_telling(value.reveal()):
        return _Held(value, ())
    pieces = _pieces(value.reveal())
    return _Held(value, tuple(needle for piece in pieces for needle in _needles(piece)))


def _search(held: Iterable[Iterable[_Held]]) -> _Search:
    wholes: dict[tuple[bytes, bool, bool], set[bytes]] = {}
    for needle in (needle for items in held for item in items for needle in item.needles):
        wholes.setdefault((needle.sign, needle.folded, needle.base64), set()).add(needle.whole)
    signs = [
        _Sign(sign, sorted(those), folded=folded, base64=base64)
        for (sign, folded, base64), those in wholes.items()
    ]
    return _Search(signs, _automaton(signs))


def _automaton(signs: Sequence[_Sign]) -> re2.Set:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEM
    while True:
        automaton = re2.Set.SearchSet(options)
        try:
            for item in signs:
                automaton.Add(re2.escape(item.sign.lower().decode()))
            automaton.Add(_ALWAYS)
            automaton.Compile()
        except re2.error:
            if options.max_mem >= _MOST_MEM:
                raise
            options.max_mem *= 2
        else:
            return automaton


def _pieces(value: str) -> Iterator[str]:
    """Yield a value in pieces, so that a part of a long one is found as well."""
    ends = [*range(PIECE, len(value) - SHORTEST, PIECE), len(value)]
    pieces = [value[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    # One of little variety, such as a line of dashes, is no secret and stands elsewhere too.
    yield from filter(is_telling, pieces) if len(pieces) > 1 else pieces


def _needles(piece: str) -> Iterator[_Needle]:
    lengths = range(SHORTEST, len(piece))
    sign = next((piece[:length] for length in lengths if is_telling(piece[:length])), piece)
    for write in _AS_IT_STANDS:
        yield _needle(_compact(write(sign)), _compact(write(piece)))
    for write in _IN_DIGITS:
        yield _needle(_compact(write(sign)).lower(), _compact(write(piece)).lower(), folded=True)
    for before in range(3):
        yield _needle(_in_base64(sign, before), _in_base64(piece, before), base64=True)


def _needle(sign: bytes, whole: bytes, *, folded: bool = False, base64: bool = False) -> _Needle:
    return _Needle(sign[: _alike(sign, whole)], whole, folded=folded, base64=base64)


def _alike(one: bytes, other: bytes) -> int:
    """Return how many bytes both begin with."""
    if other.startswith(one):
        return len(one)
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _in_base64(piece: str, before: int) -> bytes:
    """Return what the encoding makes of these bytes alone, `before` bytes into what is encoded."""
    raw = piece.encode()
    first, last = -(-8 * before // 6), 8 * (before + len(raw)) // 6
    return b64encode(bytes(before) + raw)[first:last].translate(None, _PUNCTUATION)


def _compact(text: str) -> bytes:
    return text.encode().translate(None, _PUNCTUATION)


def _each(form: Callable[[int], str]) -> Callable[[str], str]:
    return lambda piece: "".join(form(ord(char)) for char in piece)


_AS_IT_STANDS: Final[Sequence[Callable[[str], str]]] = (
    str,
    lambda piece: json.dumps(piece, ensure_ascii=False),
    html.escape,
)
# Hexadecimal digits are written in either case. Those of bytes alone are also a dump with
# spaces or colons, and a URL or a mail in which every character is escaped.
_IN_DIGITS: Final[Sequence[Callable[[str], str]]] = (
    lambda piece: piece.encode().hex(),
    json.dumps,
    quote_plus,
    lambda piece: quote(piece, safe=""),
    lambda piece: quote(piece, safe="/"),
    lambda piece: quote(piece, safe="!'()*~"),
    lambda piece: quote(quote(piece, safe=""), safe=""),
    lambda piece: piece.encode("unicode_escape").decode(),
    _each("u{:04x}".format),
    _each("x{:02x}".format),
    _each("{:o}".format),
    _each("{:d}".format),
)


def _in_place(data: bytes, spans: Iterable[tuple[int, int, bool]]) -> list[Span]:
    """Turn spans of the text without punctuation into merged spans of the text itself."""
    places = list(compress(range(len(data)), data.translate(_KEPT)))
    merged: list[Span] = []
    for start, end, base64 in sorted(spans):
        first, last = places[start], places[end - 1] + 1
        if base64:
            first, last = _widened(data, first, last)
        if merged and first <= merged[-1][1] + _GAP:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _widened(data: bytes, first: int, last: int) -> Span:
    for _ in range(_BROKEN_OFF):
        if first and data[first - 1] in _BASE64:
            first -= 1
        if last < len(data) and data[last] in _BASE64:
            last += 1
    return first, last
