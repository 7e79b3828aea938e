"""DESIGN 4: a critic's input is its own, and a fault is never "no objection"."""

from __future__ import annotations

import gc
import itertools
from collections import OrderedDict
from collections.abc import Callable

import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st
from support.judging import TEXT, judge, rank
from support.panels import FAULTS, Member, members, panel_plugins, panels

from eleanor_core.api import Case, CriticResult, FrozenMap
from eleanor_core.codec import to_json
from eleanor_core.model import Abstention
from eleanor_core.testing import critic_plugin

BACKENDS = ["asyncio", "trio"]
CONTEXT = {"domain": "general", "notes": ["calm", {"deep": "water"}]}


def _critic(name: str, act: Callable[[Case], None]) -> object:
    def weigh(case: Case, /) -> CriticResult:
        act(case)
        return CriticResult(critic=name, score=0.02, confidence=0.9, justification=repr(case))

    return critic_plugin(name, weigh)


@given(panel=st.lists(members, min_size=2, max_size=4), order=st.randoms(use_true_random=False))
def test_permuting_or_removing_others_changes_no_byte(panel: list[Member], order: object) -> None:
    plugins = panel_plugins(panel)
    names = [f"c{number}" for number in range(len(panel))]
    whole = judge(plugins).critics
    shuffled = plugins[:]
    order.shuffle(shuffled)  # type: ignore[attr-defined] # a random.Random
    permuted = judge(shuffled).critics
    assert [to_json(permuted[name]) for name in names] == [to_json(whole[name]) for name in names]
    for name, plugin in zip(names, plugins, strict=True):
        assert to_json(judge([plugin]).critics[name]) == to_json(whole[name])


def test_nothing_in_the_case_leads_to_a_peer() -> None:
    seen: list[Case] = []
    loud = Member(score=0.99, escalates=("D2",), inline=True).plugin("aaa-first")
    judge([loud, _critic("zzz-last", seen.append)])
    (case,) = seen
    text = repr([getattr(case, field.name) for field in fields(Case)])
    assert "aaa-first" not in text
    assert "D2" not in text


@pytest.mark.parametrize(
    "act",
    [
        lambda case: setattr(case, "text", "changed"),
        lambda case: case.context.__setitem__("domain", "x"),
        lambda case: case.context["notes"][1].__setitem__("deep", "x"),
        lambda case: case.context["notes"].append("x"),
        lambda case: setattr(case.context, "_items", {}),
        lambda case: delattr(case.context, "_items"),
        lambda case: case.context._items.clear(),
    ],
    ids=["text", "context", "deep", "list", "attribute", "deletion", "proxy"],
)
def test_a_case_refuses_every_plain_change(act: Callable[[Case], None]) -> None:
    assessment = judge([_critic("vandal", act)], context=CONTEXT)
    outcome = assessment.critics["vandal"]
    assert isinstance(outcome, Abstention)
    assert outcome.reason == "raised"
    assert assessment.decision == "review"


def _reach_into_the_proxy(case: Case) -> None:
    """Change the dict behind the read-only proxy, by way of the garbage collector."""
    (inner,) = gc.get_referents(case.context._items)
    inner["domain"] = "somewhere else"


def _swap_the_proxy(case: Case) -> None:
    object.__setattr__(case.context, "_items", {"domain": "somewhere else"})


@pytest.mark.parametrize("act", [_reach_into_the_proxy, _swap_the_proxy])
def test_a_change_by_force_is_found_and_a_human_asked(act: Callable[[Case], None]) -> None:
    assessment = judge([_critic("vandal", act)], context=CONTEXT)
    assert ("engine", "U1") in {(item.critic, item.clause) for item in assessment.escalations}
    assert not assessment.gate.open


def test_a_result_changed_after_it_was_returned_changes_nothing() -> None:
    kept: list[CriticResult] = []

    def first(case: Case, /) -> CriticResult:
        del case
        kept.append(Member(score=0.95, escalates=("D2",)).result("first"))
        return kept[0]

    def second(case: Case, /) -> CriticResult:
        del case
        object.__setattr__(kept[0], "score", 0.0)
        object.__setattr__(kept[0], "escalations", ())
        return CriticResult(critic="second", score=0.02, confidence=0.9)

    plugins = [critic_plugin("first", first), critic_plugin("second", second)]
    assessment = judge(plugins)
    outcome = assessment.critics["first"]
    assert isinstance(outcome, CriticResult)
    assert (outcome.score, len(outcome.escalations)) == (0.95, 1)
    assert assessment.gate.tier == 3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_every_kind_escalates(fault: str, backend: str) -> None:
    # The calm one is asked inline: a peer that waits would be late too behind one that blocks.
    faulty = Member(fault=fault)  # type: ignore[arg-type] # of FAULTS
    panel = [faulty.plugin("faulty"), Member(inline=True).plugin("calm")]
    assessment = judge(panel, backend=backend)
    outcome = assessment.critics["faulty"]
    assert isinstance(outcome, Abstention)
    reasons = {
        "raises": {"raised"},
        "raises-exit": {"raised"},
        "hangs": {"deadline"},
        "swallows": {"late"},
        # Where it gives way to the loop once more, the deadline finds it there.
        "blocks": {"late", "deadline"},
    }
    assert outcome.reason in reasons.get(fault, {"malformed"})
    assert assessment.decision == "review"
    assert [(item.critic, item.clause, item.tier) for item in assessment.escalations] == [
        ("faulty", "U1", 2)
    ]
    assert isinstance(assessment.critics["calm"], CriticResult)


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_faults_at_once_still_end_in_review(backend: str) -> None:
    panel = panel_plugins([Member(fault=fault) for fault in FAULTS])
    assessment = judge(panel, backend=backend)
    assert all(isinstance(outcome, Abstention) for outcome in assessment.critics.values())
    assert assessment.decision == "review"
    assert assessment.evidence is not None


@given(panel=panels, faulty=st.sets(st.integers(0, 3)))
def test_over_every_subset_of_faults_adding_one_never_relaxes(
    panel: list[Member], faulty: set[int]
) -> None:
    well = [evolve(member, fault=None) for member in panel]
    some = [
        evolve(member, fault="raises") if number in faulty else member
        for number, member in enumerate(well)
    ]
    lost = {number for number in faulty if number < len(panel)}
    outcome = rank(judge(panel_plugins(some)))
    if lost:
        assert outcome >= (2, 2)
    kept = [member for number, member in enumerate(well) if number not in lost]
    if kept:
        assert outcome >= rank(judge(panel_plugins(kept)))


def test_the_context_reaches_every_critic_whole() -> None:
    seen: list[FrozenMap] = []
    judge([_critic("reader", lambda case: seen.append(case.context))], context=CONTEXT)
    assert dict(seen[0]) == {"domain": "general", "notes": ("calm", FrozenMap({"deep": "water"}))}


@pytest.mark.parametrize("form", [dict, OrderedDict])
def test_what_the_caller_does_with_its_context_reaches_no_critic(form: type[dict]) -> None:
    own = form(domain="general", notes=["calm"])
    seen: list[FrozenMap] = []

    def vandal(case: Case, /) -> None:
        own["notes"].append("changed")
        own["domain"] = "changed"
        seen.append(case.context)

    judge([_critic("vandal", vandal)], context=own)
    assert dict(seen[0]) == {"domain": "general", "notes": ("calm",)}
    assert own == {"domain": "changed", "notes": ["calm", "changed"]}


def test_ten_orders_of_three_critics_give_one_result() -> None:
    plugins = panel_plugins([Member(score=0.4), Member(score=0.6), Member(fault="raises")])
    told = {
        str(to_json(judge(list(order), text=TEXT).dissent[0]))
        for order in itertools.permutations(plugins)
    }
    assert len(told) == 1
