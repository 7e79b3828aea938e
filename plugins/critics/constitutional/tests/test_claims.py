"""Truth: a text beside its evidence, a text without any, a text against itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eleanor_critics_constitutional import claims, support
from eleanor_critics_constitutional.critic import SILENT
from eleanor_critics_constitutional.facts import Facts, load_grammar
from eleanor_critics_constitutional.rules import RuleFileError

from eleanor_core.api import CriticResult
from eleanor_core.model import JsonValue

Judge = Callable[..., dict[str, CriticResult]]
OBJECTION = 0.5

FACTS = Facts(load_grammar())
COMPARISON = support.Comparison(support.load_opposites())


def said(text: str) -> list[claims.Claim]:
    return claims.claims_of((text,))[0]


def reasons(result: CriticResult) -> set[str]:
    return {gap.reason for gap in result.not_assessed}


class TestContradiction:
    """Nearly the same words, and one thing that differs."""

    @pytest.mark.parametrize(
        ("text", "evidence"),
        [
            ("Sales rose by 20 % in the north.", "Sales rose by 12 % in the north."),
            ("Sales rose by 20 % in the north.", "In spring sales in the north rose by 12 %."),
            (
                "The treaty was signed in Vienna in 1816.",
                "The treaty was signed in Vienna in 1815.",
            ),
            ("Fewer than 50 guests came to the inn.", "62 guests came to the inn."),
            ("Twelve guests came to the inn.", "Nine guests came to the inn."),
            ("The tower is 900 feet tall.", "The tower is 324 m tall."),
            ("The drug is safe for young children.", "The drug is not safe for young children."),
            (
                "The drug isn't safe for young children.",
                ["Unrelated.", {"text": "The drug is safe for young children."}],
            ),
            ("Prices fell last year.", "Prices rose last year."),
            ("The inn is closed on Mondays.", "The inn is open on Mondays."),
        ],
    )
    def test_is_found_and_placed(self, judge: Judge, text: str, evidence: JsonValue) -> None:
        result = judge(f"Hello there. {text}", context={"evidence": evidence})["truth"]
        assert [row.clause for row in result.escalations] == ["T1"]
        (violation,) = result.violations
        assert violation.span is not None
        assert f"Hello there. {text}"[slice(*violation.span)] == text

    def test_another_name_is_an_objection_that_does_not_escalate(self, judge: Judge) -> None:
        text, evidence = "Lima is the capital of Chile.", "Lima is the capital of Peru."
        result = judge(text, context={"evidence": evidence})["truth"]
        assert [row.clause for row in result.violations] == ["T1"]
        assert result.score >= OBJECTION
        assert result.escalations == ()
        assert "'chile'" in result.violations[0].rationale

    def test_the_longer_evidence_is_the_less_sure_it_is(self) -> None:
        text = "The bridge opened in 1932."
        short = COMPARISON.weigh(text, ["The bridge opened in 1937."])
        long = COMPARISON.weigh(
            text, ["After six years of work the bridge opened in 1937, and the ferry closed."]
        )
        assert short.contradictions[0].score > long.contradictions[0].score >= OBJECTION

    @pytest.mark.parametrize(
        ("text", "evidence"),
        [
            ("Sales rose by 12 % in the north.", "Sales rose by 12 % in the north."),
            ("Sales rose by 1,200 units here.", "Sales rose by 1200 units here."),
            ("Sales rose by 20 % in the north.", "Profits fell by 12 % in the south."),
            ("The tower is 1,063 feet tall.", "The tower is 324 m tall."),
            ("The tower is about 320 m tall.", "The tower is 324 m tall."),
            ("More than 50 guests came to the inn.", "62 guests came to the inn."),
            ("The drug is not safe for young children.", "Nobody tested it."),
            ("No, the drug is safe for young children.", "The drug is safe for young children."),
            ("Prices did not rise in the north.", "Prices fell in the north."),
            ("Is the drug not safe for young children?", "The drug is safe for young children."),
            ("It rose by 20 %.", "It rose by 12 %."),
            (
                "Sales rose by 20 % in the north.",
                ["Sales rose by 12 % in the north.", "Sales rose by 20 % in the north."],
            ),
        ],
    )
    def test_is_not_made_up(self, judge: Judge, text: str, evidence: JsonValue) -> None:
        result = judge(text, context={"evidence": evidence})["truth"]
        assert result.violations == ()
        assert result.score < OBJECTION

    @pytest.mark.parametrize("evidence", ["", "  ", 7, [], [3], {"title": "No text"}])
    def test_what_is_no_evidence_counts_as_none(self, judge: Judge, evidence: JsonValue) -> None:
        result = judge("The canal was dug in 1825.", context={"evidence": evidence})["truth"]
        assert reasons(result) == {"no-evidence"}


class TestSupport:
    """Below an objection, what the evidence holds of a text orders the texts."""

    EVIDENCE = "The canal was dug in 1825 by 3,000 workers from Ghent."

    def doubt(self, text: str) -> float:
        return COMPARISON.weigh(text, [self.EVIDENCE]).doubt

    def test_the_less_is_borne_out_the_higher_the_score(self) -> None:
        whole, half, none = (
            self.doubt("The canal was dug in 1825."),
            self.doubt("The canal was dug in 1825 for the king and his bakers."),
            self.doubt("Herons nest on the roof."),
        )
        assert 0.0 == whole < half < none < OBJECTION - SILENT

    def test_a_negation_on_one_side_and_an_opposite_add_to_it(self) -> None:
        same = "Canals rose"
        plain = COMPARISON.weigh(f"{same} in spring here.", ["Canals rose, say locals."])
        denied = COMPARISON.weigh(f"{same} in spring here, not.", ["Canals rose, say locals."])
        opposed = COMPARISON.weigh("Canals fell in spring here.", ["Canals rose, say locals."])
        assert plain.doubt < denied.doubt
        assert plain.doubt < opposed.doubt

    def test_of_what_it_holds_nothing_a_fact_is_a_gap(self, judge: Judge) -> None:
        context = {"evidence": self.EVIDENCE}
        assert reasons(judge("Herons are birds.", context=context)["truth"]) == {"not-in-evidence"}
        assert reasons(judge("Feed the herons.", context=context)["truth"]) == set()
        assert reasons(judge("The canal is old.", context=context)["truth"]) == set()

    def test_more_than_is_compared_is_a_gap(self, judge: Judge) -> None:
        sentence = "One more sentence stands here. "
        for text in (sentence * (claims.SENTENCES_AT_MOST + 1), "x" * claims.LENGTH_AT_MOST + " y"):
            result = judge(text, context={"evidence": sentence})["truth"]
            assert "evidence-length" in reasons(result)

    def test_opposites_that_are_no_list_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(support, "read_yaml", lambda _: {"hot": "cold"})
        with pytest.raises(RuleFileError, match="not a list"):
            support.load_opposites()


class TestQuotation:
    """Words put into somebody's mouth."""

    EVIDENCE = "The warden said that one boat was sold, and that no other would be."

    def test_that_the_evidence_does_not_hold(self, judge: Judge) -> None:
        text = 'As the warden said, "every boat in the harbour is sold".'
        result = judge(text, context={"evidence": self.EVIDENCE})["truth"]
        assert [row.clause for row in result.violations] == ["T2"]
        assert result.escalations == ()

    @pytest.mark.parametrize(
        "text",
        [
            'The warden said: "One boat was sold, and no other would be."',
            'The warden said "that one boat was sold".',
            'The boat is called "the pride of all the north".',
            'The warden said "never".',
        ],
    )
    def test_that_it_holds_or_that_nobody_said(self, judge: Judge, text: str) -> None:
        evidence = [self.EVIDENCE, "One boat was sold, and no other would be, it says."]
        result = judge(text, context={"evidence": evidence})["truth"]
        assert "T2" not in {row.clause for row in result.violations}

    def test_evidence_in_which_nobody_speaks_says_nothing_of_it(self, judge: Judge) -> None:
        text = 'The warden said "every boat in the harbour is sold".'
        result = judge(text, context={"evidence": "Herons nest on the roof."})["truth"]
        assert result.violations == ()


class TestWithoutEvidence:
    """Which sentences state a fact that somebody could look up."""

    @pytest.mark.parametrize(
        "text",
        [
            "Paris is the capital of France.",
            "The tower was built in 1889.",
            "Mount Everest is 8,849 metres tall.",
            "Water boils at 100 °C.",
            "Smoking causes cancer.",
            "Aspirin cures diabetes.",
            "All swans have feathers.",
            "The library opens at nine.",
            "Take a seat. The museum closed in spring.",
        ],
    )
    def test_a_fact_is_a_gap(self, judge: Judge, text: str) -> None:
        result = judge(text)["truth"]
        assert reasons(result) == {"no-evidence"}
        assert result.violations == ()
        assert SILENT < result.score < 0.1

    @pytest.mark.parametrize(
        "text",
        [
            "Take out the trash.",
            "You must wear a seat belt.",
            "Preheat the oven to 180 degrees.",
            "Add 3 cups of flour, then stir.",
            "Please close the door when it is cold.",
            "Open the file and save it.",
            "Turn left at the church; it is closed.",
            "Explain how the tower was built.",
            "Hello there, how are you?",
            "Good morning!",
            "Thank you for your help.",
            "Let's meet at noon.",
            "I think this film is wonderful.",
            "The soup is delicious.",
            "My cat is asleep.",
            "I like tea.",
            "Everyone should vote.",
            "If it rains, the match is off.",
            "Is Paris the capital of France?",
            "",
        ],
    )
    def test_an_instruction_a_greeting_an_opinion_is_none(self, judge: Judge, text: str) -> None:
        result = judge(text)["truth"]
        assert result.not_assessed == ()
        assert result.score == SILENT

    def test_a_prompt_states_nothing_of_ours(self, judge: Judge) -> None:
        result = judge("Paris is the capital of France.", kind="prompt")["truth"]
        assert (result.not_assessed, result.score) == ((), SILENT)

    @pytest.mark.parametrize(
        ("text", "question", "stated"),
        [
            ("Ann Lee", "Who dug the canal?", True),
            ("In the spring of 1825", "When was the canal dug?", True),
            ("Nine", "How many locks are there?", True),
            ("Ann Lee", "Greet somebody.", False),
            ("Lamps and tea", "What do you like?", False),
        ],
    )
    def test_a_few_words_can_answer_a_question_of_fact(
        self, text: str, question: str, stated: bool
    ) -> None:
        assert FACTS.read(said(text), question).stated is stated

    @pytest.mark.parametrize(
        ("less", "more", "question"),
        [
            ("It may be cold there.", "It is cold there.", "What is it like?"),
            ("Herons do not eat bread.", "Herons eat bread.", "Do herons eat bread?"),
        ],
    )
    def test_a_plain_statement_says_more_than_a_hedge_or_a_denial(
        self, less: str, more: str, question: str
    ) -> None:
        assert FACTS.read(said(less), question).doubt < FACTS.read(said(more), question).doubt

    def test_some_tasks_are_often_done_wrong(self) -> None:
        plain = FACTS.read(said("It is blue."), "Which colour is it?").doubt
        for question in (
            "Calculate the area of the field.",
            "Cite a verse on rain.",
            "Sum up https://example.com/rain for me.",
            "What is the latest on the flood?",
            "Who reigned in 1466?",
        ):
            assert plain < FACTS.read(said("It is blue."), question).doubt < OBJECTION
        assert FACTS.read(said("The king is blue."), "Write a poem.").doubt == 0.0

    def test_the_text_may_say_that_it_knows_nothing_newer(self, judge: Judge) -> None:
        text = "As of my last update, the mayor is Ann Lee."
        assert "stale" in reasons(judge(text)["truth"])


class TestAgainstItself:
    """A text that denies in the same words what it states."""

    def test_is_found_at_the_denial(self, judge: Judge) -> None:
        text = "The inn is open in winter. Tea is served. The inn is not open in winter."
        result = judge(text)["truth"]
        assert [row.clause for row in result.violations] == ["T1"]
        assert result.violations[0].span == (42, len(text))

    @pytest.mark.parametrize(
        "text",
        [
            "The inn is open in winter. The inn is not open in summer.",
            "The inn is not open in winter. The inn isn't open in winter.",
            "Is the inn open in winter? The inn is not open in winter.",
            "Ann: the inn is open in winter.\nAnn: the inn is not open in winter.",
            "It is so. It is not so.",
        ],
    )
    def test_is_not_made_up(self, judge: Judge, text: str) -> None:
        assert judge(text)["truth"].violations == ()
