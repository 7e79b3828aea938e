r"""The words without which a pattern cannot match: they tell which patterns are worth running.

A pattern of many alternatives makes a large automaton, and most of them cannot match most texts: of
one for "refuse ... the loan" the text must hold a word for the refusal and one for the loan.
`Reader` gets such words from an expression in RE2 syntax. What it is not sure of it leaves out: it
may ask for too few words, never for one too many.

A word is an unbroken run of ASCII letters, digits and `_`, as `\b` sees it, in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Final, Literal, TypeAlias

from attrs import define, evolve

Clause: TypeAlias = frozenset[str]
"""Words of which a text must hold at least one; `con*` stands for all that begin so."""
Reading: TypeAlias = tuple[Clause, ...]
"""Clauses all of which a text must meet, the rarest words first."""

MOST_WORDS: Final = 400
"""Spellings of one piece of an expression; one with more of them is not looked into."""
MOST_CLAUSES: Final = 4
MOST_READINGS: Final = 200
BEGIN: Final = 4
"""Letters that tell a word of which only the begin is known."""
ODD: Final = ("\u017f", "\u212a")
"""Under `(?i)` RE2 takes these for s and k, and `\\b` does not take them for letters."""

# Most texts hold some of these: a clause with one of them tells little.
_COMMON: Final = frozenset(
    """
    a about after all also am an and any are as at back be because been before being but by can come
    could day do don even first for from get give go good had has have he her him his how i if in
    into is it just know like ll look m make me more most my new no not now of on one only or other
    our out over people re s say see she so some t take than that the their them then there these
    they think this those time to two up us use ve want was way we well were what when which who
    will with work would year you your
    """.split()  # noqa: SIM905 -- as a list of strings it could not be read
)
_TOKEN: Final = re.compile(
    r"""
      (?P<word>\w+)
    | (?P<open>\((?:\?(?:P?<[^>]*>|[a-zA-Z]*(?:-[a-zA-Z]*)?(?P<end>[:)])))?)
    | (?P<bar>\|)
    | \[(?P<members>\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*)\]
    | (?P<apart>\\[bAzsWtnrfv]|[\^$]|\\[^\w]|[^\\.)])
    | (?P<unsure>\\(?:[dDSwB]|[pP](?:\{[^}]*\}|.)|x(?:\{[^}]*\}|..)|[0-7]{1,3}|_)|\.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_PAREN: Final = re.compile(
    r"(?:[^\\\[()]++|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\])*+([()])", re.DOTALL
)
_REPEAT: Final = re.compile(r"(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??", re.ASCII)
# The begin of an alternative, as most are: only words, or words with white space between them.
_PLAIN: Final = re.compile(r"(?:(\w+\??(?:\|\w+\??)*)|\w+(?:\\s\+\w+)+)(?=\||\Z)", re.ASCII)
# Members of a class. A hyphen at its end, and no other, stands for itself and makes no range.
_LETTERS: Final = re.compile(r"\w+", re.ASCII)
_NO_LETTERS: Final = re.compile(r"-?(?:\\[sWtnrfv]|\\[^\w]|[^\\\w^-])*-?", re.ASCII)


class _NotReadError(Exception):
    """The expression holds what is not looked into."""


@define(eq=False)
class _Item:
    """A part of a concatenation. Nothing changes it: a frozen one takes twice as long to make.

    `words`: all that it can match, if that is only pieces of words. `before`, `after`: no word goes
    on across its begin and its end, where it matches anything. `empty`: it can match nothing.
    `inside`: its alternatives, if they are to be looked into.
    """

    words: Clause | None = None
    before: bool = False
    after: bool = False
    empty: bool = False
    inside: tuple[_Branch, ...] = ()


_Branch: TypeAlias = tuple[_Item, ...]
_Side: TypeAlias = Literal["before", "after"]

_UNSURE: Final = _Item(empty=True)
_APART: Final = _Item(before=True, after=True)
"""A space, a sign, or the edge of a word."""


class Reader:
    """Reads expressions; what they repeat, such as a list of words, once."""

    def __init__(self) -> None:
        self._groups: dict[str, _Item] = {}
        self._phrases: dict[str, _Branch] = {}
        self._pieces: dict[str, _Item] = {}
        self._found: dict[tuple[_Item, bool, bool], list[Clause]] = {}
        self._ranks: dict[Clause, tuple[bool, int, int]] = {}

    def required(self, regex: str) -> tuple[Reading, ...]:
        """Return readings of which any text must meet one in which `regex` matches.

        There are none where nothing is sure, or where words that most texts hold would do; nor need
        there be any where RE2 does not take `regex`.
        """
        if r"\Q" in regex or any(char in regex for char in ODD):
            return ()
        try:
            item = self._group(regex, 0, len(regex), _closing(regex))
            readings = list(self._readings(item, left=False, right=False))
            if len(readings) > MOST_READINGS:
                readings = [self._clauses(item, left=False, right=False)]
        except (_NotReadError, RecursionError, LookupError):  # the last: an odd parenthesis
            return ()
        if not all(found and _COMMON.isdisjoint(found[0]) for found in readings):
            return ()
        return tuple(_telling(clauses) for clauses in readings)

    # -- from the expression to its items ---------------------------------------------------------

    def _group(self, regex: str, start: int, end: int, closing: dict[int, int]) -> _Item:
        source = regex[start:end]
        item = self._groups.get(source)
        if item is None:
            branches = self._branches(regex, start, end, closing)
            item = self._groups[source] = _choice(tuple(branches))
        return item

    def _branches(
        self, regex: str, place: int, end: int, closing: dict[int, int]
    ) -> Iterator[_Branch]:
        items: list[_Item] = []
        while place < end:
            if not items and (plain := _PLAIN.match(regex, place, end)):
                yield self._phrase(plain[0]) if plain[1] is None else (_listed(plain[0]),)
                if plain.end() == end:
                    return
                place = plain.end() + 1
                continue
            token = _TOKEN.match(regex, place)
            if token is None:
                raise _NotReadError
            if token.lastgroup == "bar":
                yield from _with_and_without(items)
                items, place = [], token.end()
            elif token["end"] == ")":  # flags for what follows
                place = token.end()
                if _REPEAT.match(regex, place):  # RE2 repeats what stands before the flags
                    raise _NotReadError
            else:
                place = self._read(regex, token, items, closing)
        yield from _with_and_without(items)

    def _read(
        self, regex: str, token: re.Match[str], items: list[_Item], closing: dict[int, int]
    ) -> int:
        """Append the token's item, repeated if it says so; return the place after it."""
        kind, place = token.lastgroup, token.end()
        if kind == "open":
            place = closing[token.start()]
            item = self._group(regex, token.end(), place - 1, closing)
        elif kind == "word":
            item = self._piece(token[0])
        elif kind == "members":
            item = _class(token["members"])
        else:
            item = _APART if kind == "apart" else _UNSURE
        repeat = _REPEAT.match(regex, place)
        if repeat:
            place = repeat.end()
            if kind == "word" and len(token[0]) > 1:  # only the last letter is repeated
                items.append(self._piece(token[0][:-1]))
                item = self._piece(token[0][-1])
            item = _repeated(item, repeat)
        items.append(item)
        return place

    def _phrase(self, source: str) -> _Branch:
        branch = self._phrases.get(source)
        if branch is None:
            words = [self._piece(word) for word in source.split(r"\s+")]
            spaced = [item for word in words for item in (_APART, word)]
            branch = self._phrases[source] = tuple(spaced[1:])
        return branch

    def _piece(self, word: str) -> _Item:
        item = self._pieces.get(word)
        if item is None:
            item = self._pieces[word] = _Item(words=frozenset((word.lower(),)))
        return item

    # -- from the items to what they ask for ------------------------------------------------------

    def _readings(self, item: _Item, *, left: bool, right: bool) -> Iterator[list[Clause]]:
        """Yield what each alternative asks for; those of the only group in one stand for it.

        `left`, `right`: whether no word goes on across the begin and the end of `item`.
        """
        if not item.inside:
            yield self._clauses(item, left=left, right=right)
        for branch in item.inside:
            lefts, rights = _edges(branch, left=left, right=right)
            only = [at for at, part in enumerate(branch) if part.inside or not part.before]
            if len(only) == 1 and branch[only[0]].inside and not branch[only[0]].empty:
                at = only[0]
                yield from self._readings(branch[at], left=lefts[at], right=rights[at])
            else:
                yield self._of_branch(branch, left=left, right=right)

    def _clauses(self, item: _Item, *, left: bool, right: bool) -> list[Clause]:
        """Return what must be in a text where `item` matches, the rarest first."""
        found = self._found.get((item, left, right))
        if found is None:
            branches = item.inside or ((item,),)
            each = [self._of_branch(branch, left=left, right=right) for branch in branches]
            found = self._found[item, left, right] = self._rarest(_of_any(each))
        return found

    def _of_branch(self, branch: _Branch, *, left: bool, right: bool) -> list[Clause]:
        lefts, rights = _edges(branch, left=left, right=right)
        found: list[Clause] = []
        at = 0
        while at < len(branch):
            item, first = branch[at], at
            at += 1
            if item.words is None:
                if item.inside:
                    found += self._clauses(item, left=lefts[first], right=rights[first])
                continue
            while at < len(branch) and branch[at].words is not None:
                at += 1
            if lefts[first]:
                words = _spelt(branch[first:at]) or frozenset()
                if not rights[at - 1]:
                    words = frozenset(map(_begin, words))
                if words and "" not in words:
                    found.append(words)
        return self._rarest(found)

    def _rarest(self, clauses: list[Clause]) -> list[Clause]:
        """Return the clauses, those without common words and of long ones first."""
        if len(clauses) < 2:
            return clauses
        for words in clauses:
            if words not in self._ranks:
                self._ranks[words] = _rank(words)
        return sorted(dict.fromkeys(clauses), key=self._ranks.__getitem__)


def _closing(regex: str) -> dict[int, int]:
    """Return for the place of each opening parenthesis the end of its group."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    place = 0
    while (token := _PAREN.match(regex, place)) is not None:
        place = token.end()
        if token[1] == "(":
            opened.append(place - 1)
        else:
            closing[opened.pop()] = place
    return closing


def _listed(source: str) -> _Item:
    """Return the item of words, each perhaps with `?` after its last letter, with bars between."""
    words: set[str] = set()
    for word in source.lower().split("|"):
        words.update((word[:-2], word[:-1]) if word[-1] == "?" else (word,))
    return _Item(words=frozenset(words), empty="" in words)


def _class(members: str) -> _Item:
    if _LETTERS.fullmatch(members):
        return _Item(words=frozenset(members.lower()))
    return _APART if _NO_LETTERS.fullmatch(members) else _Item()


def _repeated(item: _Item, repeat: re.Match[str]) -> _Item:
    sign, least, comma, most = repeat.groups()
    if sign == "?" and item.words is not None:
        return _Item(words=item.words | {""}, empty=True)
    if sign in ("?", "*") or (least and int(least) == 0):
        return _Item(before=item.before, after=item.after, empty=True)
    once = least and int(least) == 1 and (not comma or most == "1")
    if once or not (item.inside or item.words):
        return item
    # What stands beside one of them may be another.
    return evolve(item, words=None, inside=((_UNSURE, item, _UNSURE),))


def _with_and_without(items: Sequence[_Item]) -> Iterator[_Branch]:
    """Yield the branch; twice for a space or sign in it that may be left out inside a word."""
    branches: list[_Branch] = [()]
    if not any(item.empty and item.before for item in items):
        branches, items = [tuple(items)], ()
    for at, item in enumerate(items):
        loose = item.empty and item.before and 0 < at < len(items) - 1 and len(branches) < 8
        if loose and not items[at - 1].after and not items[at + 1].before:
            there = evolve(item, empty=False)
            branches = [(*branch, *more) for branch in branches for more in ((), (there,))]
        else:
            branches = [(*branch, item) for branch in branches]
    yield from branches


def _choice(branches: tuple[_Branch, ...]) -> _Item:
    spelt = [_spelt(branch) for branch in branches]
    if None not in spelt:
        words = frozenset[str]().union(*filter(None, spelt))
        if len(words) <= MOST_WORDS:
            return _Item(words=words, empty="" in words)
    return _Item(
        before=all(_runs_out(branch, "before") for branch in branches),
        after=all(_runs_out(branch[::-1], "after") for branch in branches),
        empty=any(all(item.empty for item in branch) for branch in branches),
        inside=branches,
    )


def _spelt(branch: Sequence[_Item]) -> Clause | None:
    """Return all that the branch can match, if that is only pieces of words."""
    pieces: list[Clause] = []
    for item in branch:
        if item.words is None:
            return None
        pieces.append(item.words)
    if len(pieces) == 1:
        return pieces[0]
    return (
        frozenset(map("".join, product(*pieces))) if prod(map(len, pieces)) <= MOST_WORDS else None
    )


def _runs_out(branch: Iterable[_Item], side: _Side) -> bool:
    """Whether no word goes on across that end of what the branch matches, if anything."""
    for item in branch:
        if not (item.before if side == "before" else item.after):
            return False
        if not item.empty:
            return True
    return True


def _edges(branch: _Branch, *, left: bool, right: bool) -> tuple[list[bool], list[bool]]:
    """Return for each item whether no word reaches it from before, and from behind."""
    lefts, rights = [left], [right]
    for item in branch[:-1]:
        lefts.append(item.after and (lefts[-1] or not item.empty))
    for item in branch[:0:-1]:
        rights.append(item.before and (rights[-1] or not item.empty))
    return lefts, rights[::-1]


def _of_any(each: Sequence[Sequence[Clause]]) -> list[Clause]:
    """Return what holds whichever of the alternatives it is; the rarest of all come together."""
    if not each or not all(each):
        return []
    return [
        frozenset[str]().union(*[found[min(rank, len(found) - 1)] for found in each])
        for rank in range(max(map(len, each)))
    ]


def _rank(words: Clause) -> tuple[bool, int, int]:
    return not words.isdisjoint(_COMMON), -min(map(len, words)), len(words)


def _telling(clauses: Iterable[Clause]) -> Reading:
    """Return the first clauses but those that any text meets that meets one before them."""
    kept: list[Clause] = []
    for words in clauses:
        if not any(map(words.issuperset, kept)):
            kept.append(words)
        if len(kept) == MOST_CLAUSES:
            break
    return tuple(kept)


def _begin(word: str) -> str:
    """Return what stands for all words that begin so, "" if it is too short to tell."""
    return f"{word[:BEGIN]}*" if len(word) >= BEGIN else ""
