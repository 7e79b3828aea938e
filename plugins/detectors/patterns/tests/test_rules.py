"""Every rule against its own examples, through the real scan and the real detector."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest
import re2
from eleanor_detectors_patterns.rules import (
    ALPHABETS,
    Rule,
    composed,
    expanded,
    rule_book,
    wrapped,
)
from eleanor_detectors_patterns.signs import sign_book

from eleanor_core.api import DetectorDeclaration, DetectorResult
from eleanor_core.pipeline.scan import Scanner

Judge: TypeAlias = Callable[[str, str], DetectorResult]


def categories(judge: Judge, name: str, text: str) -> list[str]:
    return [signal.category for signal in judge(name, text).signals]


BOOKS = {
    name: rule_book(name.replace("-", "_"))
    for name in (
        "citations",
        "disclosure",
        "hidden-text",
        "injection",
        "overclaim",
        "personal-data",
        "quantities",
        "secrets",
    )
}
COUNTING = {"language", "readability"}
"""The detectors without patterns."""
RULES = [
    pytest.param(name, rule, id=rule.id) for name, book in BOOKS.items() for rule in book.rules
]


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_each_match_gives_its_signal(judge: Judge, scanner: Scanner, name: str, rule: Rule) -> None:
    for example in map(composed, rule.matches):
        assert rule.id in [hit.pattern for hit in scanner.scan(example).hits[name]], example
        result = judge(name, example)
        signals = [signal for signal in result.signals if signal.category == rule.category]
        assert signals, example
        assert max(signal.severity for signal in signals) >= rule.severity
        assert result.score >= rule.score
        # Each points into the text, and holds nothing of it.
        for signal in result.signals:
            assert signal.span is not None
            start, end = signal.span
            assert 0 <= start < end <= len(example)
            assert example[start:end] not in signal.note
            assert signal.category in BOOKS[name].categories


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_no_near_miss_gives_a_signal(judge: Judge, scanner: Scanner, name: str, rule: Rule) -> None:
    first = composed(rule.near_misses[0])
    assert rule.id not in [hit.pattern for hit in scanner.scan(first).hits[name]], first
    for example in map(composed, rule.near_misses):
        assert categories(judge, name, example) == [], example


def test_the_declarations_say_what_the_core_needs(
    declarations: dict[str, DetectorDeclaration],
) -> None:
    assert set(declarations) == BOOKS.keys() | COUNTING
    for name, declaration in declarations.items():
        assert declaration.execution == "inline"
        assert declaration.summary
        assert all(declaration.categories.values())
        if name in COUNTING:
            assert not declaration.patterns
            continue
        assert dict(declaration.categories) == dict(BOOKS[name].categories)
        assert all(pattern.example and pattern.near_miss for pattern in declaration.patterns)
        assert {pattern.redact for pattern in declaration.patterns} == {name == "secrets"}


@pytest.mark.parametrize("name", BOOKS)
def test_every_detector_has_ten_texts_and_ten_near_misses_at_least(name: str) -> None:
    rules = BOOKS[name].rules
    assert len({text for rule in rules for text in rule.matches}) >= 10
    assert len({text for rule in rules for text in rule.near_misses}) >= 10


def test_a_recipe_is_filled_the_same_way_each_time() -> None:
    first = composed("x <hex:32> y <upper:4>")
    assert first == composed("x <hex:32> y <upper:4>")
    middle = first.split()[1]
    assert len(middle) == 32
    assert set(middle) <= set(ALPHABETS["hex"])


def test_vocabulary_is_put_in_at_any_depth_and_counts_stay() -> None:
    words = {"a": "x{2,5}", "both": "{a}|y"}
    assert expanded("^{both}$", words) == "^(?:(?:x{2,5})|y)$"
    with pytest.raises(KeyError, match="lost"):
        expanded("{lost}", words)


def test_what_reads_prose_reads_a_sentence_that_was_wrapped() -> None:
    rules = [
        (rule.regex, composed(text))
        for book in BOOKS.values()
        if book.prose
        for rule in book.rules
        for text in rule.matches
    ]
    signs = [(pattern.regex, pattern.example) for pattern in sign_book().patterns()]
    lost = []
    for regex, text in rules + signs:
        pattern = re2.compile(regex)
        for at, char in enumerate(text[:-1]):
            broken = f"{text[:at]}\n{text[at + 1 :]}"
            if char == " " and text[at + 1].islower() and not pattern.search(broken):
                lost.append(broken)
    assert len(rules + signs) > 150
    assert not lost


def test_a_space_is_any_run_of_white_space() -> None:
    assert wrapped(r"a b ?c [ -]d [ \t]e\ f {2}") == r"a\s+b\s*c\s+[\s-]d\s+[ \t]e\ f\s{2}"
    assert wrapped(r"[^a b]") == r"[^a b]"
    pattern = re2.compile(wrapped(r"never.{0,20}?[^.\n]{0,9}tell"))
    assert pattern.search("never ever\n> think to\ntell")
    assert not pattern.search("never\n- Tell\n- tell")
