"""The contracts of embedders and precedent stores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import pytest

from eleanor_core.api import (
    Embedder,
    EmbedderDeclaration,
    Embedding,
    Kind,
    PrecedentCase,
    PrecedentsDeclaration,
    PrecedentStore,
)
from eleanor_core.testing.arithmetic import components
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
