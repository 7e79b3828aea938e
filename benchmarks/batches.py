"""A batch over many texts: in one process, in several, and on Ray with a worker killed midway.

`python benchmarks/batches.py 100000` writes that many texts of the corpus, each with a number of
its own, judges them with the default plugins in each mode, and prints for each how many lines came
out, whether every id stands there once and in order, texts a second, and how much faster than the
first mode it was. `--to parquet` has the results as a table. It ends 1 where a line is missing or
twice, or was not judged. Not a row of `run.py`: it takes minutes, and some gigabytes of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import psutil
from corpus import corpus

WORKER: Final = "eleanor_cli.batching.worker"


def main() -> int:
    """Run the modes in turn; return the exit code."""
    options = _options()
    modes = options.modes.split(",")
    if "ray" in modes and find_spec("ray") is None:
        print('ray: not installed, left out (pip install "eleanor-cli[ray]")')
        modes.remove("ray")
    sound = True
    first: float | None = None
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        write(source, options.texts)
        print(f"{options.texts} texts, {source.stat().st_size / 1e6:.1f} MB, {os.cpu_count()} CPUs")
        for mode in modes:
            target = Path(folder) / f"{mode}.{options.to}"
            seconds, killed = judge(mode, source, target, options)
            lines, ordered, errors = checked(source, target)
            first = first or seconds
            sound &= ordered and not errors
            print(
                f"{mode}: {lines} lines, every id once and in order: {ordered}, "
                f"{errors} not judged, {seconds:.1f} s, {lines / seconds:.0f} texts/s, "
                f"{first / seconds:.2f} x{killed}",
                flush=True,
            )
    return 0 if sound else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Batches of many texts.")
    parser.add_argument("texts", type=int, nargs="?", default=3000, help="how many (3000)")
    parser.add_argument("--modes", default="one,two,ray", help="of: one, two, ray, in this order")
    parser.add_argument("--to", choices=("jsonl", "parquet"), default="jsonl", help="the output")
    return parser.parse_args()


def write(file: Path, count: int) -> None:
    """Write the texts of the corpus over and over, each with its number at the end."""
    with file.open("w", encoding="utf-8") as stream:
        for number, item in enumerate(islice(cycle(corpus()), count)):
            line = {"id": f"n{number}", "text": f"{item.text} {number}"}
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def judge(mode: str, source: Path, target: Path, options: argparse.Namespace) -> tuple[float, str]:
    """Run `eleanor batch`; return the seconds that it took, and what was killed meanwhile."""
    how = {
        "one": ("--workers", "1"),
        "two": ("--workers", "2"),
        "ray": ("--workers", "2", "--executor", "ray"),
    }[mode]
    command = Path(sysconfig.get_path("scripts")) / "eleanor"
    home = target.with_suffix(".home")
    started, killed = time.perf_counter(), ""
    said = target.with_suffix(".said")
    with said.open("w") as stream:
        process = subprocess.Popen(
            [command, "--home", home, "batch", *how, source, target], stderr=stream
        )
    written = target if options.to == "jsonl" else target.with_name(f"{target.name}.jsonl")
    while process.poll() is None:
        time.sleep(0.2)
        if mode == "ray" and not killed and _lines(written) > options.texts // 2:
            for worker in _below(process.pid, WORKER)[:1]:
                worker.kill()
                killed = f", one worker of two killed after {_lines(written)} lines"
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{mode}: eleanor batch ended {process.returncode}: {said.read_text()}")
    return seconds, killed or (", NO worker was killed" if mode == "ray" else "")


def checked(source: Path, target: Path) -> tuple[int, bool, int]:
    """Return the number of lines, whether their ids are those of the input, and the errors."""
    count = errors = 0
    ordered = True
    wanted = _ids(source)
    for line in _results(target):
        result = json.loads(line)
        count += 1
        errors += "error" in result
        ordered &= result["id"] == next(wanted, None)
    return count, ordered and next(wanted, None) is None, errors


def _ids(source: Path) -> Iterator[str]:
    with source.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)["id"]


def _results(target: Path) -> Iterator[str]:
    if target.suffix == ".jsonl":
        with target.open(encoding="utf-8") as stream:
            yield from stream
        return
    import pyarrow.parquet as pq

    with pq.ParquetFile(target) as table:
        for batch in table.iter_batches(columns=["json"]):
            yield from batch.column(0).to_pylist()


def _lines(file: Path) -> int:
    if not file.exists():
        return 0
    with file.open("rb") as stream:
        return sum(piece.count(b"\n") for piece in iter(lambda: stream.read(1 << 20), b""))


def _below(root: int, word: str) -> list[psutil.Process]:
    """Return the processes below this one whose command line holds a word."""
    with suppress(psutil.NoSuchProcess):  # one that ended while it was looked at
        below = psutil.Process(root).children(recursive=True)
        return [process for process in below if word in " ".join(process.cmdline())]
    return []


if __name__ == "__main__":
    sys.exit(main())
