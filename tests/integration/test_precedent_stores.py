"""A search among some of the cases finds what a store with those cases alone finds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
import structlog
from attrs import evolve
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_memory.store import MemoryStore
from eleanor_precedents_sqlite import index, search
from eleanor_precedents_sqlite.plugin import SqliteSettings, open_store
from eleanor_precedents_sqlite.store import SqliteStore

from eleanor_core.api import PrecedentCase, PrecedentMatch, PrecedentQuery, Services

WORDS: Final = ("sell", "rent", "close", "open", "list", "hall", "door", "tenant")
FILTERS: Final[Sequence[dict[str, str]]] = (
    {}, {"clause": "P4"}, {"clause": "K1"}, {"clause": "F1"}, {"domain": "general"},
    {"domain": "credit"}, {"outcome": "deny"}, {"clause": "P4", "domain": "credit"},
    {"clause": "K1", "domain": "general", "outcome": "allow"},
)  # fmt: skip


def cases(chance: random.Random, count: int) -> list[PrecedentCase]:
    """Return versions of fewer cases, many of which say the same, and some of which are retired."""
    versions: dict[str, int] = {}
    made = []
    for _ in range(count):
        name = f"case-{chance.randrange(count // 2):03}"
        versions[name] = versions.get(name, 0) + 1
        case = PrecedentCase(
            id=name,
            text=" ".join(chance.choices(WORDS, k=2)),
            outcome=chance.choice(("allow", "deny")),
            clauses=tuple(
                code for code, share in (("P4", 0.6), ("K1", 0.1)) if chance.random() < share
            ),
            domain=chance.choices(("general", "credit"), (9, 1))[0],
            decided_by="board",
            reason="it was asked",
            version=versions[name],
            in_force=chance.random() > 0.1,
        )
        made.append(case)
    return made


async def found_alone(
    wanted: PrecedentQuery, held: Sequence[PrecedentCase], k: int
) -> Sequence[PrecedentMatch]:
    """Return what a store in memory finds that holds only the cases wanted."""
    embedder = HashingEmbedder()
    store = MemoryStore(embedder=embedder, backend=NumpyBackend())
    await store.extend(
        [
            evolve(case, version=1)
            for case in held
            if (wanted.clause is None or wanted.clause in case.clauses)
            and wanted.domain in (None, case.domain)
            and wanted.outcome in (None, case.outcome)
        ]
    )
    (query,) = await embedder.embed([wanted.text])
    return await store.nearest(query, k)


@pytest.mark.anyio
@pytest.mark.parametrize("late", [7, 10_000], ids=["in files", "in memory"])
async def test_a_filter_finds_what_a_store_of_those_cases_finds(
    late: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "LATE", late)
    monkeypatch.setattr(search, "DEPTH", 1)
    services = Services(
        data_dir=tmp_path,
        log=structlog.get_logger(),
        backend=NumpyBackend(),
        embedder=HashingEmbedder(),
    )
    chance = random.Random(late)
    async with open_store(SqliteSettings(), services) as store:
        assert isinstance(store, SqliteStore)
        for case in cases(chance, 160):
            await store.add(case)
        held = [case async for case in store.newest() if case.in_force]
        for wanted in FILTERS:
            for k in (1, 4, 200):
                query = PrecedentQuery(
                    text=" ".join(chance.choices(WORDS, k=2)),
                    by="vectors",
                    **wanted,  # type: ignore[arg-type] # as named
                )
                (embedding,) = await HashingEmbedder().embed([query.text])
                matches = await store.search(query, embedding, k)
                alone = await found_alone(query, held, k)
                assert [match.case.id for match in matches] == [match.case.id for match in alone]
                assert [m.similarity for m in matches] == [m.similarity for m in alone]
