"""What stands around a hit, and how it lowers the score: it never deletes what was found.

Only the hit's own sentence is read (of a quotation: all of it, and the sentence that introduces
it), so that text elsewhere can neither excuse nor worsen it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Final, Literal, TypeAlias

from attrs import define, field, frozen
from pydantic import BaseModel, ConfigDict, Field

from eleanor_core.api import Hit, View
from eleanor_critics_constitutional.rules import RuleFileError, read_yaml

REACH = 400
"""Code points that are read at most on either side of a hit."""

GOVERNING_WORDS = 8

Place: TypeAlias = Literal["governing", "inside", "upto", "before", "after"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_ENDS = (". ", "! ", "? ", '" ', "” ")
"""What ends a sentence, with the space behind it. No two of them overlap."""
_LINE_END = re.compile(r"\n(?:(?<=[.!?:\n]\n)|(?![ \t>]*[a-z]))")
WRAPPED: Final = r"\n(?<![.!?:\n]\n)(?=[ \t>]*[a-z])"
"""The end of a line at which the sentence does not end: it goes on in small letters, as where mail
was wrapped."""
_BREAK = re.compile(r"[,;:\u2013\u2014]|\bbut\b|\bhowever\b|\bso (?:we|i|you|they)\b")
_POLAR = frozenset((
    "is", "are", "was", "were", "do", "does", "did", "should", "can", "could", "may", "might",
    "would", "will", "must", "has", "have", "isn't", "aren't",
))  # fmt: skip
_PAIRS = {"“": "”", "«": "»", "\u2018": "\u2019", "„": "“"}


class _Row(BaseModel):
    """One row of `cues.yaml`, where the fields are explained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    factor: float = Field(gt=0.0, lt=1.0)
    distant: bool
    where: tuple[Place, ...] = Field(min_length=1)
    words: frozenset[str]
    phrases: tuple[str, ...]
    unless: tuple[str, ...]
    named: bool = False


class Phrases:
    """Words and sequences of words, looked up by their longest word: as a rule the rarest one."""

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        self._by_key: dict[str, list[str]] = {}
        for phrase in phrases:
            self._by_key.setdefault(max(phrase.split(), key=len), []).append(f" {phrase} ")
        self.keys = frozenset(self._by_key)

    def stand_in(self, part: Part) -> bool:
        """Return whether one of them stands in `part`, at word boundaries."""
        if self.keys.isdisjoint(part.words):
            return False
        keys = self.keys & part.words
        return any(phrase in part.spaced for key in keys for phrase in self._by_key[key])


@frozen(kw_only=True)
class Cue:
    """What speaks against a hit: by how much, where it must stand, and in which words.

    `named`: it says something only to rules and hints that name it under `moved_by`.
    """

    factor: float
    distant: bool
    where: tuple[Place, ...] = ()
    said: Phrases = Phrases()
    unless: Phrases = Phrases()
    named: bool = False

    def holds(self, scope: Scope) -> bool:
        """Return whether the cue stands where it counts, and nothing voids it there."""
        if self.said.keys.isdisjoint(scope.words):  # most cues, most of the time
            return False
        parts = [scope.part(place) for place in self.where]
        said = any(self.said.stand_in(part) for part in parts)
        return said and not any(self.unless.stand_in(part) for part in parts)


QUOTED = Cue(factor=0.7, distant=False)
ASKED = Cue(factor=0.75, distant=False)


def load_cues() -> Mapping[str, Cue]:
    """Read the cues; `quoted` and `asked` are structure, not words, and stand beside them."""
    rows = read_yaml("cues.yaml")
    if not isinstance(rows, dict):
        raise RuleFileError("eleanor-critics-constitutional, cues.yaml: not a mapping")
    cues = {name: _cue(_Row.model_validate(row)) for name, row in rows.items()}
    return cues | {"quoted": QUOTED, "asked": ASKED}


def _cue(row: _Row) -> Cue:
    return Cue(
        factor=row.factor,
        distant=row.distant,
        where=row.where,
        said=Phrases((*row.words, *row.phrases)),
        unless=Phrases(row.unless),
        named=row.named,
    )


@define
class Part:
    """A stretch of the sentence, folded to lower case and straight apostrophes."""

    text: str

    @cached_property
    def tokens(self) -> list[str]:
        """Its words, in their order."""
        return _WORD.findall(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words, each once."""
        return frozenset(self.tokens)

    @cached_property
    def spaced(self) -> str:
        """Its words between single spaces, for whole-word search of phrases."""
        return f" {' '.join(self.tokens)} "


@define
class Scope:
    """A hit in its view, with the sentence around it. It lives as long as one call."""

    view: View
    start: int
    end: int
    _first: int = field(init=False, default=0)
    _last: int = field(init=False, default=0)
    quoted: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        text = self.view.text
        opened, closed = _quotation(text, self.start, self.end)
        self.quoted = opened < closed
        outer = (opened, closed) if self.quoted else (self.start, self.end)
        self._first = sentence_start(text, outer[0])
        self._last = sentence_end(text, outer[1])

    @classmethod
    def of(cls, view: View, hit: Hit) -> Scope:
        """Return the scope of `hit`, which was found in `view`."""
        return cls(view, *hit.view_span)

    @property
    def matched(self) -> str:
        """The matched text, as it stands in the view."""
        return self.view.text[self.start : self.end]

    def around(self, reach: int) -> str:
        """The folded text up to `reach` code points on either side of the hit."""
        return fold(self.view.text[max(self.start - reach, 0) : self.end + reach])

    def part(self, place: Place) -> Part:
        """Return the stretch that `place` names."""
        match place:
            case "before":
                return self.before
            case "after":
                return self.after
            case "inside":
                return self.inside
            case "upto":
                return self.upto
            case _:
                return self.governing

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the sentence."""
        return self.upto.words | self.after.words

    @cached_property
    def before(self) -> Part:
        """The sentence up to the hit."""
        return Part(fold(self.view.text[self._first : self.start]))

    @cached_property
    def after(self) -> Part:
        """The sentence from the hit on."""
        return Part(fold(self.view.text[self.end : self._last]))

    @cached_property
    def inside(self) -> Part:
        """The matched words."""
        return Part(fold(self.matched))

    @cached_property
    def upto(self) -> Part:
        """The sentence from its start to the end of the hit."""
        return Part(fold(self.view.text[self._first : self.end]))

    @cached_property
    def governing(self) -> Part:
        """The last words before the hit that can govern it."""
        clause = _BREAK.split(self.before.text)[-1]
        return Part(" ".join(clause.split()[-GOVERNING_WORDS:]))

    @property
    def asked(self) -> bool:
        """Whether the hit stands in a question that leaves the answer open (yes or no)."""
        if not self.after.text.rstrip("\"”' )").endswith("?"):
            return False
        opening = self.before.text.split(maxsplit=1) or self.inside.text.split(maxsplit=1)
        return bool(opening) and opening[0] in _POLAR

    def lowering(
        self,
        cues: Mapping[str, Cue],
        unmoved_by: frozenset[str],
        moved_by: frozenset[str] = frozenset(),
    ) -> tuple[str, Cue] | None:
        """Return the strongest cue that speaks against the hit, with its name."""
        strongest: tuple[str, Cue] | None = None
        for name, cue in cues.items():
            weaker = strongest is not None and cue.factor >= strongest[1].factor
            deaf = name in unmoved_by or (cue.named and name not in moved_by)
            if not weaker and not deaf and self._holds(name, cue):
                strongest = name, cue
        return strongest

    def _holds(self, name: str, cue: Cue) -> bool:
        if name == "quoted":
            return self.quoted
        return self.asked if name == "asked" else cue.holds(self)


def fold(text: str) -> str:
    """Return `text` in lower case with straight apostrophes."""
    return text.lower().replace("\u2019", "'")


def sentence_start(text: str, at: int) -> int:
    """Return where the sentence that holds position `at` starts, at most `REACH` before it."""
    starts = _starts(text)
    start = starts[bisect_right(starts, at) - 1]
    # The whole of what ends the sentence before must lie within reach.
    mark = 1 if text[start - 1 : start] == "\n" else 2
    return start if start - mark >= at - REACH else max(at - REACH, 0)


@lru_cache(maxsize=2)  # every critic of a panel asks, for each hit in a text or its normal form
def _starts(text: str) -> list[int]:
    """Return where the sentences of `text` start, in order."""
    starts = [0, *(line.end() for line in _LINE_END.finditer(text))]
    for mark in _ENDS:
        end = text.find(mark)
        while end >= 0:
            starts.append(end + len(mark))
            end = text.find(mark, end + len(mark))
    starts.sort()
    return starts


def sentence_end(text: str, at: int) -> int:
    """Return where the sentence that holds position `at` ends, at most `REACH` after it."""
    end = min(at + REACH, len(text))
    for mark in (". ", "! ", "? "):
        first = text.find(mark, at, end)
        if first >= 0:
            end = first + 1
    line = _LINE_END.search(text, at, end)
    return line.end() if line else end


def _quotation(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span of the quotation around [start, end), or an empty one at `start`."""
    line, first = start, max(start - REACH, 0)
    while (line := text.rfind("\n", first, line)) >= 0 and not _LINE_END.match(text, line):
        pass
    floor = max(first, line + 1)
    before = text[floor:start]
    for opening, closing in _PAIRS.items():
        opened = before.rfind(opening)
        if opened > before.rfind(closing):
            closed = text.find(closing, end, end + REACH)
            if closed >= 0:
                return floor + opened, closed + 1
    if before.count('"') % 2:
        closed = text.find('"', end, end + REACH)
        if closed >= 0:
            return floor + before.rfind('"'), closed + 1
    return start, start
