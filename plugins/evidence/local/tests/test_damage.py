"""Whatever is changed in the files is found, whatever was torn is cut off, nothing is repaired."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eleanor_evidence_local.disk import Lock
from eleanor_evidence_local.lines import (
    is_torn,
    leaf_line,
    payload_header,
    payload_line,
    segment_header,
)
from eleanor_evidence_local.store import Store

from eleanor_core.api import EvidenceCorrupt, EvidenceUnavailable, SealedRecord

OpenStore = Callable[[], Store]


@pytest.fixture
async def written(open_it, seal, folder: Path) -> Path:
    """A log of five records in two segments."""
    async with open_it(segment_bytes=4096) as log:
        for n in range(5):
            await log.append(seal(n, "text", pad="p" * (1100 if n < 3 else 0)))
    assert len(stored_files(folder)) == 4
    return folder


def stored_files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("segments/*"), *folder.glob("payloads/*")])


def without_index(folder: Path) -> None:
    for path in folder.glob("index.sqlite*"):
        path.unlink()


def findings(open_store: OpenStore) -> list[str]:
    store = open_store()
    try:
        return [f"{found.where}: {found.what}" for found in store.verify().findings]
    finally:
        store.close()


def flips(folder: Path) -> Iterator[tuple[Path, int, int]]:
    """Every byte of every file; in the long padding one in fifty."""
    for path in stored_files(folder):
        for position, byte in enumerate(path.read_bytes()):
            if byte != ord("p") or position % 50 == 0:
                yield path, position, byte


def put(path: Path, position: int, byte: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(bytes([byte]))


@pytest.mark.long
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_every_changed_byte_is_found(open_it, seal, folder: Path, store: OpenStore) -> None:
    async with open_it(segment_bytes=4096) as log:
        await log.append(seal(0, "a", pad="p" * 4000))
        await log.append(seal(1, None))
        await log.append(seal(2, "b"))
    without_index(folder)
    swept = 0
    # With the lock held elsewhere the files are only read, which makes so many openings quick. What
    # a writer would cut off is left out of the verification all the same.
    held = Lock(folder / "lock")
    for path, position, byte in flips(folder):
        # Among them the one change that makes one line two; the last byte's joins two lines.
        other = (byte ^ 0x01, byte ^ 0x80, ord("\n"))[position % 3]
        put(path, position, other if other != byte else 0)
        found = findings(store)
        assert found, f"{path.name} at byte {position}"
        assert any(path.name in where for where in found)
        put(path, position, byte)
        swept += 1
    assert swept > 2000
    assert findings(store) == []
    held.release()


@pytest.mark.anyio
async def test_a_damaged_log_is_read_as_far_as_it_goes_and_not_written(
    open_it, seal, written: Path, said
) -> None:
    path = segment(written, -1)
    whole = path.read_bytes()
    offset = whole.index(b'"trace-4"')
    path.write_bytes(whole.replace(b'"trace-4"', b'"trace-5"'))
    kept = {file: file.read_bytes() for file in stored_files(written)}
    async with open_it() as log:
        line = whole.rindex(b"\n", 0, offset) + 1
        with pytest.raises(EvidenceUnavailable, match=f"{path.name} at byte {line}: ") as info:
            await log.append(seal(9))
        assert isinstance(info.value.__cause__, EvidenceCorrupt)
        assert (await log.get(seal(3).record_id)).index == 3
        with pytest.raises(EvidenceCorrupt, match="does not match its stated length and hash"):
            await log.get(seal(4).record_id)
        read: list[int] = []
        with pytest.raises(EvidenceCorrupt, match=f"at byte {line}"):
            async for record in log.read():
                read.append(record.index)
        assert read == [0, 1, 2, 3]
        with pytest.raises(EvidenceCorrupt):
            await log.count()
        report = await log.verify()
        assert [finding.where for finding in report.findings] == [
            f"segments/{path.name} at byte {line}"
        ]
        assert "record 4" in report.findings[0].what
    assert {file: file.read_bytes() for file in stored_files(written)} == kept
    assert any("damaged" in line for line in said.lines)


@pytest.mark.anyio
async def test_damage_in_an_earlier_segment_is_told_by_who_meets_it(
    open_it, seal, written: Path
) -> None:
    path = segment(written, 0)
    path.write_bytes(path.read_bytes().replace(b'"trace-1"', b'"trace-9"'))
    async with open_it() as log:
        assert (await log.append(seal(5))).index == 5
        with pytest.raises(EvidenceCorrupt, match=path.name):
            await log.get(seal(1).record_id)
        assert (await log.get(seal(0).record_id)).index == 0
        assert (await log.get(seal(4).record_id)).index == 4
        report = await log.verify()
        assert len(report.findings) == 1
        assert report.records == 6


def change(path: Path, how: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(how(path.read_bytes().splitlines(keepends=True))))


ATTACKS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a leaf line doubled": (
        lambda folder: change(segment(folder, -1), lambda lines: [*lines, lines[-1]]),
        "record 5 belongs here",
    ),
    "a leaf line taken out": (
        lambda folder: change(segment(folder, 0), lambda lines: [lines[0], *lines[2:]]),
        "record 0 belongs here",
    ),
    "two leaf lines swapped": (
        lambda folder: change(
            segment(folder, 0), lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]
        ),
        "record 0 belongs here",
    ),
    "a payload line taken out": (
        lambda folder: change(payloads(folder, 0), lambda lines: [lines[0], *lines[2:]]),
        "the payload of record 0 belongs here",
    ),
    "the last payload line cut off": (
        lambda folder: change(payloads(folder, -1), lambda lines: lines[:-1]),
        "payload line",
    ),
    "the last payload line torn": (
        lambda folder: change(payloads(folder, -1), lambda lines: [*lines[:-1], lines[-1][:-9]]),
        "record 4",
    ),
    "the first segment deleted": (lambda folder: segment(folder, 0).unlink(), "belongs here"),
    "the last segment deleted": (
        lambda folder: segment(folder, -1).unlink(),
        "not part of the log",
    ),
    "a payload file deleted": (lambda folder: payloads(folder, 0).unlink(), "payload"),
    "the last payload file deleted": (lambda folder: payloads(folder, -1).unlink(), "payload"),
    "the segments exchanged": (lambda folder: exchange(folder, "segments"), "first line"),
    "the payload files exchanged": (lambda folder: exchange(folder, "payloads"), "first line"),
    "a segment renamed": (
        lambda folder: segment(folder, 0).rename(folder / "segments" / f"{1:020d}.seg"),
        "belongs here",
    ),
    "a file too many beside": (
        lambda folder: (folder / "notes.txt").write_text("x") and None,
        "not part of the log",
    ),
    "a file too many among the segments": (
        lambda folder: (folder / "segments" / "copy.seg").write_text("x") and None,
        "not part of the log",
    ),
    "the earlier segment truncated": (
        lambda folder: change(segment(folder, 0), lambda lines: lines[:-1]),
        "belongs here",
    ),
    "the log of another begun in its middle": (
        lambda folder: change(
            segment(folder, -1), lambda lines: [segment_header(3, [bytes(32)] * 2), *lines[1:]]
        ),
        "the first line is not the one that the records before it demand",
    ),
}


def segment(folder: Path, which: int) -> Path:
    return sorted(folder.glob("segments/*"))[which]


def payloads(folder: Path, which: int) -> Path:
    return sorted(folder.glob("payloads/*"))[which]


def exchange(folder: Path, kind: str) -> None:
    first, second = sorted(folder.glob(f"{kind}/*"))
    spare = folder / "spare"
    first.rename(spare)
    second.rename(first)
    spare.rename(second)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("index", ["with", "without"])
@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_editor_of_the_files_is_found(
    written: Path, store: OpenStore, attack: str, index: str
) -> None:
    edit, expected = ATTACKS[attack]
    edit(written)
    if index == "without":
        without_index(written)
    found = findings(store)
    assert any(expected in what for what in found), found


@pytest.mark.anyio
async def test_records_taken_from_the_end_are_missed_by_the_index(
    open_it, seal, written: Path
) -> None:
    change(segment(written, -1), lambda lines: lines[:-1])
    kept = {file: file.read_bytes() for file in stored_files(written)}
    async with open_it() as log:
        with pytest.raises(
            EvidenceUnavailable, match="ends after 4 records, and its index knows of 5"
        ):
            await log.append(seal(9))
        assert [record.index async for record in log.read()] == [0, 1, 2, 3]
    assert {file: file.read_bytes() for file in stored_files(written)} == kept


@pytest.mark.anyio
async def test_more_missing_leaves_than_one_crash_can_lose_are_damage(
    open_it, seal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eleanor_evidence_local.recovery.BATCH", 3)
    async with open_it() as log:
        for n in range(8):
            await log.append(seal(n))
    change(segment(folder, 0), lambda lines: lines[:5])
    without_index(folder)
    async with open_it() as log:
        with pytest.raises(EvidenceUnavailable, match="4 records that have payloads are missing"):
            await log.append(seal(9))


# -- what a crash leaves --------------------------------------------------------------------------


def next_lines(record: SealedRecord, index: int) -> tuple[bytes, bytes]:
    return (
        leaf_line(index, record.leaf, record.leaf_hash),
        payload_line(index, record.payload, record.leaf_hash),
    )


def append_raw(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.long
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_torn_append_is_cut_off_wherever_it_tore(
    open_it, seal, written: Path, tmp_path: Path
) -> None:
    leaf, payload = next_lines(seal(5), 5)
    tears = [(0, size) for size in range(1, len(payload) + 1, 29)]
    tears += [(size, len(payload)) for size in range(1, len(leaf), 23)]
    tears += [(len(leaf) - 1, len(payload))]
    clean = tmp_path / "clean"
    shutil.copytree(written, clean)
    for leaf_size, payload_size in tears:
        shutil.rmtree(written)
        shutil.copytree(clean, written)
        append_raw(payloads(written, -1), payload[:payload_size])
        append_raw(segment(written, -1), leaf[:leaf_size])
        async with open_it() as log:
            report = await log.verify()
            assert (report.records, report.findings) == (5, ())
            assert any("torn append; it was cut off" in note for note in report.notes)
            assert (await log.append(seal(6))).index == 5
            assert (await log.verify()).sound


@pytest.mark.anyio
async def test_a_torn_batch_keeps_its_whole_records(open_it, seal, written: Path) -> None:
    lines = [next_lines(seal(n), n) for n in (5, 6, 7)]
    append_raw(payloads(written, -1), b"".join(payload for _, payload in lines))
    append_raw(segment(written, -1), b"".join(leaf for leaf, _ in lines)[:-20])
    async with open_it() as log:
        assert await log.count() == 7
        assert (await log.get(seal(6).record_id)).payload == seal(6).payload
        report = await log.verify()
        assert report.sound
        assert any("the index was 2 records behind" in note for note in report.notes)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(
    ("segment_bytes", "payload_bytes"),
    [(0, None), (1, None), (30, None), (200, None), (None, None), (None, 0), (None, 1), (None, 40)],
)
async def test_files_that_were_being_made_are_made_again(
    open_it, seal, folder: Path, segment_bytes: int | None, payload_bytes: int | None
) -> None:
    async with open_it(segment_bytes=4096) as log:
        for n in range(3):
            await log.append(seal(n, "text", pad="p" * 1500))
        # What the next file would have begun with.
        peaks = log._store.head.peaks
    leaf_start = segment_header(3, peaks)[:segment_bytes]
    (folder / "segments" / f"{3:020d}.seg").write_bytes(leaf_start)
    if payload_bytes is not None:
        payload_start = payload_header(3)[:payload_bytes]
        (folder / "payloads" / f"{3:020d}.pay").write_bytes(payload_start)
    async with open_it(segment_bytes=4096) as log:
        assert (await log.append(seal(3))).index == 3
        report = await log.verify()
        assert (report.records, report.findings) == (4, ())
        assert any("was never begun; it was cut off" in note for note in report.notes)


@pytest.mark.anyio
async def test_a_log_that_was_made_and_never_written_opens(open_it, seal, folder: Path) -> None:
    async with open_it():
        pass
    (folder / "segments" / f"{0:020d}.seg").write_bytes(segment_header(0, []))
    (folder / "payloads" / f"{0:020d}.pay").write_bytes(payload_header(0))
    async with open_it() as log:
        assert await log.count() == 0
        assert (await log.append(seal(0))).index == 0
        assert (await log.verify()).sound


def test_a_finished_line_is_never_taken_for_a_torn_one(seal) -> None:
    for line in next_lines(seal(0), 0):
        assert all(is_torn(line[:size]) for size in range(1, len(line)))
        for position in range(len(line)):
            changed = bytearray(line)
            changed[position] ^= 0x01
            if position == len(line) - 1:
                assert not is_torn(bytes(changed))
            else:
                assert changed.endswith(b"\n")
