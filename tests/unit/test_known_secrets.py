"""Known secrets: found in every writing, never held in the open, never at the price of the world."""

from __future__ import annotations

import base64

import pytest
from canary.birds import KNOWN
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.evidence import KnownSecrets, Redactor
from eleanor_core.evidence.known import KEPT, MOST_ORIGINS, is_telling
from eleanor_core.model import SecretValue

VALUE = "x7Kq/93mZ+pT&4vW"
secrets = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=8, max_size=90)


def knowing(*values: str) -> Redactor:
    known = KnownSecrets()
    for number, value in enumerate(values):
        known.learn(str(number), (SecretValue(value),))
    return Redactor((), known)


@pytest.mark.parametrize("name", KNOWN)
def test_every_writing_is_masked_to_its_length(name: str) -> None:
    written = KNOWN[name](VALUE)
    masked = knowing(VALUE).text(f"before {written} after")
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert len(masked) == len(f"before {written} after")
    inner = masked[7:-6]
    assert sum(char.isalnum() for char in inner) == 0


@given(value=secrets.filter(is_telling), write=st.sampled_from([*KNOWN]), beside=st.text())
def test_any_value_is_found_in_any_writing(value: str, write: str, beside: str) -> None:
    written = KNOWN[write](value)
    redactor = knowing(value)
    text = f"{beside} {written} {beside}".encode(errors="replace").decode()
    masked = redactor.text(text)
    assert len(masked) == len(text)
    assert redactor.text(masked) == masked
    # As far as its letters go: punctuation at its ends may stay.
    assert value not in masked
    assert written not in masked


@given(
    ends=st.lists(st.text("aA1/é", max_size=30), min_size=2, max_size=5),
    write=st.sampled_from([*KNOWN]),
)
def test_values_that_begin_alike_are_each_found_to_their_end(ends: list[str], write: str) -> None:
    values = [VALUE + end for end in ends]
    together = knowing(*values)
    for value in values:
        text = f"{VALUE} before {KNOWN[write](value)} after"
        alone = zip(knowing(value).text(text), together.text(text), strict=True)
        assert all(other == "*" for one, other in alone if one == "*")


@given(text=st.text())
def test_what_holds_no_secret_is_left_as_it_is(text: str) -> None:
    redactor = knowing(VALUE)
    assert redactor.text(text) is text


def test_a_value_over_neighbours_is_found_and_others_keep_their_words() -> None:
    value = {"a": ["one", VALUE[:7], VALUE[7:], "two"], VALUE: VALUE[:5]}
    masked = knowing(VALUE).value(value)
    assert masked == {"a": ["one", "*" * 7, "*" * 9, "two"], "*" * 16: VALUE[:5]}


def test_a_value_that_was_cut_off_is_known_by_its_beginning() -> None:
    for length in range(9, len(VALUE)):
        assert VALUE[:9] not in knowing(VALUE).text(f"got {VALUE[:length]}...")


def test_a_part_of_a_long_value_is_found() -> None:
    long = base64.b64encode(bytes(range(256))).decode()
    for start in range(0, 240, 24):
        assert knowing(long).text(long[start : start + 48]) != long[start : start + 48]


@pytest.mark.parametrize(
    "plain",
    [
        *("", "short", "1234567", "password", "kubernetes", "PRODUCTION", "correct horse"),
        *("us-east-db", "aaaaaaaaaaaa", "-----------", "a.b.c.d.e.f", "Bearer Token"),
        "\ud800abcdef123",
    ],
)
def test_a_value_that_anybody_writes_is_not_looked_for(plain: str) -> None:
    known = KnownSecrets()
    assert not known.learn("here", (SecretValue(plain),))
    text = f"the {plain} of it".encode(errors="replace").decode()
    assert Redactor((), known).text(text) == text


def test_of_one_origin_the_newest_values_are_kept() -> None:
    known = KnownSecrets()
    values = [f"{VALUE}{number}{number}" for number in range(10, 22)]
    for value in values:
        known.learn("here", (SecretValue(value[::-1]),))
    redactor = Redactor((), known)
    masked = [redactor.text(value[::-1]) != value[::-1] for value in values]
    assert masked == [False] * (len(values) - KEPT) + [True] * KEPT


def test_memory_is_bounded() -> None:
    known = KnownSecrets()
    for number in range(MOST_ORIGINS + 5):
        known.learn(str(number), (SecretValue("plain"),))
    assert repr(known) == f"<{MOST_ORIGINS} known secrets>"
