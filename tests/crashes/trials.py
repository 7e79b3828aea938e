"""Crashes one log again and again, looks at it after each time, and counts.

    python tests/crashes/trials.py kills|cuts|faults TRIALS SEED

It prints what it counted as JSON. `run.py` starts it, for faults with faults.c loaded.
"""

from __future__ import annotations

import errno
import json
import os
import random
import select
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Final, Literal, TypeAlias

import anyio
from attrs import asdict, define, evolve, field

sys.path.insert(0, str(Path(__file__).parents[1]))

from crashes.powercut import cut, fail_sync, mounted
from crashes.writers import (
    WAYS,
    Fault,
    Life,
    faults_so_far,
    fork,
    in_its_own_group,
    kill,
    look,
    plan,
    write,
)
from eleanor_core.api import Receipt

Kind: TypeAlias = Literal["kills", "cuts", "faults"]
LIVES: Final = 8
"""Crashes of one log before a new one begins."""
NONE: Final = Fault(call=0, how=0, nth=0, times=0)
WRITE, SYNC, TRUNCATE, OPEN, RENAME, ANY = range(6)
SHORT, KILL, LIE = -1, -2, -3
FAULTS: Final = {
    "`write`: no space is left (ENOSPC)": (WRITE, errno.ENOSPC, 120),
    "`write`: I/O error (EIO)": (WRITE, errno.EIO, 120),
    "`write`: half of it is written": (WRITE, SHORT, 120),
    "`fsync`, `fdatasync`: I/O error (EIO)": (SYNC, errno.EIO, 40),
    "`fsync`, `fdatasync`: no space is left (ENOSPC)": (SYNC, errno.ENOSPC, 40),
    "`ftruncate`: I/O error (EIO)": (TRUNCATE, errno.EIO, 3),
    "`open`: the file system is read-only (EROFS)": (OPEN, errno.EROFS, 30),
    "`open`: too many files are open (EMFILE)": (OPEN, errno.EMFILE, 30),
    "`rename`: no space is left (ENOSPC)": (RENAME, errno.ENOSPC, 4),
    "killed at the Nth of these calls": (ANY, KILL, 200),
}
"""What is made to fail: the call, how, and from which call on at most."""
CONTROLS: Final = {
    "kills": "control: killed, and acknowledged before it is appended",
    "cuts": "control: power cut, and nothing is synced",
    "faults": "control: `write` and `fsync` do nothing and say that they did",
}


@define
class Row:
    """How often a fault was injected, and how often all held; `lost`: acknowledged records."""

    injected: int = 0
    held: int = 0
    lost: int = 0
    said: list[str] = field(factory=list)


@define
class Count:
    """What a run counted. `acknowledged`: records in all."""

    rows: dict[str, Row] = field(factory=dict)
    acknowledged: int = 0


class Log:
    """A log that crashes: what it acknowledged in all its lives."""

    def __init__(self, home: Path, chance: random.Random) -> None:
        home.mkdir()
        self.home = home
        self.acknowledged: dict[str, Receipt] = {}
        self._chance = chance

    def live(self, life: Life, seconds: float | None) -> list[str]:
        """Let it be written to, and kill who writes after some time, or None: once it has ended.

        Return the lines that are no acknowledgement.
        """
        reading, writing = os.pipe()

        def child() -> None:
            os.close(reading)
            write(life, writing)

        group = in_its_own_group(child)
        os.close(writing)
        if self._chance.random() < 0.8 and seconds is not None:
            # Most of them while it writes; the others from its very start, while it opens.
            said, ended = self._listen(reading, b"", 5.0, first=True)
        else:
            said, ended = b"", False
        if not ended:
            said, ended = self._listen(reading, said, 5.0 if seconds is None else seconds)
        if life.way == "processes" and seconds is not None and self._chance.random() < 0.5:
            # The first of them alone dies; another one takes over.
            os.kill(group, 9)
            said, ended = self._listen(reading, said, 0.05)
        kill(group)
        said, ended = self._listen(reading, said, 5.0)
        os.close(reading)
        others = []
        # The last line may be cut short: nobody has been told then.
        for line in said.decode().split("\n")[:-1]:
            first, _, rest = line.partition(" ")
            if first.isdigit():
                record_id, digest = rest.split(" ")
                self.acknowledged[record_id] = Receipt(
                    index=int(first), record_id=record_id, leaf_hash=digest
                )
            else:
                others.append(line)
        return others if ended else [*others, "stuck: who wrote did not end"]

    @staticmethod
    def _listen(
        reading: int, said: bytes, seconds: float, *, first: bool = False
    ) -> tuple[bytes, bool]:
        """Read for so long, or up to the first words, or to the end; return all, and if it ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([reading], [], [], left)[0]:
                if not (more := os.read(reading, 1 << 16)):
                    return said, True
                said += more
                if first:
                    break
        return said, False

    def look(self) -> tuple[int, str]:
        """Return how many records were lost, and what else is wrong. What is lost is forgotten."""
        reading, writing = os.pipe()
        process = fork(
            lambda: os.write(writing, json.dumps(look(self.home, self.acknowledged)).encode())
        )
        os.close(writing)
        said, _ = self._listen(reading, b"", 60.0)
        os.close(reading)
        os.waitpid(process, 0)
        lost, wrong = json.loads(said or '[0, "who looked did not come back"]')
        return lost, wrong


@contextmanager
def places(kind: Kind) -> Iterator[Path]:
    """Yield a folder for logs: on the file system whose power can be cut, or on a real one."""
    with (
        tempfile.TemporaryDirectory(prefix="crashes-") as name,
        mounted(Path(name) / "disk") if kind == "cuts" else nullcontext(Path(name)) as place,
    ):
        yield place


def one(kind: Kind, log: Log, life: Life, chance: random.Random) -> tuple[str, list[str]]:
    """Crash a log once; return which fault it was, "" if it did not come to it, and complaints."""
    by = {"alone": "one process", "processes": "several processes", "threads": "several threads"}
    seconds = chance.uniform(0.0, 0.06)
    if kind == "kills":
        log.live(life, seconds)
        return f"killed: {by[life.way]}", []
    if kind == "cuts":
        failing = chance.random() < 0.2
        fail_sync(log.home, chance.randint(1, 25) if failing else 0)
        log.live(life, seconds)
        fail_sync(log.home, 0)
        cut(log.home, chance.getrandbits(32))
        return f"power cut: {by[life.way]}{', after a sync that failed' if failing else ''}", []
    name, (call, how, most) = chance.choice([*FAULTS.items()])
    if life.fault:
        fault = life.fault
    else:
        nth = round(most ** chance.random()) - 1
        fault = Fault(call, how, nth, 1 if how == KILL else chance.choice((1, 1, 2, 5, 40)))
    plan(fault, log.home)
    said = log.live(evolve(life, fault=fault), None)
    hit = faults_so_far()
    plan(NONE, log.home)
    return name if hit else "", said


def run(kind: Kind, trials: int, seed: int, *, control: bool) -> Count:
    """Crash logs so many times."""
    counted, chance, number = Count(), random.Random(f"{seed}{control}"), 0
    blind = {"kills": "too early", "cuts": "no sync", "faults": ""}[kind] if control else ""
    with places(kind) as place:
        log: Log | None = None
        while sum(row.injected for row in counted.rows.values()) < trials:
            if log is None or number % LIVES == 0:
                if log:
                    counted.acknowledged += len(log.acknowledged)
                    shutil.rmtree(log.home)
                log = Log(place / str(number), chance)
            number += 1
            if number > 20 * trials + 100:
                raise RuntimeError("the faults do not come about")
            life = Life(
                home=log.home,
                way=WAYS[number % len(WAYS)],
                seed=chance.getrandbits(32),
                blind=blind,
                fault=Fault(ANY, LIE, chance.randint(10, 60), 10**6)
                if control and kind == "faults"
                else None,
            )
            name, said = one(kind, log, life, chance)
            lost, wrong = log.look()
            said += [wrong] if wrong else []
            said += [f"{lost} acknowledged records are lost"] if lost else []
            if name:
                row = counted.rows.setdefault(CONTROLS[kind] if control else name, Row())
                row.injected += 1
                row.held += not said
                row.lost += lost
                row.said += said if not control else []
            elif said:
                raise RuntimeError(f"without a fault: {said}")
            if said:
                counted.acknowledged += len(log.acknowledged)
                shutil.rmtree(log.home)
                log = None
        counted.acknowledged += len(log.acknowledged) if log else 0
    return counted


def main(kind: Kind, trials: int, seed: int) -> None:
    """Run the trials, then the control, and print what was counted."""
    # What a life needs is imported here, once for all that are forked.
    import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
    anyio.run(anyio.sleep, 0)
    real = run(kind, trials, seed, control=False)
    control = run(kind, max(10, trials // 25), seed, control=True)
    told = {"real": asdict(real), "control": asdict(control)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))  # type: ignore[arg-type] # as run.py says
