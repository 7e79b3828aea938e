"""The embedder: golden vectors, windows of long texts, and weights that nobody altered."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from operator import attrgetter
from pathlib import Path

import anyio
import numpy as np
import pytest
import structlog
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_embedders_minilm import plugin, weights
from eleanor_embedders_minilm.embedder import BATCH, WINDOW, MiniLM, MiniLMEmbedder
from eleanor_embedders_minilm.plugin import MiniLMSettings, open_embedder
from eleanor_embedders_minilm.weights import WeightsError, encoder_weights

from eleanor_core.api import BackendDeclaration, Batcher, EleanorError, Embedding, Services
from eleanor_core.testing import EmbedderContract
from eleanor_core.testing.arithmetic import components, cosine

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text("utf-8"))["vectors"]
"""Texts of our own and their vectors by PyTorch 2.13's own layers, on these weights."""
MODEL = cache(lambda: MiniLM(NumpyBackend()))


class TestContract(EmbedderContract):
    """The kit's rules for an embedder."""

    plugin = plugin
    beside = ("backends/numpy",)


async def embed(*texts: str, windows: int = 16) -> list[Embedding]:
    async with Batcher(MODEL().means) as batcher:
        return list(await MiniLMEmbedder(MODEL(), batcher, windows=windows).embed(texts))


def usable() -> Iterator[object]:
    """Yield every installed backend with each device of it that can be used here."""
    for point in sorted(entry_points(group="eleanor.backends"), key=attrgetter("name")):
        for declaration in point.load().eleanor_register_backends():
            for device in declaration.devices:
                if declaration.probe(device) is None:
                    yield pytest.param(declaration, device, id=f"{declaration.name}-{device}")


@pytest.mark.anyio
@pytest.mark.parametrize(("declaration", "device"), list(usable()))
async def test_vectors_are_golden_on_every_backend(
    declaration: BackendDeclaration, device: str, tmp_path: Path
) -> None:
    services = Services(data_dir=tmp_path, log=structlog.get_logger(), device=device)
    async with declaration.factory(declaration.settings(), services) as backend:
        model = MiniLM(backend)
        async with Batcher(model.means) as batcher:
            texts = [item["text"] for item in GOLDEN]
            found = await MiniLMEmbedder(model, batcher, windows=16).embed(texts)
    for vector, item in zip(found, GOLDEN, strict=True):
        assert components(vector) == pytest.approx(item["values"], abs=1e-5)


@pytest.mark.anyio
async def test_the_same_in_other_words_is_near() -> None:
    one, same, other = await embed(
        "Take out the trash.", "Bring the rubbish outside, please.", "The treaty was signed in May."
    )
    assert cosine(one, same) > 0.5 > 0.2 > cosine(one, other)


def test_the_id_holds_the_hash_of_the_weights() -> None:
    data = weights.FOLDER.joinpath("model.safetensors").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert MiniLMEmbedder.encoder_id == f"minilm-l6-int8-{digest[:12]}"


def test_every_matrix_is_stored_as_int8() -> None:
    tensors = weights.read_tensors(weights.FOLDER.joinpath("model.safetensors").read_bytes())
    wide = encoder_weights().tensors
    for name, tensor in wide.items():
        assert (tensor.ndim == 2) == (tensors[name].dtype == np.int8), name


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("model.safetensors").write_bytes(b"\0" * 100)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    with pytest.raises(WeightsError, match="model.safetensors is not the file that this version"):
        encoder_weights()


@pytest.mark.anyio
async def test_without_a_backend_it_says_what_to_do(tmp_path: Path) -> None:
    alone = Services(data_dir=tmp_path, log=structlog.get_logger())
    with pytest.raises(EleanorError, match="enable one, such as backends/numpy"):
        async with open_embedder(MiniLMSettings(), alone):
            pass


# -- windows --------------------------------------------------------------------------------------


def test_a_short_text_has_one_window() -> None:
    ((first, *_, last),) = MODEL().windows("Take out the trash.", 16)
    assert (first, last) == (101, 102)
    assert MODEL().windows("", 16) == [(101, 102)]


@pytest.mark.parametrize("words", [1, 253, 254, 255, 508, 509, 5000])
def test_windows_hold_every_token_once_and_are_of_one_size(words: int) -> None:
    windows = MODEL().windows("tree " * words, 400)
    inner = [token for window in windows for token in window[1:-1]]
    assert len(inner) == words
    sizes = {len(window) for window in windows}
    assert max(sizes) <= WINDOW
    assert max(sizes) - min(sizes) <= 1
    assert len(windows) == math.ceil(words / (WINDOW - 2))


def test_of_a_longer_text_windows_at_even_distances_are_read() -> None:
    text = "".join(f"{number} " for number in range(100, 999)) * 3
    every, some = MODEL().windows(text, 400), MODEL().windows(text, 4)
    assert len(every) > len(some) == 4
    assert (some[0], some[-1]) == (every[0], every[-1])
    assert set(some) < set(every)
    assert MODEL().windows(text, 1) == every[:1]


@pytest.mark.anyio
async def test_all_windows_of_a_long_text_count() -> None:
    start, end = "The cat sleeps in the garden. " * 40, "The bank lends money at interest. " * 40
    both, cat, bank = await embed(start + end, "A cat sleeps.", "A bank lends money.")
    (first,) = await embed(start + end, windows=1)
    assert cosine(both, bank) > cosine(first, bank) + 0.1
    assert cosine(both, cat) > 0.3


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_concurrent_callers_share_a_pass(anyio_backend: str) -> None:
    sizes: list[int] = []

    def noted(windows: object) -> object:
        sizes.append(len(windows))  # type: ignore[arg-type] # a stand-in
        return MODEL().means(windows)  # type: ignore[arg-type] # a stand-in

    async with Batcher(noted, max_wait=0.05) as batcher:  # type: ignore[arg-type] # a stand-in
        embedder = MiniLMEmbedder(MODEL(), batcher, windows=16)  # type: ignore[arg-type] # a stand-in
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(embedder.embed, [f"text {number}"])
    assert max(sizes) > 1
    assert sum(sizes) == 5


def test_more_windows_than_a_pass_takes_keep_their_order() -> None:
    windows = [(101, *range(2000, 2000 + size % 7), 102) for size in range(BATCH + 5)]
    together = MODEL().means(windows)
    for window, mean in list(zip(windows, together, strict=True))[:8]:
        assert np.allclose(MODEL().means([window])[0], mean, atol=1e-5)
