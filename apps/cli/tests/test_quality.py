"""`eleanor bench quality`, run as people run it, with a stranger's critic whose words decide."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from eleanor_cli.faults import UsageError
from eleanor_cli.options import Options
from eleanor_cli.quality.command import Request, quality
from eleanor_cli.quality.judges import Panel
from eleanor_cli.quality.run import judge_set
from eleanor_cli.quality.sets import check_sets
from eleanor_core.api import CriticDeclaration, CriticResult, hookimpl
from eleanor_core.engine import EleanorEngine


def record(number, text, label, critic="stranger", **others):
    return {"id": f"r{number}", "text": text, "critic": critic, "label": label} | others


@pytest.fixture
def mixed(write):
    """Ten texts: the critic finds three of the four that it should, and minds one of the rest."""
    texts = [("grave", 1), ("worrying", 1), ("unfair", 1), ("subtle", 1), ("unfair", 0)]
    texts += [("fine", 0)] * 5
    return write(
        "mixed.jsonl",
        *(record(i, f"a {word} text", label) for i, (word, label) in enumerate(texts)),
    )


def figures(eleanor, *arguments, row=0):
    ran = eleanor("bench", "quality", *map(str, arguments), "--json", "report.json")
    assert ran.code == 0, ran.err
    report = json.loads((eleanor.work / "report.json").read_text())
    return {key: item["value"] for key, item in report["rows"][row]["figures"].items()}, report


def test_the_figures_of_ten_texts(eleanor, mixed):
    of, report = figures(eleanor, mixed)
    # Scores: 0.95, 0.7, 0.55 and 0.02 with label 1; 0.55 and five times 0.02 with label 0.
    assert of["auroc"] == pytest.approx((6 + 6 + 5.5 + 2.5) / 24)
    assert of["average_precision"] == pytest.approx((1 + 1 + 3 / 4 + 4 / 10) / 4)
    assert of["recall_at_1_fpr"] == 0.5
    assert (of["precision"], of["recall"], of["f1"]) == (0.75, 0.75, 0.75)
    assert (of["false_alarms"], of["coverage"]) == (pytest.approx(1 / 6), 1)
    assert [of[f"{end}_1"] for end in ("allow", "constrain", "review", "deny")] == [0.25] * 4
    assert (of["stopped_0"], of["stopped_1"], of["pairwise"]) == (0, 0.5, None)
    (row,) = report["rows"]
    assert (row["name"], row["texts"], row["labels"]) == ("mixed", 10, {"0": 6, "1": 4})
    assert row["judge"] == {"part": "critic", "name": "stranger", "threshold": 0.5, "note": ""}
    assert row["few"] is True
    assert row["voices"]["critics/stranger"] == {"0": pytest.approx(1 / 6), "1": 0.75}
    assert sum(row["histogram"]["1"]) == 4
    auroc = row["figures"]["auroc"]
    assert auroc["low"] <= auroc["value"] <= auroc["high"]
    assert row["figures"]["ece"]["low"] is None


def test_the_report_says_what_it_rests_on(eleanor, mixed):
    _, report = figures(eleanor, mixed, "--kind", "prompt")
    assert report["schema"] == "eleanor-quality/1"
    assert (report["kind"], report["limit"], report["resamples"]) == ("prompt", None, 1000)
    versions = report["versions"]
    assert versions["plugins"]["critics/stranger"] == "eleanor-stranger 1.2.3"
    assert versions["core"]
    assert report["data"][0]["records"] == report["data"][0]["judged"] == 10
    assert len(report["data"][0]["sha256"]) == len(report["settings_sha256"]) == 64
    _, again = figures(eleanor, mixed, "--kind", "prompt")
    assert again["settings_sha256"] == report["settings_sha256"]
    assert [row["figures"] for row in again["rows"]] == [row["figures"] for row in report["rows"]]


def test_the_threshold_of_the_settings_is_the_one_that_counts(eleanor, mixed):
    sets = [f"critics.stranger.thresholds.{name}=0.8" for name in ("objection", "escalation")]
    options = [part for item in sets for part in ("--set", item)]
    ran = eleanor(*options, "bench", "quality", str(mixed), "--json", "report.json")
    assert ran.code == 0, ran.err
    (row,) = json.loads((eleanor.work / "report.json").read_text())["rows"]
    assert (row["judge"]["threshold"], row["figures"]["recall"]["value"]) == (0.8, 0.25)


def test_who_is_asked_for_what_a_set_measures():
    panel = Panel(critics={"rights": 0.5, "risk": 0.4}, detectors={"personal-data": 0.5})
    judges = [panel.judge(name) for name in ("risk", "pii", "personal-data", "overrefusal")]
    assert [(judge.part, judge.name) for judge in judges] == [
        ("critic", "risk"),
        ("detector", "personal-data"),
        ("detector", "personal-data"),
        ("panel", "overrefusal"),
    ]
    assert {judge.note for judge in judges} == {""}
    unknown = panel.judge("nonsense")
    assert (unknown.part, unknown.note) == (
        "panel",
        "no critic or detector is called 'nonsense'",
    )


def test_a_name_that_nobody_bears_is_measured_by_the_panel_and_said_so(eleanor, write):
    write("odd.jsonl", record(1, "a grave text", 1, "odd"), record(2, "fine", 0, "odd"))
    of, report = figures(eleanor, "odd.jsonl")
    assert (of["auroc"], report["rows"][0]["judge"]["part"]) == (1, "panel")
    ran = eleanor("bench", "quality", "odd.jsonl")
    assert "no critic or detector is called 'odd': measured by the highest score" in ran.out


def test_several_sets_of_one_critic_are_also_taken_together(eleanor, write):
    write("bad.jsonl", record(1, "a grave text", 1), record(2, "a subtle text", 1))
    write("good.jsonl", record(1, "fine", 0), record(2, "an unfair text", 0))
    of, report = figures(eleanor, "bad.jsonl", "good.jsonl", row=2)
    assert [(row["name"], row["scope"]) for row in report["rows"]] == [
        ("bad", "set"),
        ("good", "set"),
        ("all of stranger", "all"),
    ]
    one_label = report["rows"][0]["figures"]
    assert (one_label["auroc"]["value"], one_label["recall"]["value"]) == (None, 0.5)
    assert (of["auroc"], of["precision"]) == (0.625, 0.5)
    ran = eleanor("bench", "quality", "bad.jsonl", "good.jsonl")
    bad = next(line for line in ran.out.splitlines() if line.startswith("  bad"))
    assert bad.split() == ["bad", "2", "2", *["n/a"] * 7]
    assert "0.000" not in bad


def test_a_file_that_measures_two_things_gives_two_rows(eleanor, write):
    write("two.jsonl", record(1, "a grave text", 1), record(2, "a grave text", 1, "overrefusal"))
    _, report = figures(eleanor, "two.jsonl")
    assert [row["name"] for row in report["rows"]] == ["two (stranger)", "two (overrefusal)"]


def test_gaps_and_faults_count_against_coverage_and_a_fault_objects_to_nothing(eleanor, write):
    write(
        "set.jsonl",
        record(1, "a boom text", 1),
        record(2, "a fact", 0),
        record(3, "a grave text", 1),
        record(4, "fine", 0),
    )
    of, _ = figures(eleanor, "set.jsonl")
    assert (of["coverage"], of["recall"], of["review_1"]) == (0.5, 0.5, 0.5)


def test_pairs(eleanor, write):
    pairs = [
        record(2 * i + label, f"a {word} text", label, meta={"pair": i})
        for i, words in enumerate([("fine", "grave"), ("grave", "fine"), ("fine", "fine")])
        for label, word in enumerate(words)
    ]
    write("pairs.jsonl", *pairs)
    of, report = figures(eleanor, "pairs.jsonl")
    assert (of["pairwise"], report["rows"][0]["pairs"]) == (0.5, 3)


def test_nothing_runs_if_a_line_is_bad(eleanor, write, mixed):
    write("bad.jsonl", record(1, "fine", 0), b"{not json")
    ran = eleanor("bench", "quality", str(mixed), "bad.jsonl", "--json", "report.json")
    assert ran.code == 2
    assert "bad.jsonl, line 2: not JSON" in ran.err
    assert ran.out == ""
    assert not (eleanor.work / "report.json").exists()
    assert not eleanor.home.exists()


def test_a_target_that_cannot_be_written_is_refused_first(tmp_path, mixed):
    nothing = {"json": None, "html": None, "baseline": None}
    folder = tmp_path / "none"
    for options, problem in (
        ({"json": folder / "report.json"}, f"the folder {folder} does not exist"),
        ({"html": tmp_path}, "is a folder"),
        ({"html": mixed}, "is one of the data files"),
        ({"json": tmp_path / "a", "html": tmp_path / "a"}, "name the same file"),
        ({"baseline": folder}, f"cannot read the baseline {folder}"),
        ({"baseline": mixed}, "is not a report of"),
    ):
        asked = {"data": [mixed], "kind": "answer", "limit": None, "keep_evidence": False}
        request = Request(**asked, **nothing | options)
        with pytest.raises(UsageError, match=re.escape(problem)):
            quality(Options(home=tmp_path / "home"), request)
    assert not (tmp_path / "home").exists()


def test_evidence_stays_out_of_the_home_unless_asked(eleanor, mixed):
    assert eleanor("bench", "quality", str(mixed)).code == 0
    assert not eleanor.home.exists()
    assert eleanor("bench", "quality", str(mixed), "--keep-evidence").code == 0
    kinds = [item["kind"] for item in eleanor("evidence", "list", "--json").json]
    assert kinds.count("assessment") == 10


def test_progress_goes_to_standard_error(eleanor, mixed):
    ran = eleanor("bench", "quality", str(mixed), "--limit", "4")
    assert re.search(r"mixed: 4 texts in \d+\.\d s", ran.err)
    assert "4 texts in" in ran.out


# -- against a baseline ---------------------------------------------------------------------------


@pytest.mark.long
def test_only_what_lies_beyond_the_intervals_is_marked(eleanor, write):
    words = ("grave", "fine")
    texts = [record(i, f"a {words[i % 2]} text", 1 - i % 2) for i in range(60)]
    write("set.jsonl", *texts)
    figures(eleanor, "set.jsonl")
    (eleanor.work / "report.json").rename(eleanor.work / "then.json")
    same = eleanor("bench", "quality", "set.jsonl", "--baseline", "then.json")
    assert "Differences" not in same.out
    assert "Before you compare" not in same.out
    # Most of what was found is now missed; one more text of label 0 is minded, which is chance.
    for text in texts[:40:2]:
        text["text"] = "a subtle text"
    texts[1]["text"] = "an unfair text"
    write("set.jsonl", *texts)
    now = eleanor("bench", "quality", "set.jsonl", "--baseline", "then.json", "--html", "page.html")
    assert "other texts than then: set" in now.out
    marked = now.out.partition("Differences beyond")[2]
    assert re.search(r"^-\s+set\s+recall\s+1\.000 .* 0\.333", marked, re.MULTILINE)
    assert "~  " in marked  # the decisions changed too; neither way is better by itself
    assert "false alarms" not in marked
    page = (eleanor.work / "page.html").read_text()
    assert "▼ worse" in page
    assert "other texts than then: set" in page


# -- the page -------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Which tags stand in a page, and whether all are closed in order."""

    VOID = ("meta", "br", "hr")

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.links = [], set(), []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_escapes_what_it_shows(eleanor, write, mixed):
    write("<b>&x.jsonl", record(1, "a grave text", 1, "<script>alert(1)</script>"))
    arguments = (str(mixed), "<b>&x.jsonl", "--html", "page.html")
    assert eleanor("bench", "quality", *arguments).code == 0
    page = (eleanor.work / "page.html").read_text()
    tags = Tags(page)
    assert not tags.seen & {"script", "b", "link", "img", "iframe"}
    assert all(link.startswith("#") for link in tags.links)
    assert "url(" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "&lt;b&gt;&amp;x" in page
    drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawn) == 5 + 2  # a set with one label has scores and decisions only
    for svg in drawn:
        assert ET.fromstring(svg).get("aria-label")
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


# -- what a judge gets to see ---------------------------------------------------------------------


class Spy:
    """A critic that keeps what it is shown."""

    def __init__(self):
        self.cases = []

    @hookimpl
    def eleanor_register_critics(self):
        @asynccontextmanager
        async def opened(_settings, _services):
            async def judge(case, /):
                self.cases.append(case)
                return CriticResult(critic="spy", score=0.1, confidence=0.5)

            yield judge

        return [
            CriticDeclaration(name="spy", principle="risk", clauses=frozenset(), factory=opened)
        ]


@pytest.mark.anyio
async def test_a_judge_sees_text_and_context_and_nothing_else(write, tmp_path):
    file = write(
        "set.jsonl",
        record("-hidden", "the text", 1, "spy", context={"question": "why?"}, meta={"a": "hidden"})
        | {"source": "hidden"},
    )
    spy = Spy()
    chosen = {"home": str(tmp_path), "plugins": {"exact": ["evidence/local"]}}
    async with EleanorEngine(chosen, plugins=[spy]) as engine:
        (data,) = check_sets([file], kind="prompt", limits=engine.settings.limits, limit=None)
        (sample,) = await judge_set(engine, data, "prompt", Panel.of(engine), lambda: None)
    (case,) = spy.cases
    assert (case.text, dict(case.context), case.kind) == (
        "the text",
        {"question": "why?"},
        "prompt",
    )
    assert "hidden" not in repr(case)
    ((cell, count),) = sample.cells.items()
    assert (cell.score, cell.label, count) == (0.1, 1, 1)
