"""The rules of the kit for every evidence sink."""

from __future__ import annotations

import eleanor_evidence_local

from eleanor_core.api import FrozenMap
from eleanor_core.testing import EvidenceSinkContract


class TestContract(EvidenceSinkContract):
    """The log with its default settings."""

    plugin = eleanor_evidence_local


class TestContractAcrossFiles(EvidenceSinkContract):
    """The log with files so small that almost every record begins new ones."""

    plugin = eleanor_evidence_local
    settings = FrozenMap({"segment_bytes": 4096})
    records = 40
