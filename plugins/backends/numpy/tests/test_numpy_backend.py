"""The backend against plain arithmetic, and at its edges."""

from __future__ import annotations

import math
import mmap
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from eleanor_backends_numpy import plugin
from eleanor_backends_numpy.arrays import NumpyBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_core.api import STORAGES, Embedding, EmbeddingBlock, Storage
from eleanor_core.testing import BackendContract


class TestContract(BackendContract):
    """The kit's rules for a backend."""

    plugin = plugin


def embedding(numbers: Sequence[float], encoder_id: str = "test/plain") -> Embedding:
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    return Embedding(encoder_id=encoder_id, dim=len(numbers), data=data)


def reference_cosine(one: Embedding, other: Embedding) -> float:
    a, b = (struct.unpack(f"<{item.dim}f", item.data) for item in (one, other))
    lengths = math.hypot(*a) * math.hypot(*b)
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


values = st.floats(-4.0, 4.0, width=32)
blocks = st.integers(1, 40).flatmap(
    lambda dim: st.tuples(
        st.lists(
            st.lists(values, min_size=dim, max_size=dim).map(embedding), min_size=1, max_size=30
        ),
        st.lists(values, min_size=dim, max_size=dim).map(embedding),
    )
)


@settings(deadline=None)
@given(block=blocks, k=st.integers(0, 40))
def test_topk_is_like_plain_python(block: tuple[list[Embedding], Embedding], k: int) -> None:
    rows, query = block
    got = NumpyBackend().load(rows).topk(query, k)
    true = [reference_cosine(row, query) for row in rows]
    best = sorted(true, reverse=True)[:k]
    assert [cosine for _, cosine in got] == pytest.approx(best, abs=1e-6)
    assert [true[row] for row, _ in got] == pytest.approx(best, abs=1e-6)
    assert list(got) == sorted(got, key=lambda pair: (-pair[1], pair[0]))


@settings(deadline=None)
@given(
    wanted=st.lists(st.integers(0, 3), min_size=1, max_size=70),
    palette=st.lists(
        st.lists(values, min_size=33, max_size=33).map(embedding), min_size=4, max_size=4
    ),
    k=st.integers(1, 70),
)
def test_equal_rows_tie_wherever_they_stand(
    wanted: list[int], palette: list[Embedding], k: int
) -> None:
    rows = [palette[colour] for colour in wanted]
    got = dict(NumpyBackend().load(rows).topk(palette[0], len(rows)))
    for colour in set(wanted):
        assert len({got[row] for row, other in enumerate(wanted) if other == colour}) == 1
    best = NumpyBackend().load(rows).topk(palette[0], k)
    assert list(best) == list(got.items())[:k]


def test_more_rows_asked_for_than_there_are() -> None:
    rows = NumpyBackend().load([embedding([1.0, 0.0]), embedding([0.0, 1.0])])
    assert rows.topk(embedding([1.0, 0.0]), 9) == [(0, 1.0), (1, 0.0)]


@pytest.mark.parametrize("k", [0, -1])
def test_nothing_asked_for(k: int) -> None:
    assert NumpyBackend().load([embedding([1.0])]).topk(embedding([1.0]), k) == []


def test_an_empty_block_has_no_rows() -> None:
    rows = NumpyBackend().load([])
    assert len(rows) == 0
    assert rows.topk(embedding([1.0]), 3) == []


def test_a_zero_vector_is_like_nothing() -> None:
    zero, other = embedding([0.0, 0.0]), embedding([0.6, 0.8])
    rows = NumpyBackend().load([zero, other])
    assert rows.topk(zero, 2) == [(0, 0.0), (1, 0.0)]
    assert rows.topk(other, 2) == [(1, pytest.approx(1.0)), (0, 0.0)]


def test_a_cosine_never_leaves_its_range() -> None:
    third = embedding([1.0, 1.0, 1.0])
    ((_, cosine),) = NumpyBackend().load([third]).topk(third, 1)
    assert 1.0 - 1e-6 <= cosine <= 1.0


@pytest.mark.parametrize(
    "stranger", [embedding([1.0, 0.0], "other/encoder"), embedding([1.0, 0.0, 0.0])]
)
def test_another_encoder_or_dimension_is_refused(stranger: Embedding) -> None:
    row = embedding([1.0, 0.0])
    with pytest.raises(ValueError, match="do not compare: embed all texts with one encoder"):
        NumpyBackend().load([row, stranger])
    with pytest.raises(ValueError, match="do not compare"):
        NumpyBackend().load([row]).topk(stranger, 1)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        NumpyBackend().load([embedding([1.0, value])])
    with pytest.raises(ValueError, match="not finite"):
        NumpyBackend().load([embedding([1.0, 0.0])]).topk(embedding([value, 1.0]), 1)


def test_the_probe_says_why_numpy_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plugin.probe("cpu") is None
    monkeypatch.setattr(plugin, "find_spec", lambda _name: None)
    assert plugin.probe("cpu") == "numpy is not installed: pip install numpy"


def test_the_plugin_loads_without_numpy() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from eleanor_backends_numpy import plugin\n"
        "(declared,) = plugin.eleanor_register_backends()\n"
        "print(declared.name)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "numpy\n"


@pytest.mark.parametrize("storage", STORAGES)
@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1.0, 3.0]), k=st.integers(1, 12))
def test_every_storage_answers_alike(storage: Storage, seed: int, scale: float, k: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.standard_normal((5000, 16), dtype=np.float32)
    rows *= scale / np.linalg.norm(rows, axis=1, keepdims=True)
    rows[random.integers(0, 5000, 9)] = rows[0]
    rows[3] = 0.0
    block = EmbeddingBlock(encoder_id="test/plain", dim=16, data=memoryview(rows))
    held = NumpyBackend().load(block, storage=storage)
    queries = [block[0], block[4999], block[3], embedding([1.0] * 16)]
    got = held.topk_many(queries, k)
    assert got == [held.topk(query, k) for query in queries]
    for query, best in zip(queries, got, strict=True):
        cosines = held.cosines(query, range(5000))
        order = np.lexsort((np.arange(5000), -np.asarray(cosines)))[:k]
        assert list(best) == [(row, cosines[row]) for row in order]
        assert held.cosines(query, [row for row, _ in best]) == [value for _, value in best]


def test_a_mapped_file_is_searched_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(embedding([0.6, 0.8]).data + embedding([1.0, 0.0]).data)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        block = EmbeddingBlock(encoder_id="test/plain", dim=2, data=memoryview(mapped))
        rows = NumpyBackend().load(block)
        assert rows.topk(embedding([1.0, 0.0]), 1) == [(1, 1.0)]
        assert rows.cosines(embedding([1.0, 0.0]), [0]) == [pytest.approx(0.6, abs=1e-7)]
        with pytest.raises(IndexError, match=r"rows must be in \[0, 2\)"):
            rows.cosines(embedding([1.0, 0.0]), [2])
        del rows, block


def test_memory_is_counted_and_limited() -> None:
    backend = NumpyBackend(memory_limit=100)
    rows = backend.load([embedding([1.0, 0.0])] * 10)
    assert backend.report().held == 80
    with pytest.raises(MemoryError, match="raise the limit, or load the rows as float16 or int8"):
        backend.load([embedding([1.0, 0.0])] * 3)
    rows.topk_many([embedding([1.0, 0.0])] * 3, 1)
    del rows
    assert (backend.report().held, backend.report().batches) == (0, {3: 1})


def test_another_backends_array_is_refused() -> None:
    class Foreign:
        shape = (1,)

    with pytest.raises(TypeError, match="Foreign is no array of the backend numpy"):
        NumpyBackend().softmax(Foreign())
