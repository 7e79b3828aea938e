"""The backend against plain arithmetic, and at its edges."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from collections.abc import Sequence

import pytest
from eleanor_backends_numpy import plugin
from eleanor_backends_numpy.arrays import NumpyBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_core.api import Embedding
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


@settings(deadline=None, max_examples=60)
@given(block=blocks, k=st.integers(0, 40))
def test_topk_is_like_plain_python(block: tuple[list[Embedding], Embedding], k: int) -> None:
    rows, query = block
    got = NumpyBackend().load(rows).topk(query, k)
    true = [reference_cosine(row, query) for row in rows]
    best = sorted(true, reverse=True)[:k]
    assert [cosine for _, cosine in got] == pytest.approx(best, abs=1e-6)
    assert [true[row] for row, _ in got] == pytest.approx(best, abs=1e-6)
    assert list(got) == sorted(got, key=lambda pair: (-pair[1], pair[0]))


@settings(deadline=None, max_examples=40)
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
    assert plugin.probe() is None
    monkeypatch.setattr(plugin, "find_spec", lambda _name: None)
    assert plugin.probe() == "numpy is not installed: pip install numpy"


def test_the_plugin_loads_without_numpy() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from eleanor_backends_numpy import plugin\n"
        "(declared,) = plugin.eleanor_register_backends()\n"
        "print(declared.name)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "numpy\n"
