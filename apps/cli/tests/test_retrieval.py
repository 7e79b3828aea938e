"""`eleanor bench precedents`: a store of one's own for each set, asked by words, vectors and both."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from eleanor_cli.app import app
from eleanor_cli.retrieval.measures import (
    MEASURES,
    ndcg_at,
    reach_of,
    recall_at,
    reciprocal_rank,
    rows_of,
)

CHOSEN = ["precedents/sqlite", "embedders/hashing", "backends/numpy"]
CANDIDATES = {"a": "Rent out the hall.", "b": "Sell the list of members.", "c": "Close the door."}


def query(number: int, text: str, *relevant: str, **context: object) -> dict[str, object]:
    candidates = [{"id": name, "text": said} for name, said in CANDIDATES.items()]
    whole = {"candidates": candidates, "relevant": relevant, **context}
    return {"id": f"q{number}", "text": text, "context": whole}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Write lines into a set, measure it, and return code, output and errors."""
    for name in [name for name in os.environ if name.startswith("ELEANOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ELEANOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ELEANOR_PLUGINS__EXACT", json.dumps(CHOSEN))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)

    def call(*lines: object, arguments: tuple[str, ...] = ()) -> tuple[int, str, str]:
        Path("set.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        with pytest.raises(SystemExit) as ended:
            app(["bench", "precedents", "set.jsonl", *arguments])
        return (ended.value.code or 0, *capfd.readouterr())

    yield call
    structlog.reset_defaults()


def test_what_is_found_is_measured_and_the_home_stays_empty(bench, tmp_path):
    code, out, err = bench(
        query(1, "selling lists", "b"),
        query(2, "zebra", "a"),
        query(3, "Rent out the hall.", "c"),
        arguments=("--json", "report.json"),
    )
    assert (code, err) == (0, "eleanor: set: 3 queries\n")
    assert not (tmp_path / "home" / "precedents").exists()
    report = json.loads(Path("report.json").read_text())
    assert report["schema"] == "eleanor-precedents/1"
    assert report["encoder_id"] == "hashing-256-v1"
    # The third query's own text is among its candidates, and left out.
    assert report["data"][0] | {"sha256": ""} == {
        "name": "set", "file": "set.jsonl", "sha256": "", "queries": 3, "candidates": 8,
    }  # fmt: skip
    by = {
        row["by"]: {key: item["value"] for key, item in row["figures"].items()}
        for row in report["rows"]
    }
    assert list(by) == ["words", "vectors", "both"]
    # Words find the first alone; the third shares "the" with its candidate.
    assert by["words"]["recall_at_1"] == pytest.approx(2 / 3)
    assert by["words"]["mrr"] == pytest.approx(2 / 3)
    assert by["words"]["mrr_over_words"] == 0.0
    assert by["vectors"]["recall_at_10"] == 1.0
    assert by["both"]["mrr_over_words"] == pytest.approx(by["both"]["mrr"] - 2 / 3)
    (reach,) = report["similarities"]
    assert (reach["name"], reach["threshold"], reach["unlike"]) == ("set", 0.6, 0.0)
    assert "a similarity of 0.60 is reached by" in out
    assert "MRR" in out
    assert "hashing-256-v1" in out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ([], "set.jsonl, line 1: must be an object with id, text and context"),
        (query(1, ""), "line 1: text must be a string with something in it"),
        (query(1, "x"), "line 1: context.relevant must name candidates, at least one"),
        (query(1, "x", "z"), "line 1: context.relevant must name candidates, at least one"),
        (query(1, "x", "a", candidates=[]), "line 1: context.candidates must be a list of objects"),
        (query(1, "x", "a", candidates=[7]), "line 1: a candidate must be an object, got 7"),
    ],
)
def test_a_bad_line_ends_it_before_anything_runs(bench, line, said):
    code, out, err = bench(line)
    assert (code, out) == (2, "")
    assert said in err


def test_what_cannot_be_measured_is_said(bench, monkeypatch):
    assert bench()[0] == 2
    lines = [query(1, "selling lists", "b")]
    assert "is one of the data files" in bench(*lines, arguments=("--json", "set.jsonl"))[2]
    twice = bench(*lines, *lines)
    assert (twice[0], "stands in an earlier line" in twice[2]) == (2, True)
    monkeypatch.setenv("ELEANOR_PLUGINS__EXACT", json.dumps(["precedents/memory", *CHOSEN[1:]]))
    code, _, err = bench(*lines)
    assert (code, "takes no import" in err) == (1, True)


def test_worked_figures():
    found, like = ["x", "a", "y", "b"], {"a", "b", "z"}
    assert recall_at(2)(found, like) == pytest.approx(1 / 3)
    assert reciprocal_rank(found, like) == 0.5
    best = 1 + 1 / math.log2(3) + 1 / 2
    assert ndcg_at(10)(found, like) == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / best)
    assert reciprocal_rank(found, {"q"}) == 0.0


def test_what_a_similarity_means():
    found = [{"a": 0.9, "b": 0.7, "c": 0.2}, {"c": 0.8, "a": 0.1, "b": 0.1}, {"b": 0.3, "a": 0.2}]
    reach = reach_of("set", found, [{"a"}, {"a"}, {"b"}], 0.6)
    assert (reach.like, reach.unlike) == (1 / 3, 2 / 5)
    assert (reach.right, reach.reached) == (0.5, 2)
    assert reach_of("set", found, [{"a"}, {"a"}, {"b"}], 0.95).right is None


@given(st.permutations("abcdefgh"), st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_figures_lie_in_the_unit_and_are_1_where_all_that_is_like_comes_first(order, like):
    for measure in MEASURES.values():
        assert 0.0 <= measure(order, like) <= 1.0 + 1e-12
    best = sorted(order, key=lambda name: name not in like)
    assert ndcg_at(10)(best, like) == pytest.approx(1.0)
    assert reciprocal_rank(best, like) == 1.0
    (row,) = rows_of("set", {"words": [best]}, [like])
    assert row.over_words.value == 0.0
