"""Figures, units, dates and identifiers: the closed forms that need no knowledge of the world."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eleanor_critics_constitutional import figures, sources
from eleanor_critics_constitutional.quantities import Quantity, quantities

from eleanor_core.api import CriticResult, FrozenMap
from eleanor_core.model import JsonValue

Judge = Callable[..., dict[str, CriticResult]]


def one(text: str) -> Quantity:
    (found,) = quantities(text)
    return found


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("5 km", "length", 5000.0),
        ("3.5 million people", "people", 3_500_000.0),
        ("twelve eggs", "egg", 12.0),
        ("12 per cent", "%", 12.0),
        ("$7 to rent", "$", 7.0),
        ("1,200", "number", 1200.0),
        ("1825", "year", 1825.0),
        ("1,825 tons", "ton", 1825.0),
        ("2 weeks", "time", 1_209_600.0),
        ("2 years", "months", 24.0),
        ("20 degrees Celsius", "temperature", 20.0),
    ],
)
def test_a_figure_has_a_kind_and_a_value(text: str, kind: str, value: float) -> None:
    found = one(text)
    assert (found.kind, found.value) == (kind, value)


def test_a_day_is_a_figure_of_its_own() -> None:
    assert [row.kind for row in quantities("on 3 May 1932")] == ["may", "year", "date"]
    assert [row.said for row in quantities("May 3rd") if row.kind == "date"] == ["May 3rd"]


@pytest.mark.parametrize(
    ("said", "known", "agree"),
    [
        ("5 km", "5,000 metres", True),
        ("5 km", "3.1 miles", True),
        ("5 km", "5.1 km", False),
        ("212 °F", "100 °C", True),
        ("in 1825", "in 1826", False),
        ("around 1825", "in 1829", True),
        ("about 100 eggs", "109 eggs", True),
        ("100 eggs", "109 eggs", False),
        ("over 100 eggs", "109 eggs", True),
        ("over 100 eggs", "70 eggs", False),
        ("at most 100 eggs", "70 eggs", True),
        ("under 100 eggs", "170 eggs", False),
    ],
)
def test_figures_agree(said: str, known: str, agree: bool) -> None:  # a table
    assert one(said).agrees(one(known)) is agree


@pytest.mark.parametrize("text", ["", "no figure", "version 1.2.3", "555-0199", "A4 paper"])
def test_what_is_no_figure(text: str) -> None:
    assert list(quantities(text)) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("10 km (6.2 miles)", False),
        ("10 km (9 miles)", True),
        ("10 km (2 km)", False),
        ("10 km (9 hours)", False),
        ("180 °C (356 °F)", False),
        ("180 °C (250 °F)", True),
        ("10 km", False),
    ],
)
def test_conversions(text: str, wrong: bool) -> None:  # a table
    assert figures.conversion_is_wrong(text) is wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Monday, 1 January 2024", False),
        ("Sunday, 1 January 2024", True),
        ("Thursday, July 4, 2024", False),
        ("Friday, July 4th 2024", True),
        ("2024-02-29 was a Thursday", False),
        ("2024-02-30 was a Thursday", False),
        ("Monday, 1 Brumaire 1801", False),
        ("Monday", False),
        ("1 January 2024", False),
    ],
)
def test_weekdays(text: str, wrong: bool) -> None:  # a table
    assert figures.weekday_is_wrong(text) is wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("from 200 to 300, an increase of 50", False),
        ("from 200 to 300, an increase of 20", True),
        ("from 30 to 40, a rise of 33", False),
        ("from 0 to 40, a rise of 40", False),
        ("from 200 to 300", False),
    ],
)
def test_changes(text: str, wrong: bool) -> None:  # a table
    assert figures.change_is_wrong(text) is wrong


@pytest.mark.parametrize(
    ("text", "too_long"),
    [
        ("takes 10 days, due in 2 days", True),
        ("takes 2 days, due in 10 days", False),
        ("takes 2 days, due in 3 hours", True),
        ("takes 2 days, due in 1 month", False),
        ("takes 2 days", False),
    ],
)
def test_waits(text: str, too_long: bool) -> None:  # a table
    assert figures.waits_too_long(text) is too_long


def test_years() -> None:
    assert figures.years_run_backwards("1902\u20131887")
    assert not figures.years_run_backwards("1887\u20131902")
    assert not figures.years_run_backwards("1902")
    assert figures.is_beyond("Lee 2031", FrozenMap({"today": "2024-01-01"}))
    assert not figures.is_beyond("Lee 2031", FrozenMap({}))
    assert not figures.is_beyond("Lee", FrozenMap({"today": "2024-01-01"}))


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
    ("cited", "valid"),
    [
        ("ISSN 0317-8471", True),
        ("e-ISSN 1050-124X", True),
        ("ISSN 0317-8472", False),
        ("ISSN 0317", False),
        ("ISSN X317-8471", False),
    ],
)
def test_issn(cited: str, valid: bool) -> None:  # a table
    assert sources.issn_is_valid(cited) is valid


@pytest.mark.parametrize(
    ("cited", "valid"),
    [
        ("0000-0002-1825-0097", True),
        ("0000-0002-1694-233X", True),
        ("0000-0002-1825-0090", False),
        ("0000-0002", False),
    ],
)
def test_orcid(cited: str, valid: bool) -> None:  # a table
    assert sources.orcid_is_valid(cited) is valid


def test_pages() -> None:
    assert sources.pages_run_backwards("pp. 240-215")
    assert not sources.pages_run_backwards("pp. 215-240")
    assert not sources.pages_run_backwards("pp. 145-52")
    assert not sources.pages_run_backwards("p. 3")


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
