"""One judgement, from a valid case to a durable record. `run` and `stream` are both this.

Whatever ends it early (a consumer that walks away, a defect of ours) still leaves a record.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

import anyio
import anyio.to_thread
from attrs import evolve

from eleanor_core._log import Logger
from eleanor_core._panel import Panel
from eleanor_core._recording import append
from eleanor_core._redaction import Cleaner, Redaction
from eleanor_core._stopwatch import Stopwatch
from eleanor_core.api import Embedder
from eleanor_core.errors import EvidenceUnavailable, InjectionRefused, describe
from eleanor_core.evidence import refused_input, seal
from eleanor_core.evidence.canonical import Writable
from eleanor_core.evidence.facts import CaseFacts, CaseWords, assessment_facts, voices_facts
from eleanor_core.model import (
    EMPTY_MAP,
    Abstention,
    Assessment,
    CaseAccepted,
    CriticOutcome,
    CriticReported,
    DecisionMade,
    DetectorReported,
    DetectorResult,
    DetectorSignal,
    Embedding,
    Escalation,
    Event,
    EvidenceRef,
    JsonObject,
    JsonValue,
    PrecedentAlignment,
    PrecedentRecalled,
    RecordKind,
    SealedRecord,
    TextScanned,
    UncertaintyAnalysed,
    UncertaintyAnalysis,
    View,
    domain_of,
    thaw,
)
from eleanor_core.model.assessment import completed
from eleanor_core.model.made import unchecked
from eleanor_core.pipeline.aggregate import Heard, aggregate, objects, speaking
from eleanor_core.pipeline.deliberate import Bench, testimony
from eleanor_core.pipeline.embed import embed
from eleanor_core.pipeline.gate import closed
from eleanor_core.pipeline.impact import Impact, impact
from eleanor_core.pipeline.injection import refuse_injection
from eleanor_core.pipeline.recall import recall, unprecedented
from eleanor_core.pipeline.scan import Scan
from eleanor_core.pipeline.uncertainty import analyse
from eleanor_core.pipeline.validate import ValidInput

Emit: TypeAlias = Callable[[Event], object]
T = TypeVar("T")

SCAN_IN_THREAD = 20_000
"""Characters from which the scan, which releases the GIL, leaves the loop free (about 0.5 ms)."""

_assessment: Final = unchecked(Assessment)
_heard: Final = unchecked(Heard)
_reference: Final = unchecked(EvidenceRef)
_log = Logger("eleanor.judgement")


class Judgement:
    """The stages of one case, in order, and what has been heard so far."""

    def __init__(
        self, panel: Panel, redaction: Redaction, given: ValidInput, emit: Emit | None = None
    ) -> None:
        """Take a case. `emit` is told each event as it comes; None: nobody listens."""
        self._panel = panel
        self._redaction = redaction
        self._given = given
        self._emit = emit
        self._text: str | None = None
        self._cleaner = Cleaner(redaction)
        self._context: JsonValue = None
        # The engine's own copy: what voices share, one of them could have altered.
        self._stated: JsonObject = EMPTY_MAP
        self._others: tuple[Escalation, ...] = ()
        self._critics: dict[str, CriticOutcome] = {}
        self._speaking: dict[str, CriticOutcome] = {}
        self._detectors: dict[str, DetectorResult | Abstention] = {}
        self._watch = Stopwatch(panel.settings.deadlines.request)

    async def judge(self) -> Assessment:
        """Run all stages and return the assessment with its durable record.

        Raises InjectionRefused, once that is recorded, where policy has it so. Raises
        EvidenceUnavailable, with the assessment and a closed gate, if no record could be made.
        A cancellation passes through once the case's record (`abandoned`) is written.
        """
        try:
            assessment = await self._assess()
        except InjectionRefused as error:
            await append(self._panel, self._redaction, self._refused(error))
            raise
        except BaseException as error:
            await self._abandon(error)
            raise
        assessment = await self._record(assessment)
        self._tell(DecisionMade, assessment=assessment)
        return assessment

    # -- the stages -------------------------------------------------------------------------------

    async def _assess(self) -> Assessment:
        panel = self._panel
        self._tell(CaseAccepted)
        scan = await self._scan()
        bench = Bench(given=self._given, views=scan.views, hits=scan.hits)
        self._stated = bench.context
        self._context = self._cleaner.value(self._stated) if self._stated else self._stated

        await panel.detectors.ask(bench.case_for, self._heard_detector, time_left=self._watch.left)
        signals: tuple[DetectorSignal, ...] = ()
        if self._detectors:
            self._detectors = dict(sorted(self._detectors.items()))
            self._others += bench.escalations("detectors testified")
            refuse_injection(self._detectors, panel.settings.policy)
            signals = testimony(self._detectors)
        self._watch.mark("detect")

        embedding = await self._embed(panel.embedder) if panel.embedder else None
        bench.add(signals, embedding)
        await panel.critics.ask(bench.case_for, self._heard_critic, time_left=self._watch.left)
        # By name, as the seats stand.
        self._critics = {name: self._critics[name] for name in panel.seats}
        self._speaking = speaking(self._critics, panel.seats)
        self._others += bench.escalations("critics deliberated")
        self._watch.mark("deliberate")

        weight = self._impact()
        precedent = await self._recall(bench, embedding, weight)
        uncertainty = self._uncertainty(precedent, weight, scan)
        heard = _heard(
            critics=self._speaking,
            detectors=self._detectors,
            precedent=precedent,
            uncertainty=uncertainty,
            others=self._others,
        )
        return self._conclude(heard)

    async def _scan(self) -> Scan:
        text = self._given.text
        scanner = self._panel.scanner
        try:
            if len(text) > SCAN_IN_THREAD:
                scan = await anyio.to_thread.run_sync(scanner.scan, text)
            else:
                scan = scanner.scan(text)
        except Exception as error:  # noqa: BLE001 -- an unread text must not pass for a clean one
            scan = self._unread(error)
        if known := tuple(self._redaction.known_in(scan.views)):
            scan = evolve(scan, redactions=(*scan.redactions, *known))
        self._text = scan.masked(text)
        if scan.redactions:
            passages = dict.fromkeys(text[start:end] for start, end in scan.redactions)
            self._cleaner = Cleaner(self._redaction, tuple(passages))
        self._watch.mark("scan")
        if self._emit:
            names = tuple(view.name for view in scan.views)
            self._tell(TextScanned, views=names, undecoded=scan.undecoded)
        return scan

    def _unread(self, error: Exception) -> Scan:
        """Return the scan of a text that could not be scanned: a fault, and all of it masked."""
        fault = Abstention(voice="scan", reason="raised", detail=self._redaction.error(error))
        self._others += tuple(
            Escalation(critic="scan", clause=item.clause, tier=item.tier, rationale=item.rationale)
            for item in fault.escalations
        )
        text = self._given.text
        return Scan(
            views=(View(name="text", text=text),),
            hits={},
            undecoded=("the scan failed",),
            redactions=((0, len(text)),),
        )

    def _heard_detector(self, name: str, outcome: DetectorResult | Abstention) -> None:
        outcome = self._cleaner.outcome(outcome)
        self._detectors[name] = outcome
        if self._emit:
            self._tell(DetectorReported, name=name, outcome=outcome)

    def _heard_critic(self, name: str, outcome: CriticOutcome) -> None:
        outcome = self._cleaner.outcome(outcome)
        self._critics[name] = outcome
        if self._emit:
            self._tell(CriticReported, name=name, outcome=outcome)

    async def _embed(self, embedder: Embedder) -> Embedding | Abstention | None:
        """Return the text's embedding, None if nobody needs one, or the embedder's fault."""
        panel = self._panel
        embedding: Embedding | Abstention = Abstention(
            voice="recall", reason="deadline", detail="the embedder gave no vector in time"
        )
        with anyio.move_on_after(self._watch.within(panel.settings.recall.deadline)):
            try:
                if not (panel.needs_embedding or await self._has_precedents()):
                    return None
                embedding = await embed(embedder, self._given.text)
            except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it raises is its fault
                embedding = Abstention(
                    voice="recall", reason="raised", detail=f"embedder: {describe(error)}"
                )
        self._watch.mark("embed")
        return embedding

    async def _has_precedents(self) -> bool:
        store = self._panel.store
        if store is None:
            return False
        count = await store.count()
        if type(count) is not int or count < 0:
            # NaN and None would pass for an empty store.
            raise TypeError(f"the precedent store counted {count!r:.40} cases")
        return count > 0

    def _impact(self) -> Impact:
        panel = self._panel
        return impact(
            case_kind=self._given.kind,
            context=self._stated,
            domain=domain_of(self._stated),
            critics=self._speaking,
            thresholds=panel.thresholds,
            policy=panel.settings.policy,
        )

    async def _recall(
        self, bench: Bench, embedding: Embedding | Abstention | None, weight: Impact
    ) -> PrecedentAlignment | Abstention:
        panel = self._panel
        outcome: PrecedentAlignment | Abstention | None
        outcome = embedding if isinstance(embedding, Abstention) else panel.recall_fault
        if outcome is None and panel.store is None:
            outcome = unprecedented(weight)
        elif outcome is None:
            with anyio.move_on_after(self._watch.within(panel.settings.recall.deadline)):
                outcome = await self._ask_store(bench, weight)
        if outcome is None:
            outcome = Abstention(voice="recall", reason="deadline", detail="no answer in time")
        outcome = self._cleaner.outcome(outcome)
        self._watch.mark("recall")
        self._tell(PrecedentRecalled, outcome=outcome)
        return outcome

    async def _ask_store(self, bench: Bench, weight: Impact) -> PrecedentAlignment | Abstention:
        panel = self._panel
        objecting = any(
            objects(outcome, panel.seats[name].thresholds)
            for name, outcome in self._speaking.items()
        )
        try:
            if panel.store is None or not await self._has_precedents():
                return unprecedented(weight)
            return await recall(
                store=panel.store,
                embedding=bench.embedding,
                impact=weight,
                panel_objects=objecting,
                settings=panel.settings.recall,
            )
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it raises is its fault
            return Abstention(voice="recall", reason="raised", detail=describe(error))

    def _uncertainty(
        self, precedent: PrecedentAlignment | Abstention, weight: Impact, scan: Scan
    ) -> UncertaintyAnalysis | Abstention:
        settings = self._panel.settings
        outcome: UncertaintyAnalysis | Abstention
        try:
            outcome = analyse(
                self._speaking,
                self._detectors,
                precedent,
                domain=domain_of(self._stated),
                impact=weight,
                policy=settings.policy,
                settings=settings.uncertainty,
                undecoded=scan.undecoded,
            )
        except Exception as error:  # noqa: BLE001 -- a defect here must not lose the judgement
            outcome = Abstention(voice="uncertainty", reason="raised", detail=describe(error))
        outcome = self._cleaner.outcome(outcome)
        self._watch.mark("uncertainty")
        self._tell(UncertaintyAnalysed, outcome=outcome)
        return outcome

    def _conclude(self, heard: Heard) -> Assessment:
        panel = self._panel
        prohibited = frozenset(panel.settings.policy.prohibited_clauses)
        decision = aggregate(heard, panel.seats, prohibited)
        self._watch.mark("aggregate")
        share = panel.settings.policy.audit_sample
        return _assessment(
            trace_id=self._given.trace_id,
            decision=decision.value,
            summary=decision.summary,
            gate=decision.gate,
            constraints=decision.constraints,
            critics=MappingProxyType(self._critics),
            detectors=MappingProxyType(self._detectors),
            dissent=decision.dissent,
            escalations=decision.escalations,
            precedent=heard.precedent,
            uncertainty=heard.uncertainty,
            sampled=share > 0 and random.random() < share,  # noqa: S311 -- a sample, not a secret
            timings_ms=self._watch.timings(),
        )

    # -- the record -------------------------------------------------------------------------------

    async def _record(self, assessment: Assessment) -> Assessment:
        try:
            facts = assessment_facts(assessment, self._case_facts())
            sealed = self._sealed("assessment", facts, assessment)
            await append(self._panel, self._redaction, sealed)
        except EvidenceUnavailable as error:
            raise EvidenceUnavailable(str(error), assessment=closed(assessment)) from error
        except Exception as error:  # noqa: BLE001 -- raised again, in words that may leave
            # Something in it has no wire or canonical form, so nothing could vouch for it.
            said = f"no record can be made of the judgement: {self._redaction.error(error)}"
            told = self._redaction.told(error)
            raise EvidenceUnavailable(said, assessment=closed(assessment)) from told
        self._watch.mark("record")
        reference = _reference(record_id=sealed.record_id, leaf_hash=sealed.leaf_hash)
        return completed(assessment, reference, self._watch.timings())

    async def _abandon(self, error: BaseException) -> None:
        heard: Writable = {"critics": self._critics, "detectors": self._detectors}
        facts: Writable = {
            "case": self._case_facts(),
            "critics": voices_facts(self._critics),
            "detectors": voices_facts(self._detectors),
            "error": type(error).__name__,
        }
        try:
            await append(self._panel, self._redaction, self._sealed("abandoned", facts, heard))
        except EvidenceUnavailable as unavailable:
            _log.error("abandoned_without_record", trace_id=self._given.trace_id)
            raise unavailable from error

    def _refused(self, error: InjectionRefused) -> SealedRecord:
        facts: dict[str, Writable] = {
            "case": self._case_facts(),
            "critics": voices_facts({}),
            "detectors": voices_facts(self._detectors),
            "threshold": error.threshold,
        }
        given = self._given
        return refused_input(
            error.code, str(error), given.text, trace_id=given.trace_id, facts=facts
        )

    def _case_facts(self) -> CaseFacts:
        given = self._given
        digest = self._panel.binding.case(given.trace_id, given)
        return CaseFacts(given.kind, len(given.text), digest)

    def _sealed(self, kind: RecordKind, facts: Writable, result: Writable) -> SealedRecord:
        given = self._given
        if self._text is None:
            # Ended before the scan could say where secrets are, encoded ones too.
            self._text = "*" * len(given.text)
            self._context = self._cleaner.value(thaw(given.context))
        case = CaseWords(given.kind, self._text, self._context)
        return seal(
            kind,
            trace_id=given.trace_id,
            facts=facts,
            payload={"case": case, "result": result},
        )

    def _tell(self, form: Callable[..., Event], **facts: object) -> None:
        if self._emit is not None:
            self._emit(form(trace_id=self._given.trace_id, **facts))
