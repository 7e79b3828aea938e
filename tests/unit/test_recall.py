"""How like cases inform and what they escalate; nothing in a history takes caution away."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import anyio
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import Thresholds
from eleanor_core.model import (
    Authority,
    CriticResult,
    CriticViolation,
    DecisionValue,
    Embedding,
    PrecedentAlignment,
    PrecedentCase,
    PrecedentMatch,
)
from eleanor_core.pipeline.impact import Impact, impact
from eleanor_core.pipeline.recall import recall, unprecedented
from eleanor_core.settings.model import Policy, RecallSettings

HIGH = Impact(high=True, reasons=("the context says that impact is high",))
LOW = Impact()
QUERY = Embedding(encoder_id="test/plain", dim=1, data=struct.pack("<f", 1.0))


class Matches:
    """A store whose search gives what it was made with, nearest first."""

    def __init__(self, matches: Sequence[PrecedentMatch]) -> None:
        self._matches = sorted(matches, key=lambda match: (-match.similarity, match.case.id))

    async def count(self) -> int:
        return len(self._matches)

    async def add(self, case: PrecedentCase, /) -> None:
        self._matches.append(PrecedentMatch(case=case, similarity=1.0))

    async def nearest(self, _query: Embedding, k: int, /) -> Sequence[PrecedentMatch]:
        return self._matches[:k]


def match(
    similarity: float,
    outcome: DecisionValue,
    authority: Authority = "adjudicated",
    name: str = "p1",
    day: str = "",
) -> PrecedentMatch:
    case = PrecedentCase(
        id=name, text="Close the account.", outcome=outcome, authority=authority, decided_at=day
    )
    return PrecedentMatch(case=case, similarity=similarity)


async def ask(
    *matches: PrecedentMatch,
    impact: Impact = LOW,
    panel_objects: bool = False,
    settings: RecallSettings | None = None,
) -> PrecedentAlignment:
    return await recall(
        store=Matches(matches),
        embedding=QUERY,
        impact=impact,
        panel_objects=panel_objects,
        settings=settings or RecallSettings(),
    )


def raised(alignment: PrecedentAlignment) -> list[tuple[str, int]]:
    return [(item.clause, item.tier) for item in alignment.escalations]


# -- without like cases ---------------------------------------------------------------------------


@pytest.mark.anyio
async def test_no_store_and_low_impact() -> None:
    alone = unprecedented(LOW)
    assert alone == PrecedentAlignment(alignment=0.0, novel=True, novelty=1.0)
    assert alone == await ask(panel_objects=True)


def test_no_store_and_high_impact_is_pr1() -> None:
    alone = unprecedented(HIGH)
    assert raised(alone) == [("PR1", 3)]
    assert HIGH.reasons[0] in alone.escalations[0].rationale


@pytest.mark.anyio
async def test_a_store_cannot_be_asked_without_an_embedding() -> None:
    with pytest.raises(ValueError, match="the case was not embedded; enable an embedder"):
        await recall(
            store=Matches([]),
            embedding=None,
            impact=LOW,
            panel_objects=False,
            settings=RecallSettings(),
        )


@pytest.mark.anyio
async def test_unlike_cases_alone_are_pr1_under_high_impact() -> None:
    unlike = match(0.59, "allow")
    found = await ask(unlike, impact=HIGH)
    assert raised(found) == [("PR1", 3)]
    assert (found.novel, found.cases, found.alignment) == (True, (), 0.0)
    assert found.novelty == pytest.approx(0.41)
    assert raised(await ask(unlike)) == []


@pytest.mark.anyio
async def test_a_like_case_is_enough_for_no_pr1() -> None:
    found = await ask(match(0.6, "allow", "adjudicated"), impact=HIGH)
    assert raised(found) == []
    assert not found.novel


@pytest.mark.anyio
async def test_a_written_example_takes_no_caution_away() -> None:
    found = await ask(match(0.95, "allow", "example"), impact=HIGH)
    assert raised(found) == [("PR1", 3)]
    assert found.novel
    assert found.novelty == 1.0
    assert len(found.cases) == 1


# -- conflict, people and machines ----------------------------------------------------------------


@pytest.mark.anyio
async def test_conflicting_like_cases_are_pr2() -> None:
    found = await ask(match(0.8, "allow", name="p1"), match(0.8, "deny", name="p2"))
    assert found.conflict == pytest.approx(1.0)
    assert raised(found) == [("PR2", 2)]
    said = found.escalations[0].rationale
    assert "p1 (allow, similarity 0.80), p2 (deny, similarity 0.80)" in said
    assert "Close the account." not in said


@pytest.mark.anyio
async def test_a_small_share_is_no_conflict() -> None:
    like = [match(0.8, "allow", name=f"p{number}") for number in range(7)]
    found = await ask(*like, match(0.8, "deny", name="q"))
    assert 0.0 < found.conflict < RecallSettings().conflict
    assert raised(found) == []


@pytest.mark.anyio
async def test_agreeing_cases_are_no_conflict_at_any_threshold() -> None:
    assert raised(await ask(match(0.8, "allow"), settings=RecallSettings(conflict=0.0))) == []


@pytest.mark.anyio
@pytest.mark.parametrize("outcome", ["review", "deny"])
async def test_a_near_identical_case_that_people_stopped_is_pr2(outcome: DecisionValue) -> None:
    found = await ask(match(0.9, outcome))
    assert found.conflict == 0.0
    assert raised(found) == [("PR2", 2)]
    assert f"p1 ({outcome}, similarity 0.90)" in found.escalations[0].rationale


@pytest.mark.anyio
@pytest.mark.parametrize(
    "like",
    [
        match(0.89, "deny"),
        match(1.0, "allow"),
        match(1.0, "constrain"),
        match(1.0, "deny", "example"),
    ],
)
async def test_what_people_did_not_stop_is_no_pr2(like: PrecedentMatch) -> None:
    assert raised(await ask(like)) == []


@pytest.mark.anyio
async def test_a_like_case_that_the_machine_decided_is_pr3() -> None:
    assert raised(await ask(match(0.6, "allow", "machine"))) == [("PR3", 3)]
    assert raised(await ask(match(0.59, "allow", "machine"))) == []


# -- alignment ------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("outcome", "panel_objects", "alignment"),
    [
        ("allow", False, 1.0),
        ("allow", True, -1.0),
        ("constrain", True, 1.0),
        ("review", True, 1.0),
        ("deny", True, 1.0),
        ("deny", False, -1.0),
    ],
)
async def test_alignment_compares_caution(
    outcome: DecisionValue, *, panel_objects: bool, alignment: float
) -> None:
    found = await ask(match(0.7, outcome), panel_objects=panel_objects)
    assert found.alignment == alignment


@pytest.mark.anyio
async def test_alignment_weighs_by_similarity() -> None:
    found = await ask(match(0.9, "constrain", name="p1"), match(0.6, "allow", name="p2"))
    assert found.alignment == pytest.approx((0.6 - 0.9) / 1.5)
    assert found.novelty == pytest.approx(0.1)
    assert [item.case.id for item in found.cases] == ["p1", "p2"]


@pytest.mark.anyio
async def test_similarities_of_nothing_give_no_alignment() -> None:
    found = await ask(match(0.0, "deny"), settings=RecallSettings(similarity=0.0))
    assert (found.alignment, found.conflict, found.novel) == (0.0, 0.0, False)


# -- support and drift ----------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("similarities", "support"),
    [((), 0.0), ((0.7,), 1.0), ((0.8, 0.8, 0.8), 3.0), ((1.0, 0.6), 1.6**2 / 1.36)],
)
async def test_support_counts_by_weight(similarities: tuple[float, ...], support: float) -> None:
    like = [match(value, "allow", name=f"p{place}") for place, value in enumerate(similarities)]
    example = match(1.0, "allow", "example", name="example")
    assert (await ask(*like, example)).support == pytest.approx(support)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("history", "drift"),
    [
        # More caution of late, and less.
        ((("allow", "2024-01-01"), ("deny", "2026-01-01")), 1.0),
        ((("constrain", "2024-01-01"), ("allow", "2026-01-01T09:00:00Z")), -1.0),
        # Parted at the middle of the time, not of the list.
        ((("allow", "2020-01-01"), ("deny", "2025-06-01"), ("allow", "2026-01-01")), 0.5),
        # Nothing to compare: one day, or no date.
        ((("allow", "2026-01-01"), ("deny", "2026-01-01T23:00:00Z")), 0.0),
        ((("allow", "2024-01-01"), ("deny", "")), 0.0),
        ((("deny", ""),), 0.0),
    ],
)
async def test_drift_is_the_caution_that_came_later(
    history: tuple[tuple[DecisionValue, str], ...], drift: float
) -> None:
    like = [
        match(0.8, outcome, name=f"p{place}", day=day)
        for place, (outcome, day) in enumerate(history)
    ]
    example = match(1.0, "deny", "example", name="example", day="2030-01-01")
    assert (await ask(*like, example)).drift == pytest.approx(drift)


# -- rule 6: a history adds caution, never takes it -----------------------------------------------

matches = st.builds(
    match,
    st.floats(0.0, 1.0),
    st.sampled_from(("allow", "constrain", "review", "deny")),
    st.sampled_from(("adjudicated", "machine", "example")),
    st.sampled_from("abcdefgh"),
)
histories = st.lists(matches, max_size=8, unique_by=lambda item: item.case.id)


def run(history: Sequence[PrecedentMatch], weight: Impact, objects: bool) -> PrecedentAlignment:
    async def main() -> PrecedentAlignment:
        return await ask(*history, impact=weight, panel_objects=objects)

    return anyio.run(main)


@given(history=histories, weight=st.sampled_from((LOW, HIGH)))
def test_the_panel_changes_alignment_alone(history: list[PrecedentMatch], weight: Impact) -> None:
    calm, objecting = (run(history, weight, objects) for objects in (False, True))
    assert evolve(calm, alignment=0.0) == evolve(objecting, alignment=0.0)
    assert calm.alignment == pytest.approx(-objecting.alignment)
    assert -1.0 <= calm.alignment <= 1.0


@given(history=histories)
def test_higher_impact_takes_no_escalation_away(history: list[PrecedentMatch]) -> None:
    assert set(run(history, LOW, objects=False).escalations) <= set(
        run(history, HIGH, objects=False).escalations
    )


@given(
    history=histories,
    allowed=st.lists(st.floats(0.0, 1.0), max_size=4),
    severity=st.sampled_from((1, 2, 3)),
)
def test_a_history_of_allow_changes_no_severity_and_hides_no_denial(
    history: list[PrecedentMatch], allowed: list[float], severity: int
) -> None:
    violation = CriticViolation(clause="K1", severity=severity, rationale="it could hurt")  # type: ignore[arg-type] # 1 to 3
    critic = CriticResult(critic="risk", score=0.8, confidence=0.8, violations=(violation,))
    thresholds = {"risk": Thresholds()}
    weight = impact("answer", {}, "general", {"risk": critic}, thresholds, Policy())
    more = [match(value, "allow", name=f"z{number}") for number, value in enumerate(allowed)]
    settings = RecallSettings(neighbours=100)

    async def both() -> tuple[PrecedentAlignment, PrecedentAlignment]:
        return (
            await ask(*history, impact=weight, panel_objects=True, settings=settings),
            await ask(*history, *more, impact=weight, panel_objects=True, settings=settings),
        )

    before, after = anyio.run(both)
    # What people stopped and what the machine decided alone stays said, however much was allowed.
    kept = [item for item in before.escalations if "near-identical" in item.rationale]
    kept += [item for item in before.escalations if item.clause == "PR3"]
    assert set(kept) <= set(after.escalations)
    assert critic.severity == severity
    assert weight == impact("answer", {}, "general", {"risk": critic}, thresholds, Policy())
