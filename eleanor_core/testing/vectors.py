"""The contracts of embedders and precedent stores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import pytest
from attrs import evolve

from eleanor_core.api import (
    EleanorError,
    Embedder,
    EmbedderDeclaration,
    Embedding,
    Kind,
    PrecedentArchive,
    PrecedentCase,
    PrecedentQuery,
    PrecedentsDeclaration,
    PrecedentSearch,
    PrecedentStore,
    precedent_line,
    precedent_of,
)
from eleanor_core.model.precedent import SearchBy
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

    # -- archives, and stores that are searched ---------------------------------------------------

    @pytest.mark.anyio
    async def test_keeps_every_version(self) -> None:
        """`keeps-versions`, where the store is a `PrecedentArchive`."""
        async with self.started() as store:
            archive = _archive(store)
            first, other = self.decided("case-a", "abab"), self.decided("case-b", "zzzz")
            second = evolve(first, version=2, text="cdcd", outcome="allow")
            for case in (first, second, second, other):
                await store.add(case)
            retired = await archive.retire("case-b", decided_by="court", reason="so")
            made = {"case-a": [first, second], "case-b": [other, retired], "case-z": []}
            kept = {name: [*await archive.versions(name)] for name in made}
            newest = [case async for case in archive.newest() if case.id in made]
            lines = [line async for line in archive.export_lines()]
            exported = [case for case in map(precedent_of, lines) if case.id in made]
            for what, found, right in (
                ("retire", (retired.version, retired.in_force, retired.reason), (2, False, "so")),
                ("versions", kept, made),
                ("newest", newest, [second, retired]),
                ("export_lines", exported, [first, second, other, retired]),
            ):
                if found != right:
                    broken(
                        self.whose, "keeps-versions", f"{what}: {found!r:.200}, not {right!r:.200}"
                    )
            again = await archive.import_lines(iter(lines))
            if (again.added, again.known) != (0, len(lines)):
                broken(self.whose, "keeps-versions", f"its own export is news to it: {again}")
            found_now = await store.nearest(await self.query("zzzz"), await store.count())
            if not {first, other, retired}.isdisjoint(match.case for match in found_now):
                broken(self.whose, "keeps-versions", "what no longer counts is found")

    @pytest.mark.anyio
    async def test_admits_by_the_rules(self) -> None:
        """`admits`, where the store is a `PrecedentArchive`."""
        async with self.started() as store:
            archive = _archive(store)
            await store.add(first := self.decided("case-a", "abab"))
            for case in self._inadmissible(first):
                try:
                    await store.add(case)
                except EleanorError:
                    continue
                broken(self.whose, "admits", f"it took {case} beside {first}")
            if [*await archive.versions("case-a")] != [first]:
                broken(self.whose, "admits", "a version that it refused is there")

    @pytest.mark.anyio
    async def test_imports_all_or_nothing(self) -> None:
        """`imports-whole`, where the store is a `PrecedentArchive`."""
        async with self.started() as store:
            archive = _archive(store)
            first, other = self.decided("case-a", "abab"), self.decided("case-b", "zzzz")
            await store.add(first)
            for case in self._inadmissible(first):
                bad = precedent_line(case)
                try:
                    await archive.import_lines(iter([precedent_line(other), "", bad]))
                except EleanorError as error:
                    if "line 3" not in str(error):
                        broken(self.whose, "imports-whole", f"no line is named: {error}")
                else:
                    broken(self.whose, "imports-whole", f"it took {bad}")
                if await archive.versions("case-b"):
                    broken(self.whose, "imports-whole", "the line before the refused one is there")
            done = await archive.import_lines(map(precedent_line, (first, other)))
            if (done.added, done.known) != (1, 1):
                broken(self.whose, "imports-whole", f"one of two lines is new, and it says {done}")

    @pytest.mark.anyio
    @pytest.mark.parametrize("by", ["vectors", "words", "both"])
    async def test_searches_within_what_is_wanted(self, by: SearchBy) -> None:
        """`searches-within`, where the store is a `PrecedentSearch`."""
        async with self.started() as store:
            if not isinstance(store, PrecedentSearch):
                pytest.skip("the store is not searched")
            one, two = (self.decided(f"case-{name}", "abab abab") for name in ("a", "b"))
            wanted = evolve(one, id="case-w", text="abab zzzz", clauses=("P2",), domain="kit")
            for case in (one, two, wanted):
                await store.add(case)
            vector, all_of_them = await self.query("abab abab"), await store.count()
            asked = PrecedentQuery(text="abab abab", by=by)
            for narrow in (evolve(asked, clause="P2", domain="kit"), evolve(asked, domain="kit")):
                found = [match.case for match in await store.search(narrow, vector, 1)]
                if found != [wanted]:
                    broken(self.whose, "searches-within", f"{found!r:.200} for {narrow}")
            for k in (0, 1, all_of_them):
                matches = await store.search(asked, vector, k)
                if len(matches) > k:
                    broken(self.whose, "searches-within", f"{len(matches)} cases for k = {k}")
                if by == "vectors" and [*matches] != [*await store.nearest(vector, k)]:
                    broken(self.whose, "searches-within", f"not those of `nearest` for k = {k}")

    @staticmethod
    def _inadmissible(first: PrecedentCase) -> tuple[PrecedentCase, ...]:
        """Return what may not be added beside a first version."""
        return (
            evolve(first, reason="edited"),
            evolve(first, version=2, authority="machine"),
            evolve(first, id="case-c", decided_by=""),
            evolve(first, id="example-c"),
            evolve(first, id="case-c", in_force=False, overruled_by="case-z"),
        )


def _archive(store: PrecedentStore) -> PrecedentArchive:
    if not isinstance(store, PrecedentArchive):
        pytest.skip("the store keeps no archive")
    return store
