"""What runs in the processes that crash, and in the one that looks afterwards.

Each is forked from a process that has imported everything and has no threads: so a life costs a few
hundredths of a second.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import anyio
import anyio.lowlevel
from attrs import frozen
from eleanor_evidence_local import LocalSettings, open_log

from eleanor_core.api import (
    EvidenceSink,
    EvidenceUnavailable,
    Receipt,
    SealedRecord,
    Services,
    leaf_hash,
)

Way: TypeAlias = Literal["alone", "processes", "threads"]
WAYS: Final[tuple[Way, ...]] = ("alone", "processes", "threads")
Blind: TypeAlias = Literal["", "no sync", "too early"]
"""What a writer of the control does wrong: it syncs nothing, or acknowledges before it appends."""
TOGETHER: Final = 3
"""Processes or threads that write one log in turn."""
_CLIENTS: Final = 6
_STAY: Final = 40
"""Records after which one of several lets the next one write."""
_SECONDS: Final = 1.0
_ENOUGH: Final = 60
"""Appends after which a writer under a fault has seen enough."""


class Silent:
    """A logger that says nothing."""

    def debug(self, event: str, **fields: object) -> None: ...
    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


class Fault(NamedTuple):
    """What is to fail: numbers of `enum call` and of the errors in faults.c; from which call on."""

    call: int
    how: int
    nth: int
    times: int


@frozen(kw_only=True)
class Life:
    """One life of a log: where it is, who writes it and how it goes wrong."""

    home: Path
    way: Way
    seed: int
    blind: Blind = ""
    fault: Fault | None = None


def opened(home: Path):
    """Open the log: small segments, so that they are changed, and checkpoints that are signed."""
    settings = LocalSettings(segment_bytes=30_000, checkpoint_records=50, checkpoint_seconds=0.02)
    services = Services(data_dir=home / "log", keys_dir=home / "keys", log=Silent())
    return open_log(settings, services)


def record(chance: random.Random) -> SealedRecord:
    """Make a record whose id nobody has."""
    record_id = f"{chance.getrandbits(32):08x}-0000-7000-8000-{chance.getrandbits(48):012x}"
    salt, text = "5a" * 32, f'"{"t" * chance.randint(0, 900)}"'
    commitment = hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()
    leaf = json.dumps(
        {
            "commitments": {"case": commitment},
            "facts": {},
            "kind": "assessment",
            "record_id": record_id,
            "schema": "eleanor/record/1",
            "time": "2026-01-31T12:00:00.000000Z",
            "trace_id": "t",
        },
        separators=(",", ":"),
    ).encode()
    payload = f'{{"case":{{"salt":"{salt}","value":{text}}}}}'.encode()
    return SealedRecord(record_id=record_id, leaf_hash=leaf_hash(leaf), leaf=leaf, payload=payload)


# -- who writes -------------------------------------------------------------------------------------


def write(life: Life, acknowledged: int) -> None:
    """Write the log until killed, or until a fault has been seen; acknowledge over the pipe."""
    if life.blind == "no sync":
        os.fsync = os.fdatasync = lambda _descriptor: None
    if life.way == "alone":
        _stay(life, acknowledged, life.seed)
        return
    numbers = [life.seed * TOGETHER + number for number in range(TOGETHER)]
    if life.way == "threads":
        threads = [
            threading.Thread(target=_take_turns, args=(life, acknowledged, number))
            for number in numbers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return
    others = [
        fork(lambda number=number: _take_turns(life, acknowledged, number))
        for number in numbers[1:]
    ]
    _take_turns(life, acknowledged, numbers[0])
    for other in others:
        os.waitpid(other, 0)


def _stay(life: Life, acknowledged: int, seed: int) -> None:
    chance = random.Random(seed)
    # A fault may hit the opening, too: then it is tried again, as whoever starts it would.
    _try(acknowledged, partial(_append, life, acknowledged, chance, 10**6), until=bool)


def _take_turns(life: Life, acknowledged: int, seed: int) -> None:
    chance = random.Random(seed)
    turn = partial(_append, life, acknowledged, chance, _STAY)
    _try(acknowledged, turn, until=lambda whole: whole and life.fault is not None)


def _try(
    acknowledged: int, write: Callable[[], Awaitable[None]], until: Callable[[bool], bool]
) -> None:
    """Open the log and write to it again and again. Only what a log may raise is passed over."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            anyio.run(write)
        except (EvidenceUnavailable, TimeoutError):
            whole = False
        except Exception as error:
            told = " ".join(repr(error).split())
            os.write(acknowledged, f"raised {told:.300}\n".encode())
            return
        else:
            whole = True
        if until(whole):
            return


async def _append(life: Life, acknowledged: int, chance: random.Random, most: int) -> None:
    async with opened(life.home) as log:
        done = count()

        async def client() -> None:
            while next(done) < min(most, _ENOUGH if life.fault else most):
                sealed = record(chance)
                if life.blind == "too early":
                    await anyio.lowlevel.checkpoint()
                    _say(acknowledged, Receipt(index=0, record_id=sealed.record_id, leaf_hash=""))
                try:
                    with anyio.fail_after(0.6):
                        receipt = await log.append(sealed)
                except (EvidenceUnavailable, TimeoutError):
                    await anyio.sleep(0.001)
                else:
                    _say(acknowledged, receipt)

        async with anyio.create_task_group() as group:
            for _ in range(_CLIENTS):
                group.start_soon(client)
        if life.fault and faults_so_far() >= life.fault.times:
            await _goes_on(log, acknowledged, chance)


async def _goes_on(log: EvidenceSink, acknowledged: int, chance: random.Random) -> None:
    """Append once more now that the fault is over: nobody did anything for it."""
    try:
        with anyio.fail_after(3):
            _say(acknowledged, await log.append(record(chance)))
    except (EvidenceUnavailable, TimeoutError) as error:
        os.write(acknowledged, f"stuck {error}\n".encode())


def _say(acknowledged: int, receipt: Receipt) -> None:
    # Shorter than PIPE_BUF: lines of several writers do not mix.
    os.write(acknowledged, f"{receipt.index} {receipt.record_id} {receipt.leaf_hash}\n".encode())


# -- who looks --------------------------------------------------------------------------------------


def look(home: Path, acknowledged: dict[str, Receipt]) -> tuple[int, str]:
    """Open the log after a crash; return how many records it lost, and what is wrong with it."""
    try:
        return anyio.run(_look, home, acknowledged)
    except Exception as error:
        return len(acknowledged), f"it does not open: {error!r}"


async def _look(home: Path, acknowledged: dict[str, Receipt]) -> tuple[int, str]:
    async with opened(home) as log:
        report = await log.verify()
        stored = {
            item.record_id: Receipt(
                index=item.index, record_id=item.record_id, leaf_hash=item.leaf_hash
            )
            async for item in log.read()
        }
        lost = sum(stored.get(record_id) != said for record_id, said in acknowledged.items())
        next_one = await log.append(record(random.Random()))
    positions = [receipt.index for receipt in stored.values()] + [next_one.index]
    if report.findings:
        return lost, f"verify finds {report.findings[0]}"
    if positions != list(range(report.records + 1)):
        return lost, f"positions with a gap or a repeat: {positions}"
    return lost, ""


# -- processes --------------------------------------------------------------------------------------


def fork(call: Callable[[], object]) -> int:
    """Run a call in a process of its own; return its id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        call()
        code = 0
    finally:
        os._exit(code)


def in_its_own_group(call: Callable[[], object]) -> int:
    """As `fork`; it and all that it starts can be killed at once."""

    def lead() -> None:
        os.setpgid(0, 0)
        call()

    process = fork(lead)
    with suppress(OSError):
        os.setpgid(process, process)
    return process


def kill(group: int) -> None:
    """Kill a process and all that it started; wait until it is gone."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    os.waitpid(group, 0)


def plan(fault: Fault, home: Path) -> None:
    """Let system calls of processes that are forked from now on fail; faults.c must be loaded."""
    shim = ctypes.CDLL(None)
    shim.plan_fault.argtypes = [
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
        ctypes.c_long,
        ctypes.c_char_p,
    ]
    shim.plan_fault(fault.call, fault.how, fault.nth, fault.times, str(home).encode())


def faults_so_far() -> int:
    """Return how many calls have failed of those that were planned."""
    shim = ctypes.CDLL(None)
    shim.faults_so_far.restype = ctypes.c_long
    return int(shim.faults_so_far())
