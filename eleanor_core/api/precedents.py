"""What every store of decided cases needs: lines of JSON, who may make precedent, fused rankings.

A store that takes a version only if `precedent_objection` has none to it keeps the rules that
people rely on, wherever it keeps its cases. A line that is written holds every field, in the order
of the value's fields.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final, TypeVar

from attrs import evolve, fields

from eleanor_core.api.json_text import parse_json
from eleanor_core.errors import InvalidInput
from eleanor_core.model import CLAUSES, PrecedentCase

_EXAMPLE: Final = "example-"
"""What the id of every written example starts with, and no other id."""

_FIELDS: Final = tuple(item.name for item in fields(PrecedentCase))
_NEEDED: Final = ("id", "text", "outcome", "authority")
_MOST: Final = 2**31
_DAMPING: Final = 60
"""The paper's constant. It keeps the first place of one ranking from deciding alone."""

Ranked = TypeVar("Ranked", bound=str | tuple[str, int])


# -- lines ----------------------------------------------------------------------------------------


def precedent_line(case: PrecedentCase) -> str:
    """Return the line of a version, without a line end."""
    entry = {name: getattr(case, name) for name in _FIELDS}
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def precedent_of(line: str) -> PrecedentCase:
    """Return the version that a line holds.

    Raises InvalidInput, ValueError or TypeError if it holds none.
    """
    entry = parse_json(line)
    if not isinstance(entry, dict):
        msg = f"it must hold a JSON object, not a {type(entry).__name__}"
        raise TypeError(msg)
    if unknown := sorted(entry.keys() - set(_FIELDS)):
        msg = f"unknown keys {unknown}; known are {', '.join(_FIELDS)}"
        raise ValueError(msg)
    # Who decided is not to be guessed: a line without it could make a ruling of an example.
    if missing := [name for name in _NEEDED if name not in entry]:
        msg = f"missing keys {missing}"
        raise ValueError(msg)
    if type(entry.get("version", 1)) is not int:
        msg = f"version must be a whole number, got {entry['version']!r:.40}"
        raise TypeError(msg)
    return PrecedentCase(**{**entry, "clauses": _clauses(entry.get("clauses", []))})


def precedents_of(lines: Iterable[str]) -> Iterator[tuple[int, PrecedentCase]]:
    """Yield the number, from 1, and the version of each line that is not empty, as they come.

    Raises ValueError, naming the line, for the first that holds none.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = precedent_of(line)
        except (InvalidInput, TypeError, ValueError) as error:
            raise ValueError(f"line {number}: {error}") from error
        yield number, case


# -- rules ----------------------------------------------------------------------------------------


def precedent_objection(case: PrecedentCase, before: PrecedentCase | None) -> str | None:
    """Return why `case` may not follow `before` (None: it is the first version), or None.

    What people decided has a name and a reason, and is changed by people alone; what the machine
    decided becomes people's only by another hand; an example says in its id that it is one.
    """
    if case.version >= _MOST:
        return f"its version {case.version} is too large"
    if (case.authority == "example") is not case.id.startswith(_EXAMPLE):
        return (
            f"authority {case.authority!r} does not fit the id: written examples, and they "
            f"alone, have ids that start with {_EXAMPLE!r}"
        )
    by_people = case.authority == "adjudicated" or not case.in_force
    if by_people and not (case.decided_by.strip() and case.reason.strip()):
        what = "an adjudicated case" if case.in_force else "taking a case out of force"
        return f"{what} needs decided_by (who answers for it) and a reason"
    if case.overruled_by == case.id:
        return "a case cannot overrule itself: add a new version instead"
    return _against(case, before) if before else None


def _against(case: PrecedentCase, before: PrecedentCase) -> str | None:
    if case.version <= before.version:
        return (
            f"it needs a version above {before.version}, got {case.version}: a change is a new "
            "version, never an edit"
        )
    if before.authority == "adjudicated" and case.authority != "adjudicated":
        return f"people decided version {before.version}: {case.authority!r} cannot supersede it"
    promoted = (before.authority, case.authority) == ("machine", "adjudicated")
    if promoted and case.decided_by == before.decided_by:
        return (
            f"the machine decided version {before.version} as {before.decided_by!r}: it becomes "
            "adjudicated only when somebody else decides it"
        )
    return None


def precedent_retired(
    case_id: str,
    versions: Sequence[PrecedentCase],
    *,
    decided_by: str,
    reason: str,
    overruled_by: str = "",
) -> PrecedentCase:
    """Return the version that takes a case out of force now, for the store to add.

    `versions`: all that there are, oldest first. Raises ValueError if none of them is in force.
    """
    if not versions or not versions[-1].in_force:
        what = "is not in force" if versions else "does not exist"
        raise ValueError(f"precedent {case_id!r} {what}, so it cannot be retired")
    return evolve(
        versions[-1],
        version=versions[-1].version + 1,
        reason=reason,
        decided_by=decided_by,
        decided_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        in_force=False,
        overruled_by=overruled_by,
    )


# -- rankings -------------------------------------------------------------------------------------


def fused(rankings: Sequence[Sequence[Ranked]]) -> list[Ranked]:
    """Return all that is ranked, once, the largest sum of 1 / (60 + place) first, ties by itself.

    One ranking stays as it is. Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009).
    """
    sums: defaultdict[Ranked, Fraction] = defaultdict(Fraction)
    for ranking in rankings:
        for place, item in enumerate(ranking, start=1):
            sums[item] += Fraction(1, _DAMPING + place)
    return sorted(sums, key=lambda item: (-sums[item], item))


def _clauses(codes: object) -> tuple[str, ...]:
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        msg = "clauses must be a list of codes"
        raise TypeError(msg)
    if unknown := [code for code in codes if code not in CLAUSES]:
        msg = f"clauses {unknown} are not in the clause registry"
        raise ValueError(msg)
    return tuple(codes)
