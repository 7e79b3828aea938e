"""`eleanor batch`: judge the cases of a file, one result a line, in the input's order."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import anyio

from eleanor_cli import exits, logs, words
from eleanor_cli.batching.job import Job, kept_of, side_file
from eleanor_cli.batching.judge import ERROR, Judged, judge
from eleanor_cli.batching.output import Output
from eleanor_cli.batching.place import Place
from eleanor_cli.batching.progress import Tally, progress
from eleanor_cli.faults import UsageError, say
from eleanor_cli.lines import RawLine, raw_lines, refuse_duplicates
from eleanor_cli.options import Options
from eleanor_cli.ordered import in_order
from eleanor_cli.running import run
from eleanor_cli.tables import require_pyarrow
from eleanor_core.engine import EleanorEngine
from eleanor_core.registry import load

if TYPE_CHECKING:
    from eleanor_cli.batching.process import Start
    from eleanor_core import Redaction
    from eleanor_core.api import JsonLimits
    from eleanor_core.registry import Registry
    from eleanor_core.settings import LoadedSettings

IN_FLIGHT: Final = 32
"""Cases judged at once in one process. More gain nothing on one event loop and cost memory."""

SMALL: Final = 64
"""Lines up to which a worker process costs more than it gives: its start takes a second or two."""

Executor: TypeAlias = Literal["local", "ray"]
"""Where workers run: on this machine, or on a Ray cluster."""

Done = Callable[[list[Judged]], None]


def batch(
    options: Options,
    source: Path,
    target: Path,
    *,
    force: bool,
    resume: bool,
    workers: int | None,
    executor: Executor,
) -> int:
    """Judge every line of `source` into `target`. 0 if every line was judged, else 1.

    `workers`: processes that judge; None: one for each core, unless the input is small and they
    would be here.
    """
    if executor == "ray" and find_spec("ray") is None:
        raise UsageError('--executor ray needs Ray: pip install "eleanor-cli[ray]"')
    require_pyarrow(source, target)
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)
    limits = loaded.settings.limits.of_request
    # The side file lies beside the output itself, not beside a link to it.
    place = Place(target.resolve() if target.is_symlink() else target)
    _refuse_paths(source, place, force=force, resume=resume)
    # First of all, for an error may repeat what stands in a line: the plugins know what is secret.
    registry = load(loaded.settings, origins=loaded.origins, masks=options.redaction)
    registry = options.redaction.learn_shapes(registry)
    place = replace(place, critics=_critics_of(registry))
    tally = Tally(refuse_duplicates(source, limits))
    job = Job.of(source, place.lines, loaded, registry)
    with Output(place.lines, job) as output:
        begun = resume and any(file.exists() and file.stat().st_size for file in place.files)
        whole = begun and not _take_up(job, source, place, output, tally, limits)
        if whole:
            code = _code(tally)
        else:
            lines = _after(tally.written, raw_lines(source, limits))
            here = workers or _workers_for(tally.total - tally.written)
            judge_all: Callable[[Done], Awaitable[None]]
            if executor == "ray":
                judge_all = partial(_on_ray, loaded, options.redaction, registry, workers, lines)
            elif here == 1:
                judge_all = partial(_in_process, loaded, options.redaction, lines)
            else:
                judge_all = partial(_in_workers, loaded, options.redaction, registry, here, lines)
            code = run(partial(_main, judge_all, output, tally, place))
            whole = output.finished
            if whole:
                # No event loop waits for it, so that a signal can stop it.
                place.make()
                job.remove()
    if whole:
        place.clear()
    return code


async def _main(
    judge_all: Callable[[Done], Awaitable[None]], output: Output, tally: Tally, place: Place
) -> int:
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(output.keep_synced)
            with progress(tally) as step:

                def done(judged: list[Judged]) -> None:
                    output.write(b"".join(item.data for item in judged))
                    step(item.verdict for item in judged)

                await judge_all(done)
            tasks.cancel_scope.cancel()
        output.finish()
    finally:
        tally.conclude(place)
    return _code(tally)


async def _in_process(
    loaded: LoadedSettings, redaction: Redaction, lines: Iterator[RawLine], done: Done
) -> None:
    async with EleanorEngine(loaded, redaction=redaction) as engine:
        await in_order(lines, partial(judge, engine), lambda item: done([item]), limit=IN_FLIGHT)


async def _in_workers(
    loaded: LoadedSettings,
    redaction: Redaction,
    registry: Registry,
    workers: int,
    lines: Iterator[RawLine],
    done: Done,
    start: Start | None = None,
) -> None:
    from eleanor_cli.batching.log import open_log
    from eleanor_cli.batching.pool import WINDOW, open_pool
    from eleanor_cli.batching.process import start_here
    from eleanor_cli.batching.terms import terms_of

    terms = terms_of(loaded, registry, start or start_here)
    stop = loaded.settings.deadlines.stop
    async with (
        open_log(loaded.settings, redaction) as log,
        open_pool(terms, log, workers, stop_seconds=stop) as pool,
    ):
        await in_order(pool.chunks(lines), pool.judge, done, limit=WINDOW * workers)


async def _on_ray(
    loaded: LoadedSettings,
    redaction: Redaction,
    registry: Registry,
    workers: int | None,
    lines: Iterator[RawLine],
    done: Done,
) -> None:
    from eleanor_cli.batching.cluster import open_cluster

    async with open_cluster() as cluster:
        number = workers or cluster.cpus
        await _in_workers(loaded, redaction, registry, number, lines, done, cluster.start)


def _code(tally: Tally) -> int:
    return exits.FAULT if tally.of[ERROR] else exits.OK


# -- before the start -----------------------------------------------------------------------------


def _workers_for(lines: int) -> int:
    if lines <= SMALL:
        return 1
    # The cores that this process may use, which in a container are fewer than there are.
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _critics_of(registry: Registry) -> tuple[str, ...]:
    """Return the critics that stand in every result, those that broke too, by name."""
    broken = {item.name for item in registry.broken if item.kind == "critics"}
    return tuple(sorted({*registry.loaded["critics"], *broken}))


def _refuse_paths(source: Path, place: Place, *, force: bool, resume: bool) -> None:
    target = place.target
    if not source.is_file():
        problem = "must be a regular file: it is read twice" if source.exists() else "no such file"
        msg = f"{source}: {problem}"
        raise UsageError(msg)
    if force and resume:
        msg = "--resume goes on with the output and --force replaces it; give one of the two"
        raise UsageError(msg)
    there = [file for file in place.files if file.exists()]
    if not there:
        if not target.parent.is_dir():
            msg = f"{target}: the folder {target.parent} does not exist; create it first"
            raise UsageError(msg)
        return
    for file in there:
        if not file.is_file():
            msg = (
                f"{file} must be a regular file, or none yet: a run that is stopped goes on with it"
            )
            raise UsageError(msg)
        if file.samefile(source):
            what = (
                "the input file itself" if file == target else f"the input, and {target} needs it"
            )
            msg = f"{file} is {what}; name another file for the results"
            raise UsageError(msg)
    if not force and not resume:
        begun = side_file(place.lines).exists()
        msg = (
            f"{there[-1]} holds the beginning of a run that was stopped; "
            "give --resume to go on with it, or --force to start anew"
            if begun
            else f"{there[0]} exists; name another file, or give --force to replace it"
        )
        raise UsageError(msg)


def _take_up(
    job: Job, source: Path, place: Place, output: Output, tally: Tally, limits: JsonLimits
) -> bool:
    """Go on after what an earlier run left. Return False if nothing is left to do."""
    unfinished = job.file.exists()
    if unfinished:
        job.refuse_other()
    file, lines = place.written()
    kept = kept_of(file, lines, source, limits)
    tally.resume(kept.of)
    if not unfinished:
        if kept.torn or tally.written < tally.total:
            msg = (
                f"{file} cannot be gone on with: {job.file}, which says what it was made of, is "
                "not there. Name another file, or give --force to replace it"
            )
            raise UsageError(msg)
        if not place.target.exists():
            place.make()
        say(f"{place.target} is complete already: {words.count(tally.total, 'line')}")
        return False
    output.keep(kept.size)
    if kept.torn:
        say(f"{file}: the last {kept.torn} bytes are no whole line; they are cut off")
    return True


def _after(count: int, lines: Iterator[RawLine]) -> Iterator[RawLine]:
    for _ in range(count):
        next(lines)
    return lines
