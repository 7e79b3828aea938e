"""Where JAX differs from the reference: several devices, few shapes, lack of memory."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from eleanor_backends_jax import probing
from eleanor_backends_jax.arrays import JaxBackend, lacks_memory
from eleanor_backends_jax.rows import JaxRows, few_sizes
from eleanor_backends_numpy.arrays import NumpyBackend
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import STORAGES, EmbeddingBlock, Storage
from eleanor_core.testing.backends import small_encoder

TEXTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10], [2, 2], [1] * 12]


def some_rows(count: int = 3000, dim: int = 24) -> EmbeddingBlock:
    rows = np.random.default_rng(3).standard_normal((count, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[100:160] = rows[7]  # more equal rows than are looked at first
    return EmbeddingBlock(encoder_id="test/plain", dim=dim, data=memoryview(rows))


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("shards", [(), ("cpu:0", "cpu:1", "cpu:2", "cpu:3")])
def test_answers_are_the_references_to_the_last_bit(
    storage: Storage, shards: tuple[str, ...]
) -> None:
    block = some_rows()
    queries = [block[at] for at in (0, 7, 2999)]
    ours = JaxBackend(shards=shards).load(block, storage=storage)
    reference = NumpyBackend().load(block, storage=storage)
    for k in (1, 10, 70):
        assert ours.topk_many(queries, k) == reference.topk_many(queries, k)


def test_each_shard_lies_on_its_device() -> None:
    rows = JaxBackend(shards=("cpu:1", "cpu:3")).load(some_rows(11))
    assert [(part.start, part.rows, part.values.device.id) for part in rows._parts] == [
        (0, 5, 1),
        (5, 6, 3),
    ]


def test_a_device_of_its_own_is_used_for_everything() -> None:
    backend = JaxBackend("cpu:2")
    array = backend.asarray(memoryview(np.ones((2, 2), dtype=np.float32)))
    assert backend.matmul(array, array).device.id == 2
    assert backend.encoder(small_encoder())(TEXTS).device.id == 2


def test_the_encoder_agrees_with_the_reference() -> None:
    ours, reference = JaxBackend(), NumpyBackend()
    got = np.asarray(ours.to_host(ours.encoder(small_encoder())(TEXTS)))
    wanted = np.asarray(reference.to_host(reference.encoder(small_encoder())(TEXTS)))
    assert np.abs(got - wanted).max() < 1e-5


@given(count=st.integers(1, 10_000_000))
def test_sizes_are_few_and_not_much_larger(count: int) -> None:
    size = few_sizes(count)
    assert count <= size <= 1.25 * count
    assert few_sizes(size) == size
    assert len({few_sizes(number) for number in range(1, 1025)}) < 40


def no_room() -> jax.errors.JaxRuntimeError:
    return jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 2147483648")


@pytest.mark.parametrize(("room", "asked"), [(2, [5, 3, 2, 2, 1]), (0, [5, 3, 2, 1])])
def test_what_does_not_fit_is_scanned_in_halves_then_on_the_cpu(
    room: int, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, said = [], []
    real = JaxRows.best

    def best(self: JaxRows, towards: np.ndarray, pool: int) -> object:
        seen.append(len(towards))
        if len(towards) > room:
            raise no_room()
        return real(self, towards, pool)

    monkeypatch.setattr(JaxRows, "best", best)
    block = some_rows()
    queries = [block[at] for at in (0, 50, 1000, 2000, 2999)]
    backend = JaxBackend(tell=said.append)
    got = backend.load(block).topk_many(queries, 3)
    assert got == NumpyBackend().load(block).topk_many(queries, 3)
    assert seen == asked
    assert tuple(said) == backend.report().fallbacks
    assert len(said) == (room == 0)


def test_another_error_is_not_taken_for_a_lack_of_memory() -> None:
    assert lacks_memory(no_room())
    assert not lacks_memory(jax.errors.JaxRuntimeError("INTERNAL: RET_CHECK failure"))
    assert not lacks_memory(RuntimeError("RESOURCE_EXHAUSTED"))


@pytest.mark.parametrize("device", ["cpu:9", "abacus"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(RuntimeError, match=f"cannot use {device}: "):
        JaxBackend(device)


def test_the_probe_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert probing.probe("cpu") is None
    monkeypatch.setattr(probing, "distributions", list)
    assert "pip install 'jax[cuda13]'" in str(probing.probe("gpu"))
    monkeypatch.setattr(probing, "find_spec", lambda _name: None)
    assert probing.probe("gpu") == "jax is not installed: pip install jax"
