"""A power cut at any moment: of what no sync covered, each sector is old or new as chance has it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from eleanor_evidence_local import checkpoints, disk, journal, tiles
from eleanor_evidence_local.layout import heading
from eleanor_evidence_local.notary import Signing
from eleanor_evidence_local.store import Store
from eleanor_evidence_local.submission import Submission

from eleanor_core.api import Receipt, SealedRecord, read_checkpoint

SECTOR = 64
"""Smaller than any disk's: so one append covers many."""


class Disk:
    """What of a log's files would be there if the power failed now."""

    def __init__(self, folder: Path, *, syncs: bool = True) -> None:
        self._folder = folder
        self._syncs = syncs
        # By name: which file has it on stable storage, and what of that file is there.
        self._named = {path: (path.stat().st_ino, path.read_bytes()) for path in self._files()}
        self._durable = dict(self._named.values())

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for module in (disk, journal):
            patch.setattr(module, "sync", self._sync)
        for module in (disk, journal, checkpoints, tiles):
            patch.setattr(module, "sync_folder", self._sync_folder)

    def _sync(self, descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        # The keys are elsewhere, and this is not about them.
        path = next((path for path in self._files() if path.stat().st_ino == inode), None)
        if self._syncs and path:
            self._durable[inode] = path.read_bytes()
            if path in self._named and self._named[path][0] == inode:
                self._named[path] = (inode, self._durable[inode])

    def _sync_folder(self, folder: Path) -> None:
        if not self._syncs:
            return
        here = {path: path.stat().st_ino for path in self._files()}
        self._durable = {inode: self._durable.get(inode, b"") for inode in here.values()}
        kept = {path: held for path, held in self._named.items() if path.parent != folder}
        named = {
            path: (inode, self._durable[inode])
            for path, inode in here.items()
            if path.parent == folder
        }
        self._named = kept | named

    def _files(self) -> list[Path]:
        kinds = "segments/*", "payloads/*", "journal", "checkpoint*", "tile/**/*"
        paths = [path for kind in kinds for path in self._folder.glob(kind)]
        return [path for path in paths if path.is_file()]

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
            inode, old = self._named.get(path, (0, b""))
            new = path.read_bytes() if path.exists() else old
            if path.exists() and path.stat().st_ino != inode:
                # The name leads to the file that had it, or to the one that has it now.
                of_new = torn(self._durable.get(path.stat().st_ino, b""), new, chance)
                path.write_bytes(old if inode and chance.random() < 0.5 else of_new)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
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

    def __init__(
        self, seal: Callable[..., SealedRecord], chance: random.Random, *, syncs: bool
    ) -> None:
        self._seal = seal
        self._chance = chance
        self._syncs = syncs
        self._numbers = count()
        self._acknowledged: dict[int, SealedRecord] = {}
        self.lost = 0
        self.signed = 0

    def check(self, store: Store) -> bool:
        """Count the records that are not there any more, or not as they were.

        Return whether the log can still be written.
        """
        if store.closed:
            self.lost += len(self._acknowledged)
            return False
        report = store.verify()
        if report.findings and not self._syncs:
            # Then its files may not even belong together.
            self.lost += len(self._acknowledged)
            return False
        assert report.findings == ()
        assert report.signed >= self.signed
        stored = {item.index: item for item in store.chunk(0, 10_000)[0]}
        for index, record in [*self._acknowledged.items()]:
            found = stored.get(index)
            if not found or (found.leaf, found.payload) != (record.leaf, record.payload):
                self.lost += 1
                del self._acknowledged[index]
        return True

    def append(self, store: Store) -> None:
        """Append some records, one or three at a time."""
        for _ in range(self._chance.randint(0, 25)):
            batch = [self._record() for _ in range(self._chance.choice((1, 1, 1, 3)))]
            for submission, receipt in zip(batch, store.commit(batch), strict=True):
                assert isinstance(receipt, Receipt)
                self._acknowledged[receipt.index] = submission.record
            if store.notary and self._chance.random() < 0.2:
                self.signed = read_checkpoint(store.notary.sign()).size

    def _record(self) -> Submission:
        text = "t" * self._chance.randint(0, 600)
        record = self._seal(next(self._numbers), text, pad="p" * 150)
        return Submission(record, heading(record.leaf))


@pytest.fixture
def lost_in(
    folder: Path,
    said,
    seal: Callable[..., SealedRecord],
    signing_of: Callable[[Path], Signing],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., int]:
    """Let a log die six times, with or without a power cut; return how many records it lost."""

    def run(seed: int, *, syncs: bool = True) -> int:
        monkeypatch.setattr(journal, "_FULL", 4000)
        monkeypatch.setattr(journal, "_ENTRIES", 2)
        chance, place = random.Random(seed), folder / str(seed)
        life, stable = Life(seal, chance, syncs=syncs), Disk(place, syncs=syncs)
        for _ in range(6):
            with monkeypatch.context() as patch:
                stable.install(patch)
                store = Store(place, 6000, said, signing_of(place))
                if not life.check(store):
                    store.close()
                    break
                life.append(store)
                # As when the process dies: nothing is synced, signed or removed.
                patch.setattr(store, "_pair", None)
                patch.setattr(store.notary, "_unsigned", 0)
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
