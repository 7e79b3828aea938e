"""A judgement, laid out for people. Level 1: what and what now. 2: who said what. 3: all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eleanor_cli import words
from eleanor_cli.escape import prose
from eleanor_cli.marks import USUAL, WITNESS, Marks
from eleanor_cli.quote import Piece, Quoter
from eleanor_cli.screen import DIM, WIDEST, Barred, is_plain, label, sheet
from eleanor_cli.voices import critics, detectors, fault, name_width
from eleanor_core.model import (
    Abstention,
    Assessment,
    CriticResult,
    Escalation,
    UncertaintyAnalysis,
)

_VOICES: Final = 2
_EVERYTHING: Final = 3
_OPEN: Final = ("\u2039", "«")
_CLOSE: Final = ("\u203a", "»")
"""Around what a detector and what a critic pointed at, where nothing can be underlined."""


def show(console: Console, assessment: Assessment, text: str, *, detail: int) -> None:
    """Print a judgement of `text`."""
    plain = is_plain(console)
    parts: list[RenderableType] = [_verdict(assessment, plain=plain)]
    if detail >= _VOICES:
        everything = detail >= _EVERYTHING
        quoter = Quoter(text, assessment)
        marks = Marks(assessment, quoter, most=None if everything else USUAL)
        parts += _text(quoter, marks, plain=plain)
        width = name_width((*assessment.critics, *assessment.detectors))
        for said in (critics, detectors):
            parts.append(Group(*said(assessment, marks, width, everything=everything)))
    parts.append(_follows(assessment, detail))
    if detail >= _EVERYTHING:
        parts.append(_beside(assessment))
    width = min(console.width, WIDEST)
    blank = Text("")
    lines = list(chain.from_iterable((part, blank) for part in parts if not _is_empty(part)))[:-1]
    if detail < _VOICES:
        lines = [line for line in lines if line is not blank]
    for line in lines:
        console.print(line, width=width)


def decision(assessment: Assessment) -> Text:
    """Return the decision with its mark, be it provisional."""
    return _signed(words.DECISIONS[assessment.decision])


def badge(assessment: Assessment, *, plain: bool) -> Text:
    """Return the decision as a badge: dark on its colour, which reads on any background.

    One that no evidence log holds is none, and is not shown as one.
    """
    sign = words.DECISIONS[assessment.decision] if assessment.evidence else words.UNRECORDED
    if plain:
        return _signed(sign)
    return Text(f" {sign.mark} {sign.word} ", style=f"bold #000000 on {sign.style.split()[-1]}")


def excerpt(quoter: Quoter, marks: Marks, *, plain: bool) -> Iterator[Text]:
    """Yield the judged text around what was pointed at, line by line, each mark with its number.

    With styles a mark is underlined in its colour; without, it stands between signs.
    """
    pieces, left = quoter.excerpt(marks.marks)
    text = Text()
    for piece in pieces:
        _add_piece(text, piece, plain=plain)
    yield from text.split("\n")
    if left:
        rest = words.count(left, "more passage")
        yield Text(f"… and {rest}; `evidence show` has the whole text", style=DIM)


# -- the parts ------------------------------------------------------------------------------------


def _signed(sign: words.Sign) -> Text:
    return Text(f"{sign.mark} {sign.word}", style=sign.style)


def _is_empty(part: RenderableType) -> bool:
    return isinstance(part, Group) and not part.renderables


def _verdict(assessment: Assessment, *, plain: bool) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    judged = "" if assessment.evidence else f"judged {assessment.decision}: "
    grid.add_row(badge(assessment, plain=plain), Text(judged + prose(assessment.summary)))
    return grid


def _text(quoter: Quoter, marks: Marks, *, plain: bool) -> list[RenderableType]:
    if quoter.blind:
        said = "The text is not quoted: what may be secret in it was not found out."
        return [Padding(Text(said, style="italic"), (0, 0, 0, 2))]
    if not marks.marks:
        return []
    return [Barred(excerpt(quoter, marks, plain=plain))]


def _add_piece(text: Text, piece: Piece, *, plain: bool) -> None:
    gravest = max((mark.severity for mark in piece.marks), default=None)
    if gravest is None:
        text.append(piece.text)
        return
    if plain:
        text.append("".join(_OPEN[mark.severity > WITNESS] for mark in piece.opens))
    text.append(piece.text, style=_mark_style(gravest, "bold underline"))
    if plain:
        text.append("".join(_CLOSE[mark.severity > WITNESS] for mark in piece.closes))
    if piece.closes:
        refs = ",".join(mark.ref for mark in piece.closes)
        text.append(f"[{refs}]", style=_mark_style(max(m.severity for m in piece.closes), "bold"))


def _mark_style(severity: int, shape: str) -> str:
    colour = words.SEVERITIES[severity].style.split()[-1] if severity else words.BLUE
    return f"{shape} {colour}"


# -- what follows ---------------------------------------------------------------------------------


def _follows(assessment: Assessment, detail: int) -> Table:
    """Return what may run now, what is asked of whom, and where it is recorded."""
    grid = sheet()
    style = "" if assessment.gate.open else "bold"
    grid.add_row(label("gate"), Text(words.gate(assessment), style=style))
    for item in assessment.constraints:
        clause = f" ({words.clause(item.clause)})" if item.clause else ""
        change = Text.assemble((item.critic, "bold"), f"{clause}: {prose(item.text)}")
        grid.add_row(label("change"), change)
    said = _said(assessment) if detail >= _VOICES else None
    for tier, verb in sorted(words.TIERS.items(), reverse=True):
        asked = (_escalation(item, said) for item in assessment.escalations if item.tier == tier)
        _add(grid, verb, asked)
    if assessment.dissent:
        names = words.listed([prose(item.critic) for item in assessment.dissent])
        grid.add_row(label("dissent"), Text(f"{names}, kept word for word"))
    if detail < _VOICES:
        _add(grid, "unassessed", _unassessed(assessment))
    grid.add_row(label("record"), _record(assessment))
    return grid


def _said(assessment: Assessment) -> set[str]:
    """Return the rationales that stand above already, with their critics."""
    return {
        item.rationale
        for outcome in assessment.critics.values()
        if isinstance(outcome, CriticResult)
        for item in outcome.violations
    }


def _escalation(item: Escalation, said: set[str] | None) -> Text:
    """Return an escalation; its reason only at a detail that has reasons, and not twice."""
    reason = said is not None and item.rationale not in said
    return Text.assemble(
        (words.clause(item.clause), "bold"),
        f" (tier {item.tier}), asked by {prose(item.critic)}",
        f": {prose(item.rationale)}" if reason else "",
    )


def _unassessed(assessment: Assessment) -> Iterator[Text]:
    for name, outcome in (*assessment.critics.items(), *assessment.detectors.items()):
        for gap in () if isinstance(outcome, Abstention) else outcome.not_assessed:
            yield Text(f"{prose(gap.concern)}, by {prose(name)} ({prose(gap.reason)})")


def _record(assessment: Assessment) -> Text:
    reference = assessment.evidence
    record = reference.record_id if reference else "none: this judgement is not recorded"
    total = assessment.timings_ms.get("total")
    took = f"  {total:.0f} ms" if isinstance(total, (int, float)) else ""
    sampled = "  marked for audit" if assessment.sampled else ""
    return Text.assemble(record, (took + sampled, DIM))


# -- level 3 --------------------------------------------------------------------------------------


def _beside(assessment: Assessment) -> Table:
    grid = sheet()
    _add(grid, "precedent", _precedent(assessment))
    _add(grid, "uncertainty", _uncertainty(assessment.uncertainty))
    timings = (f"{name} {value:.1f}" for name, value in _numbers(assessment))
    _add(grid, "ms", [Text(", ".join(timings))])
    grid.add_row(label("trace"), Text(prose(assessment.trace_id)))
    if assessment.evidence is not None:
        grid.add_row(label("leaf hash"), Text(assessment.evidence.leaf_hash))
    return grid


def _precedent(assessment: Assessment) -> Iterator[Text]:
    outcome = assessment.precedent
    if isinstance(outcome, Abstention):
        yield _abstained(outcome)
        return
    like = "no like case" if outcome.novel else words.count(len(outcome.cases), "like case")
    yield Text(f"{like}, alignment {outcome.alignment:+.2f}, conflict {outcome.conflict:.2f}")
    if outcome.drift:
        later = "more" if outcome.drift > 0 else "less"
        yield Text(f"the later ones show {later} caution, drift {outcome.drift:+.2f}", style=DIM)
    for match in outcome.cases:
        case = match.case
        reason = f": {prose(case.reason)}" if case.reason else ""
        yield Text(f"{prose(case.id)} ({match.similarity:.2f}) {case.outcome}{reason}")


def _uncertainty(outcome: UncertaintyAnalysis | Abstention) -> Iterator[Text]:
    if isinstance(outcome, Abstention):
        yield _abstained(outcome)
        return
    yield Text(
        f"{outcome.overall:.2f} (epistemic {outcome.epistemic:.2f}, "
        f"aleatoric {outcome.aleatoric:.2f})"
    )
    parts = (
        f"{prose(name)} {value:.2f}"
        for name, value in outcome.parts.items()
        if isinstance(value, (int, float))
    )
    yield Text(", ".join(parts), style=DIM)
    yield from (Text(prose(reason)) for reason in outcome.reasons)


def _abstained(outcome: Abstention) -> Text:
    sign = words.ABSTAINED
    return Text.assemble((f"{sign.mark} {sign.word}", sign.style), "  ", fault(outcome))


def _numbers(assessment: Assessment) -> Iterator[tuple[str, float]]:
    for name, value in assessment.timings_ms.items():
        if isinstance(value, (int, float)):
            yield prose(name), value


def _add(grid: Table, name: str, lines: Iterable[Text]) -> None:
    """Add lines under one label, which stands before the first of them."""
    for number, line in enumerate(line for line in lines if line.plain):
        grid.add_row(Text("") if number else label(name), line)
