"""The kit's rules for a store of decided cases."""

from __future__ import annotations

from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite import plugin

from eleanor_core.api import Embedding, FrozenMap
from eleanor_core.model import JsonObject
from eleanor_core.testing import PrecedentStoreContract


class TestContract(PrecedentStoreContract):
    plugin = plugin
    beside = ("embedders/hashing", "backends/numpy")

    async def query(self, text: str) -> Embedding:
        """Return the embedding that the store compares with."""
        (embedding,) = await HashingEmbedder().embed([text])
        return embedding


class TestContractWithExamples(TestContract):
    settings: JsonObject = FrozenMap({"starter": True})
