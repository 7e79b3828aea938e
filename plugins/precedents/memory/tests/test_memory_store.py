"""The store with the embedder and the backend that a default installation gives it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_memory import plugin
from eleanor_precedents_memory.store import MemoryStore
from pydantic import ValidationError

from eleanor_core.api import (
    EleanorError,
    Embedding,
    PrecedentCase,
    PrecedentStore,
    Services,
)
from eleanor_core.testing import PrecedentStoreContract

FULL = {
    "id": "refund-1",
    "text": "Refund the order without asking for the receipt.",
    "outcome": "constrain",
    "reason": "ask for the receipt first",
    "clauses": ["G1"],
    "domain": "retail",
    "authority": "adjudicated",
    "version": 2,
}


class TestContract(PrecedentStoreContract):
    """The kit's rules for a store of decided cases."""

    plugin = plugin
    beside = ("embedders/hashing", "backends/numpy")
    durable = False

    async def query(self, text: str) -> Embedding:
        """Return the embedding that the store compares with."""
        return await embed(text)


async def embed(text: str) -> Embedding:
    (embedding,) = await HashingEmbedder().embed([text])
    return embedding


def empty_store() -> MemoryStore:
    return MemoryStore(embedder=HashingEmbedder(), backend=NumpyBackend())


def decided(name: str, text: str, version: int = 1) -> PrecedentCase:
    return PrecedentCase(id=name, text=text, outcome="deny", version=version)


@asynccontextmanager
async def opened(folder: Path, *lines: str) -> AsyncIterator[PrecedentStore]:
    file = folder / "cases.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    services = Services(
        data_dir=folder,
        log=structlog.get_logger(),
        backend=NumpyBackend(),
        embedder=HashingEmbedder(),
    )
    async with plugin.open_store(plugin.MemorySettings(file=file), services) as store:
        yield store


# -- cases and versions ---------------------------------------------------------------------------


@pytest.mark.anyio
async def test_an_empty_store_finds_nothing() -> None:
    store = empty_store()
    assert await store.count() == 0
    assert await store.nearest(await embed("anything"), 5) == []


@pytest.mark.anyio
async def test_equal_similarities_go_by_id() -> None:
    store = empty_store()
    for name in ("c", "a", "b"):
        await store.add(decided(name, "Close the account of the tenant."))
    found = await store.nearest(await embed("Close the account of the tenant."), 2)
    assert [match.case.id for match in found] == ["a", "b"]


@pytest.mark.anyio
async def test_a_new_version_supersedes_and_the_old_one_is_kept() -> None:
    store = empty_store()
    first, second = decided("a", "Sell the address list."), decided("a", "Rent out the hall.", 2)
    await store.add(first)
    assert (await store.nearest(await embed(first.text), 1))[0].case == first
    await store.add(second)
    assert await store.count() == 1
    assert [match.case for match in await store.nearest(await embed(first.text), 5)] == [second]
    assert (await store.nearest(await embed(second.text), 1))[0].similarity == pytest.approx(1.0)
    assert store.history("a") == (first, second)
    assert store.history("b") == ()


@pytest.mark.anyio
@pytest.mark.parametrize("version", [2, 1])
async def test_a_version_that_is_not_newer_is_refused(version: int) -> None:
    store = empty_store()
    held = decided("a", "Sell the address list.", 2)
    await store.add(held)
    with pytest.raises(ValueError, match=f"'a' needs a version above 2, got {version}"):
        await store.extend([decided("b", "Something else."), decided("a", "Edited.", version)])
    assert store.history("a") == (held,)
    assert await store.count() == 1


@pytest.mark.anyio
async def test_a_query_of_another_encoder_is_refused() -> None:
    store = empty_store()
    await store.add(decided("a", "Sell the address list."))
    with pytest.raises(ValueError, match="do not compare"):
        await store.nearest(Embedding(encoder_id="other", dim=1, data=bytes(4)), 1)


@pytest.mark.anyio
async def test_opposite_vectors_have_no_similarity() -> None:
    store = empty_store()
    await store.add(decided("a", "alpha"))
    towards = await embed("alpha")
    away = Embedding(
        encoder_id=towards.encoder_id,
        dim=towards.dim,
        data=b"".join(
            towards.data[at : at + 3] + bytes([towards.data[at + 3] ^ 0x80])
            for at in range(0, len(towards.data), 4)
        ),
    )
    assert [match.similarity for match in await store.nearest(away, 1)] == [0.0]


# -- the file of cases ----------------------------------------------------------------------------


@pytest.mark.anyio
async def test_cases_are_read_from_the_file(tmp_path: Path) -> None:
    short = {"id": "bins", "text": "Take out the bins.", "outcome": "allow"}
    async with opened(tmp_path, json.dumps(FULL), "", json.dumps(short), "") as store:
        assert await store.count() == 2
        (best,) = await store.nearest(await embed(str(FULL["text"])), 1)
        assert best.case == PrecedentCase(
            id="refund-1",
            text="Refund the order without asking for the receipt.",
            outcome="constrain",
            reason="ask for the receipt first",
            clauses=("G1",),
            domain="retail",
            authority="adjudicated",
            version=2,
        )
        (other,) = await store.nearest(await embed("Take out the bins."), 1)
        assert other.case.authority == "example"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outcome": "perhaps"}, "outcome must be one of"),
        ({"colour": "red"}, "unknown keys ['colour']"),
        ({"text": ""}, "text must be a non-empty str"),
        ({"clauses": "G1"}, "clauses must be a list of codes"),
        ({"clauses": ["G1", "XYZ"]}, "clauses ['XYZ'] are not in the clause registry"),
        ({"version": "2"}, "version must be a whole number from 1"),
        ({"version": True}, "version must be a whole number from 1"),
        ({"authority": "the boss"}, "authority must be one of"),
    ],
)
async def test_a_bad_line_is_named(tmp_path: Path, change: Mapping[str, object], said: str) -> None:
    with pytest.raises(EleanorError) as caught:
        async with opened(tmp_path, json.dumps(FULL), json.dumps({**FULL, "id": "x", **change})):
            pass
    assert "cannot use line 2 of" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1, 2]", "it must hold a JSON object, not a list"),
        ("{", "line 1 of"),
        ('{"id": "a"}', "missing keys ['outcome', 'text']"),
        ("[" * 100_000, "line 1 of"),
    ],
)
async def test_a_line_that_is_no_case_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(EleanorError) as caught:
        async with opened(tmp_path, line):
            pass
    assert said in str(caught.value)


@pytest.mark.anyio
async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    services = Services(
        data_dir=tmp_path,
        log=structlog.get_logger(),
        backend=NumpyBackend(),
        embedder=HashingEmbedder(),
    )
    settings = plugin.MemorySettings(file=tmp_path / "nowhere.jsonl")
    with pytest.raises(EleanorError, match=r"cannot read .*nowhere\.jsonl"):
        async with plugin.open_store(settings, services):
            pass


def test_the_path_must_be_absolute() -> None:
    with pytest.raises(ValidationError, match=r"give an absolute path, got 'cases\.jsonl'"):
        plugin.MemorySettings.model_validate({"file": "cases.jsonl"})


# -- what it needs --------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("missing", ["embedder", "backend"])
async def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    services = Services(
        data_dir=tmp_path,
        log=structlog.get_logger(),
        backend=None if missing == "backend" else NumpyBackend(),
        embedder=None if missing == "embedder" else HashingEmbedder(),
    )
    with pytest.raises(EleanorError, match=f"no {missing} is running: enable one"):
        async with plugin.open_store(plugin.MemorySettings(), services):
            pass
