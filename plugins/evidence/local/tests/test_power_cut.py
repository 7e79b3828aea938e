"""A power cut at any moment: of what no sync covered, each sector is old or new as chance has it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from eleanor_evidence_local import disk, journal
from eleanor_evidence_local.layout import heading
from eleanor_evidence_local.store import Store, Submission

from eleanor_core.api import Receipt, SealedRecord

SECTOR = 64
"""Smaller than any disk's: so one append covers many."""


class Disk:
    """What of a log's files would be there if the power failed now."""

    def __init__(self, folder: Path, *, syncs: bool = True) -> None:
        self._folder = folder
        self._syncs = syncs
        self._durable = {path: path.read_bytes() for path in self._files()}
        self._named = {path: path.stat().st_ino for path in self._files()}

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for module in (disk, journal):
            patch.setattr(module, "sync", self._sync)
            patch.setattr(module, "sync_folder", self._sync_folder)

    def _sync(self, descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        (path,) = (path for path in self._files() if path.stat().st_ino == inode)
        if self._syncs:
            self._durable[path] = path.read_bytes()

    def _sync_folder(self, folder: Path) -> None:
        if not self._syncs:
            return
        for path in [path for path in self._named if path.parent == folder]:
            if not path.exists() or path.stat().st_ino != self._named[path]:
                del self._named[path], self._durable[path]
        for path in self._files():
            if path.parent == folder:
                self._named[path] = path.stat().st_ino
                self._durable.setdefault(path, b"")

    def _files(self) -> list[Path]:
        kinds = "segments/*", "payloads/*", "journal"
        return [path for kind in kinds for path in self._folder.glob(kind)]

    def cut(self, chance: random.Random) -> None:
        """Leave the folder as a power cut might. The index is not what this is about."""
        for path in self._folder.glob("index.sqlite*"):
            path.unlink()
        for path in {*self._named, *self._files()}:
            if not path.exists() and chance.random() < 0.5:
                continue
            if path not in self._named and chance.random() < 0.5:
                path.unlink()
                continue
            old = self._durable.get(path, b"")
            new = path.read_bytes() if path.exists() else old
            path.write_bytes(torn(old, new, chance))


def torn(old: bytes, new: bytes, chance: random.Random) -> bytes:
    """Return a mixture of two states of a file, of any length between theirs."""
    low, high = sorted((len(old), len(new)))
    size = chance.choice((low, high, chance.randint(low, high)))
    old, new = old.ljust(size, b"\0"), new.ljust(size, b"\0")
    share = chance.random()
    sectors = range(0, size, SECTOR)
    return b"".join((new if chance.random() < share else old)[at : at + SECTOR] for at in sectors)[
        :size
    ]


@pytest.fixture
def cut_power(
    folder: Path, said, seal: Callable[..., SealedRecord], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Append, cut the power and start again, three times over; count the records that are lost."""

    def run(seed: int, *, syncs: bool = True) -> int:
        chance = random.Random(seed)
        monkeypatch.setattr(journal, "_FULL", 4000)
        monkeypatch.setattr(journal, "_ENTRIES", 2)
        acknowledged: dict[int, SealedRecord] = {}
        number = lost = 0
        for _ in range(3):
            stable = Disk(folder, syncs=syncs)
            with monkeypatch.context() as patch:
                stable.install(patch)
                store = Store(folder, 6000, said)
                if store.closed:
                    assert not syncs, store.closed
                    store.close()
                    return len(acknowledged)
                stored = store.chunk(0, 10_000)[0]
                leaves = {record.index: record.leaf for record in stored}
                payloads = {record.index: record.payload for record in stored}
                for index, record in acknowledged.items():
                    lost += (leaves.get(index), payloads.get(index)) != (
                        record.leaf,
                        record.payload,
                    )
                acknowledged = {
                    index: record for index, record in acknowledged.items() if index in leaves
                }
                assert store.verify().findings == ()
                for _ in range(chance.randint(0, 25)):
                    batch = []
                    for _ in range(chance.choice((1, 1, 1, 3))):
                        number += 1
                        record = seal(number, "t" * chance.randint(0, 600), pad="p" * 150)
                        batch.append(Submission(record, heading(record.leaf)))
                    for submission, receipt in zip(batch, store.commit(batch), strict=True):
                        assert isinstance(receipt, Receipt)
                        acknowledged[receipt.index] = submission.record
                # As when the process dies: nothing is synced, nothing removed.
                patch.setattr(store, "_pair", None)
                store.close()
                stable.cut(chance)
        return lost

    return run


@pytest.mark.parametrize("seed", range(12))
def test_what_was_acknowledged_survives_a_power_cut(cut_power, seed: int) -> None:
    assert cut_power(seed) == 0


def test_without_a_sync_a_power_cut_loses_records(cut_power) -> None:
    """The harness can see a loss at all."""
    assert sum(cut_power(seed, syncs=False) for seed in range(5)) > 0
