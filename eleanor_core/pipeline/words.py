"""The words without which a pattern cannot match: they tell which patterns are worth running.

Long patterns of many alternatives make large automata. Most of them cannot match most texts: of a
pattern for "refuse ... the loan" the text must hold a word for the refusal and one for the loan.
`required` reads them from the expression, in RE2 syntax, and leaves out what it is not sure of: it
may ask for too little, never for too much.

A word is an unbroken run of ASCII letters, digits and `_`, as `\\b` sees it, in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Final, TypeAlias

from attrs import define, field, frozen

Words: TypeAlias = frozenset[str]

MOST_WORDS: Final = 400
"""Alternatives that one piece of a word may have; a piece with more is not looked into."""
MOST_CLAUSES: Final = 3

_WORD: Final = re.compile(rb"[0-9a-z_]+")
# Under `(?i)` RE2 takes these two for s and k, but `\b` does not take them for letters.
_LONG_S, _KELVIN = "\u017f", "\u212a"
_TOKEN: Final = re.compile(
    r"""
      (?P<word>\w+)
    | (?P<open>\((?:\?(?:P?<\w+>|[a-zA-Z]*(?:-[a-zA-Z]*)?(?P<end>[:)])))?)
    | (?P<class>\[(?P<not>\^?)(?P<members>\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*)\])
    | (?P<edge>\\[bAz]|[\^$])
    | (?P<space>\\[sWtnrfva])
    | (?P<unsure>\\(?:[dDSwB]|[pP](?:\{[^}]*\}|.)|x(?:\{[^}]*\}|..)|[0-7]{1,3})|\.)
    | \\(?P<escaped>[^0-9A-Za-z])
    | (?P<bar>\|)
    | (?P<close>\))
    | (?P<other>[^\\])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_REPEAT: Final = re.compile(r"(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??")
_APART: Final = re.compile(r"(?:\\[sWtnrfv]|\\[^0-9A-Za-z_]|[^\\\w-])+|-", re.ASCII)
_LETTERS: Final = re.compile(r"\w+", re.ASCII)


def words_of(data: bytes) -> set[bytes] | None:
    """Return the words of a text in UTF-8; None where RE2 could see others than these."""
    if not data.isascii() and (_LONG_S.encode() in data or _KELVIN.encode() in data):
        return None
    return set(_WORD.findall(data.lower()))


@frozen
class _Item:
    """A part of a concatenation.

    `words`: if it only matches pieces of words, all of them. `before`, `after`: what it matches, if
    anything, begins and ends where a word cannot go on. `empty`: it can match nothing.
    """

    words: Words | None = None
    before: bool = False
    after: bool = False
    empty: bool = False
    inside: _Choice | None = None


@frozen
class _Choice:
    """Alternatives, each a concatenation."""

    branches: tuple[tuple[_Item, ...], ...]


_UNSURE: Final = _Item(empty=True)
_EDGE: Final = _Item(before=True, after=True)


class NotRead(Exception):  # noqa: N818 -- it is no error: the pattern is then always run
    """An expression holds what is not looked into."""
