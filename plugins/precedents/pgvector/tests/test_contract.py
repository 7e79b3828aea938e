"""The kit's rules for a store of decided cases, on a real server."""

from __future__ import annotations

import eleanor_precedents_pgvector
import pytest

from eleanor_core.testing import PrecedentStoreContract

pytestmark = pytest.mark.long


class TestContract(PrecedentStoreContract):
    """Each test in a schema of its own."""

    plugin = eleanor_precedents_pgvector

    @pytest.fixture(autouse=True)
    def _on_a_server(self, chosen: dict[str, object]) -> None:
        self.settings = chosen
        if hasattr(self, "home"):
            self.take(self.home)


class TestContractWithAnIndex(TestContract):
    @pytest.fixture(autouse=True)
    def _on_a_server(self, chosen: dict[str, object]) -> None:
        self.settings = {**chosen, "index": "hnsw"}
        if hasattr(self, "home"):
            self.take(self.home)
