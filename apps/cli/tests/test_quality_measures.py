"""The figures: worked examples, and each by its definition on whatever Hypothesis draws."""

from __future__ import annotations

import random
from collections import Counter
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_cli.quality.bootstrap import intervals
from eleanor_cli.quality.figures import FIGURES
from eleanor_cli.quality.measures import bins, levels, measure, pair_outcomes
from eleanor_cli.quality.tally import ENDS, Cell, Tally

FEW_TURNS = settings(max_examples=60, deadline=None)


def tally(scores, labels, threshold=0.5):
    return Tally.of(
        Cell(score, label, score >= threshold, "allow", whole=True)
        for score, label in zip(scores, labels, strict=True)
    )


scored = st.lists(st.tuples(st.integers(0, 8).map(lambda n: n / 8), st.integers(0, 1)), min_size=1)
"""Texts as (score, label), with many ties."""

both_labels = scored.filter(lambda texts: {label for _, label in texts} == {0, 1})

cells = st.lists(
    st.builds(
        Cell,
        score=st.integers(0, 4).map(lambda n: n / 4),
        label=st.integers(0, 1),
        objects=st.booleans(),
        decision=st.sampled_from(ENDS),
        whole=st.booleans(),
    ),
    min_size=1,
    max_size=60,
)


# -- worked examples ------------------------------------------------------------------------------


def test_five_texts_by_hand():
    of = measure(tally([0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 1, 0], threshold=0.65))
    assert of["auroc"] == pytest.approx(4 / 6)  # 0.9 is above both, 0.7 and 0.6 above one
    assert of["average_precision"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)
    assert of["recall_at_1_fpr"] == pytest.approx(1 / 3)  # the next threshold lets 0.8 in
    assert of["precision"] == pytest.approx(2 / 3)
    assert of["recall"] == pytest.approx(2 / 3)
    assert of["f1"] == pytest.approx(2 / 3)
    assert of["false_alarms"] == pytest.approx(1 / 2)
    assert of["brier"] == pytest.approx((0.01 + 0.64 + 0.09 + 0.16 + 0.25) / 5)
    assert of["ece"] == pytest.approx((0.1 + 0.8 + 0.3 + 0.4 + 0.5) / 5)  # five bins of one


def test_ties_count_half_and_go_over_the_threshold_together():
    of = measure(tally([0.7, 0.7, 0.7, 0.2], [1, 0, 1, 0]))
    assert of["auroc"] == pytest.approx((2 * 0.5 + 2) / 4)
    assert of["average_precision"] == pytest.approx(2 / 3)
    assert of["recall_at_5_fpr"] == 0.0  # no threshold parts the three


def test_recall_at_a_share_of_false_positives_allows_just_that_share():
    scores = [0.9] * 10 + [0.8] + [0.7] * 10 + [0.1] * 99
    labels = [1] * 10 + [0] + [1] * 10 + [0] * 99
    of = measure(tally(scores, labels))
    assert of["recall_at_1_fpr"] == 1.0  # 1 of 100 is 1 %
    of = measure(tally(scores[:-1], labels[:-1]))
    assert of["recall_at_1_fpr"] == 0.5  # 1 of 99 is more
    assert of["recall_at_5_fpr"] == 1.0


def test_calibration_error_of_two_known_halves():
    # 100 texts at 0.2 of which 20 are right: 0. 100 at 0.9 of which 60 are right: off by 0.3.
    found = tally([0.2] * 100 + [0.9] * 100, [1] * 20 + [0] * 80 + [1] * 60 + [0] * 40)
    of = measure(found)
    # Every bin but the one over the border is pure; that one has both errors in it, of one sign.
    assert of["ece"] == pytest.approx(0.15)
    assert [item.texts for item in bins(levels(found.cells, found.counts))] == [13, 13, 14] * 5


@pytest.mark.parametrize(
    ("label", "known"),
    [
        (1, {"recall", "coverage", "stopped_1", *(f"{end}_1" for end in ENDS)}),
        (0, {"false_alarms", "coverage", "stopped_0", *(f"{end}_0" for end in ENDS)}),
    ],
)
def test_one_label_leaves_the_rest_unknown(label, known):
    of = measure(tally([0.9, 0.1], [label, label]))
    assert {key for key, value in of.items() if value is not None} == known


def test_a_judge_that_never_objects_has_recall_but_no_precision():
    of = measure(tally([0.1, 0.2], [0, 1]))
    assert (of["precision"], of["recall"], of["f1"]) == (None, 0.0, 0.0)


def test_decisions_and_coverage_are_shares_of_their_label():
    texts = [
        Cell(0.9, 1, True, "deny", whole=True),
        Cell(0.7, 1, True, "review", whole=False),
        Cell(0.1, 1, False, "allow", whole=True),
        Cell(0.1, 0, False, "allow", whole=True),
        Cell(0.6, 0, True, "constrain", whole=True),
    ]
    of = measure(Tally.of(texts))
    assert of["coverage"] == 0.8
    assert [of[f"{end}_1"] for end in ENDS] == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3])
    assert [of[f"{end}_0"] for end in ENDS] == [0.5, 0.5, 0, 0]
    assert (of["stopped_0"], of["stopped_1"]) == (0, pytest.approx(2 / 3))


def test_pairs_in_order_ties_and_strays():
    outcomes = pair_outcomes(
        [
            [(0.9, 1), (0.1, 0)],
            [(0.1, 1), (0.9, 0)],
            [(0.5, 1), (0.5, 0)],
            [(0.9, 1)],
            [(0.9, 1), (0.8, 1), (0.85, 0)],
        ]
    )
    assert outcomes == [1, 0, 0.5, 0.5]
    assert measure(tally([0.1], [1]), outcomes)["pairwise"] == 0.5


def test_every_figure_has_a_name_and_a_meaning():
    assert set(measure(tally([0.5], [1]))) == set(FIGURES)


# -- by definition --------------------------------------------------------------------------------


@FEW_TURNS
@given(both_labels)
def test_auroc_is_the_probability_of_the_right_order(texts):
    ones = [score for score, label in texts if label]
    zeros = [score for score, label in texts if not label]
    order = [(one > zero) + (one == zero) / 2 for one in ones for zero in zeros]
    assert measure(tally(*zip(*texts, strict=True)))["auroc"] == pytest.approx(fmean(order))


@FEW_TURNS
@given(both_labels)
def test_average_precision_and_recall_at_a_share_by_trying_every_threshold(texts):
    positives = sum(label for _, label in texts)
    negatives = len(texts) - positives
    average = before = 0.0
    best = {1: 0.0, 5: 0.0}
    for threshold in sorted({score for score, _ in texts}, reverse=True):
        above = [label for score, label in texts if score >= threshold]
        recall = sum(above) / positives
        average += (recall - before) * sum(above) / len(above)
        before = recall
        for share in best:
            if (len(above) - sum(above)) / negatives <= share / 100:
                best[share] = recall
    of = measure(tally(*zip(*texts, strict=True)))
    assert of["average_precision"] == pytest.approx(average)
    assert (of["recall_at_1_fpr"], of["recall_at_5_fpr"]) == pytest.approx((best[1], best[5]))


@FEW_TURNS
@given(both_labels)
def test_calibration_error_by_laying_the_texts_out(texts):
    at = {score: [label for other, label in texts if other == score] for score, _ in texts}
    laid = sorted((score, fmean(at[score])) for score, _ in texts)
    size, count = len(laid), min(15, len(laid))
    cuts = [laid[size * i // count : size * (i + 1) // count] for i in range(count)]
    error = sum(
        len(cut) / size * abs(fmean(y for _, y in cut) - fmean(s for s, _ in cut)) for cut in cuts
    )
    of = measure(tally(*zip(*texts, strict=True)))
    assert of["ece"] == pytest.approx(error)
    assert of["brier"] == pytest.approx(fmean((score - label) ** 2 for score, label in texts))


RANKING = ("auroc", "average_precision", "recall_at_1_fpr", "recall_at_5_fpr")


@FEW_TURNS
@given(both_labels, st.lists(st.floats(0, 1), min_size=9, max_size=9, unique=True))
def test_only_the_order_of_the_scores_decides_the_ranking(texts, other_scores):
    scores, labels = zip(*texts, strict=True)
    rising = sorted(other_scores)
    moved = [rising[round(score * 8)] for score in scores]
    before, after = measure(tally(scores, labels)), measure(tally(moved, labels))
    assert [after[key] for key in RANKING] == [before[key] for key in RANKING]


@FEW_TURNS
@given(both_labels)
def test_turning_the_scores_round_turns_the_auroc_round(texts):
    scores, labels = zip(*texts, strict=True)
    turned = measure(tally([1 - score for score in scores], labels))["auroc"]
    assert turned == pytest.approx(1 - measure(tally(scores, labels))["auroc"])


@FEW_TURNS
@given(cells, st.randoms())
def test_the_order_of_the_texts_changes_nothing(texts, chance):
    shuffled = chance.sample(texts, len(texts))
    assert measure(Tally.of(shuffled)) == measure(Tally.of(texts))


@FEW_TURNS
@given(cells)
def test_figures_are_shares_and_decisions_add_up(texts):
    of = measure(Tally.of(texts))
    assert all(value is None or 0 <= value <= 1 for value in of.values())
    for label in (0, 1):
        ends = [of[f"{end}_{label}"] for end in ENDS]
        if None not in ends:
            assert sum(ends) == pytest.approx(1)
            assert of[f"stopped_{label}"] == pytest.approx(sum(ends[2:]))


# -- intervals ------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(cells, st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=20))
def test_an_interval_holds_its_figure_and_stays_a_share(texts, pairs):
    found = Tally.of(texts)
    of = measure(found, pairs)
    ranges = intervals(found, pairs, resamples=40)
    assert ranges == intervals(found, pairs, resamples=40)
    for key, (low, high) in ranges.items():
        assert of[key] is not None
        assert 0 <= low <= of[key] <= high <= 1


def test_intervals_have_about_the_width_that_theory_gives():
    # A share of 0.3 of 400 texts: standard error sqrt(0.3 * 0.7 / 400) = 0.0229.
    texts = [Cell(0.9, 1, True, "deny", whole=True)] * 120
    texts += [Cell(0.1, 1, False, "allow", whole=True)] * 280
    low, high = intervals(Tally.of(texts))["recall"]
    assert low == pytest.approx(0.3 - 1.96 * 0.0229, abs=0.006)
    assert high == pytest.approx(0.3 + 1.96 * 0.0229, abs=0.006)


@pytest.mark.long
def test_the_interval_of_auroc_covers_the_truth_about_as_often_as_it_says():
    # Scores uniform on [0, 1] for label 0 and on [0.25, 1.25] for label 1: AUROC 1 - 0.75^2 / 2.
    truth = 1 - 0.75**2 / 2
    chance = random.Random(7)
    covered = 0
    for _ in range(60):
        labels = [0] * 40 + [1] * 40
        scores = [(chance.random() + 0.25 * label) / 1.25 for label in labels]
        low, high = intervals(tally(scores, labels), resamples=200)["auroc"]
        covered += low <= truth <= high
    assert 51 <= covered <= 60  # 57 expected; fewer than 51 has a chance of 1 in 200


def test_none_of_n_is_not_certainty():
    texts = [Cell(0.1, 0, False, "allow", whole=True)] * 100
    found = intervals(Tally.of(texts))
    # Clopper and Pearson: 1 - 0.025^(1/100).
    assert found["false_alarms"] == (0.0, pytest.approx(0.0362, abs=1e-4))
    assert found["allow_0"] == (pytest.approx(0.9638, abs=1e-4), 1.0)


def test_a_tally_keeps_what_counts_and_nothing_else():
    texts = [Cell(0.1, 0, False, "allow", whole=True)] * 3 + [Cell(0.9, 1, True, "deny", True)]
    found = Tally.of(texts)
    assert Counter(dict(zip(found.cells, found.counts, strict=True))) == Counter(texts)
    assert (found.texts, found.labelled(0), found.labelled(1)) == (4, 3, 1)
