"""A record counts as recorded only when every sink acknowledged it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest

from eleanor_core.api import EvidenceSink, Receipt, SealedRecord, StoredRecord
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.evidence import FanOut, seal

pytestmark = pytest.mark.anyio


class Memory:
    """A sink in memory that notes its name in a shared list, so that the order can be seen."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name, self.asked = name, asked
        self.records: list[SealedRecord] = []

    async def append(self, record: SealedRecord, /) -> Receipt:
        self.asked.append(self.name)
        self.records.append(record)
        return Receipt(
            index=len(self.records) - 1, record_id=record.record_id, leaf_hash=record.leaf_hash
        )

    async def get(self, record_id: str, /) -> StoredRecord | None:
        raise NotImplementedError(record_id)

    def read(self, start: int = 0, /) -> AsyncIterator[StoredRecord]:
        raise NotImplementedError(start)

    async def count(self) -> int:
        return len(self.records)


class Broken(Memory):
    async def append(self, record: SealedRecord, /) -> Receipt:
        raise OSError(f"no room for {len(record.leaf)} bytes")


class Liar(Memory):
    async def append(self, record: SealedRecord, /) -> Receipt:
        return attrs.evolve(await super().append(record), leaf_hash="0" * 64)


def record() -> SealedRecord:
    return seal("assessment", trace_id="t")


async def test_appends_to_all_in_order_and_answers_with_the_first_receipt() -> None:
    asked: list[str] = []
    ahead, behind = Memory("ahead", asked), Memory("behind", asked)
    await ahead.append(record())
    fanout = FanOut({"ahead": ahead, "behind": behind})
    asked.clear()
    sealed = record()
    receipt = await fanout.append(sealed)
    assert asked == ["ahead", "behind"]
    assert receipt == Receipt(index=1, record_id=sealed.record_id, leaf_hash=sealed.leaf_hash)
    assert behind.records == [sealed]
    assert fanout.primary is ahead


@pytest.mark.parametrize("order", [("sound", "broken"), ("broken", "sound")])
async def test_one_failure_is_a_failure_and_says_which_and_why(order: tuple[str, ...]) -> None:
    sinks: dict[str, EvidenceSink] = {"sound": Memory("s", []), "broken": Broken("b", [])}
    with pytest.raises(
        EvidenceUnavailable, match=r"sink 'broken' .* no room for \d+ bytes"
    ) as info:
        await FanOut({name: sinks[name] for name in order}).append(record())
    assert isinstance(info.value.__cause__, OSError)


async def test_a_receipt_for_something_else_is_a_failure() -> None:
    with pytest.raises(EvidenceUnavailable, match="sink 'liar' acknowledged"):
        await FanOut({"liar": Liar("l", [])}).append(record())


async def test_without_a_sink_nothing_is_recorded() -> None:
    fanout = FanOut({})
    assert fanout.primary is None
    with pytest.raises(EvidenceUnavailable, match="no evidence sink is enabled"):
        await fanout.append(record())
