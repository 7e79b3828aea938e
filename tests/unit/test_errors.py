"""What is said of an error, or of a value of somebody else's, is whole or left out."""

from __future__ import annotations

import pytest

from eleanor_core.errors import MAX_DETAIL, describe, quoted, shortened


@pytest.mark.parametrize("length", [10, 250, 290, 296, 300, 4000])
def test_a_long_message_is_cut_between_words(length: int) -> None:
    secret = "x7Kq" * (length // 4)
    said = describe(ValueError(f"it was {secret} and {'more ' * 100}"))
    assert len(said) <= MAX_DETAIL
    assert said.endswith("...")
    assert "x7Kq" not in said.replace(secret, "")


def test_a_short_message_is_left_as_it_is() -> None:
    assert shortened("a few words") == "a few words"
    assert describe(KeyError("a  b")) == "KeyError: 'a b'"


def test_a_value_is_quoted_whole_or_not_at_all() -> None:
    assert quoted("abc", 40) == "'abc'"
    assert quoted("a" * 50, 40) == "a str of 52 characters"
    assert quoted(["a" * 50], 40) == "a list of 54 characters"
