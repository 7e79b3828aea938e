"""`eleanor precedents add` and `retire`: what people decided, as versions and never as edits."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve

from eleanor_cli import exits
from eleanor_cli.escape import dumps
from eleanor_cli.faults import UsageError
from eleanor_cli.inputs import read_text
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_cli.precedents.archive import Opened, with_archive
from eleanor_core.codec import to_json
from eleanor_core.errors import quoted
from eleanor_core.model import DecisionValue, PrecedentCase, PrecedentMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What people decided, as typed. None: not said."""

    case_id: str
    text: str | None
    file: Path | None
    outcome: DecisionValue
    decided_by: str
    reason: str
    clauses: Sequence[str] | None
    domain: str | None
    jurisdiction: str | None
    decided_at: str | None
    new_version: bool
    overrules: str | None
    conflicting: bool

    def __post_init__(self) -> None:
        for option, words in (("--decided-by", self.decided_by), ("--reason", self.reason)):
            if not words.strip():
                msg = f"{option} is empty: a precedent needs who answers for it, and a reason"
                raise UsageError(msg)

    def case(self, text: str, before: PrecedentCase | None) -> PrecedentCase:
        """Return the version that follows `before`, or the first. Raises UsageError."""
        try:
            first = PrecedentCase(
                id=self.case_id,
                text=text,
                outcome=self.outcome,
                reason=self.reason,
                decided_by=self.decided_by,
                decided_at=now() if self.decided_at is None else self.decided_at,
                authority="adjudicated",
            )
            kept = before or first
            return evolve(
                first,
                version=before.version + 1 if before else 1,
                clauses=kept.clauses if self.clauses is None else tuple(self.clauses),
                domain=kept.domain if self.domain is None else self.domain,
                jurisdiction=kept.jurisdiction if self.jurisdiction is None else self.jurisdiction,
            )
        except (TypeError, ValueError) as error:
            msg = f"this is no precedent: {error}"
            raise UsageError(msg) from error


def now() -> str:
    """Return the time in UTC as a case states it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def add_case(options: Options, ruling: Ruling, *, as_json: bool) -> int:
    """Add a case that people decided, or a new version of one, and print it.

    Raises UsageError where a near-identical case in force was decided otherwise and the ruling does
    not say what follows: conflicting precedents send every like case to a human.
    """
    # A version that decides a case anew may keep its text; then standard input is not for us.
    unsaid = ruling.text is None and ruling.file is None
    given = (
        None if ruling.new_version and unsaid else read_text(ruling.text, ruling.file, stdin=False)
    )

    async def main(opened: Opened) -> int:
        before = await _before(opened, ruling)
        text = given if given is not None else before.text if before else ""
        case = ruling.case(text, before)
        overruled = await _overruled(opened, ruling, case)
        await _refuse_conflict(opened, ruling, case)
        if overruled is None:
            await opened.precedents.store.add(case)
        else:
            # Both in one step: a ruling beside the one that it overrules would be a conflict.
            await opened.archive.import_lines([dumps(to_json(item)) for item in (case, overruled)])
        if as_json:
            write_json(to_json(case))
        else:
            _say("added", case)
            if overruled is not None:
                _say("retired", overruled)
        return exits.OK

    return with_archive(options, main)


def retire_case(
    options: Options,
    case_id: str,
    *,
    decided_by: str,
    reason: str,
    overruled_by: str,
    as_json: bool,
) -> int:
    """Take a case out of force, and print the version that says so."""

    async def main(opened: Opened) -> int:
        await opened.versions(case_id)
        if overruled_by:
            await opened.versions(overruled_by)
        retired = await opened.archive.retire(
            case_id, decided_by=decided_by, reason=reason, overruled_by=overruled_by
        )
        if as_json:
            write_json(to_json(retired))
        else:
            _say("retired", retired)
        return exits.OK

    return with_archive(options, main)


async def _before(opened: Opened, ruling: Ruling) -> PrecedentCase | None:
    if ruling.new_version:
        return (await opened.versions(ruling.case_id))[-1]
    versions = await opened.archive.versions(ruling.case_id)
    if versions:
        held = versions[-1]
        msg = (
            f"there is a case {quoted(ruling.case_id, 80)} already (version {held.version}, "
            f"{held.outcome}). Choose another id, or decide it anew with --new-version"
        )
        raise UsageError(msg)
    return None


async def _overruled(opened: Opened, ruling: Ruling, case: PrecedentCase) -> PrecedentCase | None:
    """Return the version that takes the overruled case out of force."""
    if ruling.overrules is None:
        return None
    held = (await opened.versions(ruling.overrules))[-1]
    if held.id == case.id:
        msg = "a case cannot overrule itself: --new-version decides it anew"
        raise UsageError(msg)
    if not held.in_force:
        msg = f"--overrules {held.id}: that case is no longer in force, so leave the option out"
        raise UsageError(msg)
    return evolve(
        held,
        version=held.version + 1,
        reason=case.reason,
        decided_by=case.decided_by,
        decided_at=case.decided_at,
        in_force=False,
        overruled_by=case.id,
    )


async def _refuse_conflict(opened: Opened, ruling: Ruling, case: PrecedentCase) -> None:
    if ruling.conflicting:
        return
    against = [
        match
        for match in await opened.precedents.contradicting(case)
        if match.case.id != ruling.overrules
    ]
    if against:
        first = against[0].case.id
        msg = (
            f"{case.id} ({case.outcome}) would conflict with {_listed(against)}. "
            "Nothing was added. Say which one stands:\n"
            f"  --overrules {first}  retires that case\n"
            "  --conflicting  keeps both, and recall asks a human about every like case (PR2)\n"
            f"`eleanor precedents show {first}` says why it was decided so"
        )
        raise UsageError(msg)


def _listed(matches: Sequence[PrecedentMatch]) -> str:
    return ", ".join(
        f"{match.case.id} ({match.case.outcome}, similarity {match.similarity:.2f})"
        for match in matches
    )


def _say(done: str, case: PrecedentCase) -> None:
    from eleanor_cli.precedents.show import show_done
    from eleanor_cli.screen import console

    show_done(console(sys.stdout), done, case)
