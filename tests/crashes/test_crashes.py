"""What is acknowledged survives a kill, a power cut and a system call that fails."""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest

from crashes.run import HEAD, KINDS, PAGE, Row, crashed, missing, section

LEAST = 500
"""Faults of each kind that the page must tell of."""


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_was_acknowledged_is_lost(kind: str) -> None:
    if why := missing(kind):
        pytest.skip(why)
    seed = time.time_ns()
    rows, acknowledged = crashed(kind, 20, seed)
    assert [row for row in rows if not row.good] == [], f"with seed {seed}"
    assert sum(row.injected for row in rows if not row.control) == 20
    assert acknowledged > 20


def kind_of(row: Row) -> str:
    if row.fault.startswith("killed: "):
        return "kills"
    return "cuts" if row.fault.startswith("power cut") else "faults"


def test_the_page_tells_of_a_whole_run() -> None:
    _, inner, _ = section(PAGE.read_text("utf-8"))
    assert inner.startswith(HEAD), "run `nox -s crashes -- --write`"
    lines = re.findall(r"\| (.+) \| ([\d,]+) \| ([\d,]*) \| ([\d,]+) \|\n", inner)
    rows = [
        Row(fault, *(int(text.replace(",", "") or 0) for text in numbers), said=())
        for fault, *numbers in lines
    ]
    assert "".join(map(str, rows)) == inner.removeprefix(HEAD).partition("\n\n")[0] + "\n"
    assert [row for row in rows if not row.good] == []
    injected: Counter[str] = Counter()
    for row in rows:
        if not row.control:
            injected[kind_of(row)] += row.injected
    assert {kind: number for kind, number in injected.items() if number >= LEAST}.keys() == {*KINDS}
    assert len([row for row in rows if row.control]) == len(KINDS)
