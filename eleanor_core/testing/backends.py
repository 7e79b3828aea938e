"""The contract of compute backends: every operation against plain arithmetic, on every device."""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import ClassVar

import anyio
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from eleanor_core.api import (
    STORAGES,
    Array,
    Backend,
    BackendDeclaration,
    Batcher,
    Embedding,
    EmbeddingBlock,
    EmbeddingRows,
    EncoderWeights,
    Kind,
    Storage,
)
from eleanor_core.model import JsonObject
from eleanor_core.testing import arithmetic
from eleanor_core.testing.arithmetic import cosine, floats, matrix, pack
from eleanor_core.testing.contract import PluginContract, at_most
from eleanor_core.testing.plugin import required_devices
from eleanor_core.testing.rules import broken

numbers = st.integers(-3, 3).map(float)
matrices = st.tuples(st.integers(1, 4), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(st.floats(-8.0, 8.0, width=32), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)
blocks = st.integers(1, 5).flatmap(
    lambda dim: st.tuples(
        st.lists(st.lists(numbers, min_size=dim, max_size=dim), max_size=12),
        st.lists(st.lists(numbers, min_size=dim, max_size=dim), min_size=1, max_size=3),
    )
)


class BackendContract(PluginContract[BackendDeclaration, Backend]):
    """The rules for a backend on one device.

    `device`: as the setting `backend` names it. `tolerance`: how far a float32 result may be from
    plain arithmetic, as a share of its size where that is above 1. `lacks`: operations that the
    device does not have yet, each with the reason: their tests must then fail.

    Where the declaration's probe says that the device is missing, the tests skip with that reason;
    they fail if pytest's option `--require-device` names it, as in `torch:cuda`.
    """

    kind: ClassVar[Kind] = "backends"
    device: ClassVar[str] = "cpu"
    tolerance: ClassVar[float] = 1e-5
    examples: ClassVar[int] = 25
    lacks: ClassVar[dict[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _device(self, request: pytest.FixtureRequest, _kit: None) -> None:
        """Skip, or fail where it is required, if the device is missing; expect what is lacking."""
        wanted = f"{self.loaded.name}:{self.device}"
        reason = self.declaration.probe(self.device)
        if reason and wanted in required_devices(request.config):
            pytest.fail(f"{wanted} is required here: {reason}", pytrace=False)
        if reason:
            pytest.skip(f"{wanted}: {reason}")
        operation = request.function.__name__.removeprefix("test_").split("_is_like_")[0]
        if operation in self.lacks:
            request.node.add_marker(pytest.mark.xfail(reason=self.lacks[operation], strict=True))

    def engine_settings(self, name: str = "") -> JsonObject:
        """Return the plugin's settings, and that it is to run on this device."""
        chosen = f"{name or self.loaded.name}:{self.device}"
        return {**super().engine_settings(name), "backend": chosen}

    def like(self, got: Array, wanted: Sequence[float], backend: Backend, what: str) -> None:
        """Fail unless the array holds these numbers, in order, up to the tolerance."""
        view = backend.to_host(got)
        if view.format != "f":
            broken(self.whose, "arithmetic", f"{what} gives format {view.format!r}, not float32")
        flat = view.cast("B").cast("f").tolist()
        near = len(flat) == len(wanted) and all(
            math.isclose(a, b, rel_tol=self.tolerance, abs_tol=self.tolerance)
            for a, b in zip(flat, wanted, strict=True)
        )
        if not near:
            broken(self.whose, "arithmetic", f"{what} gives {flat}; by arithmetic {list(wanted)}")

    async def over_matrices(self, check: Callable[[Backend, list[list[float]]], None]) -> None:
        """Call `check` with matrices that Hypothesis makes."""
        async with self.started() as backend:

            @hypothesis_settings(max_examples=at_most(self.examples), deadline=None)
            @given(rows=matrices)
            def holds(rows: list[list[float]]) -> None:
                check(backend, rows)

            holds()

    # -- the protocol itself ----------------------------------------------------------------------

    @pytest.mark.anyio
    async def test_takes_what_the_protocol_says(self) -> None:
        """`signature`: names, order and defaults of parameters, of every method."""
        async with self.started() as backend:
            for name, method in inspect.getmembers(Backend, inspect.isfunction):
                if name.startswith("_"):
                    continue
                wanted = _taken(method)[1:]
                got = _taken(getattr(backend, name))
                if got != wanted:
                    broken(self.whose, "signature", f"{name} takes {got}, not {wanted}")
            if not backend.device.startswith(self.device):
                broken(self.whose, "signature", f"device {backend.device!r}, not {self.device!r}")

    @pytest.mark.anyio
    async def test_gives_back_what_it_was_given(self) -> None:
        """`arithmetic`: values and shape, through the device and back."""

        def check(backend: Backend, rows: list[list[float]]) -> None:
            array = backend.asarray(matrix(rows))
            if tuple(array.shape) != (len(rows), len(rows[0])):
                broken(self.whose, "arithmetic", f"shape {array.shape} of {rows}")
            self.like(array, [number for row in rows for number in row], backend, "asarray")

        await self.over_matrices(check)

    @pytest.mark.anyio
    async def test_matmul_is_like_arithmetic(self) -> None:
        """`arithmetic`: a matrix times its own transpose."""

        def check(backend: Backend, rows: list[list[float]]) -> None:
            turned = list(map(list, zip(*rows, strict=True)))
            got = backend.matmul(backend.asarray(matrix(rows)), backend.asarray(matrix(turned)))
            wanted = [number for row in arithmetic.product(rows, turned) for number in row]
            self.like(got, wanted, backend, "matmul")

        await self.over_matrices(check)

    @pytest.mark.anyio
    async def test_normalise_is_like_arithmetic(self) -> None:
        """`arithmetic`: rows of length 1, and zeros that stay zeros."""

        def check(backend: Backend, rows: list[list[float]]) -> None:
            given_rows = [[round(number, 3) for number in row] for row in rows]
            got = backend.normalise(backend.asarray(matrix(given_rows)))
            wanted = [number for row in given_rows for number in arithmetic.normalised(row)]
            self.like(got, wanted, backend, "normalise")

        await self.over_matrices(check)

    @pytest.mark.anyio
    async def test_softmax_is_like_arithmetic(self) -> None:
        """`arithmetic`: also far out, where exp alone overflows."""

        def check(backend: Backend, rows: list[list[float]]) -> None:
            far = [[32.0 * number for number in row] for row in rows]
            got = backend.softmax(backend.asarray(matrix(far)))
            wanted = [number for row in far for number in arithmetic.softmax(row)]
            self.like(got, wanted, backend, "softmax")

        await self.over_matrices(check)

    @pytest.mark.anyio
    async def test_logsumexp_is_like_arithmetic(self) -> None:
        """`arithmetic`: also far out, where exp alone overflows."""

        def check(backend: Backend, rows: list[list[float]]) -> None:
            far = [[32.0 * number for number in row] for row in rows]
            got = backend.logsumexp(backend.asarray(matrix(far)))
            self.like(got, list(map(arithmetic.logsumexp, far)), backend, "logsumexp")

        await self.over_matrices(check)

    @pytest.mark.anyio
    async def test_mean_pool_is_like_arithmetic(self) -> None:
        """`arithmetic`: two texts, of which one has all tokens and the other only its first."""

        def check(backend: Backend, rows: list[list[float]]) -> None:
            flat = [number for row in (*rows, *rows) for number in row]
            mask = [1.0] * len(rows) + [1.0] + [0.0] * (len(rows) - 1)
            got = backend.mean_pool(
                backend.asarray(floats(flat, 2, len(rows), len(rows[0]))),
                backend.asarray(floats(mask, 2, len(rows))),
            )
            self.like(got, [*arithmetic.mean(rows), *rows[0]], backend, "mean_pool")

        await self.over_matrices(check)

    @pytest.mark.anyio
    async def test_encoder_is_like_arithmetic(self) -> None:
        """`arithmetic`: texts of many lengths at once, and what it must refuse."""
        weights = small_encoder()
        draw = random.Random(7)  # noqa: S311 -- texts for a test
        texts = [[draw.randrange(11) for _ in range(length)] for length in (3, 1, 9, 3, 12, 2)]
        async with self.started() as backend:
            encoder = backend.encoder(weights)
            wanted = [number for ids in texts for number in arithmetic.encoded(weights, ids)]
            self.like(encoder(texts), wanted, backend, "encoder")
            if tuple(encoder([]).shape) != (0, weights.dim):
                broken(self.whose, "arithmetic", "no texts do not give shape (0, dim)")
            for bad in ([], [11], [-1], [0] * 13):
                with pytest.raises(ValueError, match="token"):
                    encoder([[1], bad])

    # -- rows -------------------------------------------------------------------------------------

    def check_topk(
        self, rows: EmbeddingRows, given_rows: Sequence[Embedding], query: Embedding, k: int
    ) -> None:
        """Fail unless `topk` agrees with plain arithmetic, up to the tolerance."""
        got = list(rows.topk(query, k))
        true = [cosine(row, query) for row in given_rows]
        wanted = sorted(range(len(true)), key=lambda row: (-true[row], row))[:k]
        if len(got) != len(wanted) or len({row for row, _ in got}) != len(got):
            broken(self.whose, "like-reference", f"{got} for k = {k} of {len(true)} rows")
        for (row, value), best in zip(got, wanted, strict=True):
            near = abs(value - true[row]) <= self.tolerance and -1 <= value <= 1
            if not near or abs(true[row] - true[best]) > 2 * self.tolerance:
                broken(self.whose, "like-reference", f"{got}; by arithmetic {wanted} of {true}")
        for (row, value), (following, other) in pairwise(got):
            if value < other or (value == other and row > following):
                broken(self.whose, "like-reference", f"the order of {got}")

    @pytest.mark.anyio
    async def test_topk_is_like_the_reference(self) -> None:
        """`like-reference`: over blocks that Hypothesis makes, with many equal cosines."""
        async with self.started() as backend:

            @hypothesis_settings(max_examples=at_most(self.examples), deadline=None)
            @given(block=blocks, k=st.integers(0, 15), storage=st.sampled_from(STORAGES))
            def agrees(
                block: tuple[list[list[float]], list[list[float]]], k: int, storage: Storage
            ) -> None:
                rows, queries = (list(map(pack, some)) for some in block)
                held = backend.load(rows, storage=storage)
                for query in queries:
                    self.check_topk(held, rows, query, k)
                if list(map(list, held.topk_many(queries, k))) != [
                    list(held.topk(query, k)) for query in queries
                ]:
                    broken(self.whose, "like-reference", "topk_many answers otherwise than topk")
                for row, value in held.topk(queries[0], k):
                    if list(held.cosines(queries[0], [row])) != [value]:
                        broken(self.whose, "like-reference", "cosines answers otherwise than topk")

            agrees()

    @pytest.mark.anyio
    async def test_equal_rows_tie_wherever_they_stand(self) -> None:
        """`like-reference`: more equal rows than anybody would look at first."""
        draw = random.Random(11)  # noqa: S311 -- vectors for a test
        palette = [pack([draw.gauss(0.0, 1.0) for _ in range(33)]) for _ in range(3)]
        places = [draw.randrange(3) for _ in range(500)]
        rows = [palette[place] for place in places]
        data = memoryview(b"".join(row.data for row in rows))
        block = EmbeddingBlock(encoder_id=rows[0].encoder_id, dim=33, data=data)
        async with self.started() as backend:
            for storage in STORAGES:
                got = backend.load(block, storage=storage).topk(palette[1], 40)
                wanted = [row for row, place in enumerate(places) if place == 1][:40]
                if [row for row, _ in got] != wanted or len({value for _, value in got}) != 1:
                    broken(self.whose, "like-reference", f"{got} among equal rows as {storage}")

    @pytest.mark.anyio
    async def test_rows_know_their_number(self) -> None:
        """`like-reference`: the length of a block, also of an empty one."""
        async with self.started() as backend:
            for count in (0, 1, 5):
                held = len(backend.load([pack([1.0, float(row)]) for row in range(count)]))
                if held != count:
                    broken(self.whose, "like-reference", f"{count} rows have length {held}")

    @pytest.mark.anyio
    async def test_refuses_mixed_encoders(self) -> None:
        """`one-encoder`: among the rows, and between rows and query."""
        row, longer, foreign = pack([1.0, 0.0]), pack([1.0, 0.0, 0.0]), pack([1.0, 0.0], "other")
        async with self.started() as backend:
            for stranger in (longer, foreign):
                try:
                    backend.load([row, stranger])
                except ValueError:
                    pass
                else:
                    broken(self.whose, "one-encoder", f"load() took {stranger!r}")
                try:
                    backend.load([row]).topk(stranger, 1)
                except ValueError:
                    pass
                else:
                    broken(self.whose, "one-encoder", f"topk() took {stranger!r}")

    # -- many callers -----------------------------------------------------------------------------

    @pytest.mark.anyio
    async def test_answers_many_at_once_and_survives_the_impatient(self) -> None:
        """`many-callers`: through a batcher, some of them cancelled; and from threads at once."""
        rows = [pack([math.cos(turn), math.sin(turn)]) for turn in range(40)]
        async with self.started() as backend:
            held = backend.load(rows)
            alone = [list(held.topk(row, 3)) for row in rows]
            got: dict[int, object] = {}

            async def ask(batcher: Batcher[Embedding, object], place: int) -> None:
                with anyio.move_on_after(0.0 if place % 4 == 3 else 60.0):
                    got[place] = await batcher.ask(rows[place])

            async with (
                Batcher[Embedding, object](lambda some: held.topk_many(some, 3)) as one,
                Batcher[Embedding, object](lambda some: held.topk_many(some, 3)) as two,
                anyio.create_task_group() as group,
            ):
                for place in range(len(rows)):
                    group.start_soon(ask, (one, two)[place % 2], place)
            patient = {place for place in range(len(rows)) if place % 4 != 3}
            if not patient <= got.keys() or any(got[place] != alone[place] for place in got):
                broken(self.whose, "many-callers", f"{got} for {alone}")
            backend.synchronise()

    @pytest.mark.anyio
    async def test_keeps_account(self) -> None:
        """`keeps-account`: of the memory it holds and of its batches."""
        async with self.started() as backend:
            before = backend.report().held
            held = backend.load([pack([1.0, 0.0])] * 64)
            held.topk_many([pack([1.0, 0.0])] * 5, 1)
            report = backend.report()
            if report.held < before + 64 * 8 or not report.batches.get(5):
                broken(self.whose, "keeps-account", f"{report} while it holds 64 rows of 8 bytes")
            if report.device != backend.device:
                broken(self.whose, "keeps-account", f"{report} on {backend.device}")
            del held
            if backend.report().held != before:
                broken(self.whose, "keeps-account", f"{backend.report()} when nothing is held")


def small_encoder() -> EncoderWeights:
    """Return an encoder with two layers of two heads, 8 values wide, 11 tokens, 12 positions."""
    draw = random.Random(5)  # noqa: S311 -- weights for a test
    dim, inner = 8, 12

    def some(*shape: int, around: float = 0.0) -> memoryview:
        values = [around + draw.gauss(0.0, 0.4) for _ in range(math.prod(shape))]
        return floats(values, *shape)

    tensors = {
        "embeddings.word_embeddings.weight": some(11, dim),
        "embeddings.position_embeddings.weight": some(12, dim),
        "embeddings.token_type_embeddings.weight": some(2, dim),
    }

    def norm(name: str) -> None:
        tensors[f"{name}.LayerNorm.weight"] = some(dim, around=1.0)
        tensors[f"{name}.LayerNorm.bias"] = some(dim)

    def dense(name: str, wide: int, narrow: int) -> None:
        tensors[f"{name}.weight"] = some(wide, narrow)
        tensors[f"{name}.bias"] = some(wide)

    norm("embeddings")
    for layer in range(2):
        start = f"encoder.layer.{layer}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            dense(f"{start}.attention.{part}", dim, dim)
        norm(f"{start}.attention.output")
        dense(f"{start}.intermediate.dense", inner, dim)
        dense(f"{start}.output.dense", dim, inner)
        norm(f"{start}.output")
    return EncoderWeights(heads=2, tensors=tensors)


def _taken(method: Callable[..., object]) -> list[tuple[str, object]]:
    """Return kind and default of each parameter; the names of those that callers use."""
    return [
        (
            "/" if one.kind is one.POSITIONAL_ONLY else f"{one.kind.description} {one.name}",
            one.default,
        )
        for one in inspect.signature(method).parameters.values()
    ]
