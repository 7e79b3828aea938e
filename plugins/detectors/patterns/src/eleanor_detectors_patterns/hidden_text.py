"""The detector `hidden-text`: what a reader does not see, or takes for something else.

Emoji, flags, and scripts that need joiners or run from right to left are ordinary. Only the text
itself is looked at: its normal form no longer holds what is sought here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from eleanor_core.api import Case, DetectorDeclaration, Hit, hookimpl
from eleanor_detectors_patterns.detector import Check, Judge, Span, Verdict, by_checks, declared
from eleanor_detectors_patterns.rules import Rule, rule_book

_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_FLAG: Final = "\U0001f3f4"
_REGION: Final = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_CONTEXT: Final = 500  # code points on both sides
_MIN_WORD: Final = 3
_MAX_WORD: Final = 64
_IMAGE: Final = re.compile(r"data:(?:image|font|audio|video)/[\w.+-]+;base64,$")
_MIN_VARIETY: Final = 12  # distinct characters; fewer is a ruler, a sequence of genes, a filler


def inner(_text: str, span: Span) -> Span | None:
    """Take the invisible characters alone, without the letters on both sides."""
    return span[0] + 1, span[1] - 1


def without_right_to_left(text: str, span: Span) -> Span | None:
    """Drop controls that have letters from right to left near them."""
    near = _RIGHT_TO_LEFT.search(text, max(0, span[0] - _CONTEXT), span[1] + _CONTEXT)
    return None if near else span


def not_flag(text: str, span: Span) -> Span | None:
    """Drop the tags of a flag of a region, which follow a black flag."""
    start, end = span
    flag = text[start - 1 : start] == _FLAG and _REGION.fullmatch(text, start, end)
    return None if flag else span


def disguised(alike: Collection[str]) -> Check:
    """Return a check that accepts a word of Latin letters and letters of `alike` only.

    The span becomes the word.
    """

    def check(text: str, span: Span) -> Span | None:
        start, end = span
        while start and text[start - 1].isalpha() and end - start < _MAX_WORD:
            start -= 1
        while end < len(text) and text[end].isalpha() and end - start < _MAX_WORD:
            end += 1
        word = text[start:end]
        pure = all(char.isascii() or char in alike for char in word)
        return (start, end) if pure and len(word) >= _MIN_WORD else None

    return check


def blob(text: str, span: Span) -> Span | None:
    """Drop pictures and the like, and runs of few different characters."""
    few = len(set(text[slice(*span)])) < _MIN_VARIETY
    return None if few or _IMAGE.search(text, max(0, span[0] - 60), span[0]) else span


def checks(alike: Collection[str]) -> dict[str, Check]:
    """Return the checks by the names that the rules use."""
    return {
        "blob": blob,
        "disguised": disguised(alike),
        "inner": inner,
        "not_flag": not_flag,
        "without_right_to_left": without_right_to_left,
    }


def _judge(checked: Judge) -> Judge:
    def judge(rule: Rule, hit: Hit, case: Case) -> Verdict | None:
        return checked(rule, hit, case) if hit.view == "text" else None

    return judge


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector `hidden-text`."""
    summary = "Invisible characters, controls of direction, disguised words, large encoded blobs."
    book = rule_book("hidden_text")
    judge = _judge(by_checks(checks(frozenset(book.vocabulary["alike"]))))
    return [declared("hidden-text", book, judge, summary)]
