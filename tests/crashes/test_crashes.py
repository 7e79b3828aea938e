"""What is acknowledged survives a kill, a power cut and a system call that fails."""

from __future__ import annotations

import time

import pytest

from crashes.run import KINDS, crashed, missing


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
