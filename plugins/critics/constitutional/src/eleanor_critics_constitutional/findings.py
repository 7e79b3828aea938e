"""A finding: what a critic holds against the case, before it is put into a result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from attrs import frozen

Grade: TypeAlias = Literal[1, 2, 3]

PER_CLAUSE = 5
"""Violations of one clause that a result holds at most: the gravest and surest ones."""


@frozen(kw_only=True)
class Finding:
    """One clause, with the score that this finding alone gives. `key`: what found it."""

    key: str
    clause: str
    severity: Grade
    score: float
    span: tuple[int, int] | None
    rationale: str
    lowered: bool = False

    def covers(self, other: Finding) -> bool:
        """Return whether `other` adds nothing: same clause and place, neither graver nor surer."""
        return (
            self.clause == other.clause
            and self.severity >= other.severity
            and self.score >= other.score
            and _overlap(self.span, other.span)
        )


def distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings without those that another one covers, at most `PER_CLAUSE` a clause.

    The highest severity and the highest score of every clause are always among them. The order is
    fixed: gravest first, then surest, then by place.
    """
    ranked = sorted(findings, key=_rank)
    if len(ranked) < 2:  # most results hold one finding or none
        return tuple(ranked)
    kept: list[Finding] = []
    surest = {finding.clause: finding for finding in sorted(ranked, key=lambda row: row.score)}
    room: dict[str, int] = {}
    for finding in (*surest.values(), *ranked):
        if room.get(finding.clause, 0) < PER_CLAUSE and not any(
            other.covers(finding) for other in kept
        ):
            room[finding.clause] = room.get(finding.clause, 0) + 1
            kept.append(finding)
    return tuple(sorted(kept, key=_rank))


def _rank(finding: Finding) -> tuple[int, float, tuple[int, int], str, str]:
    return -finding.severity, -finding.score, finding.span or (0, 0), finding.clause, finding.key


def _overlap(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    if one is None or other is None:
        return one == other
    return one[0] < other[1] and other[0] < one[1]
