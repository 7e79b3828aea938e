"""DESIGN 5, rule 9, over whole lives of decisions: there is no way to an action round the gate.

Every step is one that somebody can take: judge, ask for a permission, review, execute, forge, alter,
replay, wait until it expires, be killed between intent and outcome, start again on the same log.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.acts import new_key
from support.lives import PEOPLE, SORTS, Held, House, Judged, Sort, action_on

from eleanor_core import sign_review
from eleanor_core.errors import (
    EleanorError,
    ExpiredDecision,
    ForgedDecision,
    GateClosed,
    ReplayedDecision,
    ReviewRefused,
    WrongAction,
    WrongCase,
)
from eleanor_core.model import CHOICES, Choice, Constraint, Execution, Review, SignedReview
from eleanor_core.pipeline.gate import Recorded

T = TypeVar("T")
FLAWS = ("key", "words", "statement", "uncovered", "other hash")
GROWN = 10
LATER = "9999-01-01T00:00:00.000000Z"
sorts = st.sampled_from(sorted(SORTS))
picks = st.integers(min_value=0, max_value=3)
"""How far back, among what there is, newest first."""
parts = st.integers(min_value=0, max_value=8)


class Lives(RuleBasedStateMachine):
    """The model says what must happen next; the house must do just that."""

    in_memory = False

    def __init__(self) -> None:
        super().__init__()
        self.cases: list[Judged] = []
        self.held: list[Held] = []
        self.revoked: set[str] = set()
        self.carried_out: dict[str, int] = {}
        self.refused = 0
        self.house: House | None = None

    @initialize(people=st.sampled_from((1, 2)), sorts=st.lists(sorts, min_size=1, max_size=3))
    def move_in(self, people: int, sorts: list[Sort]) -> None:
        self.house = House(in_memory=self.in_memory, people=people)
        for sort in sorts:
            self.judge(sort)
            self.open_as_it_should_be(0)

    def teardown(self) -> None:
        if self.house is None:
            return
        try:
            assert len(self.at.records("refused")) == self.refused
            assert len(self.at.records("intent")) == sum(case.used for case in self.cases)
        finally:
            self.house.close()

    # -- help -------------------------------------------------------------------------------------

    @property
    def at(self) -> House:
        assert self.house is not None
        return self.house

    def newest(self, things: list[T], pick: int) -> T:
        return things[-1 - pick % len(things)]

    async def deed(self, execution: Execution) -> str:
        """What must never happen without leave; it notes that it did."""
        record_id = execution.record_id
        self.carried_out[record_id] = self.carried_out.get(record_id, 0) + 1
        stored = await self.at.engine.evidence.get(execution.idempotency_key)
        assert stored is not None, "the action began before its intent was durable"
        return execution.text

    def must_refuse(self, error: type[EleanorError], call: Callable[[], T]) -> None:
        """Check that a call is refused with just this error, and that the refusal is recorded."""
        with pytest.raises(error) as caught:
            call()
        assert type(caught.value) is error
        self.refused += 1

    def execute(self, held: Held, *, text: str = "", name: str = "deed") -> str:
        action = action_on(text or held.of.text, self.deed, name)
        executed = self.at.do(lambda: self.at.engine.execute(held.decision, action))
        return executed.value

    def expected(self, held: Held) -> type[EleanorError] | None:
        """Return the error with which a permission must be refused now."""
        if not held.of.is_open(self.at.people):
            return GateClosed
        if held.conditions != held.of.conditions:
            return ExpiredDecision
        return ReplayedDecision if held.of.used else None

    def judgement(self, case: Judged) -> Recorded:
        assert case.assessment.evidence is not None
        record_id = case.assessment.evidence.record_id
        return self.at.do(lambda: self.at.engine.reviews.judgement(record_id))

    def signed(self, case: Judged, who: str, choice: Choice) -> SignedReview:
        judgement = self.judgement(case)
        return sign_review(self.at.keys[who], judgement, choice=choice, reason="So be it.")

    def submit(self, signed: SignedReview) -> Review:
        return self.at.do(lambda: self.at.engine.reviews.submit(signed))

    # -- what can be done -------------------------------------------------------------------------

    @rule(sort=sorts)
    def judge(self, sort: Sort) -> None:
        text = f"{sort} case {len(self.cases)}"
        assessment = self.at.do(lambda: self.at.engine.run(text=text))
        self.cases.append(Judged(text, sort, assessment))

    @rule(pick=picks)
    def open_as_it_should_be(self, pick: int) -> None:
        case = self.newest(self.cases, pick)
        choice: Choice = "acknowledge" if case.sort == "two" else "proceed"
        for who in PEOPLE:
            if who not in self.revoked and case.opens(choice) and not case.halted:
                self.submit(self.signed(case, who, choice))
                case.opened_by.append((who, choice))
        self.ask_for_permission(pick)

    @rule(pick=picks)
    def ask_for_permission(self, pick: int) -> None:
        case = self.newest(self.cases, pick)
        action, other = action_on(case.text, self.deed), action_on("open case", self.deed)
        if not case.is_open(self.at.people):
            with pytest.raises(GateClosed):
                self.at.do(lambda: self.at.engine.executable(case.assessment, action))
            return
        with pytest.raises(WrongCase):
            self.at.do(lambda: self.at.engine.executable(case.assessment, other))
        decision = self.at.do(lambda: self.at.engine.executable(case.assessment, action))
        self.held.append(Held(case, decision, case.conditions))

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def carry_out(self, pick: int) -> None:
        held = self.newest(self.held, pick)
        error = self.expected(held)
        if error is None:
            assert self.execute(held) == held.of.text
            held.of.used = True
            held.of.deeds += 1
            error = ReplayedDecision
        self.must_refuse(error, lambda: self.execute(held))

    @precondition(lambda self: self.held)
    @rule(pick=picks, how=st.sampled_from(("case", "action", "too late", "altered")), part=parts)
    def misuse(self, pick: int, how: str, part: int) -> None:
        held = self.newest(self.held, pick)
        if how == "case":
            self.must_refuse(WrongCase, lambda: self.execute(held, text="open case 9"))
        elif how == "action":
            self.must_refuse(WrongAction, lambda: self.execute(held, name="other.deed"))
        elif how == "too late":
            with pytest.MonkeyPatch.context() as clock:
                clock.setattr("eleanor_core._execution.now", lambda: LATER)
                self.must_refuse(ExpiredDecision, lambda: self.execute(held))
        else:
            altered = evolve(held.decision, **self.changes()[part])
            forged = Held(held.of, altered, held.conditions)
            self.must_refuse(ForgedDecision, lambda: self.execute(forged))

    def changes(self) -> list[dict[str, object]]:
        other = self.cases[0].assessment.evidence
        assert other is not None
        return [
            {"expires": LATER},
            {"record_id": other.record_id, "leaf_hash": other.leaf_hash, "case_digest": ""},
            {"leaf_hash": "0" * 64},
            {"trace_id": "another"},
            {"decision": "deny"},
            {"constraints": (Constraint(critic="x", clause=None, text="as you like"),)},
            {"case_digest": "0" * 64},
            {"action_digest": "0" * 64},
            {"seal": "0" * 64},
        ]

    @rule(pick=picks, who=st.sampled_from(PEOPLE), choice=st.sampled_from(CHOICES))
    def review(self, pick: int, who: str, choice: Choice) -> None:
        case = self.newest(self.cases, pick)
        signed = self.signed(case, who, choice)
        fits = choice == "halt" or case.opens(choice)
        if case.halted or who in self.revoked or not fits:
            self.must_refuse(ReviewRefused, lambda: self.submit(signed))
            return
        self.submit(signed)
        if choice == "halt":
            case.halted = True
        else:
            case.opened_by.append((who, choice))
        self.must_refuse(ReviewRefused, lambda: self.submit(signed))  # a replay

    @rule(pick=picks, who=st.sampled_from(PEOPLE), flaw=st.sampled_from(FLAWS))
    def review_falsely(self, pick: int, who: str, flaw: str) -> None:
        case = self.newest(self.cases, pick)
        choice: Choice = "acknowledge" if case.sort == "two" else "proceed"
        good = self.signed(case, who, choice)
        halt = evolve(good.statement, choice="halt")
        judgement = self.judgement(case)
        sign = partial(sign_review, self.at.keys[who], choice=choice, reason="So be it.")
        false = {
            "key": evolve(good, key=new_key().public),
            "words": evolve(good, reason="Something else."),
            "statement": evolve(good, statement=halt),
            "uncovered": sign(evolve(judgement, escalations=frozenset())),
            "other hash": sign(evolve(judgement, leaf_hash="0" * 64)),
        }[flaw]
        # Without an escalation there is nothing to leave out; and nothing is open to review then.
        self.must_refuse(ReviewRefused, lambda: self.submit(false))

    @rule(who=st.sampled_from(PEOPLE))
    def revoke(self, who: str) -> None:
        if who in self.revoked or len(self.revoked) == 2:
            return
        key = self.at.keys[who].public
        self.at.do(lambda: self.at.engine.reviews.revoke(key, by="root"))
        self.revoked.add(who)

    # A start is what costs most; one on a log that hardly grew since the last shows little.
    @precondition(lambda self: self.at.asked > GROWN)
    @rule()
    def restart(self) -> None:
        self.at.stop()
        self.at.start()

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def die_between_intent_and_outcome(self, pick: int) -> None:
        held = self.newest(self.held, pick)
        if self.expected(held) is not None:
            return
        left = []

        async def deadly(execution: Execution) -> str:
            await self.deed(execution)
            left.append(self.at.photograph())
            return execution.text

        action = action_on(held.of.text, deadly)
        self.at.do(lambda: self.at.engine.execute(held.decision, action))
        self.at.crash_back(left[0])
        held.of.used = True
        held.of.deeds += 1
        record_id = held.decision.record_id
        assert self.at.do(lambda: self.at.engine.reviews.outcome(record_id)) == "unknown"
        self.must_refuse(ReplayedDecision, lambda: self.execute(held))

    # -- what must always be so -------------------------------------------------------------------

    @invariant()
    def nothing_ran_that_the_model_did_not_let_run(self) -> None:
        for case in self.cases:
            assert case.assessment.evidence is not None
            record_id = case.assessment.evidence.record_id
            assert self.carried_out.get(record_id, 0) == case.deeds <= 1
            assert case.deeds <= int(case.used)
        assert sum(self.carried_out.values()) == sum(case.deeds for case in self.cases)


class LivesInMemory(Lives):
    """The same with a log in memory, on which a second engine of the installation works too."""

    in_memory = True

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def carry_out_by_another_engine(self, pick: int) -> None:
        self.at.change_places()
        self.carry_out(pick)


@pytest.mark.parametrize("lives", [Lives, LivesInMemory])
def test_no_life_goes_round_the_gate(lives: type[Lives]) -> None:
    run_state_machine_as_test(lives, settings=settings(max_examples=3, stateful_step_count=12))


@pytest.mark.long
@pytest.mark.parametrize("lives", [Lives, LivesInMemory])
def test_no_life_of_many_goes_round_the_gate(lives: type[Lives]) -> None:
    # 150 of each; with HYPOTHESIS_PROFILE=lives, as `nox -s lives` has it, 5,000.
    many = settings.default.max_examples * 10
    run_state_machine_as_test(lives, settings=settings(max_examples=many, stateful_step_count=20))
