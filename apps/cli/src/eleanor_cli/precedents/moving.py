"""`eleanor precedents import` and `export`: a version a line, byte for byte, or a row."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from eleanor_cli import exits, words
from eleanor_cli.escape import dumps, masked, prose
from eleanor_cli.faults import UsageError
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_cli.precedents.archive import Opened, with_archive
from eleanor_cli.tables import is_table, require_pyarrow
from eleanor_core.api import parse_json

_STREAM: Final = Path("-")
_MODE: Final = 0o600
_IN_MEMORY: Final = 8 << 20
"""Bytes of standard input that are held before they go to a file without a name."""


def import_file(options: Options, source: Path, *, as_json: bool) -> int:
    """Import a file, or standard input, and say how many versions were new."""
    if source == _STREAM:
        # A store is closed to others while it reads: it must not wait for whoever writes to us.
        with SpooledTemporaryFile(_IN_MEMORY) as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
            stream.seek(0)
            return _import(options, _lines(stream, "standard input"), as_json=as_json)
    require_pyarrow(source)
    try:
        if is_table(source):
            from eleanor_cli.tables.precedents import lines_of

            return _import(options, lines_of(source), as_json=as_json)
        with source.open("rb") as stream:
            return _import(options, _lines(stream, str(source)), as_json=as_json)
    except OSError as error:
        msg = f"cannot read {source}: {error.strerror or error}"
        raise UsageError(msg) from None


def _import(options: Options, lines: Iterator[str], *, as_json: bool) -> int:
    async def main(opened: Opened) -> int:
        done = await opened.archive.import_lines(lines)
        if as_json:
            write_json({"added": done.added, "known": done.known})
        else:
            known = f", {done.known} were there already" if done.known else ""
            _tell(f"✓ {words.count(done.added, 'version')} added{known}")
        return exits.OK

    return with_archive(options, main)


def _lines(stream: Iterable[bytes], where: str) -> Iterator[str]:
    for number, raw in enumerate(stream, start=1):
        try:
            yield raw.decode().removesuffix("\n")
        except UnicodeDecodeError as error:
            msg = (
                f"{where}: line {number} is not UTF-8 at byte {error.start}; "
                "nothing was imported: convert the file to UTF-8 first"
            )
            raise UsageError(msg) from None


def export_file(options: Options, target: Path | None, *, force: bool) -> int:
    """Write every version to a file, or to standard output; a file is whole or not there."""
    if target is None or target == _STREAM:
        return with_archive(options, _to_stream)
    if target.exists() and not force:
        msg = f"{target} exists: choose another name, or replace it with --force"
        raise UsageError(msg)
    require_pyarrow(target)

    async def main(opened: Opened) -> int:
        part = target.with_name(f".{target.name}.part")
        try:
            # Texts of cases, so for their owner alone, as the store's own file is.
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "wb") as to:
                count = await _write_file(opened, target, to)
                to.flush()
                os.fsync(to.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        _tell(f"✓ {words.count(count, 'version')} written to {prose(str(target))}")
        return exits.OK

    return with_archive(options, main)


async def _write_file(opened: Opened, target: Path, to: IO[bytes]) -> int:
    if not is_table(target):
        return await _write(opened, to.write, _plain)
    from eleanor_cli.tables.precedents import write_versions

    return await write_versions((_plain(line) async for line in opened.archive.export_lines()), to)


async def _to_stream(opened: Opened) -> int:
    # What a terminal shows must not drive it; the escapes are JSON's own, and read back the same.
    form = _escaped if sys.stdout.isatty() else _plain
    await _write(opened, sys.stdout.buffer.write, form)
    sys.stdout.buffer.flush()
    return exits.OK


async def _write(
    opened: Opened, write: Callable[[bytes], object], form: Callable[[str], str]
) -> int:
    count = 0
    async for line in opened.archive.export_lines():
        write(f"{form(line)}\n".encode())
        count += 1
    return count


def _plain(line: str) -> str:
    return line if masked(line) == line else _escaped(line)


def _escaped(line: str) -> str:
    return dumps(parse_json(line))


def _tell(text: str) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console

    console(sys.stdout).print(Text(text))
