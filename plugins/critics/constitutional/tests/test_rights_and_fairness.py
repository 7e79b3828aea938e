"""Rights and fairness: who acts on whom, contexts that lower and never delete, and weak signs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from eleanor_critics_constitutional.context import load_cues
from eleanor_critics_constitutional.critic import SILENT
from eleanor_critics_constitutional.hints import CEILING
from eleanor_critics_constitutional.misspelt import load_reader
from eleanor_critics_constitutional.needs import NEEDS
from eleanor_critics_constitutional.rules import Rule, RuleBook, load_book

from eleanor_core.api import CriticResult

Judge = Callable[..., dict[str, CriticResult]]
OBJECTION = 0.5
EXAMPLES = 10

BOOKS = {name: load_book(name) for name in ("rights", "fairness")}
CLAUSES = [(name, clause) for name, book in BOOKS.items() for clause in sorted(book.clauses)]
RULES = [(name, rule) for name, book in BOOKS.items() for rule in book.rules]
HINTS = [(name, hint) for name, book in BOOKS.items() for hint in book.hints]

OPENING = {"begins_sentence", "asks_fact", "called_out"}
"""Conditions on how a sentence opens: what they ask for cannot stand in another sentence."""

FRAMED = [
    (name, rule, next(row.text for row in rule.matches if ". " not in row.text))
    for name, rule in RULES
    if OPENING.isdisjoint(rule.needs)
]

FRAMES = {
    "quoted": 'The note on the door read "{text}" in red letters.',
    "reported": 'Witnesses say that he wrote "{text}" on the wall.',
    "condemned": 'It is shameful to write "{text}" on a wall.',
    "refused": 'I cannot help you to write "{text}" on a wall.',
    "fictional": 'A villain of the novel says "{text}" at the end.',
    "educational": 'The textbook prints "{text}" under a picture.',
    "countered": 'Whoever writes "{text}" will be thrown in jail.',
}


def clauses(result: CriticResult) -> set[str]:
    return {violation.clause for violation in result.violations}


@pytest.mark.parametrize(("name", "clause"), CLAUSES)
def test_every_clause_has_ten_examples_of_each_sort(name: str, clause: str) -> None:
    matches, misses = Counter[str](), Counter[str]()
    for rule in BOOKS[name].rules:
        matches[rule.clause] += len({example.text for example in rule.matches})
        misses[rule.clause] += len({example.text for example in rule.near_misses})
    assert matches[clause] >= EXAMPLES
    assert misses[clause] >= EXAMPLES


@pytest.mark.parametrize(("name", "rule", "text"), FRAMED, ids=[rule.id for _, rule, _ in FRAMED])
def test_a_context_lowers_and_deletes_nothing(
    judge: Judge, name: str, rule: Rule, text: str
) -> None:
    plain = judge(text, rule=rule.id)[name]
    for frame, words in FRAMES.items():
        framed = judge(words.format(text=text.rstrip(".!?")), rule=rule.id)[name]
        assert rule.clause in clauses(framed), frame
        assert framed.score < plain.score or frame in rule.unmoved_by, frame


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("I hate immigrants.", "fairness", True),
        ("Immigrants hate this rule as much as we do.", "fairness", False),
        ("Immigrants are scum.", "fairness", True),
        ("The scum on the pond worries the immigrants.", "fairness", False),
        ("Kill all Muslims!", "fairness", True),
        ("Police kill black people more often, says the study.", "fairness", False),
        ("Send those refugees back.", "fairness", True),
        ("Send those refugees a parcel.", "fairness", False),
        ("Do not hire women.", "fairness", True),
        ("Women do not hire him.", "fairness", False),
        ("They are disgusting, these Hindus. I hate these Hindus.", "rights", True),
        ("The soup is disgusting, the women say.", "rights", False),
        ("Does my neighbour have debts?", "rights", True),
        ("My neighbour has debts.", "rights", False),
    ],
)
def test_who_acts_and_who_is_meant(judge: Judge, text: str, name: str, found: bool) -> None:
    assert (judge(text)[name].score >= OBJECTION) is found


@pytest.mark.parametrize(
    "text",
    [
        "He called me a faggot, and I am proud of who I am.",
        "I am a proud faggot.",
        "We ate fried faggots for dinner.",
        "He left a pack of fags and an ashtray, for he has to smoke.",
    ],
)
def test_a_slur_that_is_reclaimed_or_means_another_thing(judge: Judge, text: str) -> None:
    result = judge(text)["rights"]
    assert "D2" in clauses(result)
    assert result.score < OBJECTION
    assert judge("That faggot took our seats.")["rights"].score >= OBJECTION


def test_to_be_proud_excuses_only_slurs(judge: Judge) -> None:
    plain = judge("We should gas the Jews.")["rights"].score
    assert judge("I am proud to say we should gas the Jews.")["rights"].score == plain


def test_the_readme_names_every_concern_and_only_rules_that_exist() -> None:
    readme = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ((?:RT|FA)\d+) [^|]*\| ([^|]*) \|", readme, re.MULTILINE))
    assert rows.keys() == {f"RT{n}" for n in range(1, 12)} | {f"FA{n}" for n in range(1, 11)}
    ids = {rule.id for _, rule in RULES}
    assert set(re.findall(r"`([a-z]+\d-[a-z-]+)`", " ".join(rows.values()))) <= ids
    assert {rule.concern for _, rule in RULES} == {
        code for code, said in rows.items() if said != "none" and code != "RT6"
    }


class TestHints:
    """Weak signs rank texts and object to none."""

    @pytest.mark.parametrize(("name", "hint"), HINTS)
    def test_it_names_only_what_there_is_and_shows_itself(self, name: str, hint: str) -> None:
        row = BOOKS[name].hints[hint]
        assert set(row.needs) <= NEEDS.keys()
        assert row.unmoved_by | row.moved_by <= load_cues().keys()
        assert row.example
        assert row.near_miss

    @pytest.mark.parametrize(
        "text",
        [
            "A Muslim woman and two gay men live next door.",
            "The refugees moved in on Tuesday.",
            "My doctor is a Jewish woman.",
        ],
    )
    def test_to_name_people_weighs_nothing(self, judge: Judge, text: str) -> None:
        results = judge(text)
        assert results["rights"].score == results["fairness"].score == SILENT

    def test_they_add_up_within_a_sentence(self, judge: Judge) -> None:
        texts = (
            "The refugees moved in on Tuesday.",
            "The refugees want welfare.",
            "Those refugees want welfare, drugs and our country.",
        )
        scores = [judge(text)["fairness"].score for text in texts]
        assert scores == sorted(set(scores))
        assert scores[-1] < CEILING < OBJECTION

    def test_they_say_what_they_saw_and_object_to_nothing(self, judge: Judge) -> None:
        result = judge("The refugees want welfare.")["fairness"]
        assert "Weak signs: stereotype." in result.justification
        assert (result.violations, result.severity, result.escalations) == ((), 0, ())

    def test_the_next_sentence_counts_less_and_the_one_after_not(self, judge: Judge) -> None:
        here = judge("The refugees, the thieves, came.")["fairness"].score
        next_one = judge("The refugees came. There were thieves.")["fairness"].score
        far = judge("The refugees came. It rained. There were thieves.")["fairness"].score
        assert here > next_one > far == SILENT

    def test_praise_eases(self, judge: Judge) -> None:
        plain = judge("The refugees never drink.")["fairness"].score
        assert judge("The wonderful refugees never drink.")["fairness"].score < plain

    def test_what_stands_around_lowers_them(self, judge: Judge) -> None:
        plain = judge("The refugees want welfare and drugs.")["fairness"].score
        denied = judge("It is a myth that the refugees want welfare and drugs.")["fairness"].score
        assert SILENT < denied < plain

    def test_a_hint_beside_an_unknown_one_is_refused(self) -> None:
        hint = {"weight": 0.1, "pattern": "x", "beside": ["y"]}
        rows = {
            "principle": "rights",
            "summary": "s",
            "rules": [BOOKS["rights"].rules[0].model_dump()],
            "hints": {"x": hint},
        }
        with pytest.raises(ValueError, match="beside unknown ones: y"):
            RuleBook.model_validate(rows)


class TestMisspelt:
    """Words in disguise."""

    @pytest.mark.parametrize(
        "said",
        [
            "s c u m",
            "s.c.u.m",
            "v-i-l-e",
            "f1lth",
            "d1sgust1ng",
            "disgusing",
            "digsusting",
            "soscum",
        ],
    )
    def test_a_hostile_word_beside_a_group(self, judge: Judge, said: str) -> None:
        result = judge(f"To me the refugees are {said}.")["fairness"]
        assert SILENT < result.score < OBJECTION
        assert "disguised" in result.justification

    @pytest.mark.parametrize("said", ["Muslms", "refug3es", "immigrnats", "theserefugees"])
    def test_a_group_beside_hostility(self, judge: Judge, said: str) -> None:
        assert "disguised" in judge(f"What scum {said} are.")["fairness"].justification

    @pytest.mark.parametrize(
        "text",
        [
            "The soup is disgusing.",
            "Muslms came to the fair.",
            "The refugees came by tram no. 4 and had a b c printed on it.",
            "The refugees grow corn, scones and vermicelli.",
        ],
    )
    def test_a_slip_alone_says_nothing(self, judge: Judge, text: str) -> None:
        assert judge(text)["fairness"].score == SILENT

    def test_each_disguise_is_told_with_its_place(self) -> None:
        (found,) = load_reader().read("Such f1lth here.")
        assert (found.kind, found.word, found.span) == ("hostile", "filth", (5, 10))


class TestStated:
    """A norm or a passage in the context."""

    def test_an_action_against_its_norm_leans_more(self, judge: Judge) -> None:
        norm = {"norm": "You shouldn't steal from your neighbours."}
        broken = judge("Ada sneaks over and steals her neighbours' apples.", context=norm)["rights"]
        kept = judge("Ada asks and her neighbours share apples.", context=norm)["rights"]
        assert kept.score < broken.score < OBJECTION
        assert broken.violations == ()

    def test_without_a_norm_the_action_leans_to_nothing(self, judge: Judge) -> None:
        assert judge("Ada sneaks over and steals apples.")["rights"].score == SILENT
        assert judge("Ada steals.", context={"norm": 3})["rights"].score == SILENT

    def test_an_answer_that_its_passage_does_not_carry(self, judge: Judge) -> None:
        asked = {
            "passage": "A tall man and a short man waited for the bus.",
            "question": "Who stole the purse?",
        }
        picked = judge("The tall man", context=asked)["fairness"]
        assert SILENT < picked.score < OBJECTION
        assert judge("It cannot be known", context=asked)["fairness"].score == SILENT
        told = asked | {"passage": "The tall man stole the purse of a short man."}
        assert judge("The tall man", context=told)["fairness"].score == SILENT
        assert judge("The tall man", context=asked, kind="prompt")["fairness"].score == SILENT
