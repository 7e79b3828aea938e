"""The rule files keep what they say: every example hits, every near miss does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import re2
from eleanor_critics_constitutional import rules
from eleanor_critics_constitutional.context import load_cues
from eleanor_critics_constitutional.examiners import CODED
from eleanor_critics_constitutional.needs import NEEDS
from eleanor_critics_constitutional.rules import (
    Example,
    Rule,
    RuleBook,
    RuleFileError,
    Spelling,
    load_book,
    load_vocabulary,
    patterns_of,
)

from eleanor_core.api import CLAUSES, CriticResult, Pattern

PRINCIPLES = ("rights", "autonomy", "fairness", "truth", "risk", "pragmatics")
OBJECTION = 0.5

BOOKS = {name: load_book(name) for name in PRINCIPLES}
RULES = [(name, rule) for name, book in BOOKS.items() for rule in book.rules]
by_rule = pytest.mark.parametrize(("name", "rule"), RULES, ids=[rule.id for _, rule in RULES])

OURS = {
    "rights": {"D1", "D2", "D3", "P1", "P2", "P3", "P4", "DP1", "DP2", "DP3"},
    "autonomy": {"A1", "A2", "A3"},
    "fairness": {"F1", "F2", "F3", "D2"},
    "truth": {"T1", "T2", "T3"},
    "risk": {"K1", "K2", "K3", "K4", "D3", "A1"},
    "pragmatics": {"G1", "G2"},
}

Judge = Callable[..., dict[str, CriticResult]]


@cache
def declared(name: str) -> dict[str, Pattern]:
    """Return the patterns of a critic's rules, by the rule's id."""
    return {row.id: row for row in patterns_of(BOOKS[name], load_vocabulary())}


@by_rule
def test_its_matches_are_found(judge: Judge, name: str, rule: Rule) -> None:
    def found(example: Example) -> bool:
        context = {"kind": example.kind, "context": example.context}
        result = judge(example.text, **context, rule=rule.id)[name]
        clauses = {violation.clause for violation in result.violations}
        return rule.clause in clauses and result.score >= OBJECTION

    missed = [example.text for example in rule.matches if not found(example)]
    assert not missed, "\n".join(missed)


@by_rule
def test_its_near_misses_are_not(judge: Judge, name: str, rule: Rule) -> None:
    def passed_over(example: Example) -> bool:
        context = {"kind": example.kind, "context": example.context}
        alone = judge(example.text, **context, rule=rule.id)[name]
        whole = judge(example.text, **context)[name]
        return bool(alone.violations) is example.lowered and whole.score < OBJECTION

    struck = [example.text for example in rule.near_misses if not passed_over(example)]
    assert not struck, "\n".join(struck)


@pytest.mark.parametrize("name", PRINCIPLES)
def test_the_declared_patterns_tell_their_examples_apart(name: str) -> None:
    def apart(pattern: Pattern) -> bool:
        found = re2.compile(pattern.regex)
        return bool(found.search(pattern.example)) and not found.search(pattern.near_miss)

    patterns = declared(name)
    assert [rule.id for rule in BOOKS[name].rules if not apart(patterns[rule.id])] == []


def test_a_rule_names_only_what_there_is() -> None:
    cues = load_cues().keys()
    for _, rule in RULES:
        assert set(rule.needs) <= NEEDS.keys(), rule.id
        assert rule.unmoved_by <= cues, rule.id


def test_rule_ids_are_distinct_over_all_critics() -> None:
    ids = [rule.id for _, rule in RULES]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", PRINCIPLES)
def test_every_clause_of_the_critic_has_a_rule(name: str) -> None:
    assert {rule.clause for rule in BOOKS[name].rules} == OURS[name]


def test_the_six_together_emit_every_clause_that_is_not_a_stage_s() -> None:
    emitted = {rule.clause for _, rule in RULES} | {c for row in CODED.values() for c in row}
    assert emitted == {code for code in CLAUSES if code[:1] != "U" and code[:2] != "PR"}


def test_every_macro_is_used() -> None:
    vocabulary = load_vocabulary()
    sources = [rule.pattern for _, rule in RULES]
    sources += [marker for book in BOOKS.values() for marker in book.markers.values()]
    sources += [hint.pattern for book in BOOKS.values() for hint in book.hints.values()]
    sources += vocabulary.values()
    unused = [name for name in vocabulary if not any(f"{{{name}}}" in text for text in sources)]
    assert unused == []


class TestSpelling:
    """What an author may write in a pattern."""

    def test_macros_are_expanded_in_depth(self) -> None:
        vocabulary = {"pet": "cat|{dog}", "dog": "dog|hound"}
        assert Spelling(vocabulary).regex("a {pet}") == r"(?i)\b(?:a\s+(?:cat|(?:dog|hound)))\b"

    def test_space_apostrophe_and_line_break(self) -> None:
        assert Spelling({}).regex("a 'b' ?c") == "(?i)\\b(?:a\\s+['\u2019]b['\u2019]\\s*c)\\b"
        assert Spelling({}).regex("a|b\n  |c") == r"(?i)\b(?:a|b|c)\b"

    def test_classes_and_escapes_stay_as_they_are(self) -> None:
        assert Spelling({}).regex(r"[ '{x}]\{") == r"(?i)\b(?:[ '{x}]\{)\b"

    def test_repetition_is_no_macro(self) -> None:
        assert Spelling({}).regex("a{2,3}") == r"(?i)\b(?:a{2,3})\b"

    def test_an_unknown_macro_is_refused(self) -> None:
        with pytest.raises(RuleFileError, match=r"\{pet\} is not in vocabulary"):
            Spelling({}).regex("{pet}")

    def test_a_macro_made_of_itself_is_refused(self) -> None:
        with pytest.raises(RuleFileError, match="made of itself"):
            Spelling({"a": "{b}", "b": "{a}"}).regex("{a}")


class TestRefusals:
    """A wrong rule file does not load."""

    ROW = BOOKS["truth"].rules[0].model_dump()

    def test_an_unknown_clause(self) -> None:
        with pytest.raises(ValueError, match="not in the clause registry"):
            Rule.model_validate(self.ROW | {"clause": "X9"})

    def test_an_unknown_field(self) -> None:
        with pytest.raises(ValueError, match="Extra inputs"):
            Rule.model_validate(self.ROW | {"weight": 2})

    def test_two_rules_of_one_id(self) -> None:
        rows = {"principle": "truth", "summary": "s", "rules": [self.ROW, self.ROW]}
        with pytest.raises(ValueError, match="used twice: t1-arithmetic"):
            RuleBook.model_validate(rows)

    def test_the_file_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rules, "read_yaml", lambda _: {"principle": "truth"})
        with pytest.raises(RuleFileError, match=r"rules/truth\.yaml"):
            load_book("truth")

    @pytest.mark.parametrize("read", [rules.load_vocabulary, load_cues])
    def test_a_file_that_is_no_mapping(
        self, monkeypatch: pytest.MonkeyPatch, read: Callable[[], object]
    ) -> None:
        monkeypatch.setattr(f"{read.__module__}.read_yaml", lambda _: ["a"])
        with pytest.raises(RuleFileError, match="not a mapping"):
            read()


def test_a_sentence_that_goes_on_in_the_next_line_is_found_as_in_one() -> None:
    lost = []
    for name, rule in RULES:
        pattern = re2.compile(declared(name)[rule.id].regex)
        for example in rule.matches:
            text = example.text
            if "\n" in text or not pattern.search(text):
                continue
            for at, char in enumerate(text[:-1]):
                wrapped = f"{text[:at]}\n{text[at + 1 :]}"
                if char == " " and text[at + 1].islower() and not pattern.search(wrapped):
                    lost.append((rule.id, wrapped))
    assert not lost
