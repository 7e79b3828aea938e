"""Erasing: not a byte of a payload or its salt is left, whatever happens on the way."""

from __future__ import annotations

import base64
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from eleanor_evidence_local.erasing import unfinished
from eleanor_evidence_local.layout import ERASING, heading
from eleanor_evidence_local.submission import Refusal, Submission

from eleanor_core.api import EvidenceUnavailable, Receipt, SealedRecord
from eleanor_core.testing.sinks import make_erasure

WORDS = "My name is Zoë Quist, and I sleep badly."
CALLS = ("write", "fdatasync", "fsync", "ftruncate", "replace", "rename", "unlink")


def traces(record: SealedRecord) -> list[bytes]:
    """All ways in which a byte-wise search could meet the payload of a record, or its salt."""
    part = json.loads(record.payload)["case"]
    salt, text = bytes.fromhex(part["salt"]), part["value"]["text"]
    found = [salt, salt.hex().encode(), salt.hex().upper().encode(), record.payload]
    for raw in (salt, text.encode(), text.encode("utf-16-le")):
        found += [raw, base64.b64encode(raw)[:-4], base64.urlsafe_b64encode(raw)[:-4]]
    return [*found, json.dumps(text)[1:-1].encode(), text.split()[3].encode()]


def left(folder: Path, record: SealedRecord) -> list[str]:
    """The files below a folder that hold any trace of it."""
    return [
        f"{path.name}: {trace!r}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for trace in traces(record)
        if trace in path.read_bytes()
    ]


def submitted(*records: SealedRecord) -> list[Submission]:
    return [Submission(record, heading(record.leaf)) for record in records]


@pytest.fixture
def records(seal) -> list[SealedRecord]:
    """Three records; the second is to be erased."""
    return [seal(0), seal(1, WORDS), seal(2)]


@pytest.mark.anyio
async def test_nothing_is_left_and_everything_still_verifies(open_it, records, folder) -> None:
    target = records[1]
    async with open_it() as log:
        for record in records:
            await log.append(record)
        before = await log.checkpoint()
        assert left(folder, target)
        erasure = make_erasure(target)
        at = await log.append(erasure)
        assert not left(folder, target)
        stored = await log.get(target.record_id)
        assert (stored.payload, stored.leaf) == (None, target.leaf)
        assert (await log.get(records[2].record_id)).payload == records[2].payload
        assert await log.append(erasure) == at
        report = await log.verify(known=[before])
        assert report.sound, report.findings
        assert report.notes == ("the payloads of 1 records have been erased",)
        await log.consistency(3, 3)
    assert not left(folder, target)
    async with open_it() as log:
        assert (await log.verify(known=[before])).sound
        assert await log.unfinished() == []
    assert not left(folder, target)


@pytest.mark.anyio
async def test_what_is_appended_again_stays_erased(open_it, records, seal, folder) -> None:
    target = records[1]
    async with open_it() as log:
        first = [await log.append(record) for record in records]
        await log.append(make_erasure(target))
        assert await log.append(target) == first[1]
        # An erasure before its record, as in a log that is filled from another one.
        later = seal(9, WORDS)
        await log.append(make_erasure(later))
        await log.append(later)
        for again in (target, later):
            assert (await log.get(again.record_id)).payload is None
            assert not left(folder, again)
        assert (await log.verify()).sound


@pytest.mark.anyio
async def test_one_of_an_earlier_segment_and_one_of_the_same_batch(
    open_it, seal, store, folder
) -> None:
    early = seal(0, WORDS)
    async with open_it(segment_bytes=4096) as log:
        await log.append(early)
        for n in range(1, 30):
            await log.append(seal(n))
        assert len(list((folder / "payloads").iterdir())) > 1
        await log.append(make_erasure(early))
        assert (await log.verify()).sound
    assert not left(folder, early)
    opened, late = store(), seal(40, WORDS)
    try:
        outcomes = opened.commit(submitted(seal(39), late, make_erasure(late)))
        assert all(isinstance(outcome, Receipt) for outcome in outcomes)
        assert not left(folder, late)
        assert opened.verify().sound
    finally:
        opened.close()


def test_a_kill_at_every_step_leaves_an_erasure_to_be_finished_or_none(
    records, store, folder, monkeypatch, tmp_path
) -> None:
    """What a kill leaves is photographed before each call of the system, and in every write."""
    target, photographs = records[1], tmp_path / "photographs"
    opened = store()
    opened.commit(submitted(*records))
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            _photograph_before(patch, name, folder, photographs)
        outcomes = opened.commit(submitted(make_erasure(target)))
    assert isinstance(outcomes[0], Receipt)
    opened.close()
    kept = sorted(photographs.iterdir())
    assert len(kept) > 20
    finished = 0
    for photograph in kept:
        shutil.rmtree(folder)
        photograph.rename(folder)
        again = store()
        try:
            erased = again.get(make_erasure(target).record_id) is not None
            finished += erased
            assert bool(left(folder, target)) is not erased, photograph.name
            assert (again.get(target.record_id).payload is None) is erased
            report = again.verify()
            assert report.sound, (photograph.name, report.findings)
            assert not (folder / ERASING).exists()
        finally:
            again.close()
    assert 0 < finished < len(kept)


def _photograph_before(patch, name: str, folder: Path, photographs: Path) -> None:
    real = getattr(os, name)

    def photograph() -> None:
        with pytest.MonkeyPatch.context() as inner:
            for call in CALLS:
                inner.setattr(os, call, originals[call])
            shutil.copytree(folder, photographs / f"{len(list(_in(photographs))):03} {name}")

    def called(*arguments, **named):
        photograph()
        if name == "write" and len(arguments[1]) > 1:
            half = len(arguments[1]) // 2
            written = real(arguments[0], bytes(arguments[1])[:half])
            photograph()
            return written
        return real(*arguments, **named)

    patch.setattr(os, name, called)


originals = {name: getattr(os, name) for name in CALLS}


def _in(folder: Path) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    return folder.iterdir()


@pytest.mark.parametrize("call", ["write", "fdatasync", "replace", "unlink"])
def test_a_disk_that_fails_at_any_call_delays_it_and_no_more(
    call, records, store, folder, seal
) -> None:
    target = records[1]
    opened = store()
    opened.commit(submitted(*records))
    real, number, outcome = getattr(os, call), 0, Refusal("")
    while isinstance(outcome, Refusal):
        calls = 0

        def fails(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls == number:  # noqa: B023 -- it is called within this turn
                raise OSError(errno.EIO, "Input/output error")
            return real(*arguments, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, call, fails)
            (outcome,) = opened.commit(submitted(make_erasure(target)))
        assert isinstance(outcome, Refusal) or not left(folder, target)
        if opened.get(make_erasure(target).record_id) is None:
            assert opened.get(target.record_id).payload == target.payload
        number += 1
        assert number < 20
    assert unfinished(folder, opened.get) == []
    assert opened.verify().sound
    opened.close()


def test_an_erasure_whose_disk_failed_is_finished_with_the_next_record(
    records, store, folder, seal, monkeypatch
) -> None:
    target = records[1]
    opened = store()
    opened.commit(submitted(*records))
    with monkeypatch.context() as patch:
        patch.setattr("eleanor_evidence_local.erasing.sync", _no_room)
        (outcome,) = opened.commit(submitted(make_erasure(target)))
    assert isinstance(outcome, Refusal)
    assert "could not be destroyed yet" in outcome.message
    assert unfinished(folder, opened.get) == [target.record_id]
    opened.commit(submitted(seal(7)))
    opened.tidy()
    assert unfinished(folder, opened.get) == []
    assert not left(folder, target)
    assert opened.verify().sound
    opened.close()


def _no_room(_descriptor: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.anyio
async def test_a_payload_that_is_gone_without_an_erasure_is_found(open_it, records, folder) -> None:
    async with open_it() as log:
        for record in records:
            await log.append(record)
    path = folder / "payloads" / f"{0:020}.pay"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    number, size, digest, own, payload = lines[2].split(b" ", 4)
    gone = [number, size, digest, b"-" * len(own), b"-" * (len(payload) - 1) + b"\n"]
    path.write_bytes(b"".join([*lines[:2], b" ".join(gone), *lines[3:]]))
    async with open_it() as log:
        assert (await log.get(records[1].record_id)).payload is None
        report = await log.verify()
        assert [finding.where for finding in report.findings] == ["record 1"]
        assert "no erasure says why" in report.findings[0].what


@pytest.mark.anyio
async def test_a_payload_that_was_put_back_is_found(open_it, records, folder) -> None:
    async with open_it() as log:
        for record in records:
            await log.append(record)
    path = folder / "payloads" / f"{0:020}.pay"
    whole = path.read_bytes()
    async with open_it() as log:
        await log.append(make_erasure(records[1]))
    erased = path.read_bytes()
    path.write_bytes(whole + erased[len(whole) :])
    async with open_it() as log:
        report = await log.verify()
        assert [finding.where for finding in report.findings] == ["record 1"]
        assert "is still there" in report.findings[0].what


@pytest.mark.anyio
async def test_what_is_noted_and_not_a_list_of_ours_is_damage(open_it, records, folder) -> None:
    async with open_it() as log:
        await log.append(records[0])
    (folder / ERASING).write_bytes(b"everything\n")
    async with open_it() as log:
        with pytest.raises(EvidenceUnavailable, match="erasing at byte 0"):
            await log.append(records[1])
