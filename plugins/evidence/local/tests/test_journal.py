"""The journal: what it holds is written again where the files lost it, and only there."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import anyio
import pytest
from eleanor_evidence_local import disk, journal
from eleanor_evidence_local.journal import entry_of
from eleanor_evidence_local.layout import Place, heading
from eleanor_evidence_local.lines import leaf_line, payload_line
from eleanor_evidence_local.store import Store
from eleanor_evidence_local.submission import Refusal, Submission

from eleanor_core.api import Frontier, Receipt, SealedRecord

OpenStore = Callable[[], Store]


def commit(store: Store, records: Iterable[SealedRecord]) -> list[Receipt | Refusal]:
    """Append the records one by one."""
    return [
        outcome
        for record in records
        for outcome in store.commit([Submission(record, heading(record.leaf))])
    ]


@pytest.fixture
def crashed(store: OpenStore, seal, folder: Path, tmp_path: Path) -> Path:
    """A log of six records as a process left it that was killed."""
    running = store()
    assert all(isinstance(item, Receipt) for item in commit(running, map(seal, range(6))))
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    running.close()
    shutil.rmtree(folder)
    kept.rename(folder)
    return folder


def file(folder: Path, kind: str) -> Path:
    (path,) = folder.glob(f"{kind}/*")
    return path


def keep_lines(folder: Path, kind: str, count: int) -> None:
    """Cut a file off after its first lines."""
    lines = file(folder, kind).read_bytes().splitlines(keepends=True)
    file(folder, kind).write_bytes(b"".join(lines[:count]))


def without_index(folder: Path) -> None:
    for path in folder.glob("index.sqlite*"):
        path.unlink()


def check(open_store: OpenStore, count: int) -> list[str]:
    """Open the log, see that all is well, and return what was put right."""
    opened = open_store()
    try:
        assert opened.closed is None, opened.closed
        assert opened.count() == count
        report = opened.verify()
        assert (report.records, report.findings) == (count, ())
        return [note for note in report.notes if "index" not in note]
    finally:
        opened.close()


def test_a_log_that_was_closed_has_no_journal(store: OpenStore, seal, folder: Path) -> None:
    opened = store()
    commit(opened, map(seal, range(3)))
    assert (folder / "journal").exists()
    opened.close()
    assert not (folder / "journal").exists()
    assert check(store, 3) == []


def test_what_a_killed_process_left_needs_nothing(store: OpenStore, crashed: Path) -> None:
    assert (crashed / "journal").exists()
    assert check(store, 6) == []
    assert not (crashed / "journal").exists()


DAMAGE: dict[str, Callable[[bytes, int], bytes]] = {
    "cut off": lambda whole, at: whole[:at],
    "cut off in a line": lambda whole, at: whole[: at + 100],
    "zeros": lambda whole, at: whole[:at] + bytes(len(whole) - at),
    "zeros in the middle": lambda whole, at: whole[: at + 9] + bytes(64) + whole[at + 73 :],
    "something else and longer": lambda whole, at: whole[:at] + b"0" * len(whole),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kinds", [("segments",), ("payloads",), ("segments", "payloads")])
def test_what_the_files_lost_is_written_again(
    store: OpenStore, crashed: Path, kinds: tuple[str, ...], damage: str
) -> None:
    whole = {kind: file(crashed, kind).read_bytes() for kind in ("segments", "payloads")}
    for kind in kinds:
        start = whole[kind].index(b"\n") + 1
        file(crashed, kind).write_bytes(DAMAGE[damage](whole[kind], start))
    notes = check(store, 6)
    assert any("the journal holds them" in note for note in notes)
    assert {kind: file(crashed, kind).read_bytes() for kind in whole} == whole
    assert check(store, 6) == []


def test_an_entry_that_was_never_finished_counts_for_nothing(
    store: OpenStore, crashed: Path, seal
) -> None:
    path = crashed / "journal"
    # It has its place on the disk ahead, and nothing in it.
    whole = path.read_bytes().rstrip(b"-")
    *_, last = [at for at in range(len(whole)) if whole.startswith(b"eleanor-journal", at)]
    for tail in (whole[last:-1], whole[last:-200] + bytes(200), b"-" + whole[last + 1 :], b""):
        path.write_bytes(whole[:last] + tail)
        # The files have all six: the last one was written to them before the power failed.
        assert check(store, 6) == []
        assert not path.exists()
    path.write_bytes(whole[:-1])
    for kind in ("segments", "payloads"):
        keep_lines(crashed, kind, 5)
    without_index(crashed)
    assert len(check(store, 5)) == 2


@pytest.mark.parametrize("full", [False, True])
def test_it_grows_ahead_where_there_is_place(
    store: OpenStore, seal, folder: Path, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    def write_all(descriptor: int, data: bytes) -> None:
        if full and not data.strip(b"-"):
            raise OSError(errno.ENOSPC, "No space left on device")
        disk.write_all(descriptor, data)

    monkeypatch.setattr(journal, "write_all", write_all)
    opened = store()
    outcomes = commit(opened, map(seal, range(3)))
    assert all(isinstance(item, Receipt) for item in outcomes)
    assert (folder / "journal").read_bytes().endswith(b"---") is not full
    opened.close()


def test_entries_from_before_it_began_again_count_for_nothing(
    store: OpenStore, seal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = store()
    commit(opened, (seal(n, "t" * 300) for n in range(4)))
    monkeypatch.setattr(journal.Journal, "has_room", lambda *_: False)
    commit(opened, [seal(4)])
    assert (folder / "journal").read_bytes().count(b"eleanor-journal 1 ") == 4
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    opened.close()
    shutil.rmtree(folder)
    kept.rename(folder)
    # The first four are durable in the files, the fifth in the journal.
    for kind in ("segments", "payloads"):
        keep_lines(folder, kind, 5)
    assert len(check(store, 5)) == 2


def test_the_journal_of_another_log_is_not_believed(store: OpenStore, crashed: Path, seal) -> None:
    stranger = seal(99, "not of this log")
    leaves = leaf_line(3, stranger.leaf, stranger.leaf_hash)
    payloads = payload_line(3, stranger.payload, stranger.leaf_hash)
    places = [
        tuple(map(len, file(crashed, kind).read_bytes().splitlines(keepends=True)[:4]))
        for kind in ("segments", "payloads")
    ]
    peaks = Frontier(4, [bytes(32)]).peaks
    entry = entry_of(Place(3, 0, *map(sum, places)), peaks, [leaves], [payloads])
    (crashed / "journal").write_bytes(entry)
    assert check(store, 6) == []


def test_records_missing_before_the_journal_are_damage(
    store: OpenStore, seal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal.Journal, "has_room", lambda *_: False)
    running = store()
    commit(running, map(seal, range(4)))
    whole = (folder / "journal").read_bytes()
    running.close()
    for kind in ("segments", "payloads"):
        keep_lines(folder, kind, 3)
    without_index(folder)
    (folder / "journal").write_bytes(whole)
    opened = store()
    assert opened.closed is not None
    assert "the journal goes on with record 3" in opened.closed.message
    opened.close()
    assert (folder / "journal").read_bytes() == whole


def test_a_record_that_the_files_did_not_take_is_in_neither(
    store: OpenStore, seal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = store()
    commit(opened, [seal(0)])
    write = disk.write_all
    for full in ("eleanor", "payload", "leaf"):
        writes = iter(("eleanor", "payload", "leaf", *"....."))

        def write_all(descriptor: int, data: bytes, writes=writes, full=full) -> None:
            if next(writes) == full:
                write(descriptor, data[: len(data) // 2])
                raise OSError(28, "No space left on device")
            write(descriptor, data)

        with monkeypatch.context() as patch:
            for module in (disk, journal):
                patch.setattr(module, "write_all", write_all)
            (outcome,) = commit(opened, [seal(1)])
        assert isinstance(outcome, Refusal)
        assert "No space left" in outcome.message
        # Not even for a start that finds the log as it is now.
        kept = folder.with_name(f"kept-{full}")
        shutil.copytree(folder, kept)
        again = Store(kept, 1 << 20, opened._log, opened.signing)
        assert again.count() == 1
        again.close()
    assert [outcome.index for outcome in commit(opened, [seal(2), seal(3)])] == [1, 2]
    opened.close()
    assert check(store, 3) == []


def test_a_file_whose_sync_failed_is_written_once_more(
    store: OpenStore, seal, folder: Path, monkeypatch: pytest.MonkeyPatch, replace_sync
) -> None:
    monkeypatch.setattr(journal.Journal, "has_room", lambda *_: False)
    sync = disk.sync
    opened = store()
    commit(opened, [seal(0), seal(1)])
    path = file(folder, "payloads")
    whole = path.read_bytes()

    def losing(descriptor: int) -> None:
        # What the system does with pages that it could not write: it takes them for written.
        path.write_bytes(whole[:-50] + bytes(50))
        raise OSError(5, "Input/output error")

    replace_sync(losing)
    (outcome,) = commit(opened, [seal(2)])
    assert isinstance(outcome, Refusal)
    replace_sync(sync)
    (outcome,) = commit(opened, [seal(2)])
    assert outcome.index == 2
    assert path.read_bytes().startswith(whole)
    opened.close()
    assert check(store, 3) == []


@pytest.mark.anyio
async def test_a_batch_larger_than_the_journal_is_written_whole(
    open_it, seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_FULL", 2000)
    monkeypatch.setattr(journal, "_ENTRIES", 1)
    async with open_it() as log:
        async with anyio.create_task_group() as group:
            for n in range(200):
                group.start_soon(log.append, seal(n))
        assert await log.count() == 200
    async with open_it() as log:
        report = await log.verify()
        assert (report.records, report.findings, report.notes) == (200, (), ())


@pytest.mark.anyio
async def test_nothing_is_acknowledged_before_it_is_on_stable_storage(
    open_it, seal, monkeypatch: pytest.MonkeyPatch, replace_sync
) -> None:
    done: list[str] = []
    may_sync = threading.Event()
    sync, write = disk.sync, disk.write_all

    def slow_sync(descriptor: int) -> None:
        assert may_sync.wait(10)
        sync(descriptor)
        done.append("synced")

    def noted_write(descriptor: int, view: bytes | memoryview) -> None:
        data = bytes(view)
        kinds = {b"eleanor-journal": "journal", b"0000000": "payload"}
        named = next((name for start, name in kinds.items() if data.startswith(start)), "?")
        done.append("leaf" if named == "payload" and b'"record_id"' in data else named)
        write(descriptor, data)

    async with open_it() as log:
        await log.append(seal(0))
        replace_sync(slow_sync)
        for module in (disk, journal):
            monkeypatch.setattr(module, "write_all", noted_write)
        with anyio.move_on_after(0.2) as scope:
            await log.append(seal(1))
        assert scope.cancelled_caught
        # Nobody can read what is not durable yet.
        assert done == ["journal"]
        assert await log.count() == 1
        may_sync.set()
        assert (await log.append(seal(1))).index == 1
        assert done == ["journal", "synced", "payload", "leaf"]


@pytest.mark.anyio
async def test_all_that_waits_is_written_with_one_sync(open_it, seal, replace_sync) -> None:
    syncs: list[int] = []
    sync = disk.sync

    def counted(descriptor: int) -> None:
        syncs.append(descriptor)
        time.sleep(0.05)  # as a disk takes, and memory does not
        sync(descriptor)

    async with open_it() as log:
        await log.append(seal(0))
        replace_sync(counted)
        async with anyio.create_task_group() as group:
            for n in range(1, 500):
                group.start_soon(log.append, seal(n))
        assert await log.count() == 500
        # The first append may go alone; the others gather while it is written.
        assert len(syncs) <= 10


@pytest.mark.long
@pytest.mark.anyio
async def test_a_log_that_never_rests_keeps_few_rows_in_memory(open_it, seal) -> None:
    async with open_it() as log:
        for start in range(0, 4000, 400):
            async with anyio.create_task_group() as group:
                for n in range(start, start + 400):
                    group.start_soon(log.append, seal(n))
            # Those of the last batch, and what may wait beside.
            assert log._store._catalog.waiting <= 512 + 400
