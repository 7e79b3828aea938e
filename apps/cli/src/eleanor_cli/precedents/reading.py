"""`eleanor precedents list`, `show` and `drift`: what is kept, and what it says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from eleanor_cli import exits
from eleanor_cli.faults import UsageError
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_cli.precedents.archive import Opened, with_archive
from eleanor_core.codec import to_json
from eleanor_core.errors import quoted
from eleanor_core.model import (
    CLAUSES,
    DecisionValue,
    JsonObject,
    PrecedentCase,
    PrecedentMatch,
    PrecedentQuery,
)
from eleanor_core.model.precedent import SearchBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cases to list. `like`: a text that the nearest are sought for, by what `by` says."""

    like: str | None
    by: SearchBy
    outcome: DecisionValue | None
    clause: str | None
    domain: str | None
    everything: bool

    def __post_init__(self) -> None:
        if self.clause is not None and self.clause not in CLAUSES:
            msg = f"--clause {quoted(self.clause, 40)}: the registry has {', '.join(CLAUSES)}"
            raise UsageError(msg)
        if self.like is not None and not self.like.strip():
            msg = "--like is empty: give the text whose like is sought"
            raise UsageError(msg)
        if self.like is not None and self.everything:
            msg = "--like seeks among the cases in force, as recall does: leave --all out"
            raise UsageError(msg)
        if self.like is None and self.by != "vectors":
            msg = "--by says how --like seeks: give a text with --like, or leave --by out"
            raise UsageError(msg)

    def fits(self, case: PrecedentCase) -> bool:
        """Return whether a case is of those wanted, in force or not."""
        return (
            self.outcome in (None, case.outcome)
            and (self.clause is None or self.clause in case.clauses)
            and self.domain in (None, case.domain)
        )


def list_cases(options: Options, wanted: Wanted, *, as_json: bool) -> int:
    """Print cases in their newest version, by id; with `like` the nearest first."""

    async def main(opened: Opened) -> int:
        if wanted.like is not None:
            matches = await _matches(opened, wanted, wanted.like)
            _print_matches(matches, opened.recall.similarity, as_json=as_json)
            return exits.OK
        cases = [case async for case in opened.archive.newest() if wanted.fits(case)]
        shown = [case for case in cases if case.in_force or wanted.everything]
        if as_json:
            write_json([to_json(case) for case in shown])
        else:
            from eleanor_cli.precedents.show import show_cases
            from eleanor_cli.screen import console

            show_cases(console(sys.stdout), shown, hidden=len(cases) - len(shown))
        return exits.OK

    return with_archive(options, main)


async def _matches(opened: Opened, wanted: Wanted, text: str) -> Sequence[PrecedentMatch]:
    k = opened.recall.neighbours
    query = PrecedentQuery(
        text=text,
        by=wanted.by,
        clause=wanted.clause,
        domain=wanted.domain,
        outcome=wanted.outcome,
    )
    # What recall asks for, every store can do.
    if query == PrecedentQuery(text=text, by="vectors"):
        return await opened.precedents.like(text, k)
    return await opened.precedents.search(query, k)


def _print_matches(matches: Sequence[PrecedentMatch], like: float, *, as_json: bool) -> None:
    if as_json:
        write_json([to_json(match) for match in matches])
        return
    from eleanor_cli.precedents.show import show_matches
    from eleanor_cli.screen import console

    show_matches(console(sys.stdout), matches, like=like)


def show_case(options: Options, case_id: str, *, as_json: bool) -> int:
    """Print the newest version of a case, and what it was before."""

    async def main(opened: Opened) -> int:
        versions = await opened.versions(case_id)
        if as_json:
            write_json({"id": case_id, "versions": [to_json(version) for version in versions]})
        else:
            from eleanor_cli.precedents.show import show_versions
            from eleanor_cli.screen import console

            show_versions(console(sys.stdout), versions)
        return exits.OK

    return with_archive(options, main)


def show_drift(options: Options, *, as_json: bool) -> int:
    """Print the report on drift. 0 whatever it says: it is for people to weigh."""

    async def main(opened: Opened) -> int:
        drift = await opened.archive.drift()
        if as_json:
            write_json(cast("JsonObject", to_json(drift)))
        else:
            from eleanor_cli.precedents.show import show_drift as show
            from eleanor_cli.screen import console

            show(console(sys.stdout), drift)
        return exits.OK

    return with_archive(options, main)
