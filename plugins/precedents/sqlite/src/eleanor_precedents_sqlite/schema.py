"""The tables of the file, and the steps that bring an older file up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# What a case says stands in `content`, and is never changed or deleted; `heads` names the newest
# version of each case. Everything else can be computed again at any time.
_VERSIONS: Final = (
    """CREATE TABLE versions (
        row INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        version INTEGER NOT NULL CHECK (version >= 1),
        content TEXT NOT NULL,
        UNIQUE (id, version)
    )""",
    """CREATE TABLE heads (
        id TEXT PRIMARY KEY,
        row INTEGER NOT NULL UNIQUE REFERENCES versions (row),
        in_force INTEGER NOT NULL CHECK (in_force IN (0, 1))
    ) WITHOUT ROWID""",
    """CREATE TABLE encoders (
        number INTEGER PRIMARY KEY,
        encoder_id TEXT NOT NULL UNIQUE
    )""",
    """CREATE TABLE vectors (
        encoder INTEGER NOT NULL REFERENCES encoders (number),
        row INTEGER NOT NULL REFERENCES versions (row),
        data BLOB NOT NULL,
        PRIMARY KEY (encoder, row)
    ) WITHOUT ROWID""",
    """CREATE TRIGGER versions_are_not_edited BEFORE UPDATE ON versions
        BEGIN SELECT RAISE(ABORT, 'a change is a new version, never an edit'); END""",
    """CREATE TRIGGER versions_are_kept BEFORE DELETE ON versions
        BEGIN SELECT RAISE(ABORT, 'a version is never deleted'); END""",
)

_TURNED_ON: Final = """INSERT OR IGNORE INTO turned_on (clause, row)
    SELECT json_each.value, {row} FROM {source} json_each({content}, '$.clauses')"""
_WORDS: Final = "INSERT INTO words (rowid, text) {values}"

# A block holds the heads in force of the rows beyond `after` up to `until`, as they stood when
# `until` was the last row. `replaced` says what of it has fallen away since.
_FOUND: Final = (
    """CREATE TABLE blocks (
        name TEXT PRIMARY KEY,
        encoder INTEGER NOT NULL REFERENCES encoders (number),
        after INTEGER NOT NULL,
        until INTEGER NOT NULL,
        cases INTEGER NOT NULL,
        UNIQUE (encoder, after)
    ) WITHOUT ROWID""",
    "CREATE TABLE replaced (by INTEGER PRIMARY KEY, row INTEGER NOT NULL)",
    """CREATE TRIGGER a_head_is_replaced AFTER UPDATE OF row ON heads WHEN OLD.in_force
        BEGIN INSERT INTO replaced (by, row) VALUES (NEW.row, OLD.row); END""",
    "CREATE TABLE turned_on (clause TEXT, row INTEGER, PRIMARY KEY (clause, row)) WITHOUT ROWID",
    "CREATE INDEX domains ON versions (json_extract(content, '$.domain'))",
    """CREATE VIRTUAL TABLE words USING fts5 (
        text, content = '', tokenize = 'porter unicode61 remove_diacritics 2'
    )""",
    _TURNED_ON.format(row="versions.row", source="versions,", content="versions.content"),
    _WORDS.format(values="SELECT row, json_extract(content, '$.text') FROM versions"),
    f"""CREATE TRIGGER a_version_is_found AFTER INSERT ON versions BEGIN
        {_TURNED_ON.format(row="NEW.row", source="", content="NEW.content")};
        {_WORDS.format(values="VALUES (NEW.row, json_extract(NEW.content, '$.text'))")};
    END""",
)

STEPS: Final[Sequence[Sequence[str]]] = (_VERSIONS, _FOUND)
"""Step n brings a file of schema version n to n + 1. A published step is never changed."""
