"""Who may make precedent of what: pure rules over a version and the one before it."""

from __future__ import annotations

from typing import Final

from eleanor_core.api import PrecedentCase

EXAMPLE: Final = "example-"
"""What the id of every written example starts with, and no other id."""
_MOST: Final = 2**31


def objection(case: PrecedentCase, before: PrecedentCase | None) -> str | None:
    """Return why `case` may not follow `before` (None: it is the first version), or None.

    What people decided has a name and a reason, and is changed by people alone; what the machine
    decided becomes people's only by another hand; an example says in its id that it is one.
    """
    if case.version >= _MOST:
        return f"its version {case.version} is too large"
    if (case.authority == "example") is not case.id.startswith(EXAMPLE):
        return (
            f"authority {case.authority!r} does not fit the id: written examples, and they "
            f"alone, have ids that start with {EXAMPLE!r}"
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
