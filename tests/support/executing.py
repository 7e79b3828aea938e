"""A process that judges, and then carries something out: `executing.py HOME finish|hang`.

It prints the judgement's permission as JSON, then `begun` from inside the action, then the outcome;
and stays until its standard input is closed.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import anyio

from eleanor_core.api import Case, CriticResult
from eleanor_core.codec import to_json
from eleanor_core.model import Action, Execution
from eleanor_core.testing import Harness, critic_plugin

TEXT = "Take out the trash."


def calm(_case: Case, /) -> CriticResult:
    return CriticResult(critic="calm", score=0.02, confidence=0.9)


CALM = critic_plugin("calm", calm)
SETTINGS = {"deadlines": {"record": 0.5}}


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def main(home: str, how: str) -> None:
    async def deed(_: Execution) -> str:
        say("begun")
        if how == "hang":
            await anyio.sleep(math.inf)
        return "done"

    action = Action(name="bins.empty", run=deed, text=TEXT)
    async with Harness(Path(home))(plugins=[CALM, "evidence/local"], settings=SETTINGS) as engine:
        decision = await engine.executable(await engine.run(text=TEXT), action)
        say(json.dumps(to_json(decision)))
        say((await engine.execute(decision, action)).value)
        await anyio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
