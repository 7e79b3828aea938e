"""The tokenizer: the ids that the reference gives, held in `golden.json`, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eleanor_embedders_minilm import wordpiece
from eleanor_embedders_minilm.weights import vocabulary
from eleanor_embedders_minilm.wordpiece import WordPiece
from hypothesis import given, settings
from hypothesis import strategies as st

VOCABULARY = vocabulary()
CUT = WordPiece(VOCABULARY)
GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text("utf-8"))["tokens"]
"""Texts of our own and their ids by Hugging Face's `tokenizers` 0.23 from the model's own file."""


def pieces(text: str) -> list[str]:
    return [VOCABULARY[place] for place in CUT(text)]


@pytest.mark.parametrize("item", GOLDEN, ids=lambda item: ascii(item["text"][:24]))
def test_ids_are_those_of_the_reference(item: dict[str, Any]) -> None:
    assert CUT(item["text"]) == item["ids"]


@pytest.mark.parametrize("token", ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[unused7]"])
def test_a_special_token_in_a_text_is_text(token: str) -> None:
    assert VOCABULARY.index(token) not in CUT(f"before {token} after")
    assert pieces(token)[0] == "["


def test_a_word_of_more_than_100_characters_is_unknown_as_a_whole() -> None:
    assert pieces("x" * 101) == ["[UNK]"]
    assert "[UNK]" not in pieces("x" * 100)


def test_accents_and_case_do_not_count() -> None:
    assert CUT("ÉCLAIR") == CUT("e\u0301clair") == CUT("eclair")


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_has_ids_of_the_vocabulary(text: str) -> None:
    ids = CUT(text)
    assert all(0 <= place < len(VOCABULARY) for place in ids)
    assert CUT(f" {text} ") == ids


def test_what_it_remembers_is_bounded() -> None:
    CUT("".join(map(chr, range(0x3400, 0x3400 + 25_000))))
    CUT("".join(f"w{number:x} " for number in range(25_000)))
    assert len(wordpiece._CHARACTERS) <= 20_000
    assert CUT._parts.cache_info().currsize <= 20_000
