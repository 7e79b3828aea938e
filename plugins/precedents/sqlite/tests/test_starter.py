"""The written examples: complete, honest about what they are, and not at odds with each other."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from importlib.resources import files
from itertools import combinations

import anyio
import pytest
from eleanor_embedders_hashing.embedder import HashingEmbedder

from eleanor_core.api import CLAUSES, PrecedentCase, precedent_line, precedent_of
from eleanor_core.testing.arithmetic import cosine

TEXT = files("eleanor_precedents_sqlite").joinpath("starter.jsonl").read_text("utf-8")
CASES = [precedent_of(line) for line in TEXT.splitlines()]
PRINCIPLES = ("rights", "autonomy", "fairness", "truth", "risk", "pragmatics")
STAGES = ("precedent", "uncertainty")


def test_every_example_says_that_it_is_one() -> None:
    for case in CASES:
        assert case.authority == "example"
        assert case.id.startswith("example-")
        assert (case.decided_by, case.decided_at) == ("", "")


def test_they_cover_all_principles_clauses_and_outcomes() -> None:
    assert len(CASES) == 48
    groups = Counter(case.id.split("-")[1] for case in CASES)
    assert set(groups) == {*PRINCIPLES, *STAGES}
    assert min(groups[principle] for principle in PRINCIPLES) >= 5
    assert min(Counter(case.outcome for case in CASES).values()) >= 8
    for group in groups:
        assert {"allow"} < {c.outcome for c in CASES if c.id.split("-")[1] == group}
    assert {code for case in CASES for code in case.clauses} == set(CLAUSES)


def test_they_can_be_printed_and_imported() -> None:
    command = [sys.executable, "-m", "eleanor_precedents_sqlite"]
    printed = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    assert printed == TEXT.encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_has_a_reason_and_fitting_clauses(case: PrecedentCase) -> None:
    assert case.reason
    assert bool(case.clauses) == (case.outcome != "allow")
    if case.outcome == "review":
        assert any(CLAUSES[code].tier for code in case.clauses)


def test_the_file_is_in_the_form_of_an_export() -> None:
    exported = [precedent_line(case) for case in sorted(CASES, key=lambda case: case.id)]
    assert TEXT.split("\n") == [*exported, ""]


def test_no_two_of_them_are_alike() -> None:
    """Written examples that were alike and had other outcomes would be a conflict of our making."""
    vectors = anyio.run(HashingEmbedder().embed, [case.text for case in CASES])
    assert max(cosine(one, other) for one, other in combinations(vectors, 2)) < 0.6
