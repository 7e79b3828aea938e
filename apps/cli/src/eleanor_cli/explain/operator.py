"""For whoever runs the system: what may run, what to change, whom to ask, what to repair."""

from __future__ import annotations

from collections.abc import Iterator

from eleanor_cli import exits, words
from eleanor_cli.explain.ground import Ground, Item, Section, demands, objections
from eleanor_core.model import Abstention, UncertaintyAnalysis


def operator(ground: Ground) -> Iterator[Section]:
    """Yield the decision, what to change, whom to ask, what to repair and what to add."""
    yield Section.of("Decision", _decision(ground))
    yield Section.of("Change", _change(ground))
    yield Section.of("Ask", _ask(ground))
    yield Section.of("Repair", _repair(ground))
    yield Section.of("What would tell more", _more(ground))


def _decision(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    recorded = assessment.evidence is not None
    code = exits.DECISIONS[assessment.decision] if recorded else exits.FAULT
    yield Item(f"{assessment.decision}: {assessment.summary} Exit code {code}.")
    yield Item(f"The gate is {words.gate(assessment)}")


def _change(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    for item in assessment.constraints:
        clause = f" ({words.clause(item.clause)})" if item.clause else ""
        yield Item(f"{item.text}{clause}", item.critic)
    if assessment.decision == "constrain":
        return
    for critic, violation in objections(assessment):
        quote = ground.quote(violation.span)
        passage = f"{quote}: " if quote else ""
        yield Item(f"{passage}{words.clause(violation.clause)}. {violation.rationale}", critic)
    if assessment.dissent:
        yield Item(
            "A changed text is a new case with a record of its own; it does not open this gate."
        )


def _ask(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    if assessment.gate.requires == "prohibited":
        yield Item("Nobody: the policy forbids it (setting policy.prohibited_clauses).")
    elif assessment.gate.requires == "record":
        yield Item("Nobody yet: judge the case again once an evidence log acknowledges records.")
    elif assessment.gate.requires in ("acknowledgement", "determination"):
        yield Item("A named person, whose word must cover all of this:")
        yield from demands(assessment)
        if not assessment.escalations:
            yield Item(assessment.summary, words.TIERS[3])
        if assessment.evidence is not None:
            opens = "acknowledge" if assessment.gate.tier == 2 else "proceed|modify"
            yield Item(
                f"eleanor review decide {assessment.evidence.record_id} {opens}|halt "
                "--key FILE --reason WORDS",
                "with",
            )


def _repair(ground: Ground) -> Iterator[Item]:
    for name, fault in ground.faults():
        source = fault.provenance
        whose = f" ({source.dist} {source.version})" if source else ""
        detail = f": {fault.detail}" if fault.detail else ""
        look = f" See `eleanor plugins explain {name}`." if "/" in name else ""
        yield Item(f"{fault.reason}{detail}{whose}.{look}", name)
    if ground.assessment.evidence is None:
        yield Item("No evidence log acknowledged the record. See `eleanor plugins`.", "evidence")


def _more(ground: Ground) -> Iterator[Item]:
    for name, gap, meaning in ground.gaps():
        yield Item(f"{gap.concern} was not assessed: {meaning or gap.reason}.", name)
    uncertainty = ground.assessment.uncertainty
    if isinstance(uncertainty, UncertaintyAnalysis):
        yield from (Item(reason, "uncertainty") for reason in uncertainty.reasons)
    for name, testimony in ground.assessment.detectors.items():
        for signal in () if isinstance(testimony, Abstention) else testimony.signals:
            note = f": {signal.note}" if signal.note else ""
            yield Item(f"found {signal.category}{note}", name)
