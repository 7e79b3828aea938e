"""The drift report on numbers that can be worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest
from eleanor_precedents_sqlite.store import SqliteStore
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import PrecedentCase, drift, precedent_line
from eleanor_core.api.drift import ENOUGH, stability_index

Opened: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]


SUBJECTS = (
    "tenant moves out early", "member asks for refund", "driver skips the queue",
    "patient wants her file", "pupil repeats a year", "guest brings a dog",
)  # fmt: skip


def decided(
    number: int, outcome: str, date: str, text: str = "", **fields: object
) -> PrecedentCase:
    return PrecedentCase(
        id=f"c{number:03}",
        text=text or f"{SUBJECTS[number % 6]}, file {number} of folder {number * 7919}",
        outcome=outcome,  # type: ignore[arg-type] # one of the four
        decided_by="board",
        reason="as agreed",
        decided_at=date,
        **fields,  # type: ignore[arg-type] # fields of a case
    )


def lines(cases: Iterable[PrecedentCase]) -> list[str]:
    return [precedent_line(case) for case in cases]


@pytest.mark.anyio
async def test_a_worked_example(opened: Opened) -> None:
    """80 decided in the first quarter, half of them allowed; 80 in the third, a fifth of them."""
    early = [decided(n, "allow" if n < 40 else "deny", "2026-02-03") for n in range(80)]
    late = [
        decided(n, "allow" if n < 96 else "deny", "2026-08-09T10:00:00Z") for n in range(80, 160)
    ]
    async with opened(starter=True) as store:
        await store.import_lines(lines([*early, *late]))
        report = await store.drift()
    assert (report.cases, report.undated) == (160, 0)
    assert [(period.period, period.cases) for period in report.periods] == [
        ("2026-Q1", 80),
        ("2026-Q3", 80),
    ]
    assert report.periods[0].shares == {"allow": 0.5, "constrain": 0.0, "review": 0.0, "deny": 0.5}
    assert report.periods[1].shares == {"allow": 0.2, "constrain": 0.0, "review": 0.0, "deny": 0.8}
    # Each of the four counts is half a case more, of 82.
    allow, deny = (40.5 / 82, 16.5 / 82), (40.5 / 82, 64.5 / 82)
    by_hand = sum((a - e) * math.log(a / e) for e, a in (allow, deny))
    assert report.psi == pytest.approx(by_hand)
    assert report.psi_by_chance == pytest.approx(3 * 2 / 80)
    assert by_hand > 0.25
    assert report.notes[0].startswith(f"stability: marked change, index {by_hand:.3f}")
    assert "by habit; chance alone gives about 0.075" in report.notes[0]


@pytest.mark.anyio
async def test_like_cases_with_other_outcomes_are_listed(opened: Opened) -> None:
    cases = [decided(n, "allow", "2026-02-03") for n in range(ENOUGH)]
    text = "the neighbour plays the trumpet at night and refuses to stop"
    cases += [
        decided(900, "deny", "2026-01-01", text),
        decided(901, "deny", "2026-02-01", text),
        decided(902, "allow", "2026-03-01", text),
    ]
    same = "the cook leaves the gas on over the holidays without a word"
    cases += [
        decided(910, "review", "2026-01-01", same),
        decided(911, "review", "", same),
        decided(912, "allow", "2026-01-01", same, in_force=False),
    ]
    async with opened() as store:
        await store.import_lines(lines(cases))
        report = await store.drift()
    unlike = [(pair.ids, pair.outcomes) for pair in report.unlike_pairs]
    assert unlike == [
        (("c900", "c902"), ("deny", "allow")),
        (("c901", "c902"), ("deny", "allow")),
    ]
    assert all(pair.similarity == pytest.approx(1.0) for pair in report.unlike_pairs)
    assert (report.near_pairs, report.agreement) == (4, 0.5)
    assert (report.cases, report.undated) == (ENOUGH + 5, 1)


@pytest.mark.anyio
async def test_too_few_cases_are_said_and_give_no_number(opened: Opened) -> None:
    text = "the neighbour plays the trumpet at night"
    cases = [
        decided(1, "deny", "2026-01-01", text),
        decided(2, "allow", "2026-02-01", text, authority="machine"),
    ]
    async with opened() as store:
        await store.import_lines(lines(cases))
        report = await store.drift()
    assert (report.psi, report.psi_by_chance, report.agreement) == (None, None, None)
    assert [pair.ids for pair in report.unlike_pairs] == [("c001", "c002")]
    assert report.notes == (
        "stability: too few, 2 dated cases of at least 150",
        "agreement: too few, 2 decided cases of at least 150",
        "the machine alone decided 1 of the 2 cases",
    )


@pytest.mark.anyio
async def test_an_empty_store_and_examples_alone_have_no_drift(opened: Opened) -> None:
    async with opened(starter=True) as store:
        report = await store.drift()
    assert (report.cases, report.periods, report.near_pairs) == (0, (), 0)


@pytest.mark.anyio
async def test_in_a_large_store_the_pairs_of_the_latest_are_sought(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "COMPARED", 2)
    text, other = "the neighbour plays the trumpet at night", "the cook leaves the gas on"
    cases = [
        decided(1, "deny", "2026-01-01", text),
        decided(2, "allow", "2026-03-03", text),
        decided(3, "deny", "2026-01-01", other),
        decided(4, "allow", "2026-01-02", other),
        decided(5, "allow", "2026-03-02", "a guest brings a dog into the hall"),
    ]
    async with opened() as store:
        await store.import_lines(lines(cases))
        report = await store.drift()
    assert [pair.ids for pair in report.unlike_pairs] == [("c001", "c002")]
    assert "pairs: sought for the 2 cases decided last" in report.notes


shares = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4).map(
    lambda parts: [part / sum(parts) for part in parts]
)


@given(one=shares, other=shares)
def test_the_index_is_a_symmetric_distance(one: list[float], other: list[float]) -> None:
    assert stability_index(one, one) == 0.0
    assert stability_index(one, other) >= -1e-12
    assert stability_index(one, other) == pytest.approx(stability_index(other, one), abs=1e-9)
