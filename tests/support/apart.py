"""Voices for threads and processes: importable in a worker, and obedient to the case's text."""

from __future__ import annotations

import os
import threading
import time

from eleanor_core.api import Case, CriticResult, DetectorResult, Gap

BUSY = 0.012
"""Seconds of CPU time that `toil` takes: more than twice what an inline call may use."""


class StubbornError(Exception):
    """An error that can be sent and cannot be read: its constructor needs two arguments."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


class MuteError(Exception):
    """An error that ends whoever asks what it says."""

    def __str__(self) -> str:
        raise SystemExit(3)


def obey(case: Case, /) -> CriticResult:
    """Do what the text says; say where it was done."""
    command, _, argument = case.text.partition(" ")
    match command:
        case "raise":
            raise RuntimeError("out of order")
        case "leave":
            raise SystemExit(3)
        case "interrupt":
            raise KeyboardInterrupt
        case "close":
            raise GeneratorExit
        case "mute":
            raise MuteError
        case "stubborn":
            raise StubbornError("this", "that")
        case "sleep":
            time.sleep(float(argument))
        case "die":
            os._exit(7)
        case "shout":
            os.write(1, b"noise where the replies go\n")
        case "garbage":
            return {"critic": "apart", "score": 0.0}  # type: ignore[return-value] # garbage is the point
        case "forge":
            return CriticResult(critic="somebody-else", score=0.0, confidence=1.0)
        case "invent":
            gap = Gap(concern="all of it", reason="too-lazy")
            return CriticResult(critic="apart", score=0.0, confidence=1.0, not_assessed=(gap,))
    return _found("apart", case)


def bear_witness(case: Case, /) -> DetectorResult:
    """Obey as a detector."""
    obey(case)
    return DetectorResult(detector="apart", score=0.25)


def toil(case: Case, /) -> CriticResult:
    """Take too much CPU time for an inline call."""
    started = time.thread_time()
    while time.thread_time() - started < BUSY:
        pass
    return _found("toil", case)


def _found(name: str, case: Case) -> CriticResult:
    place = f"{os.getpid()} {threading.get_ident()}"
    told = [case.context.get("told"), case.kind, [view.name for view in case.views]]
    return CriticResult(critic=name, score=0.25, confidence=0.5, justification=f"{place} {told}")


__all__ = ["BUSY", "StubbornError", "obey", "bear_witness", "toil"]
