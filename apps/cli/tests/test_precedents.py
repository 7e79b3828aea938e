"""`eleanor precedents`: what people decided goes in with a name and a reason, and comes out whole.

The verbs are called in this process, which is quick; the last test runs the installed command.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import structlog

from eleanor_cli.app import app

TEXT = "Sell the address list of the members."
CHOSEN = ["precedents/sqlite", "embedders/hashing", "backends/numpy"]
ADDED = (TEXT, "--decided-by", "board", "--reason", "they gave it for the letters alone")


@dataclass(frozen=True)
class Ended:
    """How a verb ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        """Standard output, which is one JSON value."""
        return json.loads(self.out)


Verb = Callable[..., Ended]


@pytest.fixture
def verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Verb]:
    """Call a verb of `eleanor precedents` with a home of its own."""
    for name in [name for name in os.environ if name.startswith("ELEANOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ELEANOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ELEANOR_PLUGINS__EXACT", json.dumps(CHOSEN))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            app(["precedents", *arguments])
        out, err = capfd.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, out, err)

    yield call
    structlog.reset_defaults()


def line(case_id: str, **fields: object) -> str:
    """Return a line of an import, every field of it, as an export writes it."""
    case = {
        "id": case_id,
        "text": f"The text of {case_id}.",
        "outcome": "deny",
        "reason": "so it was decided",
        "clauses": [],
        "domain": "general",
        "authority": "adjudicated",
        "version": 1,
        "decided_by": "board",
        "decided_at": "2026-03-31",
        "jurisdiction": "",
        "in_force": True,
        "overruled_by": "",
        **fields,
    }
    return json.dumps(case, ensure_ascii=False, separators=(",", ":"))


# -- list and show --------------------------------------------------------------------------------


def test_an_empty_store_says_so(verb: Verb) -> None:
    assert verb("list").out == "0 cases in force\n"
    assert verb("list", "--json").json == []
    assert verb("list", "--like", TEXT).out == "no case in force is near this text\n"
    assert "0 decided cases in force" in verb("drift").out


def test_a_case_is_listed_found_and_shown(verb: Verb) -> None:
    done = verb("add", "p1", *ADDED, "--outcome", "deny", "--clause", "P4", "--domain", "clubs")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("✓ added p1  ✗ DENY\n")
    listed = verb("list").out
    assert "✗ DENY" in listed
    assert "board" in listed
    assert listed.endswith("1 case in force\n")
    assert verb("list", "--clause", "P4", "--domain", "clubs", "--outcome", "deny").out == listed
    for other in (("--clause", "P1"), ("--domain", "credit"), ("--outcome", "allow")):
        assert verb("list", *other, "--json").json == []
        assert verb("list", "--like", TEXT, *other, "--json").json == []
    for by in ("vectors", "words", "both"):
        (near,) = verb("list", "--like", TEXT, "--by", by, "--clause", "P4", "--json").json
        assert near["case"]["id"] == "p1"
    assert verb("list", "--like", "zebra", "--by", "words", "--json").json == []
    assert "--by says how --like seeks" in verb("list", "--by", "words").err
    (near,) = verb("list", "--like", TEXT, "--json").json
    assert (near["case"]["id"], near["similarity"]) == ("p1", pytest.approx(1.0, abs=1e-6))
    found = verb("list", "--like", TEXT).out
    assert "✗ DENY  1.00  p1" in found
    assert "1 like case: from a similarity of 0.60" in found
    shown = verb("show", "p1").out
    for words in (
        "✗ DENY",
        TEXT,
        "they gave it for the letters alone",
        "P4 secondary use",
        "clubs",
    ):
        assert words in shown
    (version,) = verb("show", "p1", "--json").json["versions"]
    assert version["authority"] == "adjudicated"
    assert version["decided_at"].endswith("Z")


def test_an_unknown_id_offers_the_like(verb: Verb) -> None:
    verb("add", "members-list", *ADDED, "--outcome", "deny")
    for words in (("show", "member-list"), ("retire", "member-list", *ADDED[1:])):
        ran = verb(*words)
        assert (ran.code, ran.out) == (1, "")
        assert "holds no case 'member-list': is it members-list?" in ran.err
    assert verb("show", "other", "--json").json["error"]["code"] == "unknown_precedent"


# -- add and retire -------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--decided-by", "--reason"])
def test_who_answers_and_why_must_be_said(verb: Verb, option: str) -> None:
    whole = [*ADDED, "--outcome", "deny"]
    place = whole.index(option)
    without = verb("add", "p1", *whole[:place], *whole[place + 2 :])
    assert without.code == 2
    assert option in without.err
    blank = verb("add", "p1", *whole[: place + 1], "  ", *whole[place + 2 :])
    assert blank.code == 2
    assert f"{option} is empty" in blank.err
    assert verb("list", "--json").json == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--clause", "Z9"), "'Z9' is not in the clause registry"),
        (("--decided-at", "yesterday"), "decided_at must be '2026-03-31'"),
    ],
)
def test_what_is_no_case_is_refused(verb: Verb, options: tuple[str, str], said: str) -> None:
    ran = verb("add", "p1", *ADDED, "--outcome", "deny", *options)
    assert ran.code == 2
    assert said in ran.err


def test_a_conflict_is_refused_until_it_is_settled(verb: Verb) -> None:
    verb("add", "p1", *ADDED, "--outcome", "deny")
    ruling = ("add", "p2", *ADDED, "--outcome", "allow")
    ran = verb(*ruling)
    assert (ran.code, ran.out) == (2, "")
    assert "would conflict with p1 (deny, similarity 1.00)" in ran.err
    assert "--overrules p1" in ran.err
    assert len(verb("list", "--json").json) == 1

    settled = verb(*ruling, "--overrules", "p1")
    assert settled.code == 0
    assert "✓ retired p1, version 2" in settled.out
    (standing,) = verb("list", "--json").json
    assert standing["id"] == "p2"
    overruled = verb("show", "p1", "--json").json["versions"][-1]
    assert (overruled["in_force"], overruled["overruled_by"]) == (False, "p2")
    assert overruled["decided_by"] == "board"
    assert "overruled by p2" in verb("list", "--all").out
    assert "1 case in force, 1 no longer (--all shows them)" in verb("list").out

    both = verb("add", "p3", *ADDED, "--outcome", "review", "--conflicting")
    assert both.code == 0
    assert len(verb("list", "--json").json) == 2


def test_what_cannot_be_overruled_is_refused(verb: Verb) -> None:
    verb("add", "p1", *ADDED, "--outcome", "deny")
    verb("retire", "p1", *ADDED[1:])
    verb("add", "p2", *ADDED, "--outcome", "allow")
    for words, code, said in (
        (("p3", "--overrules", "p1"), 2, "that case is no longer in force"),
        (("p2", "--overrules", "p2", "--new-version"), 2, "a case cannot overrule itself"),
        (("p3", "--overrules", "p9"), 1, "holds no case 'p9'"),
    ):
        ran = verb("add", *words[:1], *ADDED, *words[1:], "--outcome", "allow")
        assert ran.code == code, ran.err
        assert said in ran.err


def test_a_case_is_decided_anew_as_a_new_version(verb: Verb) -> None:
    verb("add", "p1", *ADDED, "--outcome", "deny", "--clause", "P4", "--domain", "clubs")
    again = verb("add", "p1", *ADDED, "--outcome", "allow")
    assert again.code == 2
    assert "there is a case 'p1' already (version 1, deny)" in again.err
    anew = ("--new-version", "--outcome", "review", *ADDED[1:], "--jurisdiction", "EU")
    assert verb("add", "p1", *anew).code == 0
    first, second = verb("show", "p1", "--json").json["versions"]
    for kept in ("text", "clauses", "domain"):
        assert second[kept] == first[kept]
    assert (second["version"], second["outcome"], second["jurisdiction"]) == (2, "review", "EU")
    shown = verb("show", "p1").out
    assert "version  outcome" in shown
    assert shown.index("✗ DENY") > shown.index("! REVIEW")
    assert verb("add", "p9", *anew).code == 1


def test_what_is_retired_stays_readable(verb: Verb) -> None:
    verb("add", "p1", *ADDED, "--outcome", "deny")
    done = verb("retire", "p1", "--decided-by", "court", "--reason", "the law changed")
    assert done.code == 0
    assert "court: the law changed" in done.out
    assert verb("list", "--json").json == []
    assert "retired" in verb("show", "p1").out
    assert verb("list", "--like", TEXT, "--json").json == []
    twice = verb("retire", "p1", *ADDED[1:])
    assert twice.code == 1
    assert "is not in force" in twice.err


def test_nothing_in_a_case_drives_the_terminal(verb: Verb) -> None:
    verb("add", "p1", "a\x1b[2Jb\u202e", *ADDED[1:], "--outcome", "deny")
    for words in (("list",), ("show", "p1"), ("list", "--like", "ab")):
        assert "\x1b" not in (out := verb(*words).out)
        assert "\u202e" not in out


# -- import and export ----------------------------------------------------------------------------


def test_an_import_comes_out_byte_for_byte(verb: Verb, tmp_path: Path) -> None:
    lines = [
        line("p1", text='Line\u2028separated, "quoted", Überschrift, 判例'),
        line("p1", version=2, in_force=False, overruled_by="p2"),
        line("p2", clauses=["P4"], jurisdiction="EU", outcome="allow"),
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(f"{item}\n" for item in lines), "utf-8", newline="")
    assert verb("import", "in.jsonl").out == "✓ 3 versions added\n"
    assert verb("import", "in.jsonl", "--json").json == {"added": 0, "known": 3}
    assert verb("import", "in.jsonl").out == "✓ 0 versions added, 3 were there already\n"
    assert verb("export").out.encode() == source.read_bytes()
    assert verb("export", "out.jsonl").out == "✓ 3 versions written to out.jsonl\n"
    assert (tmp_path / "out.jsonl").read_bytes() == source.read_bytes()
    if sys.platform != "win32":
        assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_parquet_holds_what_the_lines_hold(verb: Verb, tmp_path: Path) -> None:
    lines = [
        line("p1", text='Line\u2028separated, "quoted", Überschrift, 判例'),
        line("p1", version=2, in_force=False, overruled_by="p2"),
        line("p2", clauses=["P4", "P2"], jurisdiction="EU", outcome="allow"),
    ]
    (tmp_path / "in.jsonl").write_text("".join(f"{item}\n" for item in lines), "utf-8")
    verb("import", "in.jsonl")
    assert verb("export", "out.parquet").out == "✓ 3 versions written to out.parquet\n"
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.to_pylist() == [json.loads(item) for item in lines]
    if sys.platform != "win32":
        assert (tmp_path / "out.parquet").stat().st_mode & 0o777 == 0o600
    assert verb("import", "out.parquet", "--json").json == {"added": 0, "known": 3}


@pytest.mark.parametrize(
    ("columns", "code", "said"),
    [
        ({"id": ["p1"]}, 2, "in.parquet: the column 'text' is missing"),
        ({"vector": [[0.1]]}, 2, "in.parquet: unknown column 'vector'"),
        ({"clauses": ["P4"]}, 2, "the column 'clauses' is string; cast it to a list of strings"),
        ({"version": ["1"]}, 2, "the column 'version' is string; cast it to an integer"),
        ({"outcome": [None]}, 1, "line 1: missing keys ['outcome']"),
        ({"outcome": ["no"]}, 1, "line 1: "),
        ({"text": ["x" * 9_000_000]}, 2, "row 1 holds a text of more than"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_whole(
    verb: Verb, tmp_path: Path, columns: dict[str, list[object]], code: int, said: str
) -> None:
    fits = {key: [value] for key, value in json.loads(line("p1")).items() if key != "clauses"}
    if "id" in columns:
        fits = {}
    outcome = pa.array(columns.pop("outcome", ["deny"]), pa.string())
    pq.write_table(pa.table({**fits, "outcome": outcome, **columns}), tmp_path / "in.parquet")
    ran = verb("import", "in.parquet")
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert verb("list", "--json").json == []


def test_an_export_replaces_nothing_unasked(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("mine")
    ran = verb("export", "out.jsonl")
    assert ran.code == 2
    assert "out.jsonl exists" in ran.err
    assert (tmp_path / "out.jsonl").read_text() == "mine"
    assert verb("export", "out.jsonl", "--force").code == 0
    assert (tmp_path / "out.jsonl").read_text() == ""


@pytest.mark.parametrize(
    ("bad", "code", "said"),
    [
        (b"{", 1, "line 3"),
        (b'{"id": "p2"}', 1, "line 3: missing keys ['text', 'outcome', 'authority']"),
        (line("p1", reason="another").encode(), 1, "line 3: precedent 'p1' is refused"),
        (line("p2", decided_by="").encode(), 1, "needs decided_by"),
        (b"\xff", 2, "line 3 is not UTF-8 at byte 0"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(
    verb: Verb, tmp_path: Path, bad: bytes, code: int, said: str
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(line("p1").encode() + b"\n\n" + bad + b"\n")
    ran = verb("import", "in.jsonl")
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert verb("list", "--json").json == []


def test_a_missing_file_is_named(verb: Verb) -> None:
    ran = verb("import", "nothing.jsonl")
    assert ran.code == 2
    assert "cannot read nothing.jsonl" in ran.err


# -- drift ----------------------------------------------------------------------------------------


def test_drift_shows_quarters_and_what_was_decided_differently(verb: Verb, tmp_path: Path) -> None:
    lines = [
        line("p1", text=TEXT, outcome="allow", decided_at="2025-02-01"),
        line("p2", text=TEXT, outcome="deny", decided_at="2026-02-01"),
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    verb("import", "in.jsonl")
    shown = verb("drift").out
    assert "2 decided cases in force" in shown
    for row in ("2025-Q1      1   100%", "2026-Q1      1     0%", "1.00     p1    ✓ ALLOW  p2"):
        assert row in shown
    report = verb("drift", "--json").json
    assert report["unlike_pairs"][0]["ids"] == ["p1", "p2"]


# -- where there is no archive --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (["precedents/memory", *CHOSEN[1:]], "precedents/memory (eleanor-precedents-memory) keeps"),
        ([], "no precedent store is enabled: install one, such as eleanor-precedents-sqlite"),
        (["precedents/sqlite"], "no embedder is running"),
    ],
)
def test_a_store_that_cannot_is_named_with_a_remedy(
    verb: Verb, monkeypatch: pytest.MonkeyPatch, chosen: list[str], said: str
) -> None:
    monkeypatch.setenv("ELEANOR_PLUGINS__EXACT", json.dumps(chosen))
    ran = verb("list")
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert verb("list", "--json").json["error"]["code"] == "precedents_unavailable"


# -- the installed command ------------------------------------------------------------------------


def test_the_command_pipes_and_recall_uses_what_it_added(eleanor) -> None:
    chosen = json.dumps(["critics/stranger", "evidence/file", *CHOSEN])
    eleanor = replace(eleanor, env={**eleanor.env, "ELEANOR_PLUGINS__EXACT": chosen})
    first = line("p1", text=TEXT).encode() + b"\n"
    assert eleanor("precedents", "import", "-", stdin=first).code == 0
    assert eleanor("precedents", "export").out.encode() == first
    ran = eleanor("evaluate", TEXT, "--json")
    assert ran.code == 11
    assert [item["clause"] for item in ran.json["escalations"]] == ["PR2"]
