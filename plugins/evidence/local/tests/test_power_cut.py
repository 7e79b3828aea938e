"""A power cut at any moment: of what no sync covered, each sector is old or new as chance has it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from itertools import count
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
        for path in sorted({*self._named, *self._files()}):
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


class Life:
    """A log that is written to, dies, and is opened again; what it acknowledged, by position."""

    def __init__(self, seal: Callable[..., SealedRecord], chance: random.Random) -> None:
        self._seal = seal
        self._chance = chance
        self._numbers = count()
        self._acknowledged: dict[int, SealedRecord] = {}
        self.lost = 0

    def check(self, store: Store) -> None:
        """Count the records that are not there any more, or not as they were."""
        if store.closed:
            self.lost += len(self._acknowledged)
            return
        assert store.verify().findings == ()
        stored = {item.index: item for item in store.chunk(0, 10_000)[0]}
        for index, record in [*self._acknowledged.items()]:
            found = stored.get(index)
            if not found or (found.leaf, found.payload) != (record.leaf, record.payload):
                self.lost += 1
                del self._acknowledged[index]

    def append(self, store: Store) -> None:
        """Append some records, one or three at a time."""
        for _ in range(self._chance.randint(0, 25)):
            batch = [self._record() for _ in range(self._chance.choice((1, 1, 1, 3)))]
            for submission, receipt in zip(batch, store.commit(batch), strict=True):
                assert isinstance(receipt, Receipt)
                self._acknowledged[receipt.index] = submission.record

    def _record(self) -> Submission:
        text = "t" * self._chance.randint(0, 600)
        record = self._seal(next(self._numbers), text, pad="p" * 150)
        return Submission(record, heading(record.leaf))


@pytest.fixture
def lost_in(
    folder: Path, said, seal: Callable[..., SealedRecord], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Let a log die six times, with or without a power cut; return how many records it lost."""

    def run(seed: int, *, syncs: bool = True) -> int:
        monkeypatch.setattr(journal, "_FULL", 4000)
        monkeypatch.setattr(journal, "_ENTRIES", 2)
        chance, place = random.Random(seed), folder / str(seed)
        life, stable = Life(seal, chance), Disk(place, syncs=syncs)
        for _ in range(6):
            with monkeypatch.context() as patch:
                stable.install(patch)
                store = Store(place, 6000, said)
                life.check(store)
                if store.closed:
                    store.close()
                    break
                life.append(store)
                # As when the process dies: nothing is synced, nothing removed.
                patch.setattr(store, "_pair", None)
                store.close()
            if chance.random() < 0.5:
                stable.cut(chance)
                stable = Disk(place, syncs=syncs)
        return life.lost

    return run


@pytest.mark.parametrize("seed", range(12))
def test_what_was_acknowledged_survives_a_power_cut(lost_in, seed: int) -> None:
    assert lost_in(seed) == 0


def test_without_a_sync_a_power_cut_loses_records(lost_in) -> None:
    """The harness can see a loss at all."""
    assert sum(lost_in(seed, syncs=False) for seed in range(5)) > 0
