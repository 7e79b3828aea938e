"""For auditors: the record and its hash, the clauses with their articles, who judged, the proof."""

from __future__ import annotations

from collections.abc import Iterator

from eleanor_cli import words
from eleanor_cli.explain.ground import Ground, Item, Section
from eleanor_core.model import CLAUSES, Abstention, PrecedentAlignment, Provenance


def auditor(ground: Ground) -> Iterator[Section]:
    """Yield record, decision, clauses, provenance, what was left out, and how to verify."""
    yield Section.of("Record", _record(ground))
    yield Section.of("Decision", _decision(ground))
    yield Section.of("Clauses", _clauses(ground))
    yield Section.of("Who judged", _provenance(ground))
    yield Section.of("Not assessed", _missing(ground))
    yield Section.of("Like cases", _precedents(ground))
    yield Section.of("Verify", _verify(ground))


def _record(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    if assessment.evidence is None:
        yield Item("none: no evidence log acknowledged it, and the gate stays closed", "record id")
    else:
        yield Item(assessment.evidence.record_id, "record id")
        yield Item(assessment.evidence.leaf_hash, "leaf hash")
    yield Item(assessment.trace_id, "trace id")
    logs = ", ".join(f"evidence/{name}" for name in ground.registry.loaded["evidence"])
    yield Item(logs or "none is enabled", "logs")
    if assessment.sampled:
        yield Item("marked for audit by sampling; that sways no decision", "sample")


def _decision(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    yield Item(f"{assessment.decision}: {assessment.summary}", "decision")
    yield Item(words.gate(assessment), "gate")
    if assessment.dissent:
        names = words.listed([item.critic for item in assessment.dissent])
        yield Item(f"{names}, kept word for word", "dissent")


def _clauses(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    raised: dict[str, list[str]] = {}
    for name, outcome in assessment.critics.items():
        for violation in () if isinstance(outcome, Abstention) else outcome.violations:
            raised.setdefault(violation.clause, []).append(f"{name} (objection)")
    for item in assessment.escalations:
        raised.setdefault(item.clause, []).append(f"{item.critic} (escalation)")
    for code, clause in CLAUSES.items():
        if code in raised:
            articles = ", ".join(map(str, clause.udhr))
            voices = ", ".join(dict.fromkeys(raised[code]))
            article = "article" if len(clause.udhr) == 1 else "articles"
            yield Item(
                f"{clause.title}; {clause.family}, tier {clause.tier}; UDHR {article} {articles}; "
                f"raised by {voices}",
                code,
            )


def _provenance(ground: Ground) -> Iterator[Item]:
    assessment = ground.assessment
    for name, outcome in assessment.critics.items():
        yield Item(_source(outcome.provenance, outcome), f"critics/{name}")
    for name, testimony in assessment.detectors.items():
        yield Item(_source(testimony.provenance, testimony), f"detectors/{name}")
    for name, stage in (("recall", assessment.precedent), ("uncertainty", assessment.uncertainty)):
        if stage.provenance is not None or isinstance(stage, Abstention):
            yield Item(_source(stage.provenance, stage), name)


def _source(provenance: Provenance | None, outcome: object) -> str:
    whose = f"{provenance.dist} {provenance.version}" if provenance else "source unknown"
    lost = f"; abstained, {outcome.reason}" if isinstance(outcome, Abstention) else ""
    return f"{whose}{lost}"


def _missing(ground: Ground) -> Iterator[Item]:
    for name, fault in ground.faults():
        yield Item(f"all: a fault, {fault.reason}", name)
    for name, gap, meaning in ground.gaps():
        yield Item(f"{gap.concern}: {gap.reason}{f' ({meaning})' if meaning else ''}", name)


def _precedents(ground: Ground) -> Iterator[Item]:
    precedent = ground.assessment.precedent
    for match in precedent.cases if isinstance(precedent, PrecedentAlignment) else ():
        case = match.case
        by = f" by {case.decided_by}" if case.decided_by else ""
        yield Item(
            f"{case.outcome}, {case.authority}{by}; similarity {match.similarity:.2f}",
            f"{case.id}@{case.version}",
        )


def _verify(ground: Ground) -> Iterator[Item]:
    reference = ground.assessment.evidence
    if reference is None:
        yield Item("There is nothing to verify: the judgement is not recorded.")
        return
    yield Item(f"eleanor evidence show {reference.record_id}", "this record")
    yield Item("eleanor evidence verify", "the whole log")
    yield Item(
        "Both end 0 only if what they read is sound. The leaf hash is SHA-256(0x00 || leaf), as in "
        "RFC 6962, over the record in the canonical form of RFC 8785. docs/evidence.md describes "
        "every byte, so that you can check it with tools of your own."
    )
