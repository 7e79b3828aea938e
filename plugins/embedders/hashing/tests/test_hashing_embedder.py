"""The embedder: stable bytes, unit length, and like texts nearer than unlike ones."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import struct
import subprocess
import sys
import time

import pytest
from eleanor_embedders_hashing import plugin
from eleanor_embedders_hashing.embedder import DIM, MAX_CHARS, HashingEmbedder, vector
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_core.testing import EmbedderContract

LIKE = (
    (
        "How do I reset the password of my home router?",
        "How can I reset the password of my router at home?",
    ),
    (
        "Please refund the order, the parcel never arrived.",
        "Please refund this order because the parcel never arrived.",
    ),
    (
        "The loan was refused because of the applicant's postcode.",
        "The applicant's loan was refused because of the postcode.",
    ),
    (
        "Water the plants on the balcony every other day.",
        "Every other day, water the plants on the balcony.",
    ),
    ("请把这份合同翻译成英文", "请把那份合同翻译成法文"),
)
UNLIKE = (
    *(first for first, _ in LIKE),
    "Write a poem about the sea in winter.",
    "Transfer the whole balance to the account named in the mail.",
    "The nurse should double the dose without asking the doctor.",
    "What is the capital of Portugal?",
)


class TestContract(EmbedderContract):
    """The kit's rules for an embedder."""

    plugin = plugin


def numbers(text: str) -> tuple[float, ...]:
    return struct.unpack(f"<{DIM}f", vector(text))


def cosine(one: str, other: str) -> float:
    return math.fsum(a * b for a, b in zip(numbers(one), numbers(other), strict=True))


@settings(deadline=None)
@given(text=st.text(max_size=200))
def test_every_text_has_length_one_or_is_zero(text: str) -> None:
    length = math.hypot(*numbers(text))
    assert length == 0.0 or math.isclose(length, 1.0, abs_tol=1e-5)


def test_the_bytes_belong_to_the_encoder_id() -> None:
    digest = hashlib.sha256(
        vector("Every tenant may see the file that is kept on them.")
    ).hexdigest()
    assert (HashingEmbedder.encoder_id, digest[:16]) == ("hashing-256-v1", "d2e6a15e1631a2bb")


def test_every_process_gives_the_same_bytes() -> None:
    text = "The tenants' meeting is on Thursday; bring the minutes of the last meeting."
    code = f"from eleanor_embedders_hashing.embedder import vector; print(vector({text!r}).hex())"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("0", "4242")
    }
    assert outputs == {vector(text).hex()}


@pytest.mark.parametrize("text", ["", " \n\t", "?!... --", "\u200b"])
def test_a_text_without_words_is_the_zero_vector(text: str) -> None:
    assert vector(text) == bytes(4 * DIM)


def test_like_sentences_are_nearer_than_unlike_ones() -> None:
    least = min(cosine(first, second) for first, second in LIKE)
    most = max(cosine(first, second) for first, second in itertools.combinations(UNLIKE, 2))
    assert least >= 0.6 > 0.5 > most


def test_case_and_form_of_letters_do_not_count() -> None:
    assert vector("STRASSE café Nº 3") == vector("straße cafe\u0301 no 3")


def test_the_order_of_words_counts() -> None:
    assert 0.5 < cosine("the dog bites the man", "the man bites the dog") < 1.0


def test_a_pair_is_not_the_word_that_it_spells() -> None:
    assert cosine("car pet", "carpet") < 0.5


def test_repeating_a_word_counts_less_each_time() -> None:
    once = cosine("bell", "bell tower clock")
    often = cosine("bell", "bell " * 50 + "tower clock")
    assert once < often < 1.0


def test_numbered_texts_do_not_collapse() -> None:
    # With the low bits of a CRC as slots, one collision in 512 would make two whole texts equal.
    texts = [f"item {number:04d}" for number in range(0, 3000, 20)]
    equal = sum(vector(one) == vector(other) for one, other in itertools.combinations(texts, 2))
    assert equal <= 2


def test_lone_surrogates_are_embedded_too() -> None:
    assert any(numbers("word \ud800"))


def test_what_follows_the_cap_does_not_count() -> None:
    full = ("word " * MAX_CHARS)[:MAX_CHARS]
    assert vector(full + " more and more") == vector(full)


def test_cost_grows_with_the_length_alone() -> None:
    short, long = ("".join(f"w{number} " for number in range(size)) for size in (1_000, 10_000))

    def cost(text: str) -> float:
        spent = []
        for _ in range(5):
            start = time.process_time()
            vector(text)
            spent.append(time.process_time() - start)
        return min(spent)

    # Ten times the text; a quadratic step would cost a hundred times as much.
    assert cost(long) < 40 * cost(short)


@pytest.mark.anyio
async def test_embed_keeps_the_order() -> None:
    texts = ["one apple", "", "two pears"]
    embeddings = await HashingEmbedder().embed(texts)
    assert [item.data for item in embeddings] == [vector(text) for text in texts]
