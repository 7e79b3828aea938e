"""Every threshold can be reached, what is harmless stays low, and nothing added lowers anything."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.model import (
    Abstention,
    CriticOutcome,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    Gap,
    PrecedentAlignment,
    UncertaintyAnalysis,
)
from eleanor_core.pipeline.impact import Impact
from eleanor_core.pipeline.uncertainty import analyse, binary_entropy
from eleanor_core.settings.model import Policy, UncertaintySettings

HIGH = Impact(high=True, reasons=("the context says that impact is high",))
LOW = Impact()
NOVEL = PrecedentAlignment()
KNOWN = PrecedentAlignment(novel=False, novelty=0.0)
GAP = Gap(concern="the quoted figures", reason="no-evidence")
LOST = Abstention(voice="risk", reason="deadline")

Detectors = Mapping[str, DetectorResult | Abstention]


def result(
    score: float = 0.02, confidence: float = 0.9, *, severity: int = 0, gaps: int = 0
) -> CriticResult:
    violations = (
        (CriticViolation(clause="K1", severity=severity, rationale="it could hurt"),)  # type: ignore[arg-type] # 1 to 3
        if severity
        else ()
    )
    return CriticResult(
        critic="any",
        score=score,
        confidence=confidence,
        violations=violations,
        not_assessed=(GAP,) * gaps,
    )


def look(
    critics: Mapping[str, CriticOutcome] | None = None,
    detectors: Detectors | None = None,
    precedent: PrecedentAlignment | Abstention = NOVEL,
    *,
    domain: str = "general",
    impact: Impact = LOW,
    policy: Policy | None = None,
    settings: UncertaintySettings | None = None,
    undecoded: tuple[str, ...] = (),
) -> UncertaintyAnalysis:
    return analyse(
        critics or {},
        detectors or {},
        precedent,
        domain=domain,
        impact=impact,
        policy=policy or Policy(),
        settings=settings or UncertaintySettings(),
        undecoded=undecoded,
    )


def raised(analysis: UncertaintyAnalysis) -> set[tuple[str, int]]:
    return {(item.clause, item.tier) for item in analysis.escalations}


# -- what is harmless stays low -------------------------------------------------------------------


def test_a_harmless_text_and_an_empty_store() -> None:
    calm = look(
        {"rights": result(), "risk": result(0.05, 0.6)},
        {"injection": DetectorResult(detector="injection", score=0.01)},
    )
    assert calm.overall == 0.0
    assert (calm.reasons, calm.escalations) == ((), ())
    assert set(calm.parts) == {
        "gaps", "faults", "coverage", "doubt", "ambiguity", "conflict", "novelty"
    }  # fmt: skip


def test_one_gap_alone_stays_low_and_escalates_nothing() -> None:
    analysis = look({"truth": result(gaps=1)})
    assert analysis.overall == pytest.approx(0.1)
    assert analysis.escalations == ()
    assert analysis.reasons == ("truth did not assess the quoted figures: no-evidence.",)


# -- each threshold can be reached ----------------------------------------------------------------


def test_u1_for_gaps_under_high_impact_names_each_of_them() -> None:
    detectors = {
        "secrets": DetectorResult(detector="secrets", score=0.0, not_assessed=(GAP,)),
    }
    analysis = look(
        {"truth": result(gaps=1), "risk": result()},
        detectors,
        KNOWN,
        impact=HIGH,
        undecoded=("base64: nested deeper than 2",),
    )
    assert raised(analysis) == {("U1", 2)}
    assert analysis.escalations[0].rationale == (
        "not assessed: detector:secrets: the quoted figures (no-evidence); "
        "truth: the quoted figures (no-evidence); scan: the base64 view (nested deeper than 2)"
    )
    assert analysis.parts["gaps"] == 3


def test_u1_for_gaps_wherever_the_policy_says_so() -> None:
    critics = {"truth": result(gaps=1)}
    assert raised(look(critics, policy=Policy(gaps="escalate"))) == {("U1", 2)}
    assert raised(look({"truth": result()}, policy=Policy(gaps="escalate"))) == set()


@pytest.mark.parametrize("undecoded", ["", "base64", "a: b: c"])
def test_whatever_the_scan_left_out_is_a_gap(undecoded: str) -> None:
    assert look(undecoded=(undecoded,)).parts["gaps"] == 1


@pytest.mark.parametrize(
    ("critics", "precedent"),
    [
        # Two voices lost.
        ({"a": LOST, "b": LOST}, KNOWN),
        # One voice lost, and nothing like it known.
        ({"a": LOST}, NOVEL),
        # Recall itself lost.
        ({}, Abstention(voice="recall", reason="raised")),
        # A violation that could be scored either way.
        ({"a": result(0.5, severity=1)}, KNOWN),
        # An objection that its critic hardly trusts, and nothing like it known.
        ({"a": result(0.99, 0.3, severity=3)}, NOVEL),
        # An objection by the score alone, that its critic trusts not at all.
        ({"a": result(1.0, 0.0)}, KNOWN),
        # Like cases decided one way and the other.
        ({}, PrecedentAlignment(novel=False, novelty=0.0, conflict=1.0)),
        # Many gaps.
        ({"a": result(gaps=7)}, KNOWN),
    ],
)
def test_u2_can_be_reached_in_many_ways(
    critics: Mapping[str, CriticOutcome], precedent: PrecedentAlignment | Abstention
) -> None:
    analysis = look(critics, precedent=precedent, impact=HIGH)
    assert ("U2", 3) in raised(analysis)
    said = next(item.rationale for item in analysis.escalations if item.clause == "U2")
    assert HIGH.reasons[0] in said
    assert ("U2", 3) not in raised(look(critics, precedent=precedent))


def test_high_impact_alone_is_no_u2() -> None:
    analysis = look({"a": result()}, impact=HIGH)
    assert analysis.overall == pytest.approx(0.3)
    assert analysis.escalations == ()


def test_u3_outside_the_validated_domains() -> None:
    analysis = look(domain="astrology")
    assert raised(analysis) == {("U3", 3)}
    assert analysis.reasons == ("The panel was not validated in the domain 'astrology'.",)
    assert raised(look(domain="healthcare")) == set()


# -- the formula ----------------------------------------------------------------------------------


def test_the_formula_as_documented() -> None:
    analysis = look(
        {"a": result(0.9, 0.6, severity=2, gaps=2), "b": LOST, "c": result(0.49, 0.0)},
        {"d": Abstention(voice="detector:d", reason="raised")},
        PrecedentAlignment(novel=False, novelty=0.2, conflict=0.3),
        impact=HIGH,
    )
    coverage = 1 - 0.9**2 * 0.6**2
    epistemic = 1 - (1 - coverage) * (1 - 0.5 * 0.4) * (1 - 0.3 * 0.2)
    aleatoric = binary_entropy(0.9)
    assert analysis.parts["coverage"] == pytest.approx(coverage)
    assert analysis.parts["doubt"] == pytest.approx(0.4)
    assert analysis.parts["ambiguity"] == pytest.approx(aleatoric)
    assert analysis.parts["conflict"] == pytest.approx(0.3)
    assert analysis.parts["novelty"] == pytest.approx(0.2)
    assert analysis.epistemic == pytest.approx(epistemic)
    assert analysis.aleatoric == pytest.approx(aleatoric)
    assert analysis.overall == pytest.approx(1 - (1 - epistemic) * (1 - 0.5 * aleatoric))
    assert "b gave no usable answer: deadline." in analysis.reasons
    assert "detector:d gave no usable answer: raised." in analysis.reasons


@pytest.mark.parametrize(("share", "bits"), [(0.0, 0.0), (0.5, 1.0), (1.0, 0.0), (0.25, 0.811278)])
def test_binary_entropy(share: float, bits: float) -> None:
    assert binary_entropy(share) == pytest.approx(bits, abs=1e-6)


@given(share=st.floats(0.0, 1.0))
def test_binary_entropy_stays_in_its_range(share: float) -> None:
    assert 0.0 <= binary_entropy(share) <= 1.0


# -- rule 3: what is added never lowers anything --------------------------------------------------

unit = st.floats(0.0, 1.0)
results = st.builds(
    result, unit, unit, severity=st.sampled_from((0, 1, 2, 3)), gaps=st.integers(0, 3)
)
lost = st.sampled_from(("raised", "deadline", "late", "malformed", "broken", "overload")).map(
    lambda reason: Abstention(voice="any", reason=reason)  # type: ignore[arg-type] # one of its reasons
)
panels = st.dictionaries(st.sampled_from("abcdefgh"), results | lost, max_size=6)
testimony = st.builds(
    DetectorResult,
    detector=st.just("any"),
    score=unit,
    not_assessed=st.integers(0, 2).map(lambda count: (GAP,) * count),
)
detector_panels = st.dictionaries(st.sampled_from("stuv"), testimony | lost, max_size=3)
histories = lost | st.builds(PrecedentAlignment, novelty=unit, conflict=unit)
situations = st.fixed_dictionaries(
    {
        "domain": st.sampled_from(("general", "healthcare", "astrology")),
        "impact": st.sampled_from((LOW, HIGH)),
        "policy": st.sampled_from((Policy(), Policy(gaps="escalate"))),
        "settings": st.builds(UncertaintySettings, high=unit),
    }
)


def assert_only_more(before: UncertaintyAnalysis, after: UncertaintyAnalysis) -> None:
    assert after.overall >= before.overall
    assert after.epistemic >= before.epistemic
    assert after.aleatoric >= before.aleatoric
    assert raised(after) >= raised(before)


@given(
    case=situations,
    critics=panels,
    detectors=detector_panels,
    history=histories,
    more=panels,
    more_detectors=detector_panels,
    undecoded=st.lists(st.sampled_from(("base64: too deep", "hex: cut")), max_size=3).map(tuple),
)
def test_more_voices_never_lower_anything(
    case: dict[str, object],
    critics: dict[str, CriticOutcome],
    detectors: dict[str, DetectorResult | Abstention],
    history: PrecedentAlignment | Abstention,
    more: dict[str, CriticOutcome],
    more_detectors: dict[str, DetectorResult | Abstention],
    undecoded: tuple[str, ...],
) -> None:
    before = look(critics, detectors, history, **case)  # type: ignore[arg-type] # the strategy's own fields
    after = look(
        {**more, **critics},
        {**more_detectors, **detectors},
        history,
        undecoded=undecoded,
        **case,  # type: ignore[arg-type] # the strategy's own fields
    )
    assert_only_more(before, after)
    assert 0.0 <= before.overall <= 1.0


@given(
    case=situations,
    critics=panels,
    history=histories,
    own=results,
    violation=st.sampled_from((1, 2, 3)),
)
def test_more_in_one_result_never_lowers_anything(
    case: dict[str, object],
    critics: dict[str, CriticOutcome],
    history: PrecedentAlignment | Abstention,
    own: CriticResult,
    violation: int,
) -> None:
    added = CriticViolation(clause="D2", severity=violation, rationale="it belittles")  # type: ignore[arg-type] # 1 to 3
    more = CriticResult(
        critic=own.critic,
        score=own.score,
        confidence=own.confidence,
        violations=(*own.violations, added),
        not_assessed=(*own.not_assessed, GAP),
    )
    before = look({**critics, "x": own}, precedent=history, **case)  # type: ignore[arg-type] # the strategy's own fields
    after = look({**critics, "x": more}, precedent=history, **case)  # type: ignore[arg-type] # as above
    assert_only_more(before, after)


@given(case=situations, critics=panels, detectors=detector_panels, history=histories)
def test_a_signal_or_higher_impact_never_lowers_anything(
    case: dict[str, object],
    critics: dict[str, CriticOutcome],
    detectors: dict[str, DetectorResult | Abstention],
    history: PrecedentAlignment | Abstention,
) -> None:
    signal = DetectorSignal(detector="s", category="secret", severity=3)
    before = look(critics, detectors, history, **(case | {"impact": LOW}))  # type: ignore[arg-type] # the strategy's own fields
    speaking = {
        name: evolve(outcome, signals=(*outcome.signals, signal))
        if isinstance(outcome, DetectorResult)
        else outcome
        for name, outcome in detectors.items()
    }
    after = look(critics, speaking, history, **(case | {"impact": HIGH}))  # type: ignore[arg-type] # as above
    assert_only_more(before, after)


@given(case=situations, critics=panels, history=st.builds(PrecedentAlignment, novelty=unit))
def test_losing_the_store_is_never_better_than_finding_it_empty(
    case: dict[str, object], critics: dict[str, CriticOutcome], history: PrecedentAlignment
) -> None:
    lost_store = Abstention(voice="recall", reason="broken")
    before = look(critics, precedent=history, **case)  # type: ignore[arg-type] # the strategy's own fields
    after = look(critics, precedent=lost_store, **case)  # type: ignore[arg-type] # as above
    assert_only_more(before, after)


@given(case=situations, critics=panels, history=histories)
def test_the_order_of_the_panel_does_not_count(
    case: dict[str, object],
    critics: dict[str, CriticOutcome],
    history: PrecedentAlignment | Abstention,
) -> None:
    backwards = dict(reversed(critics.items()))
    one = look(critics, precedent=history, **case)  # type: ignore[arg-type] # the strategy's own fields
    other = look(backwards, precedent=history, **case)  # type: ignore[arg-type] # as above
    assert one == other
