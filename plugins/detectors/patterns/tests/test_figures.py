"""The arithmetic behind the detectors: calendars, units, check digits, syllables."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from eleanor_detectors_patterns.citations import CHECKS as CITED
from eleanor_detectors_patterns.citations import isbn_is_valid, issn_is_valid, url_is_well_formed
from eleanor_detectors_patterns.language import MOST_PASSAGES, PASSAGE, pieces
from eleanor_detectors_patterns.personal_data import spanish
from eleanor_detectors_patterns.quantities import exists, wrong_sum, wrong_weekday
from eleanor_detectors_patterns.readability import measured, sentences, syllables
from eleanor_detectors_patterns.units import UNITS, conversion_is_wrong
from eleanor_detectors_patterns.wording import asked, denied, quoted, sentence, supposed
from hypothesis import given
from hypothesis import strategies as st


@given(st.dates(min_value=date(1800, 1, 1)))
def test_every_day_of_the_calendar_exists_and_has_its_weekday(day: date) -> None:
    assert exists(day.year, day.month, day.day)
    right = f"{day:%A}, {day.day} {day:%B %Y}"
    wrong = f"{day + timedelta(1):%A}, {day.day} {day:%B} {day.year:04}"
    assert wrong_weekday(right, (0, len(right))) is None
    assert wrong_weekday(wrong, (0, len(wrong))) == (0, len(wrong))


@pytest.mark.parametrize(("year", "leap"), [(1900, False), (2000, True), (2023, False)])
def test_leap_years(year: int, leap: bool) -> None:
    assert exists(year, 2, 29) is leap
    assert exists(None, 2, 29)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6), st.integers(-5, 5), st.booleans())
def test_a_sum_is_wrong_only_if_it_is(terms: list[int], error: int, commas: bool) -> None:
    shown = [f"{term:,}" if commas else str(term) for term in terms]
    text = f"{' + '.join(shown)} = {sum(terms) + error}"
    assert (wrong_sum(text, (0, len(text))) is None) is (error == 0)


@given(
    st.decimals(Decimal("0.5"), Decimal(900), places=1),
    st.sampled_from([("km", "miles"), ("kg", "lb"), ("m", "feet"), ("litres", "gallons")]),
)
def test_a_conversion_is_wrong_only_if_it_is(value: Decimal, pair: tuple[str, str]) -> None:
    unit, other = pair
    turned = value * UNITS[unit][1] / UNITS[other][1]
    assert not conversion_is_wrong(f"{value} {unit} ({turned:.2f} {other})")
    assert conversion_is_wrong(f"{value} {unit} ({turned * 3 + 1:.2f} {other})")


@given(st.text("0123456789", min_size=9, max_size=9), st.integers(0, 8), st.integers(1, 9))
def test_the_check_digits_of_books_find_every_single_error(
    digits: str, place: int, error: int
) -> None:
    last = next(char for char in "0123456789X" if isbn_is_valid(digits + char))
    wrong = digits[:place] + str((int(digits[place]) + error) % 10) + digits[place + 1 :]
    assert not isbn_is_valid(wrong + last)
    long = next(
        "978" + digits + char for char in "0123456789" if isbn_is_valid("978" + digits + char)
    )
    assert not isbn_is_valid("978" + wrong + long[-1])


@given(st.text("0123456789", min_size=7, max_size=7), st.integers(0, 6), st.integers(1, 9))
def test_the_check_digit_of_journals_finds_every_single_error(
    digits: str, place: int, error: int
) -> None:
    last = next(char for char in "0123456789X" if issn_is_valid(digits + char))
    wrong = digits[:place] + str((int(digits[place]) + error) % 10) + digits[place + 1 :]
    assert not issn_is_valid(wrong + last)


@given(st.integers(0, 99_999_999))
def test_a_spanish_number_has_one_letter(number: int) -> None:
    texts = [f"{number:08}{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    assert sum(spanish(text, (0, len(text))) is not None for text in texts) == 1


@pytest.mark.parametrize(
    ("url", "sound"),
    [
        ("https://example.org", True),
        ("https://user:word@example.org:443/a?b#c", True),
        ("http://[2001:db8::1]:80/", True),
        ("http://münchen.example/", True),
        ("http://[2001:db8::1::2]/", False),
        ("http://exa mple.org", False),
        ("http://-a.org", False),
        ("http://a..org", False),
        ("http://1.2.3/", False),
        ("http://a.org:x/", False),
        ("http://a.org/%4", False),
        (f"http://{'a' * 64}.org/", False),
    ],
)
def test_urls(url: str, sound: bool) -> None:
    assert url_is_well_formed(url) is sound


def test_what_is_well_formed_is_never_malformed_too() -> None:
    for name in ("arxiv", "doi", "isbn", "issn", "pmid", "url"):
        for text in (
            "arXiv:1706.00001",
            "10.1000/182",
            "ISBN 080442957X",
            "https://a.org",
            "PMID 1",
        ):
            span = (0, len(text))
            assert not (CITED[name](text, span) and CITED[f"malformed_{name}"](text, span))


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("cat", 1), ("water", 2), ("table", 2), ("while", 1), ("the", 1), ("walked", 1),
        ("wanted", 2), ("beautiful", 3), ("need", 1), ("made", 1), ("makes", 1), ("rhythm", 1),
    ],
)  # fmt: skip
def test_syllables(word: str, count: int) -> None:
    assert syllables(word) == count


def test_sentences_end_at_stops_blank_lines_and_list_items() -> None:
    text = "Mr. Varga came, e.g. by car. Did he? Yes!\n\nA list:\n- one\n- two"
    assert [text[slice(*span)].strip() for span in sentences(text)] == [
        "Mr. Varga came, e.g. by car.", "Did he?", "Yes!", "", "A list:", "- one", "- two",
    ]  # fmt: skip


def test_the_formulas_are_those_of_flesch_and_kincaid() -> None:
    measure = measured("The cat sat on the mat. The dog ran to the big red barn.")
    assert measure is not None
    assert (measure.words, len(measure.sentences), measure.syllables) == (14, 2, 14)
    assert measure.ease == pytest.approx(206.835 - 1.015 * 7 - 84.6)
    assert measure.grade == pytest.approx(0.39 * 7 + 11.8 - 15.59)
    assert measured("... 12") is None


@given(st.text("ab \n我", max_size=3000))
def test_passages_cover_the_text_once(text: str) -> None:
    spans = list(pieces(text))
    assert "".join(text[slice(*span)] for span in spans) == text
    assert len(spans) <= max(MOST_PASSAGES, len(text) // PASSAGE) + 1


def test_what_stands_around_a_match() -> None:
    text = 'It rained. He said "I won, not lost" and left. If so, did he win? Yes.'
    won, lost, win = text.index("won"), text.index("lost"), text.index("win")
    assert text[slice(*sentence(text, (won, won + 3)))].startswith(" He said")
    assert quoted(text, (won, won + 3))
    assert not quoted(text, (win, win + 3))
    assert denied(text, (lost, lost + 4))
    assert not denied(text, (won, won + 3))
    assert asked(text, (win, win + 3))
    assert supposed(text, (win, win + 3))
    assert not asked(text, (won, won + 3))
