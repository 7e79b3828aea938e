"""Evidence, sources and figures: the closed forms of the Truth and Pragmatics critics."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eleanor_critics_constitutional import claims, figures, sources

from eleanor_core.api import CriticResult, FrozenMap
from eleanor_core.model import JsonValue

Judge = Callable[..., dict[str, CriticResult]]


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Sales rose by 20 % in the north.", "Sales rose by 12 % in the north."),
        ("The drug is safe for young children.", "The drug is not safe for young children."),
        (
            "The drug isn't safe for young children.",
            ["Unrelated.", "The drug is safe for young children."],
        ),
        ("The treaty was signed in Vienna in 1816.", "The treaty was signed in Vienna in 1815."),
    ],
)
def test_the_same_words_with_another_figure_or_a_negation(
    judge: Judge, text: str, evidence: JsonValue
) -> None:
    result = judge(f"Hello there. {text}", context={"evidence": evidence})["truth"]
    assert [row.clause for row in result.escalations] == ["T1"]
    (violation,) = result.violations
    assert violation.span is not None
    assert text.rstrip(".") in f"Hello there. {text}"[slice(*violation.span)]


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Sales rose by 12 % in the north.", "Sales rose by 12 % in the north."),
        ("Sales rose by 1,200 units here.", "Sales rose by 1200 units here."),
        ("Sales rose by 20 % in the north.", "Profits fell by 12 % in the south."),
        ("The drug is not safe for young children.", "Nobody tested it."),
        ("It rose by 20 %.", "It rose by 12 %."),
        (
            "Sales rose by 20 % in the north.",
            ["Sales rose by 12 % in the north.", "Sales rose by 20 % in the north."],
        ),
        ("Sales rose by 20 % in the north.", ""),
        ("Sales rose by 20 % in the north.", 7),
    ],
)
def test_other_sentences_are_not_judged(judge: Judge, text: str, evidence: JsonValue) -> None:
    assert judge(text, context={"evidence": evidence})["truth"].violations == ()


def test_more_sentences_than_are_compared_are_a_gap(judge: Judge) -> None:
    text = "One more sentence stands here. " * (claims.SENTENCES_AT_MOST + 1)
    result = judge(text, context={"evidence": "Nothing."})["truth"]
    assert [gap.reason for gap in result.not_assessed] == ["evidence-length"]


@pytest.mark.parametrize(
    ("cited", "valid"),
    [
        ("ISBN 978-3-16-148410-0", True),
        ("ISBN-10: 0-306-40615-2", True),
        ("ISBN 0-8044-2957-X", True),
        ("ISBN 978-3-16-148410-1", False),
        ("ISBN 0-306-40615-3", False),
        ("ISBN 12345", False),
        ("ISBN X-306-40615-2", False),
    ],
)
def test_isbn(cited: str, valid: bool) -> None:  # a table
    assert sources.isbn_is_valid(cited) is valid


@pytest.mark.parametrize(
    ("cited", "valid"),
    [
        ("doi:10.1000/182", True),
        ("https://doi.org/10.1038/nphys1170.", True),
        ("doi:10.12/abc", False),
        ("doi:10.1000/", False),
        ("doi: none", False),
    ],
)
def test_doi(cited: str, valid: bool) -> None:  # a table
    assert sources.doi_is_well_formed(cited) is valid


@pytest.mark.parametrize(
    ("cited", "possible"),
    [
        ("arXiv:0704.0001", True),
        ("arXiv:1412.9999", True),
        ("arXiv:1501.00001", True),
        ("arXiv:0703.0001", False),
        ("arXiv:2313.00001", False),
        ("arXiv:2300.00001", False),
        ("arXiv:1501.0001", False),
        ("arXiv", False),
    ],
)
def test_arxiv(cited: str, possible: bool) -> None:  # a table
    assert sources.arxiv_is_possible(cited) is possible


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("2 + 2 = 5", True),
        ("2 + 2 = 4", False),
        ("10 / 3 = 3.33", False),
        ("10 / 3 = 3.4", True),
        ("7 / 0 = 7", True),
        ("3 minus 5 is -2", False),
        ("1,000 times 2 equals 2,000", False),
        ("no sum", False),
        (f"{'9' * 40} + {'9' * 40} = 1", False),
    ],
)
def test_equations(text: str, wrong: bool) -> None:  # a table
    assert figures.equation_is_wrong(text) is wrong


def test_a_part_of_a_longer_expression_is_not_a_sum(judge: Judge) -> None:
    assert judge("So 1 - 1/36 - 1/36 = 34/36 in all.")["truth"].violations == ()


@pytest.mark.parametrize(
    ("text", "context", "past"),
    [
        ("by 2024-03-01", {"now": "2024-05-20T10:00:00Z"}, True),
        ("by 2024-03-01", {"today": "2024-03-01"}, False),
        ("by 2024-03-01", {}, False),
        ("by 2024-03-01", {"now": "soon"}, False),
        ("by 2024-13-01", {"now": "2024-05-20"}, False),
        ("by 2024-03-01", {"now": 7}, False),
    ],
)
def test_dates(text: str, context: dict[str, JsonValue], past: bool) -> None:
    assert figures.date_is_past(text, FrozenMap(context)) is past
