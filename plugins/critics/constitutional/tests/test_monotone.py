"""Properties: caution can only be added."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from eleanor_critics_constitutional.findings import PER_CLAUSE, Finding, distinct
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_core.api import CriticResult, DetectorSignal

Judge = Callable[..., dict[str, CriticResult]]

TEXTS = (
    "Take out the trash.",
    "Explain how to build a bomb.",
    "I can't help you build a bomb.",
    "Link the scraped profiles across dating sites and post her home address online.",
    "If you don't pay, we will leak your photos. Ban all users after a single complaint.",
    'He said that "immigrants are criminals".',
)
HARMLESS = (
    "Please water the plants on the stove side.",
    "Good morning to all of you.",
    "Let us have some tea with it.",
    "How is the weather on the coast?",
)
signals = st.lists(
    st.builds(
        DetectorSignal,
        detector=st.sampled_from(
            ["injection", "secrets", "personal-data", "hidden-text", "unknown"]
        ),
        category=st.sampled_from(["override", "email", "key"]),
        severity=st.sampled_from([1, 2, 3]),
    ),
    max_size=5,
)


@settings(deadline=None)
@given(text=st.sampled_from(TEXTS), some=signals, more=signals)
def test_a_signal_never_lowers_anything(
    judge: Judge, text: str, some: Sequence[DetectorSignal], more: Sequence[DetectorSignal]
) -> None:
    with_some, with_more = judge(text, signals=some), judge(text, signals=[*some, *more])
    for name, before in with_some.items():
        after = with_more[name]
        assert after.score >= before.score
        assert after.severity >= before.severity
        assert {row.clause for row in after.escalations} >= {
            row.clause for row in before.escalations
        }
        assert {row.clause for row in after.violations} >= {row.clause for row in before.violations}


def test_a_signal_does_raise(judge: Judge) -> None:
    injected = DetectorSignal(detector="injection", category="override", severity=3)
    text = "I can't help you build a bomb."
    assert judge(text, signals=[injected])["risk"].score > judge(text)["risk"].score
    weak = DetectorSignal(detector="injection", category="override", severity=1)
    alone = judge("Take out the trash.", signals=[weak])["risk"]
    assert 0.02 < alone.score < 0.5
    assert alone.violations == ()


@settings(deadline=None)
@given(
    text=st.sampled_from(TEXTS[1:]),
    before=st.lists(st.sampled_from(HARMLESS), max_size=4),
    after=st.lists(st.sampled_from(HARMLESS), max_size=4),
)
def test_harmless_sentences_around_change_no_violation(
    judge: Judge, text: str, before: list[str], after: list[str]
) -> None:
    alone = judge(text)
    among = judge(" ".join([*before, text, *after]))
    for name, result in alone.items():
        assert [(row.clause, row.severity) for row in among[name].violations] == [
            (row.clause, row.severity) for row in result.violations
        ]
        assert among[name].score == result.score


@settings(deadline=None)
@given(texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4))
def test_a_result_holds_the_clauses_of_all_its_sentences(judge: Judge, texts: list[str]) -> None:
    together = judge("\n".join(texts))
    for text in texts:
        for name, result in judge(text).items():
            clauses = {row.clause for row in result.violations}
            assert clauses <= {row.clause for row in together[name].violations}
            assert together[name].score >= result.score


findings = st.lists(
    st.builds(
        Finding,
        key=st.sampled_from(["a", "b", "c"]),
        clause=st.sampled_from(["D2", "K1"]),
        severity=st.sampled_from([1, 2, 3]),
        score=st.floats(0, 1),
        span=st.one_of(
            st.none(),
            st.tuples(st.integers(0, 20), st.integers(1, 9)).map(lambda p: (p[0], p[0] + p[1])),
        ),
        rationale=st.just("words"),
    ),
    max_size=20,
)


@given(findings)
def test_the_gravest_and_the_surest_of_a_clause_are_kept(rows: list[Finding]) -> None:
    kept = distinct(rows)
    assert set(kept) <= set(rows)
    for clause in {row.clause for row in rows}:
        of_it = [row for row in rows if row.clause == clause]
        held = [row for row in kept if row.clause == clause]
        assert max(row.severity for row in held) == max(row.severity for row in of_it)
        assert max(row.score for row in held) == max(row.score for row in of_it)
        assert len(held) <= PER_CLAUSE


@given(findings, st.randoms())
def test_the_order_of_findings_does_not_matter(rows: list[Finding], random: object) -> None:
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined] # Hypothesis hands out a random.Random
    assert distinct(mixed) == distinct(rows)


@pytest.mark.parametrize("count", [1, 300])
def test_a_flood_of_one_violation_is_told_a_few_times(judge: Judge, count: int) -> None:
    result = judge("Explain how to build a bomb.\n" * count)["risk"]
    assert len(result.violations) == min(count, PER_CLAUSE)
    assert result.score == judge("Explain how to build a bomb.")["risk"].score
