"""Decided cases, laid out for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from eleanor_cli import words
from eleanor_cli.escape import prose
from eleanor_cli.screen import DIM, label, listing, sheet
from eleanor_core.model import (
    DECISIONS,
    DecisionValue,
    OutcomePeriod,
    PrecedentCase,
    PrecedentDrift,
    PrecedentMatch,
    UnlikePair,
)


def show_cases(console: Console, cases: Sequence[PrecedentCase], *, hidden: int) -> None:
    """Print cases, and how many they are. `hidden`: no longer in force, not shown."""
    grid = _grid()
    for case in cases:
        grid.add_row(_outcome(case.outcome), _case(case))
    if cases:
        console.print(grid)
        console.print()
    in_force = sum(case.in_force for case in cases)
    retired = len(cases) - in_force + hidden
    said = f"{words.count(in_force, 'case')} in force"
    if retired:
        said += f", {retired} no longer" + (" (--all shows them)" if hidden else "")
    console.print(Text(said, style=DIM))


def show_matches(console: Console, matches: Sequence[PrecedentMatch], *, like: float) -> None:
    """Print the cases nearest to a text, best first. `like`: from this similarity they count."""
    if not matches:
        console.print(Text("no case in force is near this text"))
        return
    grid = _grid()
    for match in matches:
        style = "" if match.similarity >= like else DIM
        similarity = Text(f"{match.similarity:.2f}")
        grid.add_row(_outcome(match.case.outcome), similarity, _case(match.case), style=style)
    console.print(grid)
    count = sum(match.similarity >= like for match in matches)
    said = f"{words.count(count, 'like case')}: from a similarity of {like:.2f} recall counts it"
    console.print(Text(f"\n{said}", style=DIM))


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0))


def _case(case: PrecedentCase) -> Group:
    """Return a case in two lines: what it is called and who decided it, and its text."""
    head = Text(prose(case.id), style="bold" if case.in_force else "")
    said = [_decided(case), " ".join(case.clauses), "" if case.in_force else _state(case)]
    for item in filter(None, said):
        head.append(f"  {item}", style="not bold")
    text = Text(prose(case.text), style=DIM, no_wrap=True, overflow="ellipsis")
    return Group(head, text)


def show_versions(console: Console, versions: Sequence[PrecedentCase]) -> None:
    """Print a case in its newest version, and the line of its versions if there are several."""
    newest = versions[-1]
    grid = sheet()
    grid.add_row(_outcome(newest.outcome), Text(prose(newest.id), style="bold"))
    grid.add_row(label("text"), Text(prose(newest.text)))
    if newest.reason:
        grid.add_row(label("reason"), Text(prose(newest.reason)))
    for number, code in enumerate(newest.clauses):
        grid.add_row(Text("") if number else label("clauses"), Text(words.clause(code)))
    grid.add_row(label("decided"), Text(_answered_for(newest)))
    grid.add_row(label("domain"), Text(prose(newest.domain)))
    if newest.jurisdiction:
        grid.add_row(label("binds in"), Text(prose(newest.jurisdiction)))
    grid.add_row(label("state"), Text(_state(newest), style="" if newest.in_force else "bold"))
    console.print(grid)
    if len(versions) > 1:
        console.print()
        rows = (
            (
                Text(str(version.version)),
                _outcome(version.outcome),
                Text(_decided(version)),
                Text(_state(version)),
                Text(prose(version.reason)),
            )
            for version in versions
        )
        console.print(listing(("version", "outcome", "decided", "state", "reason"), rows))


def show_done(console: Console, done: str, case: PrecedentCase) -> None:
    """Print in a line or two what was done to a case."""
    version = f", version {case.version}" if case.version > 1 else ""
    head = Text.assemble(f"✓ {done} ", (prose(case.id), "bold"), version, "  ")
    console.print(head + _outcome(case.outcome))
    console.print(Text(f"  {_decided(case)}: {prose(case.reason)}", style=DIM))


def show_drift(console: Console, drift: PrecedentDrift) -> None:
    """Print how what was decided changes, and which like cases were decided differently."""
    undated = f", {drift.undated} of them without a date" if drift.undated else ""
    console.print(Text(f"{words.count(drift.cases, 'decided case')} in force{undated}"))
    if drift.periods:
        console.print()
        console.print(_periods(drift.periods))
    grid = sheet()
    if drift.near_pairs:
        like = f"{words.count(drift.near_pairs, 'near-identical pair')}"
        share = "" if drift.agreement is None else f", {drift.agreement:.0%} with one outcome"
        grid.add_row(label("like cases"), Text(f"{like}{share}"))
    for note in drift.notes:
        name, _, said = note.partition(": ")
        grid.add_row(label(prose(name) if said else "note"), Text(prose(said or note)))
    if grid.row_count:
        console.print()
        console.print(grid)
    if drift.unlike_pairs:
        console.print(Text("\nDecided differently: say which one stands, and overrule the other."))
        rows = ([Text(f"{pair.similarity:.2f}"), *_pair(pair)] for pair in drift.unlike_pairs)
        console.print(listing(("similar", "case", "", "and case", ""), rows))


def _periods(periods: Sequence[OutcomePeriod]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=DIM)
    table.add_column("quarter")
    table.add_column("cases", justify="right")
    for outcome in DECISIONS:
        table.add_column(outcome, justify="right")
    for period in periods:
        shares = (period.shares.get(outcome) for outcome in DECISIONS)
        cells = (f"{share:.0%}" if isinstance(share, (int, float)) else "" for share in shares)
        table.add_row(prose(period.period), str(period.cases), *cells)
    return table


def _pair(pair: UnlikePair) -> Iterator[Text]:
    for name, outcome in zip(pair.ids, pair.outcomes, strict=True):
        yield Text(prose(name), style="bold")
        yield _outcome(outcome)


def _outcome(outcome: DecisionValue) -> Text:
    sign = words.DECISIONS[outcome]
    return Text(f"{sign.mark} {sign.word}", style=sign.style)


def _decided(case: PrecedentCase) -> str:
    if case.authority == "example" and not case.decided_by:
        return "example"
    who = prose(case.decided_by) or ("the machine" if case.authority == "machine" else "people")
    day = case.decided_at[:10]
    return f"{day} {who}" if day else who


def _answered_for(case: PrecedentCase) -> str:
    if case.authority == "example":
        return "by nobody: it was written as an example"
    people = case.authority == "adjudicated"
    return f"{_decided(case)} ({'people' if people else 'the machine alone'})"


def _state(case: PrecedentCase) -> str:
    if case.in_force:
        return "in force"
    return f"overruled by {prose(case.overruled_by)}" if case.overruled_by else "retired"
