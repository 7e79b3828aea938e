"""The policies alone, on records as a log holds them, and behind an engine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve
from eleanor_policies_cedar import plugin
from eleanor_policies_cedar.plugin import CedarSettings
from eleanor_policies_cedar.policies import CedarPolicies

from eleanor_core import Action, EleanorEngine, Execution
from eleanor_core.api import (
    Case,
    CriticResult,
    ExecutionRequest,
    StoredRecord,
    leaf_hash,
)
from eleanor_core.errors import PolicyRefused, RequiredPluginError
from eleanor_core.testing import Harness, MemoryLog, critic_plugin

pytestmark = pytest.mark.anyio
TEXT = "Take out the trash."
ESCALATIONS = [
    {"critic": "c", "clause": "D2", "tier": 3},
    {"critic": "c", "clause": "U1", "tier": 2},
]
CLOSED = {"open": False, "tier": 3, "requires": "determination"}
OPEN = {"open": True, "tier": 0, "requires": None}


def record(record_id: str, kind: str, facts: object) -> StoredRecord:
    leaf = json.dumps({"record_id": record_id, "kind": kind, "facts": facts}).encode()
    return StoredRecord(index=0, record_id=record_id, leaf_hash=leaf_hash(leaf), leaf=leaf)


def judged(
    gate: object, escalations: Sequence[object] = (), clauses: Sequence[str] = ()
) -> StoredRecord:
    facts = {
        "decision": "review" if escalations else "allow",
        "gate": gate,
        "escalations": list(escalations),
        "dissent": ["c"] if clauses else [],
        "critics": {"c": {"clauses": list(clauses)}},
    }
    return record("r", "assessment", facts)


def review(
    of: StoredRecord, choice: str, covers: Sequence[object] = ESCALATIONS, key: str = "a"
) -> StoredRecord:
    said = {"leaf_hash": of.leaf_hash, "choice": choice, "escalations": list(covers)}
    return record("v", "review", {"statement": said, "key": key})


def ask(stored: StoredRecord, *reviews: StoredRecord) -> ExecutionRequest:
    return ExecutionRequest(
        record_id="r",
        leaf_hash=stored.leaf_hash,
        action="mail.send",
        record=stored,
        reviews=reviews,
    )


SHUT = judged(CLOSED, ESCALATIONS)
TWO = judged({"open": False, "tier": 2, "requires": "acknowledgement"}, ESCALATIONS[1:])
FREE = judged(OPEN)
PERMITTED = (
    ask(FREE),
    ask(SHUT, review(SHUT, "proceed")),
    ask(SHUT, review(SHUT, "modify")),
    ask(TWO, review(TWO, "acknowledge", ESCALATIONS[1:])),
    evolve(ask(SHUT, review(SHUT, "proceed"), review(SHUT, "proceed", key="b")), people=2),
)
REFUSED = (
    ("unresolvable-record", evolve(ask(FREE), record=None)),
    ("unresolvable-record", evolve(ask(FREE), leaf_hash="0" * 64)),
    ("unresolvable-record", evolve(ask(FREE), record=evolve(FREE, leaf=FREE.leaf + b" "))),
    ("unresolvable-record", evolve(ask(FREE), record_id="s")),
    ("unresolvable-record", ask(record("r", "settings", {}))),
    ("closed-gate", ask(SHUT)),
    ("closed-gate", ask(SHUT, review(SHUT, "acknowledge"))),
    ("closed-gate", ask(TWO, review(TWO, "proceed"))),
    ("closed-gate", ask(SHUT, review(FREE, "proceed"))),
    ("closed-gate", evolve(ask(SHUT, review(SHUT, "proceed"), review(SHUT, "modify")), people=2)),
    ("uncovered-escalation", ask(SHUT, review(SHUT, "proceed", ESCALATIONS[:1]))),
    ("halted", ask(FREE, review(FREE, "halt", ()))),
    ("halted", ask(SHUT, review(SHUT, "proceed"), review(SHUT, "halt"))),
    ("prohibited-clause", ask(judged({**CLOSED, "requires": "prohibited"}))),
    ("prohibited-clause", evolve(ask(SHUT, review(SHUT, "proceed")), prohibited=("U1",))),
    ("prohibited-clause", evolve(ask(judged(OPEN, clauses=["P4"])), prohibited=("P4",))),
)


@pytest.mark.parametrize("request_", PERMITTED)
async def test_the_doctrine_lets_through_what_the_gate_lets_through(
    request_: ExecutionRequest,
) -> None:
    verdict = await CedarPolicies().decide(request_)
    assert (verdict.permitted, verdict.reasons) == (True, ())


@pytest.mark.parametrize(("name", "request_"), REFUSED)
async def test_the_doctrine_refuses_by_itself(name: str, request_: ExecutionRequest) -> None:
    verdict = await CedarPolicies().decide(request_)
    assert not verdict.permitted
    assert name in verdict.reasons


async def test_a_policy_of_the_house_can_refuse_and_never_open(tmp_path: Path) -> None:
    own = tmp_path / "own.cedar"
    own.write_text(
        "permit (principal, action, resource);"
        '@id("no-mail") forbid (principal, action, resource) when { context.action == "mail.send" };'
    )
    policies = CedarPolicies([own])
    assert "no-mail" in (await policies.decide(ask(FREE))).reasons
    other = evolve(ask(FREE), action="bins.empty")
    assert (await policies.decide(other)).permitted
    assert not (await policies.decide(evolve(ask(SHUT), action="bins.empty"))).permitted


async def test_an_error_while_it_is_asked_refuses(tmp_path: Path) -> None:
    own = tmp_path / "own.cedar"
    # Cedar would pass over this one, and permit.
    own.write_text(
        "forbid (principal, action, resource) "
        "when { resource.people + 9223372036854775807 > resource.tier };"
    )
    verdict = await CedarPolicies([own]).decide(ask(FREE))
    assert not verdict.permitted
    assert "overflow" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("forbid (principal, action, resource) when { resource.gate_opn };", "own.cedar"),
        ("forbid (principal", "own.cedar"),
    ],
)
def test_a_policy_that_cannot_be_evaluated_is_refused_at_the_start(
    tmp_path: Path, text: str, said: str
) -> None:
    own = tmp_path / "own.cedar"
    own.write_text(text)
    with pytest.raises(ValueError, match=said):
        CedarPolicies([own])


def test_a_missing_file_and_a_relative_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        CedarPolicies([tmp_path / "none.cedar"])
    with pytest.raises(ValueError, match="absolute"):
        CedarPolicies([Path("own.cedar")])


# -- behind an engine -----------------------------------------------------------------------------


def mild(case: Case, /) -> CriticResult:
    return CriticResult(critic="mild", score=0.02, confidence=0.9)


MILD = critic_plugin("mild", mild)


async def deed(execution: Execution) -> str:
    return execution.text


ACTION = Action(name="bins.empty", run=deed, text=TEXT)


async def executed(engine: EleanorEngine) -> str:
    result = await engine.run(text=TEXT)
    return (await engine.execute(await engine.executable(result, ACTION), ACTION)).value


async def test_it_lets_through_what_is_open(harness: Harness) -> None:
    async with harness(plugins=[MILD, plugin, MemoryLog()]) as engine:
        assert await executed(engine) == TEXT


async def test_where_a_file_is_missing_nothing_is_executed(
    harness: Harness, tmp_path: Path
) -> None:
    settings = {"policies": {"cedar": {"settings": {"files": [str(tmp_path / "none.cedar")]}}}}
    async with harness(plugins=[MILD, plugin, MemoryLog()], settings=settings) as engine:
        with pytest.raises(PolicyRefused, match=r"none\.cedar"):
            await executed(engine)
    needed = {**settings, "plugins": {"require": ["policies/cedar"], "exact": ["policies/cedar"]}}
    with pytest.raises(RequiredPluginError, match=r"none\.cedar"):
        async with harness(plugins=[MILD, MemoryLog()], settings=needed):
            pass


def test_its_settings_are_what_the_readme_says() -> None:
    assert CedarSettings(files=(Path("/etc/eleanor/mail.cedar"),)).files
