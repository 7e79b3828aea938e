"""The rules of the kit for every evidence sink, on a real server."""

from __future__ import annotations

import eleanor_evidence_postgres
import pytest

from eleanor_core.testing import EvidenceSinkContract

pytestmark = pytest.mark.long


class TestContract(EvidenceSinkContract):
    """Each test in a log of its own."""

    plugin = eleanor_evidence_postgres

    @pytest.fixture(autouse=True)
    def _on_a_server(self, chosen: dict[str, object]) -> None:
        self.settings = chosen
        if hasattr(self, "home"):
            self.take(self.home)
