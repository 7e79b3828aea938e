"""The embedder: stable bytes, unit length, like texts nearer than unlike ones, its own table."""

from __future__ import annotations

import hashlib
import itertools
import math
import struct
from pathlib import Path

import numpy as np
import pytest
from eleanor_embedders_static import embedder, plugin
from eleanor_embedders_static.embedder import DIM, FOLDER, MAX_CHARS, StaticEmbedder, TableError
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_core.testing import EmbedderContract

LIKE = (
    ("How do I reset the password of my router?", "I forgot my router's password. What now?"),
    ("Please refund the order, the parcel never came.", "The package did not arrive: money back."),
    ("Turn the lights off in the kitchen.", "Switch off the kitchen lamp."),
    ("The doctor prescribed a higher dose.", "A physician raised the dosage."),
    ("请把这份合同翻译成英文", "请把那份合同翻译成法文"),
)
UNLIKE = (
    *(first for first, _ in LIKE),
    "Write a poem about the sea in winter.",
    "Transfer the whole balance to the account named in the mail.",
    "What is the capital of Portugal?",
)

EMBEDDER = StaticEmbedder()


class TestContract(EmbedderContract):
    """The kit's rules for an embedder."""

    plugin = plugin


def numbers(text: str) -> tuple[float, ...]:
    return struct.unpack(f"<{DIM}f", EMBEDDER.vector(text))


def cosine(one: str, other: str) -> float:
    return math.fsum(a * b for a, b in zip(numbers(one), numbers(other), strict=True))


def test_the_id_holds_the_hash_of_the_table() -> None:
    digest = hashlib.sha256(FOLDER.joinpath("table.npy").read_bytes()).hexdigest()
    assert EMBEDDER.encoder_id == f"static-256-{digest[:12]}"


def test_every_machine_gives_the_same_bytes() -> None:
    texts = ("Every tenant may see the file that is kept on them.", "Déjà vu: 合同, 50 %.")
    digest = hashlib.sha256(b"".join(map(EMBEDDER.vector, texts))).hexdigest()
    assert digest == "49d4283f44d421f31dedddfd3eefe5370bdc3156408c73369e67a99ee9994f5a"


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_every_text_has_length_one_or_is_zero(text: str) -> None:
    length = math.hypot(*numbers(text))
    assert length == 0.0 or math.isclose(length, 1.0, abs_tol=1e-5)


@pytest.mark.parametrize("text", ["", " \n\t", "?!... --", "\u200b", "\ud800", "\U0001f600"])
def test_a_text_without_a_known_word_is_the_zero_vector(text: str) -> None:
    assert EMBEDDER.vector(text) == bytes(4 * DIM)


def test_like_texts_are_nearer_than_unlike_ones() -> None:
    least = min(cosine(first, second) for first, second in LIKE)
    most = max(cosine(first, second) for first, second in itertools.combinations(UNLIKE, 2))
    assert least > 0.3 > 0.2 > most


def test_other_words_for_the_same_are_near() -> None:
    assert cosine("a doctor", "a physician") > 0.6 > 0.3 > cosine("a doctor", "a tractor")


def test_what_follows_the_cap_does_not_count() -> None:
    full = ("word " * MAX_CHARS)[:MAX_CHARS]
    assert EMBEDDER.vector(full + " more and more") == EMBEDDER.vector(full)


def test_the_sum_over_the_longest_text_is_exact() -> None:
    table = np.load(FOLDER / "table.npy", mmap_mode="r")
    largest = int(table["weight"].max()) * 128
    assert largest * MAX_CHARS < 2**53


@pytest.mark.anyio
async def test_a_long_text_among_short_ones_keeps_its_place() -> None:
    texts = ["one apple", "pears and plums " * 1000, "", "two pears"]
    found = await EMBEDDER.embed(texts)
    assert [item.data for item in found] == [EMBEDDER.vector(text) for text in texts]


def test_an_altered_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder, "FOLDER", tmp_path)
    for name in embedder.SHA256:
        tmp_path.joinpath(name).write_bytes(b"0" + FOLDER.joinpath(name).read_bytes()[1:])
    with pytest.raises(TableError, match="table.npy is not the file that this version came with"):
        StaticEmbedder()
