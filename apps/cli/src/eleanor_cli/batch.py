"""`eleanor batch`: judge the cases of a JSONL file, one result a line, in the input's order."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TextIO, cast

from eleanor_cli import exits, logs, words
from eleanor_cli.escape import dumps
from eleanor_cli.faults import UsageError, say
from eleanor_cli.lines import BadLine, CaseLine, Line, read_lines, refuse_duplicates
from eleanor_cli.options import Options
from eleanor_cli.ordered import in_order
from eleanor_cli.running import run
from eleanor_core.codec import to_json
from eleanor_core.engine import EleanorEngine
from eleanor_core.errors import EvidenceUnavailable, InvalidInput
from eleanor_core.model import CaseKind, JsonObject, JsonValue

if TYPE_CHECKING:
    from eleanor_core.settings import LoadedSettings
    from eleanor_core.settings.model import Limits

IN_FLIGHT: Final = 32
"""Cases judged at once. More gain nothing on one event loop and cost memory."""

_ERROR: Final = "error"


def batch(options: Options, source: Path, target: Path, *, force: bool) -> int:
    """Judge every line of `source` into `target`. 0 if every line was judged, else 1."""
    loaded = options.load()
    logs.configure(loaded.settings)
    longest = _longest(loaded.settings.limits)
    _refuse_paths(source, target, force=force)
    total = refuse_duplicates(source, longest)
    tally = _Tally()

    async def main() -> int:
        try:
            await _judge_all(loaded, read_lines(source, longest), target, tally, total)
        finally:
            _conclude(tally, total, target)
        return exits.FAULT if tally.of[_ERROR] else exits.OK

    return run(main)


async def _judge_all(
    loaded: LoadedSettings, lines: Iterator[Line], target: Path, tally: _Tally, total: int
) -> None:
    async with EleanorEngine(loaded) as engine:

        async def work(line: Line) -> JsonObject:
            return await _judged(engine, line)

        with _Output(target) as out, _progress(total) as step:

            def done(result: JsonObject) -> None:
                out.write(result)
                step(tally.count(result))

            await in_order(lines, work, done, limit=IN_FLIGHT)
            out.open()


async def _judged(engine: EleanorEngine, line: Line) -> JsonObject:
    """Return the output line. Only what concerns this one case is caught: the rest ends the run."""
    if isinstance(line, BadLine):
        return _error(line, line.code, line.message)
    try:
        # The engine checks kind and context itself; it is handed what stands in the file.
        assessment = await engine.run(
            text=cast("str", line.text),
            context=cast("JsonObject | None", line.context),
            kind=cast("CaseKind", line.kind),
        )
    except (InvalidInput, EvidenceUnavailable) as error:
        return _error(line, error.code, str(error))
    return {"id": line.id, **cast("JsonObject", to_json(assessment))}


def _error(line: CaseLine | BadLine, code: str, message: str) -> JsonObject:
    error: JsonValue = {"code": code, "message": message}
    return {"id": line.id, "line": line.number, _ERROR: error}


class _Output:
    """The results' file. It is made with the first result, so a run that cannot start makes none.

    Each line is written whole and flushed: what stands in the file after a stop is complete.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._stream: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def open(self) -> TextIO:
        if self._stream is None:
            self._stream = self._target.open("w", encoding="utf-8", newline="\n")
        return self._stream

    def write(self, result: JsonObject) -> None:
        stream = self.open()
        stream.write(dumps(result) + "\n")
        stream.flush()


# -- before the start -----------------------------------------------------------------------------


def _longest(limits: Limits) -> int:
    # JSON can write one byte of text as six (\u001f); 64 KiB leave room for id, keys and blanks.
    return 6 * (limits.text_bytes + limits.context_bytes) + 65536


def _refuse_paths(source: Path, target: Path, *, force: bool) -> None:
    if not source.is_file():
        problem = "must be a regular file: it is read twice" if source.exists() else "no such file"
        msg = f"{source}: {problem}"
        raise UsageError(msg)
    if not target.exists():
        if not target.parent.is_dir():
            msg = f"{target}: the folder {target.parent} does not exist; create it first"
            raise UsageError(msg)
        return
    if target.samefile(source):
        msg = f"{target} is the input file itself; name another file for the results"
        raise UsageError(msg)
    if not force:
        msg = f"{target} exists; name another file, or give --force to replace it"
        raise UsageError(msg)


# -- what people see ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tally:
    """How many lines ended how."""

    of: Counter[str] = field(default_factory=Counter)

    def count(self, result: JsonObject) -> str:
        self.of[_ERROR if _ERROR in result else str(result["decision"])] += 1
        return str(self)

    def __str__(self) -> str:
        names = (*words.DECISIONS, _ERROR)
        return "  ".join(f"{name} {self.of[name]}" for name in names if self.of[name])


def _conclude(tally: _Tally, total: int, target: Path) -> None:
    written = tally.of.total()
    if 0 < written < total:
        say(f"{written} of {words.count(total, 'line')} written to {target}")
    elif tally.of[_ERROR]:
        bad = words.count(tally.of[_ERROR], "line")
        say(f'{bad} of {total} not judged; each says why under "error" in {target}')
    if sys.stderr.isatty():
        say(f"{words.count(written, 'line')}: {tally}")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """Yield what to call after each line, with the tally so far. Silent without a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from eleanor_cli.screen import console

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console(sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda tally: progress.update(task, advance=1, description=tally)
