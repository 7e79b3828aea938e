"""The words of a pattern: whatever it matches holds them, and most other texts do not."""

# ruff: noqa: RUF001 -- letters that fold into ASCII ones are part of what is tested here

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_core.pipeline.word_index import WordIndex
from eleanor_core.pipeline.words import Reader

Piece: TypeAlias = tuple[str, tuple[str, ...]]
"""A piece of an expression, and texts that it matches as it stands or in other company."""

QUIET = re2.Options()
QUIET.log_errors = False

WORDS = ("a", "s", "k", "x1", "_", "12", "the", "ask", "kiss", "loan", "loans", "Refuse", "fuse")
OTHERS: tuple[Piece, ...] = (
    (r"\s+", (" ", "\n ")),
    (r"\s*", ("", " ")),
    (" ", (" ",)),
    (" ?", ("", " ")),
    (r"[\s-]+", (" ", "-")),
    ("-?", ("", "-")),
    ("['’]?", ("", "’")),
    (r"\W+", (". ", "é")),
    (r"\W*", ("", "-")),
    (r"\b", ("",)),
    (r"\B", ("",)),
    ("^", ("",)),
    ("$", ("",)),
    (r"\A", ("",)),
    (r"\z", ("",)),
    ("(?m:^)", ("", "\n")),
    ("(?m:$)", ("", "\n")),
    (".", ("a", "-")),
    (".?", ("", "a")),
    (".*", ("", " a ")),
    (r"\.", (".",)),
    (r"\n", ("\n",)),
    ("\n", ("\n",)),
    (r"\x{61}", ("a",)),
    (r"\x20", (" ",)),
    (r"\060", ("0",)),
    (r"\pL", ("a", "é")),
    (r"\p{L}?", ("", "b")),
    (r"\PL", ("-", "1")),
    (r"\d+", ("12",)),
    (r"\D", ("a", " ")),
    (r"\w*", ("", "ab")),
    (r"\S", ("a", ".")),
    (r"\Qk.\E", ("k.",)),
    ("[ab]", ("a", "b")),
    ("[a-c]", ("a", "b")),
    ("[^ab]", ("c", "-")),
    ("[[:alpha:]]", ("z",)),
    ("[[:^alpha:]]", ("-", "1")),
    (r"[\w]", ("a",)),
    ("[a-]", ("a", "-")),
    ("[]a]", ("]", "a")),
    ("[^]a]", ("b", ".")),
    ("[ks]", ("k", "s", "\u212a", "\u017f")),
    ("[--~]", ("-", "a", "~")),
    ("[+--]", ("+", "-")),
    (r"[\--a]", ("-", "a")),
    (r"[.,;]", (".",)),
    ("[é-ü]", ("é",)),
    ("é", ("é",)),
    ("{", ("{",)),
    ("{٢}", ("{٢}",)),
    ("(?i)", ("",)),
    ("(?-i)", ("",)),
    ("(?sU)", ("",)),
    ("", ("",)),
)
OPENINGS = ("(", "(?:", "(?i:", "(?-i:", "(?P<name>", "(?<name>", "(?P<né>")
REPEATS = (
    *(("?", 0, 1), ("*", 0, 2), ("+", 1, 2), ("??", 0, 1), ("+?", 1, 2), ("{0}", 0, 0)),
    *(("{1}", 1, 1), ("{2}", 2, 2), ("{1,}", 1, 2), ("{0,1}", 0, 1), ("{1,1}", 1, 1)),
)
AROUND = ("", " ", "\n", "-", ".", "_", "é", "’", "\u212a", "\u017f", "1", "x", "loan", "the ")


def _joined(pieces: Sequence[Piece]) -> Piece:
    turns = range(max(len(texts) for _, texts in pieces))
    return (
        "".join(source for source, _ in pieces),
        tuple("".join(texts[turn % len(texts)] for _, texts in pieces) for turn in turns),
    )


def _choice(opening: str, pieces: Sequence[Piece]) -> Piece:
    source = opening + "|".join(source for source, _ in pieces) + ")"
    return source, tuple(text for _, texts in pieces for text in texts)[-6:]


def _repeated(piece: Piece, how: tuple[str, int, int], *, whole: bool) -> Piece:
    (source, texts), (sign, least, most) = piece, how
    source = f"(?:{source})" if whole else source
    return source + sign, tuple(text * times for text in texts for times in (least, most))[-6:]


LEAVES = st.sampled_from([(word, (word,)) for word in WORDS]) | st.sampled_from(OTHERS)
PIECES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=5).map(_joined),
        st.builds(_choice, st.sampled_from(OPENINGS), st.lists(inner, min_size=1, max_size=3)),
        st.builds(_repeated, inner, st.sampled_from(REPEATS), whole=st.booleans()),
    ),
    max_leaves=12,
)
FRAMES = st.sampled_from(("{}", r"\b{}\b", "(?i){}", r"(?i)\b(?:{})\b"))


def told_apart(regex: str) -> Callable[[str], bool]:
    """Return what says whether the pattern would be run on a text."""
    readings = Reader().required(regex)
    index = WordIndex([readings])
    return lambda text: not readings or bool(index.candidates(text.encode()))


@settings(max_examples=200)
@given(PIECES, FRAMES, st.sampled_from(AROUND), st.sampled_from(AROUND))
def test_what_a_pattern_matches_is_never_passed_over(
    piece: Piece, frame: str, before: str, behind: str
) -> None:
    source, made = piece
    regex = frame.replace("{}", source, 1)
    try:
        alone = re2.compile(regex, QUIET)
    except re2.error:
        return  # such as a group named twice
    possible = told_apart(regex)
    for text in (f"{before}{text}{behind}" for text in made):
        folded = text.replace("k", "\u212a").replace("s", "\u017f")
        for spelt in (text, text.upper(), folded):
            assert possible(spelt) or not alone.search(spelt)


@pytest.mark.parametrize(
    ("regex", "text"),
    [
        (r"\bLoan\b", "a Loan"),
        (r"-?loan\b", "xloan"),
        (r"\bloan-?", "loanx"),
        (r"\bthe\s*loan\b", "theloan"),
        (r"\b(?:ab){2}\b", "abab"),
        (r"\bloa+n\b", "loaan"),
        (r"\bask(?:-?loan|\s+x)\b", "askloan"),
        (r"\bloan[--~]", "loans"),
        (r"\bloan(?i)?s\b", "loas"),
        (r"\bloan(?-i)*", "loa"),
        (r"\bx(?i){0}loan\b", "loan"),
        (r"\b(?P<né>loan)\b", "loan"),
        ("\\bthe(loan\n)bar\\b", "theloan\nbar"),
        (r"(?i)\b\w*ask", "a\u017f\u212a"),
        ("(" * 900 + r"\bloan\b" + ")" * 900, "a loan"),
    ],
)
def test_an_expression_is_read_as_re2_reads_it(regex: str, text: str) -> None:
    assert re2.search(regex, text)
    assert told_apart(regex)(text)


REFUSAL = r"(?i)\b(?:refuse[sd]?|den(?:y|ies))\s+(?:him|her)\s+(?:the\s+)?(?:bank\s+)?loans?\b"


@pytest.mark.parametrize(
    ("regex", "text", "wanted"),
    [
        (REFUSAL, "they Refused her the loan", True),
        (REFUSAL, "refuse, and her loan", True),
        (REFUSAL, "they refused him the money", False),
        (REFUSAL, "they gave her a loan", False),
        (REFUSAL, "refusedly lent to her: a loan", False),
        (r"\bunder\w+\s+the\s+table\b", "undercover at the table", True),
        (r"\bunder\w+\s+the\s+table\b", "over the table", False),
        (r"\b(?:red|green)\s+(?:apple|pear)s?\b|\bplum\b", "a plum", True),
        (r"\b(?:red|green)\s+(?:apple|pear)s?\b|\bplum\b", "red pears", True),
        (r"\b(?:red|green)\s+(?:apple|pear)s?\b|\bplum\b", "red plums, apples", True),
        (r"\b(?:red|green)\s+(?:apple|pear)s?\b|\bplum\b", "red plums, bananas", False),
        (r"\bthe\s*loan\b", "the bank", False),
        (r"(?i)\bask\b", "no question", False),
        (r"(?i)\bask\b", "no question, \u212a", True),
    ],
)
def test_a_text_without_the_words_is_passed_over(regex: str, text: str, wanted: bool) -> None:
    assert told_apart(regex)(text) is wanted
