"""What a fresh process costs: importing the core, starting the default panel, one command.

Each figure comes from processes of its own, because what is imported or allocated once stays.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Final

from measure import Row, calibrate

_MEASURE: Final = """
import json, resource, sys, time
wall, cpu = time.perf_counter(), time.process_time()
{work}
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
megabytes = peak / (2**20 if sys.platform == "darwin" else 2**10)
print(json.dumps({{"cpu": cpu, "wall": wall, "peak": megabytes}}))
"""
_PANEL: Final = """
import tempfile
from pathlib import Path
import anyio
from eleanor_core import EleanorEngine
from eleanor_core.settings import Settings

async def judge(home):
    async with EleanorEngine(Settings(home=Path(home))) as engine:
        await engine.run(text="Take out the trash.")

with tempfile.TemporaryDirectory() as home:
    anyio.run(judge, home)
"""


class NotMeasured(Exception):  # noqa: N818 -- what happened, in words
    """A process ended with an error."""


def fresh(rounds: int) -> list[Row]:
    """Return the rows for which every round is a new process."""
    return [
        *_import(
            "import of the core", "from eleanor_core import EleanorEngine", (0.5, 60.0), rounds
        ),
        *_import("default panel, from import to its first result", _PANEL, (None, 120.0), rounds),
        _evaluate(rounds),
    ]


def _import(name: str, work: str, goals: tuple[float | None, float], rounds: int) -> list[Row]:
    """Return the row of the time and that of the memory."""
    try:
        taken = [_measured(work) for _ in range(rounds)]
    except NotMeasured as error:
        return [Row(name=name, unit="s", value=None, failed=True, note=str(error))]
    seconds, memory = goals
    cpu = [item["cpu"] for item in taken]
    ratios = [item["cpu"] * 1e3 / item["calibration"] for item in taken]
    return [
        Row(
            name=name,
            unit="s",
            value=statistics.median(cpu),
            least=min(cpu),
            ratio=statistics.median(ratios),
            wall=statistics.median(item["wall"] for item in taken),
            goal=seconds,
        ),
        Row(
            name=f"{name}: peak memory",
            unit="MB",
            value=statistics.median(item["peak"] for item in taken),
            goal=memory,
            note="resident, of the whole process",
        ),
    ]


def _measured(work: str) -> dict[str, float]:
    calibration = min(calibrate() for _ in range(3))
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE.format(work=work.strip())],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotMeasured((done.stderr.strip().splitlines() or ["no output"])[-1])
    return {**json.loads(done.stdout.splitlines()[-1]), "calibration": calibration}


def _evaluate(rounds: int) -> Row:
    name = "eleanor evaluate, cold"
    command = Path(sysconfig.get_path("scripts")) / "eleanor"
    if not command.exists():
        note = "the command is not installed: pip install ./apps/cli"
        return Row(name=name, unit="s", value=None, failed=True, note=note)
    walls: list[float] = []
    ratios: list[float] = []
    for _ in range(rounds):
        calibration = min(calibrate() for _ in range(3))
        with tempfile.TemporaryDirectory() as home:
            started = time.perf_counter()
            done = subprocess.run(
                [command, "evaluate", "Take out the trash."],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "ELEANOR_HOME": home},
            )
            walls.append(time.perf_counter() - started)
        if done.returncode not in {0, 10, 11, 12}:
            note = (done.stderr.strip().splitlines() or ["no output"])[-1]
            return Row(name=name, unit="s", value=None, failed=True, note=note)
        ratios.append(walls[-1] * 1e3 / calibration)
    return Row(
        name=name,
        unit="s",
        value=statistics.median(walls),
        least=min(walls),
        ratio=statistics.median(ratios),
        wall=statistics.median(walls),
        goal=1.5,
        note="wall time, an empty home each time",
    )
