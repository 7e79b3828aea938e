"""Critics and detectors, laid out for people: what each said, with numbers that lead to the text.

Who has something to say stands first, each on its own; those who found nothing stand together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eleanor_cli import words
from eleanor_cli.escape import prose
from eleanor_cli.marks import USUAL, Marks
from eleanor_cli.screen import DIM, label
from eleanor_core.model import (
    Abstention,
    Assessment,
    CriticOutcome,
    CriticResult,
    DetectorResult,
    Gap,
    Provenance,
)

_NAMES: Final = 24
"""Columns that a name gets at most."""

_INDENT: Final = (0, 0, 0, 4)
_REF: Final = 4


def critics(
    assessment: Assessment, marks: Marks, width: int, *, everything: bool
) -> Iterator[RenderableType]:
    """Yield the panel, those with an objection or a fault first. `width`: that of the names."""
    yield label("critics")
    quiet: dict[str, list[str]] = {}
    for name in _order(assessment):
        outcome = assessment.critics[name]
        if not everything and isinstance(outcome, CriticResult) and _is_quiet(outcome):
            quiet.setdefault(prose(outcome.justification), []).append(name)
            continue
        yield _head(name, outcome, width)
        yield from _words(name, outcome, marks, everything=everything)
    for said, names in quiet.items():
        yield _nothing(names)
        if said:
            yield Padding(Text(said, style=DIM), _INDENT)


def detectors(
    assessment: Assessment, marks: Marks, width: int, *, everything: bool
) -> Iterator[RenderableType]:
    """Yield the detectors, those with a signal or a fault first. `width`: that of the names."""
    outcomes = assessment.detectors
    if not outcomes:
        return
    yield label("detectors")
    silent = [name for name in outcomes if not everything and _is_silent(outcomes[name])]
    loud = [name for name in outcomes if name not in silent]
    for name in sorted(loud, key=lambda name: _rank(outcomes[name])):
        yield _head(name, outcomes[name], width)
        yield from _testimony(name, outcomes[name], marks, everything=everything)
    if silent:
        yield _nothing(silent)


def outcome_line(outcome: CriticOutcome | DetectorResult) -> Text:
    """Return a voice's outcome in one line, for events as they come."""
    if isinstance(outcome, Abstention):
        return Text.assemble(_sign(words.ABSTAINED), f"  {outcome.reason}")
    if isinstance(outcome, CriticResult):
        clauses = ", ".join(words.clause(item.clause) for item in outcome.violations)
        sign = _sign(words.SEVERITIES[outcome.severity])
        return Text.assemble(sign, f"  {outcome.score:.2f}  {clauses}".rstrip())
    return Text(words.count(len(outcome.signals), "signal"))


def fault(outcome: Abstention) -> Text:
    """Return why a voice gave no usable answer."""
    detail = f": {prose(outcome.detail)}" if outcome.detail else ""
    return Text(f"{outcome.reason}{detail}")


# -- who stands where -----------------------------------------------------------------------------


def _order(assessment: Assessment) -> list[str]:
    """Return the critics: dissent in its own order, then faults, then gaps, then the rest."""
    dissent = [item.critic for item in assessment.dissent]

    def place(name: str) -> tuple[int, int]:
        outcome = assessment.critics[name]
        if name in dissent:
            return 0, dissent.index(name)
        if isinstance(outcome, Abstention):
            return 1, 0
        return (4 if _is_quiet(outcome) else 3 if not outcome.violations else 2), 0

    return sorted(assessment.critics, key=place)


def _is_quiet(outcome: CriticResult) -> bool:
    said = outcome.violations or outcome.escalations or outcome.not_assessed
    return not said and outcome.score < 0.5


def _is_silent(outcome: DetectorResult | Abstention) -> bool:
    return not isinstance(outcome, Abstention) and not (outcome.signals or outcome.not_assessed)


def _rank(outcome: DetectorResult | Abstention) -> int:
    if isinstance(outcome, Abstention):
        return -1
    return 3 - max((signal.severity for signal in outcome.signals), default=0)


def name_width(names: Iterable[str]) -> int:
    """Return the columns that the names need, within reason."""
    return min(_NAMES, max((len(name) for name in names), default=0))


# -- one voice ------------------------------------------------------------------------------------


def _head(name: str, outcome: CriticOutcome | DetectorResult, width: int) -> Table:
    """Return mark, name, word, score and bar on one line."""
    sign = _sign_of(outcome)
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=width + 2, no_wrap=True, overflow="ellipsis")
    for columns in (9, 4, 10):
        grid.add_column(width=columns, no_wrap=True)
    cells = [Text.assemble((f"{sign.mark} ", sign.style), (prose(name), "bold"))]
    cells.append(Text(sign.word, style=sign.style))
    if not isinstance(outcome, Abstention):
        # The score of a fault stands for nothing that anyone weighed.
        filled, empty = words.bar(outcome.score, cells=10)
        cells.append(Text(f"{outcome.score:.2f}"))
        cells.append(Text.assemble((filled, sign.style), (empty, DIM)))
    grid.add_row(*cells)
    return grid


def _nothing(names: list[str]) -> Table:
    """Return those who found nothing, on one line."""
    sign = words.SEVERITIES[0]
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    who = words.listed([prose(name) for name in names])
    grid.add_row(Text(sign.mark, style=sign.style), Text.assemble(who, (": nothing found", DIM)))
    return grid


def _sign_of(outcome: CriticOutcome | DetectorResult) -> words.Sign:
    if isinstance(outcome, Abstention):
        return words.ABSTAINED
    if isinstance(outcome, CriticResult):
        return words.SEVERITIES[outcome.severity]
    gravest = max((signal.severity for signal in outcome.signals), default=0)
    said = words.count(len(outcome.signals), "signal") if outcome.signals else "none"
    return words.SEVERITIES[gravest]._replace(word=said)


def _words(
    name: str, outcome: CriticOutcome, marks: Marks, *, everything: bool
) -> Iterator[RenderableType]:
    """Yield what a critic said, below its head."""
    if isinstance(outcome, Abstention):
        yield Padding(fault(outcome), _INDENT)
        yield from _trust(outcome.provenance, "", everything=everything)
        return
    grid = _said()
    for index, item in enumerate(outcome.violations if everything else outcome.violations[:USUAL]):
        span = f" {_where(item.span)}" if everything and item.span else ""
        clause = (words.clause(item.clause), "bold")
        grid.add_row(
            _ref(marks.ref(name, index), words.SEVERITIES[item.severity].style),
            Text.assemble(clause, (span, DIM), f": {prose(item.rationale)}"),
        )
    if grid.row_count:
        yield Padding(grid, _INDENT)
    yield from _more(len(outcome.violations), "violation", everything=everything)
    said = prose(outcome.justification)
    if said and said not in {prose(item.rationale) for item in outcome.violations}:
        yield Padding(Text(said, style=DIM), _INDENT)
    yield from _gaps(outcome.not_assessed)
    sure = f"confidence {outcome.confidence:.2f}, "
    yield from _trust(outcome.provenance, sure, everything=everything)


def _testimony(
    name: str, outcome: DetectorResult | Abstention, marks: Marks, *, everything: bool
) -> Iterator[RenderableType]:
    if isinstance(outcome, Abstention):
        yield Padding(fault(outcome), _INDENT)
        yield from _trust(outcome.provenance, "", everything=everything)
        return
    grid = _said()
    for index, signal in enumerate(outcome.signals if everything else outcome.signals[:USUAL]):
        where = f" {_where(signal.span)}" if everything and signal.span else ""
        view = f" (read as {prose(signal.view)})" if signal.view != "text" else ""
        note = f": {prose(signal.note)}" if signal.note else ""
        grid.add_row(
            _ref(marks.ref(f"detector:{name}", index), words.BLUE),
            Text.assemble((prose(signal.category), "bold"), (where + view, DIM), note),
        )
    if grid.row_count:
        yield Padding(grid, _INDENT)
    yield from _more(len(outcome.signals), "signal", everything=everything)
    yield from _gaps(outcome.not_assessed)
    yield from _trust(outcome.provenance, "", everything=everything)


def _said() -> Table:
    """Return a grid for things said, each after the number that leads to its place in the text."""
    grid = Table.grid(padding=(0, 0, 0, 0))
    grid.add_column(width=_REF, no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _ref(ref: str, style: str) -> Text:
    return Text(ref or "-", style=style if ref else DIM)


def _where(span: tuple[int, int]) -> str:
    return f"at {span[0]}-{span[1]}"


def _more(count: int, what: str, *, everything: bool) -> Iterator[RenderableType]:
    if count > USUAL and not everything:
        rest = words.count(count - USUAL, f"more {what}")
        yield Padding(Text(f"and {rest}; --detail 3 shows all", style=DIM), _INDENT)


def _gaps(gaps: Iterable[Gap]) -> Iterator[RenderableType]:
    for gap in gaps:
        said = Text.assemble(
            ("not assessed: ", "italic"), f"{prose(gap.concern)} ", (f"({prose(gap.reason)})", DIM)
        )
        yield Padding(said, _INDENT)


def _trust(
    provenance: Provenance | None, sure: str, *, everything: bool
) -> Iterator[RenderableType]:
    if everything:
        source = (
            prose(f"{provenance.dist} {provenance.version}") if provenance else "source unknown"
        )
        yield Padding(Text(sure + source, style=DIM), _INDENT)


def _sign(sign: words.Sign) -> Text:
    return Text(f"{sign.mark} {sign.word}", style=sign.style)
