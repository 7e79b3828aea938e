"""Views: the readings of a text in which patterns are looked for.

Beside the text itself there are its normal form (what a reader sees: no invisible characters, no
disguised letters) and the texts that blobs in it decode to. Making them takes time linear in the
text, and next to nothing for plain ASCII prose: one pass of one automaton.

Limits: blobs in blobs to depth 2; at most 8 views, the text counted; the views made from a text
hold together at most twice its code points. What a limit left out is said in words.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, TypeAlias
from unicodedata import category, is_normalized, normalize
from urllib.parse import unquote_to_bytes

import re2
from attrs import define, field, frozen

from eleanor_core.model import Span, View

MAX_VIEWS: Final = 8
MAX_DEPTH: Final = 2
MAX_GROWTH: Final = 2
"""Code points of all views made from a text, over those of the text."""
MAX_BLOBS: Final = 256
"""Candidates of one encoding that are tried in one view. Real texts hold some tens at most."""
_MAX_CLUSTER: Final = 32  # as in Unicode's stream-safe format: marks are sorted in square time
_FEW: Final = 32  # distinct characters up to which a search for each beats one loop over the text

_INVISIBLE: Final = (
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F),
    (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Letters of other scripts that most typefaces draw as a Latin letter (compare Unicode TS 39).
_LATIN: Final = {
    **dict(zip("АВЕЅІЈКМНОРСТУХԌԚԜ", "ABESIJKMHOPCTYXGQW", strict=True)),
    **dict(zip("аеѕіјорсухһԁԛԝѡӏ", "aesijopcyxhdqwwl", strict=True)),  # noqa: RUF001 -- look-alikes are the point
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανοιυϲϳ", "ABEZHIKMNOPTYXavoiucj", strict=True)),  # noqa: RUF001 -- look-alikes are the point
    **dict(zip("ɑɡıᴏᴜᴠᴡᴢ", "agiouvwz", strict=True)),  # noqa: RUF001 -- look-alikes are the point
}
_Part: TypeAlias = tuple[Span, str]
"""A blob's place in the original text, and what it says."""

_ALIKE: Final = "".join(_LATIN)
_OWN: Final = "".join(
    char for char in map(chr, range(0x370, 0x530)) if char.isalpha() and char not in _LATIN
)
_INVISIBLE_CLASS: Final = "".join(rf"\x{{{a:X}}}-\x{{{b:X}}}" for a, b in _INVISIBLE)
_BREAKS: Final = "\v\x85\u2028\u2029"  # lines break there, and no pattern's \s knows it
_SHOWN: Final = {
    chr(code): "" for first, last in _INVISIBLE for code in range(first, last + 1)
} | dict.fromkeys(_BREAKS, "\n")
"""What a reader sees of each character that shows none."""

# What is worth a closer look, by index in the guard set.
_RUN, _HEX, _ESCAPES, _HIDDEN, _MIXED, _LOOKALIKE, _NATIVE = range(7)
_GUARDS: Final = (
    r"[A-Za-z0-9+/_-]{16}",
    r"[0-9A-Fa-f]{16}",
    r"(?:%[0-9A-Fa-f]{2}[^\s%]*){3}",
    f"[{_INVISIBLE_CLASS}{_BREAKS}]",
    f"[A-Za-z][{_ALIKE}]|[{_ALIKE}][A-Za-z]",
    f"[{_ALIKE}]",
    f"[{_OWN}]",
)


def _guard_set() -> re2.Set:
    options = re2.Options()
    options.max_mem = 64 << 20
    guards = re2.Set.SearchSet(options)
    for pattern in _GUARDS:
        guards.Add(pattern)
    guards.Compile()
    return guards


_GUARD_SET: Final = _guard_set()


def _found(text: str) -> Collection[int]:
    """Return the guards that hit; `Set.Match` says None for none."""
    return _GUARD_SET.Match(text.encode()) or ()


def is_plain(text: str) -> bool:
    """Say in one pass whether `text` has no other view than itself."""
    return text.isascii() and not _found(text)


def views_of(text: str) -> tuple[tuple[View, ...], tuple[str, ...]]:
    """Return the views of `text`, itself first, and what was found but not decoded, in words.

    Raises UnicodeEncodeError if `text` holds a lone surrogate.
    """
    itself = View(name="text", text=text)
    found = _found(text)
    if not found and text.isascii():
        return (itself,), ()
    making = _Making(views=[itself], budget=MAX_GROWTH * len(text))
    sources = [_Source(itself, found)]
    form = _normal_form(text, found)
    if form is not None and making.add(View(name="normal", text=form[0], origins=form[1])):
        sources.append(_Source(making.views[-1]))
    making.decode(sources)
    return tuple(making.views), tuple(dict.fromkeys(making.undecoded))


class _Source:
    """A view to decode blobs of, with the guards that hit in it."""

    def __init__(self, view: View, found: Collection[int] | None = None) -> None:
        self.view = view
        self.found = _found(view.text) if found is None else found


@define
class _Making:
    """The views made so far, and how many code points are left for more."""

    views: list[View]
    budget: int
    undecoded: list[str] = field(factory=list)

    def add(self, view: View) -> bool:
        """Take the view in, cut to the budget if need be; say what does not fit."""
        if not view.text:
            return False
        if len(self.views) == MAX_VIEWS or not self.budget:
            self.undecoded.append(f"{view.name}: left out, the limit on views was reached")
            return False
        if len(view.text) > self.budget:
            self.undecoded.append(f"{view.name}: cut, views may hold {MAX_GROWTH} times the text")
            origins = view.origins[: self.budget] if view.origins is not None else None
            view = View(name=view.name, text=view.text[: self.budget], origins=origins)
        self.budget -= len(view.text)
        self.views.append(view)
        return True

    def decode(self, sources: Sequence[_Source]) -> None:
        """Add a view for each chain of encodings, layer by layer."""
        layer = [("", sources)]
        for depth in range(MAX_DEPTH + 1):
            deeper: list[tuple[str, Sequence[_Source]]] = []
            for view in chain.from_iterable(self._decoded(*branch) for branch in layer):
                if depth == MAX_DEPTH:
                    self.undecoded.append(f"{view.name}: nested deeper than {MAX_DEPTH}")
                elif self.add(view):
                    deeper.append((f"{view.name}+", [_Source(self.views[-1])]))
            layer = deeper

    def _decoded(self, prefix: str, sources: Sequence[_Source]) -> Iterator[View]:
        for decoder in _DECODERS:
            name = prefix + decoder.name
            parts: set[_Part] = set()
            for source in sources:
                if decoder.guard in source.found and not decoder.collect(source.view, parts):
                    self.undecoded.append(f"{name}: only the first {MAX_BLOBS} blobs were tried")
            if parts:
                yield _joined(name, sorted(parts))


def _joined(name: str, parts: Sequence[_Part]) -> View:
    """One view of all parts, a line each. Every code point comes from the whole of its blob.

    A finer origin would be of no use: a person looks at, and a redactor masks, the blob.
    """
    origins: list[Span] = []
    for (start, end), text in parts:
        if origins:
            origins.append((start, start))
        origins.extend([(start, end)] * len(text))
    return View(name=name, text="\n".join(text for _, text in parts), origins=tuple(origins))


# -- encodings --------------------------------------------------------------------------------


@frozen
class _Decoder:
    """One encoding: what a blob of it looks like, and how a blob is read (None: it is not text)."""

    name: str
    guard: int
    pattern: re2._Regexp
    read: Callable[[str], str | None]

    def collect(self, view: View, parts: set[_Part]) -> bool:
        """Put what the blobs of `view` say into `parts`; return False if there were too many."""
        # Matching bytes spares the binding the count of code points, which are the same in ASCII.
        subject = view.text.encode() if view.text.isascii() else view.text
        for count, match in enumerate(self.pattern.finditer(subject)):
            if count == MAX_BLOBS:
                return False
            first, last = match.span()
            if text := self.read(blob := view.text[first:last]):
                parts.add((view.origin(first, last), _shown(text)))
            elif "\n" in blob:
                self._collect_lines(view, first, blob, parts)
        return True

    def _collect_lines(self, view: View, start: int, blob: str, parts: set[_Part]) -> None:
        """Put in what the lines say of a blob that says nothing as a whole."""
        for line in blob.splitlines(keepends=True):
            if text := self.read(digits := line.rstrip()):
                parts.add((view.origin(start, start + len(digits)), _shown(text)))
            start += len(line)


def _shown(text: str) -> str:
    """Return what a reader of `text` sees."""
    form = _normal_form(text, _found(text))
    return text if form is None else form[0]


_CONTROLS: Final = bytes(code for code in range(32) if code not in b"\t\n\v\f\r") + b"\x7f"
_SELECTORS: Final = "".join(map(chr, chain(range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))))


def _readable(data: bytes) -> str | None:
    """Return UTF-8 text of which at most a tenth is broken or control characters."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd") + len(data) - len(data.translate(None, _CONTROLS))
    return text if broken * 10 <= len(text) else None


def _base64(blob: str) -> str | None:
    if blob.islower() or blob.isupper():  # words, hex digits, constants
        return None
    digits = "".join(blob.split()).rstrip("=").replace("-", "+").replace("_", "/")
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return _readable(binascii.a2b_base64(digits + "=" * (-len(digits) % 4)))


def _hex(blob: str) -> str | None:
    return _readable(bytes.fromhex(blob[: len(blob) // 2 * 2]))


def _percent(blob: str) -> str | None:
    return _readable(unquote_to_bytes(blob.replace("+", " ")))


def _tags(blob: str) -> str | None:
    return "".join(chr(ord(char) - 0xE0000) for char in blob)


def _selectors(blob: str) -> str | None:
    """Read selector n (1 to 256) as the byte n - 1."""
    return _readable(bytes(_SELECTORS.index(char) for char in blob))


_DECODERS: Final = (
    _Decoder(
        "base64",
        _RUN,
        re2.compile(
            r"(?:(?:[A-Za-z0-9+/]{60,80}\r?\n)+[A-Za-z0-9+/]{1,80}|[A-Za-z0-9+/_-]{16,})={0,2}"
        ),
        _base64,
    ),
    _Decoder("hex", _HEX, re2.compile(r"[0-9A-Fa-f]{16,}"), _hex),
    _Decoder("url", _ESCAPES, re2.compile(r"[^\s%]*(?:%[0-9A-Fa-f]{2}[^\s%]*){3,}"), _percent),
    _Decoder("tags", _HIDDEN, re2.compile(r"[\x{E0020}-\x{E007E}]{8,}"), _tags),
    _Decoder(
        "selectors",
        _HIDDEN,
        re2.compile(r"[\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]{8,}"),
        _selectors,
    ),
)


# -- normal form ------------------------------------------------------------------------------


def _normal_form(text: str, found: Collection[int]) -> tuple[str, tuple[Span, ...] | None] | None:
    """Return the normal form of `text` and its origins, or None if it is `text` itself.

    The origins are None where every code point kept its place.
    """
    if text.isascii() and _HIDDEN not in found:
        return None
    letters = _latin(text, found)
    if _HIDDEN in found or not is_normalized("NFKC", letters):
        return _folded(letters)
    return None if letters == text else (letters, None)


def _folded(text: str) -> tuple[str, tuple[Span, ...] | None]:
    folds = _folds([char for char in set(text) if not " " <= char <= "~" and char != "\n"])
    joining = {char for char, fold in folds.items() if not fold or _joins(fold[0])}
    dirty = {char for char, fold in folds.items() if fold != char}
    swaps = {char for char in dirty - joining if len(folds[char]) == 1}
    form = _swapped(text, {char: folds[char] for char in swaps})
    origins = None
    if dirty > swaps:
        form, origins = _rewrite(text, folds, dirty, joining)
    if not is_normalized("NFKC", form):  # marks that compose or are out of order
        form, origins = _rewrite(text, folds, dirty | joining, joining)
    return form, origins


def _swapped(text: str, swaps: dict[str, str]) -> str:
    if len(swaps) > _FEW:
        return "".join([swaps.get(char, char) for char in text])
    for char, other in swaps.items():
        text = text.replace(char, other)
    return text


_WORD: Final = re.compile(f"[A-Za-z{_ALIKE}]+")
_DISGUISED: Final = re.compile(f"[{_ALIKE}]")
_ASCII_LETTER: Final = re.compile("[A-Za-z]")


def _latin(text: str, found: Collection[int]) -> str:
    """Replace letters that only look Latin, in words that mix them with Latin ones.

    Where no letter of the text shows that it is written in their script, all are replaced.
    """
    if _LOOKALIKE in found and _NATIVE not in found:
        return _DISGUISED.sub(lambda match: _LATIN[match[0]], text)
    if _MIXED in found:
        return _WORD.sub(_unmask, text)
    return text


def _unmask(match: re.Match[str]) -> str:
    word = match[0]
    if word.isascii() or not _ASCII_LETTER.search(word):
        return word
    return "".join([_LATIN.get(char, char) for char in word])


def _folds(chars: Sequence[str]) -> dict[str, str]:
    """Return the normal form of each character alone; line feeds keep them apart in one call."""
    if not chars:
        return {}
    forms = normalize("NFKC", "\n".join(chars)).split("\n")
    folds = dict(zip(chars, forms, strict=True))
    return {char: _SHOWN.get(char, fold) for char, fold in folds.items()}


def _joins(char: str) -> bool:
    """Whether `char` may combine with the one before it: marks, and vowels and finals of Hangul."""
    return category(char)[0] == "M" or "\u1160" <= char <= "\u11ff"


def _rewrite(
    text: str, folds: dict[str, str], dirty: Collection[str], joining: Collection[str]
) -> tuple[str, tuple[Span, ...]]:
    """Replace each cluster that begins with a dirty character; the rest is copied in bulk."""
    pieces: list[str] = []
    origins: list[Span] = []
    done = 0
    for index in _places(text, dirty):
        if index < done:
            continue
        start = max(done, index - 1) if text[index] in joining else index
        end, stop = index + 1, min(len(text), start + _MAX_CLUSTER)
        while end < stop and text[end] in joining:
            end += 1
        pieces.append(text[done:start])
        origins.extend(_each(done, start))
        folded = "".join([folds.get(char, char) for char in text[start:end]])
        pieces.append(normalize("NFKC", folded))
        origins.extend([(start, end)] * len(pieces[-1]))
        done = end
    pieces.append(text[done:])
    origins.extend(_each(done, len(text)))
    return "".join(pieces), tuple(origins)


_PAIRS: Final = tuple((place, place + 1) for place in range(4096))


def _each(start: int, end: int) -> Iterable[Span]:
    """Each code point of [start, end) as its own origin; most texts are short, so from a table."""
    if end <= len(_PAIRS):
        return _PAIRS[start:end]
    return zip(range(start, end), range(start + 1, end + 1), strict=True)


def _places(text: str, chars: Collection[str]) -> list[int]:
    if len(chars) > _FEW:
        return [place for place, char in enumerate(text) if char in chars]
    places: list[int] = []
    for char in chars:
        place = text.find(char)
        while place >= 0:
            places.append(place)
            place = text.find(char, place + 1)
    return sorted(places)
