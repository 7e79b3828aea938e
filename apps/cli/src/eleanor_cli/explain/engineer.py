"""For engineers: which rule of the decision applied, rules, spans, thresholds, settings, times."""

from __future__ import annotations

from collections.abc import Iterator

from eleanor_cli import words
from eleanor_cli.explain.ground import Ground, Item, Section
from eleanor_core.model import Abstention, PrecedentAlignment, Span, UncertaintyAnalysis


def engineer(ground: Ground) -> Iterator[Section]:
    """Yield the way to the decision, then each voice and stage with its numbers."""
    yield Section.of("How it was decided", _way(ground))
    yield Section.of("Critics", _critics(ground))
    yield Section.of("What they found", _found(ground))
    yield Section.of("Detectors", _detectors(ground))
    yield Section.of("Escalations", _escalations(ground))
    yield Section.of("Stages", _stages(ground))
    yield Section.of("Settings that are not the default", ground.changed_settings())
    yield Section.of("Milliseconds", _timings(ground))


def _way(ground: Ground) -> Iterator[Item]:
    """Yield the rules of the decision that applied, as the aggregate applies them."""
    assessment = ground.assessment
    if assessment.gate.requires == "prohibited":
        yield Item(assessment.summary, "prohibited")
    for name, outcome in assessment.critics.items():
        limits = ground.thresholds(name)
        if limits is None or isinstance(outcome, Abstention):
            continue
        if outcome.severity == 3 and outcome.score >= limits.deny:
            yield Item(
                f"{name}: severity 3, score {outcome.score:.2f} >= {limits.deny:g} (deny)", "deny"
            )
        elif outcome.score >= limits.objection:
            yield Item(
                f"{name}: score {outcome.score:.2f} >= {limits.objection:g} (objection)",
                "objection",
            )
    if assessment.escalations:
        highest = max(item.tier for item in assessment.escalations)
        count = words.count(len(assessment.escalations), "escalation")
        yield Item(f"{count}, the highest of tier {highest}", "escalation")
    if assessment.decision == "allow":
        yield Item("no score at its critic's threshold, and no escalation", "allow")


def _critics(ground: Ground) -> Iterator[Item]:
    for name, outcome in ground.assessment.critics.items():
        declared, limits = ground.declared(name), ground.thresholds(name)
        runs = f"; {declared.principle}, {declared.execution}" if declared else ""
        at = (
            f"; thresholds {limits.objection:g}, {limits.escalation:g}, {limits.deny:g}"
            if limits
            else ""
        )
        if isinstance(outcome, Abstention):
            detail = f": {outcome.detail}" if outcome.detail else ""
            yield Item(f"abstained, {outcome.reason}{detail}{at}{runs}", name)
        else:
            yield Item(
                f"score {outcome.score:.2f}, severity {outcome.severity}, "
                f"confidence {outcome.confidence:.2f}{at}{runs}",
                name,
            )


def _found(ground: Ground) -> Iterator[Item]:
    for name, outcome in ground.assessment.critics.items():
        if isinstance(outcome, Abstention):
            continue
        for violation in outcome.violations:
            yield Item(
                f"{words.clause(violation.clause)}, severity {violation.severity}"
                f"{_where(ground, violation.span)}: {violation.rationale}",
                name,
            )
        # Where a critic works by rules, its justification names them.
        if outcome.justification and (outcome.violations or outcome.escalations):
            yield Item(outcome.justification, name)
    for name, gap, meaning in ground.gaps():
        told = f" ({meaning})" if meaning else ""
        yield Item(f"not assessed: {gap.concern}, {gap.reason}{told}", name)


def _where(ground: Ground, span: Span | None) -> str:
    if span is None:
        return ", of the whole"
    quote = ground.quote(span)
    return f", code points {span[0]}-{span[1]}{f' {quote}' if quote else ''}"


def _detectors(ground: Ground) -> Iterator[Item]:
    for name, outcome in ground.assessment.detectors.items():
        if isinstance(outcome, Abstention):
            detail = f": {outcome.detail}" if outcome.detail else ""
            yield Item(f"abstained, {outcome.reason}{detail}", name)
            continue
        yield Item(f"score {outcome.score:.2f}", name)
        for signal in outcome.signals:
            view = f", read as {signal.view}" if signal.view != "text" else ""
            yield Item(
                f"{signal.category}, severity {signal.severity}{_where(ground, signal.span)}{view}",
                name,
            )


def _escalations(ground: Ground) -> Iterator[Item]:
    for item in ground.assessment.escalations:
        yield Item(f"{item.clause}, tier {item.tier}: {item.rationale}", item.critic)


def _stages(ground: Ground) -> Iterator[Item]:
    precedent, uncertainty = ground.assessment.precedent, ground.assessment.uncertainty
    if isinstance(precedent, PrecedentAlignment):
        yield Item(
            f"alignment {precedent.alignment:+.2f}, conflict {precedent.conflict:.2f}, novelty "
            f"{precedent.novelty:.2f}, {words.count(len(precedent.cases), 'like case')}",
            "recall",
        )
    else:
        yield Item(f"abstained, {precedent.reason}: {precedent.detail}", "recall")
    if isinstance(uncertainty, UncertaintyAnalysis):
        parts = ", ".join(
            f"{name} {value:.2f}"
            for name, value in uncertainty.parts.items()
            if isinstance(value, (int, float))
        )
        yield Item(f"overall {uncertainty.overall:.2f}: {parts}", "uncertainty")
    else:
        yield Item(f"abstained, {uncertainty.reason}: {uncertainty.detail}", "uncertainty")


def _timings(ground: Ground) -> Iterator[Item]:
    for name, value in ground.assessment.timings_ms.items():
        if isinstance(value, (int, float)):
            yield Item(f"{value:.1f}", name)
