"""One judgement, one execution, over processes on one log; and a real kill between the two records."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from support import executing
from support.acts import Deeds
from support.tree import ROOT

from eleanor_core.codec import from_json
from eleanor_core.errors import ReplayedDecision
from eleanor_core.model import ExecutableDecision
from eleanor_core.testing import Harness

pytestmark = pytest.mark.anyio


@contextmanager
def other_process(home: Path, how: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    script = ROOT / "tests" / "support" / "executing.py"
    process = subprocess.Popen(
        [sys.executable, str(script), str(home), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        yield process, process.stdout
    finally:
        process.kill()
        process.communicate()


async def refused(home: Path, decision: ExecutableDecision, outcome: str) -> None:
    """Check that an engine of this process refuses a permission that the other one used."""
    deeds = Deeds()
    plugins = [executing.CALM, "evidence/local"]
    async with Harness(home)(plugins=plugins, settings=executing.SETTINGS) as engine:
        assert await engine.reviews.outcome(decision.record_id) == outcome
        with pytest.raises(ReplayedDecision, match=f"outcome {outcome}"):
            await engine.execute(decision, deeds.action(text=executing.TEXT))
    assert not deeds.done


@pytest.mark.long
async def test_what_another_process_used_is_used_up(tmp_path: Path) -> None:
    with other_process(tmp_path, "finish") as (_, said):
        decision = from_json(json.loads(said.readline()), ExecutableDecision)
        assert [said.readline(), said.readline()] == ["begun\n", "done\n"]
        # The other one still holds the log.
        await refused(tmp_path, decision, "done")
    await refused(tmp_path, decision, "done")


async def test_what_was_killed_after_its_intent_is_unknown_and_never_repeated(
    tmp_path: Path,
) -> None:
    with other_process(tmp_path, "hang") as (process, said):
        decision = from_json(json.loads(said.readline()), ExecutableDecision)
        assert said.readline() == "begun\n"
        process.kill()
        process.wait()
    await refused(tmp_path, decision, "unknown")
