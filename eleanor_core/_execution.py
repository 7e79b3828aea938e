"""From an open gate to an outcome: permission, intent, action, outcome, each in the evidence.

Nothing here is remembered between two calls. A judgement is used up once the log holds an intent
for it, in whatever process; and since that stands before the action begins, a crash in between
leaves an intent without an outcome, which nobody repeats.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import anyio
from attrs import frozen

from eleanor_core._log import Logger
from eleanor_core._panel import Panel
from eleanor_core._reviews import Reviews
from eleanor_core.errors import (
    ActionFailed,
    ActionUnknown,
    EleanorError,
    EvidenceUnavailable,
    ExpiredDecision,
    ForgedDecision,
    PolicyRefused,
    ReplayedDecision,
    WrongAction,
    WrongCase,
    describe,
)
from eleanor_core.evidence import derived_id, now, record_refusal, seal
from eleanor_core.model import (
    Action,
    ActionEnd,
    Assessment,
    Constraint,
    EvidenceRef,
    ExecutableDecision,
    Executed,
    Execution,
    ExecutionRequest,
    JsonValue,
    OutcomeValue,
    PolicyVerdict,
    StoredRecord,
)
from eleanor_core.pipeline.gate import Recorded, compare, conditions, recorded
from eleanor_core.pipeline.validate import ValidInput, validate

T = TypeVar("T")
_OUTCOMES: Final[dict[ActionEnd, OutcomeValue]] = {
    "returned": "done",
    "raised": "failed",
    "withheld": "failed",
}
_log = Logger("eleanor.gate")


@frozen(kw_only=True)
class _Standing:
    """A judgement whose gate is open now, and under which conditions."""

    judgement: Recorded
    conditions: tuple[Constraint, ...]
    reviews: tuple[StoredRecord, ...]


class Executor:
    """The way from a judgement to an action, the only one."""

    def __init__(self, panel: Panel, reviews: Reviews, mask: Callable[[str], str]) -> None:
        """Take what it stands on; `mask` hides secrets in what is recorded or logged."""
        self._panel = panel
        self._mask = mask
        self._reviews = reviews
        self._gate = panel.settings.gate
        self._seconds = panel.settings.deadlines.record

    async def permit(self, assessment: Assessment, action: Action[T]) -> ExecutableDecision:
        """Return the permission to do `action` with what was judged, once."""
        given = self._given(action)
        standing = await self._standing(assessment.evidence)
        compare(standing.judgement, assessment)
        binding = self._panel.binding
        case_digest = standing.judgement.case_digest
        self._check_case(standing.judgement.trace_id, case_digest, given)
        until = datetime.now(UTC) + timedelta(seconds=self._gate.valid_seconds)
        return binding.gate.permit(
            standing.judgement,
            standing.conditions,
            action_digest=binding.action(action.name, case_digest),
            expires=until.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        )

    async def execute(self, decision: ExecutableDecision, action: Action[T]) -> Executed[T]:
        """Carry out an action once, and record what came of it."""
        try:
            execution = await self._admit(decision, action)
        except EleanorError as error:
            about = getattr(decision, "record_id", "")
            await record_refusal(
                self._panel.evidence,
                error,
                of="execution",
                about=about,
                seconds=self._seconds,
                mask=self._mask,
            )
            raise
        return await self._carry_out(action, execution)

    # -- before -----------------------------------------------------------------------------------

    async def _admit(self, decision: ExecutableDecision, action: Action[T]) -> Execution:
        """Check everything again, write the intent, and return what the action is to be given."""
        if not self._panel.binding.gate.made(decision):
            raise ForgedDecision(
                "the gate of this installation did not make this decision, or somebody changed it "
                "since; get one from `executable`"
            )
        if now() >= decision.expires:
            raise ExpiredDecision(
                f"the decision on record {decision.record_id} expired at {decision.expires}; "
                "get a new one from `executable`"
            )
        given = self._given(action)
        self._check_case(decision.trace_id, decision.case_digest, given)
        if self._panel.binding.action(action.name, decision.case_digest) != decision.action_digest:
            raise WrongAction(
                f"the decision on record {decision.record_id} permits another action than "
                f"{action.name}"
            )
        standing = await self._as_permitted(decision)
        await self._ask_policies(standing, action.name)
        intent_id = await self._intend(decision, standing, action.name)
        execution = Execution(
            record_id=decision.record_id,
            trace_id=decision.trace_id,
            text=given.text,
            context=given.context,
            kind=given.kind,
            constraints=decision.constraints,
            idempotency_key=intent_id,
        )
        try:
            # What stands in the log before the intent counts, also if it came after the first look.
            await self._as_permitted(decision)
        except EleanorError as error:
            await self._conclude(execution, "withheld", time.perf_counter(), error)
            raise
        return execution

    def _given(self, action: Action[T]) -> ValidInput:
        if type(action) is not Action:
            raise WrongAction(f"an action must be an Action, got {type(action).__name__}")
        return validate(
            action.text, action.context, action.kind, "execution", self._panel.settings.limits
        )

    def _check_case(self, trace_id: str, case_digest: str, given: ValidInput) -> None:
        if self._panel.binding.case(trace_id, given) != case_digest:
            raise WrongCase(
                "the action is on another case than the one that was judged (its text, context or "
                "kind differs), or it was judged where keys/gate.key is another one"
            )

    async def _as_permitted(self, decision: ExecutableDecision) -> _Standing:
        """Return how the judgement stands, or raise if that is not what the decision permits."""
        standing = await self._standing(
            EvidenceRef(record_id=decision.record_id, leaf_hash=decision.leaf_hash)
        )
        if standing.judgement.constraints + standing.conditions != decision.constraints:
            raise ExpiredDecision(
                f"reviewers have set other conditions for record {decision.record_id} since this "
                "decision was made; get a new one from `executable`"
            )
        return standing

    async def _standing(self, reference: EvidenceRef | None) -> _Standing:
        copies = await self._panel.evidence.copies(reference.record_id) if reference else ()
        judgement = recorded(reference, copies)
        reviews = await self._reviews.records_of(judgement)
        return _Standing(
            judgement=judgement,
            conditions=conditions(
                judgement,
                [review for review, _ in reviews],
                prohibited=frozenset(self._panel.settings.policy.prohibited_clauses),
                people=self._gate.people,
            ),
            reviews=tuple([stored for _, stored in reviews]),
        )

    async def _ask_policies(self, standing: _Standing, action: str) -> None:
        judgement = standing.judgement
        request = ExecutionRequest(
            record_id=judgement.record_id,
            leaf_hash=judgement.leaf_hash,
            action=action,
            record=judgement.stored,
            reviews=standing.reviews,
            prohibited=self._panel.settings.policy.prohibited_clauses,
            people=self._gate.people,
        )
        for name, policy in self._panel.policies.items():
            deadline = anyio.current_time() + self._gate.policy_timeout
            said: object = f"no answer in {self._gate.policy_timeout:g} s"
            with anyio.CancelScope(deadline=deadline):
                try:
                    said = await policy.decide(request)
                except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it raises refuses
                    said = describe(error)
            # Also by the clock: one that blocks, or swallows cancellation, returns as if in time.
            late = anyio.current_time() >= deadline
            if type(said) is not PolicyVerdict or said.permitted is not True or late:
                reasons = said.reasons if type(said) is PolicyVerdict else (said,)
                why = "; ".join(map(str, reasons)) or "it gave no reason"
                raise PolicyRefused(
                    f"policies/{name} refused to execute record {judgement.record_id}: "
                    f"{'late; ' if late else ''}{why:.300}"
                )

    async def _intend(self, decision: ExecutableDecision, standing: _Standing, action: str) -> str:
        """Write the intent, which uses the judgement up. Raises ReplayedDecision."""
        intent_id = derived_id("intent", decision.record_id)
        facts: dict[str, JsonValue] = {
            "record": decision.record_id,
            "leaf_hash": decision.leaf_hash,
            "action": {"name": action, "digest": decision.action_digest},
            "case_digest": decision.case_digest,
            "expires": decision.expires,
            "reviews": [stored.record_id for stored in standing.reviews],
            "policies": list(self._panel.policies),
            # Two attempts in one microsecond must not pass for one.
            "attempt": secrets.token_hex(16),
        }
        sealed = seal("intent", trace_id=decision.trace_id, facts=facts, record_id=intent_id)
        if await self._reviews.outcome(decision.record_id) is not None or not (
            await self._panel.evidence.append_first(sealed, self._seconds)
        ):
            outcome = await self._reviews.outcome(decision.record_id)
            advice = (
                f"; ask by its idempotency key {intent_id} whether it took effect"
                if outcome == "unknown"
                else ""
            )
            raise ReplayedDecision(
                f"record {decision.record_id} was executed before, outcome {outcome}{advice}. "
                "It is never repeated: judge the case again"
            )
        return intent_id

    # -- after ------------------------------------------------------------------------------------

    async def _carry_out(self, action: Action[T], execution: Execution) -> Executed[T]:
        started = time.perf_counter()
        end: ActionEnd = "cancelled"
        returned: list[T] = []
        failure: Exception | None = None
        seconds = self._gate.action_timeout if action.timeout is None else action.timeout
        scope = anyio.CancelScope(deadline=anyio.current_time() + seconds)
        try:
            with scope:
                returned.append(await action.run(execution))
            end = "returned" if returned else "timeout"
        except Exception as error:  # noqa: BLE001 -- told below, with its record
            failure = error
            # What is raised by work that was cut off says nothing of whether it took effect.
            end = "timeout" if scope.cancel_called else "raised"
        except BaseException as error:
            await self._conclude(execution, end, started, error)
            raise
        outcome_id = await self._conclude(execution, end, started, failure)
        told = f"action {action.name} on record {execution.record_id}"
        if returned and outcome_id:
            return Executed(
                value=returned[0], intent_id=execution.idempotency_key, outcome_id=outcome_id
            )
        if end == "raised" and outcome_id:
            raise ActionFailed(f"{told} failed: {describe(failure or Exception())}") from failure
        lost = "" if outcome_id else ", and its outcome could not be recorded"
        cut = f" after {seconds:g} s" if end == "timeout" else ""
        raise ActionUnknown(
            f"{told}: {end}{cut}{lost}. Nobody repeats it: ask by its idempotency key "
            f"{execution.idempotency_key} whether it took effect",
            end=end,
            value=returned[0] if returned else None,
        ) from failure

    async def _conclude(
        self, execution: Execution, end: ActionEnd, started: float, error: BaseException | None
    ) -> str:
        """Write the outcome and return its record's id, or "" where no log took it."""
        facts: dict[str, JsonValue] = {
            "record": execution.record_id,
            "intent": execution.idempotency_key,
            "outcome": _OUTCOMES.get(end, "unknown"),
            "end": end,
            "milliseconds": round((time.perf_counter() - started) * 1e3, 3),
        }
        said = self._mask(describe(error)) if error else ""
        sealed = seal(
            "outcome",
            trace_id=execution.trace_id,
            facts=facts,
            payload={"error": said} if said else {},
            record_id=derived_id("outcome", execution.record_id),
        )
        try:
            await self._panel.evidence.append_within(sealed, self._seconds)
        except EvidenceUnavailable as unavailable:
            _log.error(
                "outcome_not_recorded",
                record=execution.record_id,
                end=end,
                reason=self._mask(str(unavailable)),
            )
            return ""
        return sealed.record_id
