"""The key is made once, readable by its owner alone, and no verifier key is ever forgotten."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from eleanor_evidence_local import LocalSettings, open_log
from eleanor_evidence_local.keys import KeyFile, Keys, is_right

from eleanor_core.api import (
    EvidenceUnavailable,
    Services,
    check_note,
    read_checkpoint,
    read_note,
    read_verifier_key,
)

# The example of Go's package golang.org/x/mod/sumdb/note, which is public.
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb"
    "6KE6RyyBwJnAM=\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_a_published_note_is_checked_and_signed_again() -> None:
    note, key = read_note(NOTE), read_verifier_key(PUBLIC.strip())
    assert [item.key for item in check_note(note, [key], is_right)] == [key]
    with pytest.raises(ValueError, match="is wrong"):
        check_note(read_note(NOTE.replace("what", "that")), [key], is_right)


def test_a_key_file_is_that_of_go(folder: Path) -> None:
    folder.mkdir()
    (folder / "evidence-log.key").write_text(PRIVATE)
    signer = Keys(folder, "log").signer()
    assert signer.sign(read_note(NOTE).text.encode()) == read_note(NOTE).signatures[0].value
    assert (folder / "evidence-log.pub").read_text() == PUBLIC


def test_a_key_is_made_once(folder: Path) -> None:
    assert Keys(folder, "log").verifiers() == ()
    first = Keys(folder, "log", "example.org/log").signer()
    again = Keys(folder, "log").signer()
    assert (first.name, first.public) == (again.name, again.public)
    assert first.name == "example.org/log"
    other = Keys(folder, "other").signer()
    assert other.public != first.public
    assert other.name.startswith("eleanor-log/")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_its_owner_reads_it(folder: Path) -> None:
    Keys(folder, "log").signer()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "evidence-log.key").stat().st_mode & 0o777 == 0o600


def test_a_new_key_joins_the_old_ones(folder: Path) -> None:
    keys = Keys(folder, "log")
    before = keys.signer()
    new, old = keys.replaced()
    assert old is before
    assert new.name == old.name
    assert Keys(folder, "log").signer().public == new.public
    assert [key.public for key in Keys(folder, "log").verifiers()] == [old.public, new.public]
    # One that is lost is followed by a new one of the same name.
    (folder / "evidence-log.key").unlink()
    third = Keys(folder, "log").signer()
    assert third.name == old.name
    assert len(Keys(folder, "log").verifiers()) == 3


@pytest.mark.anyio
async def test_a_log_whose_keys_are_gone_is_signed_by_no_other_name(
    seal, said, folder: Path, tmp_path: Path
) -> None:
    services = Services(data_dir=tmp_path / "evidence", keys_dir=folder, log=said)
    checkpoint = services.data_dir / "checkpoint"
    async with open_log(LocalSettings(), services) as log:
        await log.append(seal(0))
    signed = checkpoint.read_text("utf-8")
    files = [folder / "evidence-evidence.key", folder / "evidence-evidence.pub"]
    kept = [path.read_bytes() for path in files]
    for path in files:
        path.unlink()
    async with open_log(LocalSettings(), services) as log:
        await log.append(seal(1))
        with pytest.raises(EvidenceUnavailable, match="are gone: restore"):
            await log.checkpoint()
    assert any("evidence checkpoint not signed" in line for line in said.lines)
    assert checkpoint.read_text("utf-8") == signed
    assert not any(path.exists() for path in files)
    for path, data in zip(files, kept, strict=True):
        path.write_bytes(data)
    async with open_log(LocalSettings(), services) as log:
        assert read_checkpoint(read_note(await log.checkpoint())).size == 2
        assert (await log.verify()).sound


def test_a_log_keeps_its_name(folder: Path) -> None:
    Keys(folder, "log", "example.org/log").signer()
    with pytest.raises(EvidenceUnavailable, match="a log cannot be renamed"):
        Keys(folder, "log", "example.org/other")
    with pytest.raises(EvidenceUnavailable, match="has a space or a plus in it"):
        Keys(folder, "new", "a b")
    foreign = Keys(folder, "log", signer=KeyFile("example.org/other", bytes(32)))
    with pytest.raises(EvidenceUnavailable, match="cannot sign for"):
        foreign.signer()
    (folder / "evidence-log.pub").unlink()
    with pytest.raises(EvidenceUnavailable, match="cannot sign for example.org/log"):
        foreign.signer("example.org/log")
    assert Keys(folder, "log").signer("example.org/log").name == "example.org/log"


@pytest.mark.parametrize("text", ["", "x", PRIVATE[:-6], PRIVATE.replace("c74f", "c74e"), "\ud800"])
def test_what_is_no_key_is_told_and_kept(folder: Path, text: str) -> None:
    folder.mkdir()
    path = folder / "evidence-log.key"
    path.write_bytes(text.encode(errors="surrogatepass"))
    kept = path.read_bytes()
    with pytest.raises(EvidenceUnavailable, match="evidence-log.key"):
        Keys(folder, "log").signer()
    assert path.read_bytes() == kept


def test_verifier_keys_that_were_damaged_are_told(folder: Path) -> None:
    Keys(folder, "log").signer()
    path = folder / "evidence-log.pub"
    path.write_text("x\n")
    with pytest.raises(EvidenceUnavailable, match="not a verifier key"):
        Keys(folder, "log").verifiers()
