"""A judgement, laid out for people. Level 1: what and why. 2: each voice. 3: all that is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from eleanor_cli import words
from eleanor_cli.escape import prose
from eleanor_cli.quote import Quoter
from eleanor_cli.screen import DIM, LABEL, label, sheet
from eleanor_core.model import (
    Abstention,
    Assessment,
    CriticOutcome,
    CriticResult,
    DetectorResult,
    Escalation,
    Gap,
    Provenance,
    UncertaintyAnalysis,
)

_VOICES: Final = 2
_EVERYTHING: Final = 3
_WIDEST: Final = 24


def show(console: Console, assessment: Assessment, text: str, *, detail: int) -> None:
    """Print a judgement of `text`."""
    width = _label_width(assessment, detail)
    console.print(_head(assessment, width))
    if detail >= _VOICES:
        console.print()
        console.print(_critics(assessment, Quoter(text, assessment), detail, width))
        console.print()
    console.print(_follows(assessment, detail, width))
    if detail >= _EVERYTHING:
        console.print()
        console.print(_beside(assessment, width))


def _label_width(assessment: Assessment, detail: int) -> int:
    """Return the width of the first column: that of the longest name, within reason."""
    names = [*assessment.critics, *(assessment.detectors if detail >= _EVERYTHING else ())]
    return min(_WIDEST, max([LABEL, *(len(name) + 2 for name in names)]))


def outcome_line(outcome: CriticOutcome | DetectorResult) -> Text:
    """Return a voice's outcome in one line, for events as they come."""
    if isinstance(outcome, Abstention):
        return Text.assemble(_sign(words.ABSTAINED), f"  {outcome.reason}")
    if isinstance(outcome, CriticResult):
        clauses = ", ".join(words.clause(item.clause) for item in outcome.violations)
        sign = _sign(words.SEVERITIES[outcome.severity])
        return Text.assemble(sign, f"  {outcome.score:.2f}  {clauses}".rstrip())
    return Text(words.count(len(outcome.signals), "signal"))


def decision(assessment: Assessment) -> Text:
    """Return the decision with its mark."""
    sign = words.DECISIONS[assessment.decision]
    return Text(f"{sign.mark} {sign.word}", style=sign.style)


# -- level 1 --------------------------------------------------------------------------------------


def _head(assessment: Assessment, width: int) -> Table:
    grid = sheet(width)
    grid.add_row(decision(assessment), Text(prose(assessment.summary)))
    style = "" if assessment.gate.open else "bold"
    grid.add_row(label("gate"), Text(words.gate(assessment), style=style))
    for item in assessment.constraints:
        clause = f" ({words.clause(item.clause)})" if item.clause else ""
        change = Text.assemble((item.critic, "bold"), f"{clause}: {prose(item.text)}")
        grid.add_row(label("change"), change)
    return grid


def _follows(assessment: Assessment, detail: int, width: int) -> Table:
    grid = sheet(width)
    if assessment.dissent:
        names = ", ".join(item.critic for item in assessment.dissent)
        grid.add_row(label("dissent"), Text(f"{names}, kept word for word"))
    if detail >= _VOICES:
        _add(grid, "escalated", (_escalation(item) for item in assessment.escalations))
    reference = assessment.evidence
    record = reference.record_id if reference else "none: this judgement is not recorded"
    total = assessment.timings_ms.get("total")
    took = f"  {total:.0f} ms" if isinstance(total, (int, float)) else ""
    sampled = "  marked for audit" if assessment.sampled else ""
    grid.add_row(label("record"), Text.assemble(record, (took + sampled, DIM)))
    return grid


def _escalation(item: Escalation) -> Text:
    return Text.assemble(
        (words.clause(item.clause), "bold"),
        f" (tier {item.tier}) by {prose(item.critic)}: {prose(item.rationale)}",
    )


# -- level 2 --------------------------------------------------------------------------------------


def _critics(assessment: Assessment, quoter: Quoter, detail: int, width: int) -> Table:
    grid = _voices(width)
    dissenting = {item.critic for item in assessment.dissent}
    for name, outcome in assessment.critics.items():
        brief = detail < _EVERYTHING and name not in dissenting
        grid.add_row(*_voice(name, outcome), Group(*_word(outcome, quoter, brief=brief)))
        if detail >= _EVERYTHING:
            grid.add_row("", "", "", "", Text(_trust(outcome), style=DIM))
    return grid


def _voices(width: int) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(width=width, no_wrap=True, overflow="ellipsis")
    grid.add_column(width=9, no_wrap=True)
    grid.add_column(width=4, no_wrap=True)
    grid.add_column(width=6, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    return grid


def _voice(name: str, outcome: CriticOutcome | DetectorResult) -> Iterator[Text]:
    """Yield mark and name, word, score and bar."""
    sign = _sign_of(outcome)
    yield Text.assemble((f"{sign.mark} ", sign.style), prose(name))
    yield Text(sign.word, style=sign.style)
    if isinstance(outcome, Abstention):
        # The score of a fault stands for nothing that anyone weighed.
        yield Text("")
        yield Text("")
        return
    filled, empty = words.bar(outcome.score)
    yield Text(f"{outcome.score:.2f}")
    yield Text.assemble((filled, sign.style), (empty, DIM))


def _sign_of(outcome: CriticOutcome | DetectorResult) -> words.Sign:
    if isinstance(outcome, Abstention):
        return words.ABSTAINED
    if isinstance(outcome, CriticResult):
        return words.SEVERITIES[outcome.severity]
    gravest = max((signal.severity for signal in outcome.signals), default=0)
    said = words.count(len(outcome.signals), "signal") if outcome.signals else "none"
    return words.SEVERITIES[gravest]._replace(word=said)


def _word(outcome: CriticOutcome, quoter: Quoter, *, brief: bool) -> Iterator[RenderableType]:
    """Yield what a critic said, a line for each thing.

    `brief` cuts the justification of one that found nothing to a single line.
    """
    if isinstance(outcome, Abstention):
        yield _fault(outcome)
    else:
        said = prose(outcome.justification)
        for item in outcome.violations:
            yield Text.assemble((words.clause(item.clause), "bold"), f": {prose(item.rationale)}")
            quote = quoter.quote(item.span)
            if quote is not None:
                yield Text.assemble(
                    (quote.before, DIM), (f"«{quote.marked}»", "bold"), (quote.after, DIM)
                )
        rationales = {prose(item.rationale) for item in outcome.violations}
        if said and said not in rationales:
            cut = brief and not outcome.violations
            yield Text(said, style=DIM, no_wrap=True, overflow="ellipsis") if cut else Text(said)
        yield from _gaps(outcome.not_assessed)


def _trust(outcome: CriticOutcome) -> str:
    sure = "" if isinstance(outcome, Abstention) else f"confidence {outcome.confidence:.2f}, "
    return sure + _source(outcome.provenance)


def _fault(outcome: Abstention) -> Text:
    detail = f": {prose(outcome.detail)}" if outcome.detail else ""
    return Text(f"{outcome.reason}{detail}")


def _gaps(gaps: Iterable[Gap]) -> Iterator[Text]:
    for gap in gaps:
        yield Text(f"not assessed: {prose(gap.concern)} ({prose(gap.reason)})", style="italic")


def _source(provenance: Provenance | None) -> str:
    if provenance is None:
        return "source unknown"
    return prose(f"{provenance.dist} {provenance.version}")


# -- level 3 --------------------------------------------------------------------------------------


def _beside(assessment: Assessment, width: int) -> Group:
    detectors = _voices(width)
    for name, outcome in assessment.detectors.items():
        detectors.add_row(*_voice(name, outcome), Group(*_testimony(outcome)))
    grid = sheet(width)
    _add(grid, "precedent", _precedent(assessment))
    _add(grid, "uncertainty", _uncertainty(assessment.uncertainty))
    timings = (f"{name} {value:.1f}" for name, value in _numbers(assessment))
    _add(grid, "ms", [Text(", ".join(timings))])
    grid.add_row(label("trace"), Text(prose(assessment.trace_id)))
    if assessment.evidence is not None:
        grid.add_row(label("leaf hash"), Text(assessment.evidence.leaf_hash))
    return Group(detectors, *([Text("")] if assessment.detectors else []), grid)


def _testimony(outcome: DetectorResult | Abstention) -> Iterator[Text]:
    if isinstance(outcome, Abstention):
        yield _fault(outcome)
    else:
        for signal in outcome.signals:
            where = f" at {signal.span[0]}-{signal.span[1]}" if signal.span else ""
            view = f" in {signal.view}" if signal.view != "text" else ""
            note = f": {prose(signal.note)}" if signal.note else ""
            yield Text(f"{prose(signal.category)}{where}{prose(view)}{note}")
        yield from _gaps(outcome.not_assessed)
    yield Text(_source(outcome.provenance), style=DIM)


def _precedent(assessment: Assessment) -> Iterator[Text]:
    outcome = assessment.precedent
    if isinstance(outcome, Abstention):
        yield Text.assemble(_sign(words.ABSTAINED), "  ", _fault(outcome))
        return
    like = "no like case" if outcome.novel else words.count(len(outcome.cases), "like case")
    yield Text(f"{like}, alignment {outcome.alignment:+.2f}, conflict {outcome.conflict:.2f}")
    for match in outcome.cases:
        case = match.case
        reason = f": {prose(case.reason)}" if case.reason else ""
        yield Text(f"{prose(case.id)} ({match.similarity:.2f}) {case.outcome}{reason}")


def _uncertainty(outcome: UncertaintyAnalysis | Abstention) -> Iterator[Text]:
    if isinstance(outcome, Abstention):
        yield Text.assemble(_sign(words.ABSTAINED), "  ", _fault(outcome))
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


def _numbers(assessment: Assessment) -> Iterator[tuple[str, float]]:
    for name, value in assessment.timings_ms.items():
        if isinstance(value, (int, float)):
            yield prose(name), value


# -- shared ---------------------------------------------------------------------------------------


def _sign(sign: words.Sign) -> Text:
    return Text(f"{sign.mark} {sign.word}", style=sign.style)


def _add(grid: Table, name: str, lines: Iterable[Text]) -> None:
    """Add lines under one label, which stands before the first of them."""
    for number, line in enumerate(line for line in lines if line.plain):
        grid.add_row(Text("") if number else label(name), line)
