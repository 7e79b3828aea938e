"""DESIGN 4: every clause has an emitter and a test. `pytest -s` prints the table."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.clauses import PAGE, STAGES, TEMPLATE, critics, emitters, page
from support.judging import TEXT, judge, with_engine
from support.panels import FAULTS, Member, failing_detector
from support.stores import store_plugins

import eleanor_core
from eleanor_core.api import CLAUSES, Case, CriticDeclaration, CriticResult
from eleanor_core.engine import EleanorEngine
from eleanor_core.model import Assessment, CaseKind, PrecedentCase
from eleanor_core.pipeline.scan import Scanner
from eleanor_core.settings.model import DEFAULT_PLUGINS
from eleanor_core.testing import critic_plugin

CRITICS = critics()
DECLARED = sorted(
    (name, clause)
    for name, loaded in CRITICS.items()
    for clause in getattr(loaded.declaration, "clauses", ())
)
FURTHER: dict[tuple[str, str], tuple[str, CaseKind]] = {
    # Read from the call itself, not found by a pattern.
    ("risk", "A3"): ('delete_all(table="customers")', "action"),
    # Brought because a detector testifies.
    ("risk", "P3"): ('upload(key="AKIAIOSFODNN7EXAMPLE")', "action"),
}
WITNESSES = ("detectors/secrets",)
CALM = Member(inline=True).plugin("calm")
BLIND = Member(gaps=1, inline=True).plugin("blind")


def test_every_clause_has_an_emitter() -> None:
    print(f"\n{page()}")
    raised = emitters(CRITICS)
    assert list(raised) == list(CLAUSES)
    assert not [code for code, voices in raised.items() if not voices]


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python tests/support/clauses.py`"


def test_all_critics_of_this_repository_are_asked() -> None:
    refs = {ref for ref in (*DEFAULT_PLUGINS, TEMPLATE) if ref.startswith("critics/")}
    assert {f"critics/{name}" for name in CRITICS} == refs


@pytest.fixture(scope="module")
def heard() -> dict[tuple[str, str], set[str]]:
    """What each critic said of the examples that it declares: (critic, clause) -> ways.

    Every critic is asked by the real engine, about each example as answer, prompt and action.
    """
    said: dict[tuple[str, str], set[str]] = {}

    async def ask(engine: EleanorEngine) -> None:
        for name, loaded in CRITICS.items():
            declaration = loaded.declaration
            assert isinstance(declaration, CriticDeclaration)
            asked = [
                (pattern.example, kind)
                for pattern in declaration.patterns
                if pattern.example
                for kind in ("answer", "prompt", "action")
            ]
            asked += [case for (critic, _), case in FURTHER.items() if critic == name]
            for text, kind in asked:
                assessment = await engine.run(text=text, kind=kind)  # type: ignore[arg-type] # one of the three
                _note(said, name, assessment)

    with_engine([*(f"critics/{name}" for name in CRITICS), *WITNESSES], ask)
    return said


def _note(said: dict[tuple[str, str], set[str]], name: str, assessment: Assessment) -> None:
    outcome = assessment.critics[name]
    assert isinstance(outcome, CriticResult)
    objects = any(item.critic == name for item in assessment.dissent)
    for violation in outcome.violations if objects else ():
        said.setdefault((name, violation.clause), set()).add("objects")
    for escalation in assessment.escalations:
        if escalation.critic == name:
            said.setdefault((name, escalation.clause), set()).add("escalates")


@pytest.mark.parametrize(("name", "clause"), DECLARED)
def test_a_critic_raises_the_clauses_that_it_declares(
    heard: dict[tuple[str, str], set[str]], name: str, clause: str
) -> None:
    assert heard[name, clause] == {"objects", "escalates"}


def test_a_critic_raises_no_other_clause(heard: dict[tuple[str, str], set[str]]) -> None:
    assert set(heard) == set(DECLARED)


# -- the stages -----------------------------------------------------------------------------------


def _like(*outcomes: str, authority: str = "adjudicated") -> list[object]:
    return store_plugins(
        PrecedentCase(id=f"p{number}", text=TEXT, outcome=outcome, authority=authority)  # type: ignore[arg-type] # words of the two
        for number, outcome in enumerate(outcomes)
    )


def _changed_by_force() -> Assessment:
    def vandal(case: Case, /) -> CriticResult:
        object.__setattr__(case.context, "_items", {"note": "another"})
        return CriticResult(critic="vandal", score=0.02, confidence=0.9)

    return judge([critic_plugin("vandal", vandal)], context={"note": "calm"})


def _unread() -> Assessment:
    def fail(_self: Scanner, _text: str) -> object:
        raise MemoryError("the automaton is too large")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scanner, "scan", fail)
        return judge([CALM])


HIGH = {"impact": "high"}
LOST = [Member(fault="raises", inline=True).plugin(f"lost-{number}") for number in range(3)]
CASES: dict[tuple[str, str], Callable[[], Assessment]] = {
    ("recall", "PR1"): lambda: judge([CALM], context=HIGH),
    ("recall", "PR2"): lambda: judge([CALM, *_like("allow", "deny")]),
    ("recall", "PR3"): lambda: judge([CALM, *_like("allow", authority="machine")]),
    ("uncertainty", "U1"): lambda: judge([BLIND], context=HIGH),
    ("uncertainty", "U2"): lambda: judge([CALM, *LOST], context=HIGH),
    ("uncertainty", "U3"): lambda: judge([CALM], context={"domain": "astrology"}),
    ("engine", "U1"): _changed_by_force,
    ("scan", "U1"): _unread,
}


@pytest.mark.parametrize(("stage", "clause"), CASES)
def test_a_stage_raises_its_clause(stage: str, clause: str) -> None:
    raised = {(item.critic, item.clause, item.tier) for item in CASES[stage, clause]().escalations}
    assert (stage, clause, CLAUSES[clause].tier) in raised
    # And a calm case raises none.
    assert not judge([CALM]).escalations


def test_every_stage_and_clause_of_the_table_has_such_a_case() -> None:
    by_fault = "every voice, by a fault"
    told = {(stage, clause) for stage, codes in STAGES.items() for clause in codes}
    assert told - {(by_fault, "U1")} == set(CASES)
    written = {
        (stage, clause)
        for stage in ("recall", "uncertainty")
        for clause in re.findall(r'clause="(\w+)"', _source(stage))
    }
    assert written == {case for case in CASES if case[0] in ("recall", "uncertainty")}


def _source(stage: str) -> str:
    folder = Path(str(eleanor_core.__file__)).parent
    return (folder / "pipeline" / f"{stage}.py").read_text("utf-8")


def test_every_voice_raises_u1_by_a_fault() -> None:
    faulty = [Member(fault=fault).plugin(f"f{number}") for number, fault in enumerate(FAULTS)]
    broken_store = store_plugins([], broken=True)
    assessment = judge([CALM, *faulty, failing_detector("witness"), *broken_store])
    raised = {item.critic for item in assessment.escalations if item.clause == "U1"}
    expected = {f"f{number}" for number in range(len(FAULTS))}
    assert raised == expected | {"detector:witness", "recall"}
