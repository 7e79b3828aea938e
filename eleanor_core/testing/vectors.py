"""The contracts of what works on vectors: embedders, compute backends, precedent stores."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from eleanor_core.api import (
    Backend,
    BackendDeclaration,
    Embedder,
    EmbedderDeclaration,
    Embedding,
    Kind,
    PrecedentCase,
    PrecedentsDeclaration,
    PrecedentStore,
)
from eleanor_core.testing.contract import PluginContract
from eleanor_core.testing.makers import LetterEmbedder
from eleanor_core.testing.rules import broken

TEXTS = (
    "",
    "Take out the trash.",
    "take out the trash",
    "Bring the rubbish outside, please.",
    "La vache mange de l'herbe.",
    "\u6bcf\u4e2a\u4eba\u90fd\u6709\u6743\u5229\u3002",
    "word " * 400,
)
BATCHING = 1e-4
"""How far batching may move a component."""
REQUIRED = "REQUIRED_BACKENDS"
"""Environment variable: names of backends, with commas, whose device must be there."""


def components(vector: Embedding) -> tuple[float, ...]:
    """Return the numbers of an embedding."""
    return struct.unpack(f"<{vector.dim}f", vector.data)


def pack(numbers: Sequence[float], encoder_id: str = "kit/plain") -> Embedding:
    """Return an embedding of these numbers, scaled to length 1 unless all are zero."""
    length = math.hypot(*numbers) or 1.0
    data = struct.pack(f"<{len(numbers)}f", *(number / length for number in numbers))
    return Embedding(encoder_id=encoder_id, dim=len(numbers), data=data)


def cosine(one: Embedding, other: Embedding) -> float:
    """Return the inner product of two embeddings, summed without loss."""
    return math.fsum(a * b for a, b in zip(components(one), components(other), strict=True))


class EmbedderContract(PluginContract[EmbedderDeclaration, Embedder]):
    """The rules for an embedder. `deterministic`: False where a device adds noise."""

    kind: ClassVar[Kind] = "embedders"
    deterministic: ClassVar[bool] = True
    texts: ClassVar[Sequence[str]] = TEXTS

    @pytest.mark.anyio
    async def test_gives_one_vector_a_text(self) -> None:
        """`vector-shape`: also for no text at all."""
        async with self.started() as embedder:
            vectors = await embedder.embed(self.texts)
            if len(vectors) != len(self.texts) or len(await embedder.embed([])):
                broken(self.whose, "vector-shape", f"{len(vectors)} for {len(self.texts)} texts")
            for vector in vectors:
                if (vector.encoder_id, vector.dim) != (embedder.encoder_id, embedder.dim):
                    broken(self.whose, "vector-shape", f"{vector.encoder_id}, dim {vector.dim}")

    @pytest.mark.anyio
    async def test_vectors_have_unit_length(self) -> None:
        """`unit-length`: within 1e-3."""
        async with self.started() as embedder:
            for text, vector in zip(self.texts, await embedder.embed(self.texts), strict=True):
                length = math.hypot(*components(vector))
                if any(components(vector)) and not math.isclose(length, 1.0, abs_tol=1e-3):
                    broken(self.whose, "unit-length", f"length {length} for {text!r:.60}")

    @pytest.mark.anyio
    async def test_batching_changes_nothing(self) -> None:
        """`batching`: one by one, all at once, and in reverse order."""
        async with self.started() as embedder:
            alone = [(await embedder.embed([text]))[0] for text in self.texts]
            together = await embedder.embed(self.texts)
            backwards = (await embedder.embed(self.texts[::-1]))[::-1]
            for text, *three in zip(self.texts, alone, together, backwards, strict=True):
                rows = zip(*map(components, three), strict=True)
                if max((max(row) - min(row) for row in rows), default=0.0) > BATCHING:
                    broken(self.whose, "batching", f"another vector for {text!r:.60}")

    @pytest.mark.anyio
    async def test_gives_the_same_vector_again(self) -> None:
        """`same-answer`: from another start, byte for byte."""
        if not self.deterministic:
            pytest.skip("declared deterministic = False")
        async with self.started() as embedder:
            first = await embedder.embed(self.texts)
        async with self.started() as embedder:
            if list(await embedder.embed(self.texts)) != list(first):
                broken(self.whose, "same-answer", "another start gives other vectors")


numbers = st.integers(-3, 3).map(float)


class BackendContract(PluginContract[BackendDeclaration, Backend]):
    """The rules for a backend. `tolerance`: how far a cosine may be from plain arithmetic.

    Where the declaration's probe says that the device is missing, the tests skip with that reason;
    they fail if the environment variable `REQUIRED_BACKENDS` names the backend.
    """

    kind: ClassVar[Kind] = "backends"
    tolerance: ClassVar[float] = 1e-5
    examples: ClassVar[int] = 50

    def prepare_device(self) -> None:
        """Skip, or fail where it is required, if the device is missing."""
        reason = self.declaration.probe()
        if reason and self.loaded.name in os.environ.get(REQUIRED, "").split(","):
            pytest.fail(f"{self.whose} is in {REQUIRED}: {reason}", pytrace=False)
        if reason:
            pytest.skip(reason)

    def check_topk(
        self, backend: Backend, rows: Sequence[Embedding], query: Embedding, k: int
    ) -> None:
        """Fail unless `topk` agrees with plain arithmetic, up to the tolerance."""
        got = list(backend.load(rows).topk(query, k))
        true = [cosine(row, query) for row in rows]
        wanted = sorted(range(len(rows)), key=lambda row: (-true[row], row))[:k]
        if len(got) != len(wanted) or len({row for row, _ in got}) != len(got):
            broken(self.whose, "like-reference", f"{got} for k = {k} of {len(rows)} rows")
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
        self.prepare_device()
        blocks = st.integers(1, 5).flatmap(
            lambda dim: st.tuples(
                st.lists(st.lists(numbers, min_size=dim, max_size=dim), max_size=12),
                st.lists(numbers, min_size=dim, max_size=dim),
            )
        )
        async with self.started() as backend:

            @hypothesis_settings(max_examples=self.examples, deadline=None)
            @given(block=blocks, k=st.integers(0, 15))
            def agrees(block: tuple[list[list[float]], list[float]], k: int) -> None:
                rows, query = block
                self.check_topk(backend, [pack(row) for row in rows], pack(query), k)

            agrees()

    @pytest.mark.anyio
    async def test_rows_know_their_number(self) -> None:
        """`like-reference`: the length of a block, also of an empty one."""
        self.prepare_device()
        async with self.started() as backend:
            for count in (0, 1, 5):
                held = len(backend.load([pack([1.0, float(row)]) for row in range(count)]))
                if held != count:
                    broken(self.whose, "like-reference", f"{count} rows have length {held}")

    @pytest.mark.anyio
    async def test_refuses_mixed_encoders(self) -> None:
        """`one-encoder`: among the rows, and between rows and query."""
        self.prepare_device()
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


class PrecedentStoreContract(PluginContract[PrecedentsDeclaration, PrecedentStore]):
    """The rules for a store of decided cases. Its vectors come from the kit's `LetterEmbedder`.

    A subclass that needs another embedder or a backend names both in `beside`, and overrides
    `query`.
    """

    kind: ClassVar[Kind] = "precedents"
    beside: Sequence[object] = (LetterEmbedder(),)
    durable: ClassVar[bool] = True

    async def query(self, text: str) -> Embedding:
        """Return the embedding of a text."""
        return LetterEmbedder().vector(text)

    @staticmethod
    def decided(name: str, text: str) -> PrecedentCase:
        """Return a decided case, with who answers for it and why, as a strict store asks."""
        return PrecedentCase(
            id=name,
            text=text,
            outcome="review",
            clauses=("U1",),
            decided_by="board",
            reason="as asked",
        )

    async def fill(self, store: PrecedentStore) -> list[PrecedentCase]:
        """Add five cases, two of them with the same text."""
        texts = ("abab", "cdcd", "abab", "abcd", "zzzz")
        cases = [self.decided(f"case-{place}", text) for place, text in enumerate(texts)]
        for case in reversed(cases):
            await store.add(case)
        return cases

    @pytest.mark.anyio
    async def test_counts_what_it_holds(self) -> None:
        """`nearest`: each case counts once."""
        async with self.started() as store:
            before = await store.count()
            cases = await self.fill(store)
            if await store.count() != before + len(cases):
                broken(self.whose, "nearest", f"count() is {await store.count()}, was {before}")

    @pytest.mark.anyio
    async def test_finds_the_nearest(self) -> None:
        """`nearest`: order, ties by id, k from none to more than there are, similarities."""
        async with self.started() as store:
            held = await store.count()
            cases = await self.fill(store)
            for text in ("abab", "cdcd", "zz", "az"):
                query = await self.query(text)
                for k in (0, 1, 3, held + len(cases) + 5):
                    found = await store.nearest(query, k)
                    order = [(-match.similarity, match.case.id) for match in found]
                    if len(found) > k or order != sorted(order):
                        broken(self.whose, "nearest", f"{order} for k = {k} and {text!r}")
            (best,) = await store.nearest(await self.query("zzzz"), 1)
            if best.case != cases[4] or not math.isclose(best.similarity, 1.0, abs_tol=1e-3):
                broken(self.whose, "nearest", f"the text itself is not the nearest: {best}")

    @pytest.mark.anyio
    async def test_survives_a_restart(self) -> None:
        """`survives-restart`."""
        if not self.durable:
            pytest.skip("declared durable = False")
        async with self.started() as store:
            cases = await self.fill(store)
            count = await store.count()
        async with self.started() as store:
            found = await store.nearest(await self.query(cases[4].text), 1)
            if await store.count() != count or [match.case for match in found] != [cases[4]]:
                broken(self.whose, "survives-restart", f"{await store.count()} of {count} cases")
