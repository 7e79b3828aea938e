"""What a detector testifies becomes an objection where it is strong, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eleanor_critics_constitutional.rules import Charge, load_book
from pydantic import ValidationError

from eleanor_core.api import CriticResult, DetectorSignal
from eleanor_core.model import CaseKind

Judge = Callable[..., dict[str, CriticResult]]
TEXT = "The library opens at nine."


def signal(detector: str, severity: int) -> DetectorSignal:
    return DetectorSignal(detector=detector, category="any", severity=severity, span=(4, 11))


@pytest.mark.parametrize(
    ("detector", "severity", "kind", "clause", "escalates"),
    [
        ("injection", 2, "answer", "A1", False),
        ("injection", 2, "prompt", "A1", False),
        ("injection", 3, "answer", "A1", True),
        ("secrets", 2, "answer", "P3", False),
        ("secrets", 3, "prompt", "P3", False),
        ("secrets", 3, "action", "P3", True),
    ],
)
def test_strong_testimony_objects(
    judge: Judge, detector: str, severity: int, kind: CaseKind, clause: str, escalates: bool
) -> None:
    result = judge(TEXT, kind=kind, signals=[signal(detector, severity)])["risk"]
    assert {row.clause for row in result.violations} == {clause}
    assert result.violations[0].span == (4, 11)
    assert result.score >= 0.5
    assert bool(result.escalations) is escalates


@pytest.mark.parametrize("row", [("injection", 1), ("secrets", 1), ("personal-data", 3)])
def test_weak_testimony_and_other_testimony_does_not(judge: Judge, row: tuple[str, int]) -> None:
    result = judge(TEXT, signals=[signal(*row)])["risk"]
    assert result.violations == ()
    assert result.score < 0.5


def test_a_charge_of_an_unknown_clause_is_refused() -> None:
    (charge, *_) = load_book("risk").signals["injection"].charges
    with pytest.raises(ValidationError, match="not in the clause registry"):
        Charge.model_validate(charge.model_dump() | {"clause": "X9"})


def test_charged_clauses_are_declared() -> None:
    assert {"A1", "P3"} <= load_book("risk").clauses
