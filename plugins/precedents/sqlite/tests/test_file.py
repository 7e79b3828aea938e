"""The file: what it may be, what it may not be, and how it is brought up to date."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest
from attrs import evolve
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite.faults import StoreError, explained
from eleanor_precedents_sqlite.plugin import FILE
from eleanor_precedents_sqlite.schema import STEPS
from eleanor_precedents_sqlite.session import open_sessions
from eleanor_precedents_sqlite.store import SqliteStore

from eleanor_core.api import PrecedentCase, PrecedentQuery, precedent_line

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]


CASE = PrecedentCase(id="a", text="Rent out the hall.", outcome="allow", authority="machine")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / FILE


def raw(file: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(file, isolation_level=None))


def check(file: Path) -> None:
    """Open and close the file. Raises what opening raises."""
    for session in open_sessions(file, busy_timeout=0.0):
        session.close()


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "inside" / FILE
    check(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_how_the_file_is_used(file: Path) -> None:
    writer, reader, weaver = open_sessions(file, busy_timeout=0.0)
    with writer.writing() as connection:
        asked = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            connection.execute("INSERT INTO vectors VALUES (1, 1, x'00')")
    assert asked == ["wal", 2, 1]
    with pytest.raises(StoreError, match="cannot be written"), reader.reading() as connection:
        connection.execute("DELETE FROM heads")
    for session in (weaver, reader, writer):
        session.close()


@pytest.mark.anyio
async def test_nobody_edits_or_deletes_a_version(opened: Opened, file: Path) -> None:
    async with opened() as store:
        await store.add(CASE)
    with raw(file) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="a change is a new version, never an"):
            connection.execute("UPDATE versions SET content = '{}'")
        with pytest.raises(sqlite3.IntegrityError, match="a version is never deleted"):
            connection.execute("DELETE FROM versions")


@pytest.mark.anyio
async def test_a_file_of_an_older_schema_is_brought_up_to_date(opened: Opened, file: Path) -> None:
    async with opened() as store:
        await store.add(CASE)
    newer = (*STEPS, ("ALTER TABLE heads ADD COLUMN note TEXT NOT NULL DEFAULT 'none'",))
    for _ in range(2):
        sessions = open_sessions(file, busy_timeout=0.0, steps=newer)
        with sessions.reader.reading() as connection:
            found = connection.execute(
                "SELECT id, note, content FROM heads JOIN versions USING (id)"
            )
            (name, note, content) = found.fetchone()
            assert (name, note, json.loads(content)["text"]) == ("a", "none", CASE.text)
            assert connection.execute("PRAGMA user_version").fetchone() == (len(newer),)
        for session in sessions:
            session.close()
    with pytest.raises(StoreError, match="has schema 3, and this release knows 2; update eleanor-"):
        check(file)


@pytest.mark.anyio
async def test_what_an_older_schema_holds_is_found_by_its_words_and_clauses(
    opened: Opened, file: Path
) -> None:
    sessions = open_sessions(file, busy_timeout=0.0, steps=STEPS[:1])
    with sessions.writer.writing() as connection:
        line = precedent_line(evolve(CASE, clauses=("P4",)))
        connection.execute(
            "INSERT INTO versions (row, id, version, content) VALUES (1, 'a', 1, ?)", (line,)
        )
        connection.execute("INSERT INTO heads (id, row, in_force) VALUES ('a', 1, 1)")
    for session in reversed(sessions):
        session.close()
    async with opened() as store:
        (query,) = await HashingEmbedder().embed([CASE.text])
        for wanted in (
            PrecedentQuery(text="rents", by="words"),
            PrecedentQuery(text="x", clause="P4"),
        ):
            (match,) = await store.search(wanted, query, 5)
            assert (match.case.id, match.similarity) == ("a", pytest.approx(1.0))


def test_a_step_that_fails_leaves_the_file_as_it_was(file: Path) -> None:
    check(file)
    broken = (*STEPS, ("CREATE TABLE more (one INTEGER)", "CREATE TABLE heads (two INTEGER)"))
    with pytest.raises(StoreError, match="table heads already exists"):
        open_sessions(file, busy_timeout=0.0, steps=broken)
    check(file)
    with raw(file) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'more'").fetchall()


def test_the_database_of_another_program_is_left_alone(file: Path) -> None:
    with raw(file) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="is the database of another program; move it away"):
        check(file)
    with raw(file) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]
    assert len(file.read_bytes()) == len(before)


def test_what_is_no_database_is_named(file: Path) -> None:
    file.write_text("Dear diary, today we decided nothing. " * 50)
    with pytest.raises(StoreError, match="is damaged .*; move it away and import your last"):
        check(file)


@pytest.mark.anyio
@pytest.mark.parametrize("junk", [b"\xff", b"\0"])
async def test_whichever_page_is_destroyed_it_is_said_or_nothing_is_lost(
    opened: Opened, file: Path, junk: bytes
) -> None:
    kept = {"text": "t" * 900, "outcome": "deny", "authority": "machine"}
    async with opened() as store:
        await store.import_lines(json.dumps({"id": f"a{n:03}", **kept}) for n in range(60))
        whole = [line async for line in store.export_lines()]
    stream = anyio.Path(file)
    sound = await stream.read_bytes()
    with raw(file) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    said = 0
    for start in range(0, len(sound), size):
        await stream.write_bytes(sound[:start] + junk * size + sound[start + size :])
        try:
            async with opened() as store:
                assert [line async for line in store.export_lines()] == whole
        except StoreError as error:
            assert "is damaged" in str(error)
            said += 1
    assert said > len(sound) // size // 2


@pytest.mark.anyio
async def test_a_version_that_holds_no_case_is_damage(opened: Opened, file: Path) -> None:
    async with opened() as store:
        await store.add(CASE)
        with raw(file) as connection:
            connection.execute("DROP TRIGGER versions_are_not_edited")
            connection.execute('UPDATE versions SET content = \'{"id": "a"}\'')
        with pytest.raises(StoreError, match="is damaged .*missing keys"):
            await store.versions("a")
        with pytest.raises(StoreError, match="is damaged .*missing keys"):
            await store.add(CASE)


@pytest.mark.anyio
async def test_a_vector_of_a_wrong_length_is_computed_again(opened: Opened, file: Path) -> None:
    async with opened() as store:
        await store.add(CASE)
        query = (await store._embedder.embed([CASE.text]))[0]
    with raw(file) as connection:
        connection.execute("UPDATE vectors SET data = x'0011'")
    async with opened() as store:
        (match,) = await store.nearest(query, 1)
        assert match.similarity == pytest.approx(1.0)


@pytest.mark.anyio
async def test_a_locked_file_is_named(opened: Opened, file: Path) -> None:
    async with opened() as store:
        await store.add(CASE)
    with raw(file) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="is locked by another process .*busy_timeout"):
            async with opened(busy_timeout=0.05):
                pass


@pytest.mark.anyio
async def test_a_writer_elsewhere_stops_writing_and_not_reading(opened: Opened, file: Path) -> None:
    async with opened(busy_timeout=0.05) as store:
        await store.add(CASE)
        with raw(file) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="is locked by another process"):
                await store.retire("a", decided_by="court", reason="wrong")
            assert await store.versions("a") == [CASE]
        await store.retire("a", decided_by="court", reason="wrong")
        assert await store.count() == 0


@pytest.mark.anyio
async def test_a_full_disk_is_named_and_takes_nothing_away(opened: Opened, file: Path) -> None:
    async with opened() as store:
        await store.add(CASE)
        long = evolve(CASE, version=2, text="t" * 100_000)
        with store._ledger._session.writing() as connection:
            connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="has no room left .*; make room on the disk"):
            await store.add(long)
        assert await store.versions("a") == [CASE]
        with store._ledger._session.writing() as connection:
            connection.execute("PRAGMA max_page_count = 100000")
        await store.add(long)
    async with opened() as store:
        assert await store.versions("a") == [CASE, long]


@pytest.mark.parametrize("kept", [FILE, "."])
def test_a_file_or_folder_that_may_not_be_written_is_named(file: Path, kept: str) -> None:
    check(file)
    target = file.parent / kept
    mode = target.stat().st_mode
    target.chmod(0o500)
    if os.access(target, os.W_OK):
        pytest.skip("this user may write everything")
    try:
        with pytest.raises(StoreError, match="give this user the right to write"):
            for session in open_sessions(file, busy_timeout=0.0):
                with session.writing() as connection:
                    connection.execute("INSERT INTO encoders VALUES (1, 'one')")
                session.close()
    finally:
        target.chmod(mode)


def test_a_read_only_file_is_named(file: Path) -> None:
    check(file)
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        wanted = "cannot be written .*; give this user the right"
        with pytest.raises(StoreError, match=wanted), explained(file):
            connection.execute("INSERT INTO encoders VALUES (1, 'one')")


def test_a_folder_in_its_place_is_named(file: Path) -> None:
    file.mkdir()
    with pytest.raises(StoreError, match="cannot be used .*; give this user the right"):
        check(file)
