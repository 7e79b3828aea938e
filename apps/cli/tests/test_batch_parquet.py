"""`eleanor batch` with Parquet: rows in, rows out, and the same promises as with lines."""

from __future__ import annotations

import json
import time
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eleanor_cli import tables
from eleanor_cli.faults import UsageError
from eleanor_cli.lines import raw_lines
from eleanor_core.api import JsonLimits

WORDS = ("fine", "unfair", "worrying", "grave")


def put(eleanor, name="in.parquet", schema=None, **columns):
    table = pa.table(columns, schema=schema)
    pq.write_table(table, eleanor.work / name, row_group_size=20, compression="none")


def rows(eleanor, name="out.parquet"):
    return pq.read_table(eleanor.work / name).to_pylist()


def left(eleanor):
    return sorted(file.name for file in eleanor.work.iterdir())


def test_rows_in_and_rows_out_are_what_the_lines_say(eleanor):
    count = 60
    put(
        eleanor,
        id=list(range(count)),
        text=[f"a {WORDS[i % 4]} text" for i in range(count)],
        context=[{"domain": "general", "impact": None} if i % 2 else None for i in range(count)],
    )
    ran = eleanor("batch", "in.parquet", "out.parquet")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("eleanor: 60 lines: allow 15  constrain 15  review 15  deny 15; ")
    done = rows(eleanor)
    assert [row["id"] for row in done] == [str(i) for i in range(count)]
    assert [row["decision"] for row in done] == ["allow", "constrain", "review", "deny"] * 15
    for row in done:
        wire = json.loads(row["json"])
        voice = wire["critics"]["stranger"]
        assert (str(wire["id"]), wire["decision"]) == (row["id"], row["decision"])
        for field in ("status", "severity", "score"):
            assert row[f"stranger_{field}"] == voice[field]
        gate = wire["gate"]
        assert (row["gate_open"], row["gate_tier"], row["gate_requires"]) == (
            gate["open"],
            gate["tier"],
            gate["requires"],
        )
        said = [item["clause"] for one in wire["dissent"] for item in one["violations"]]
        said += [item["clause"] for item in wire["escalations"]]
        assert row["clauses"] == sorted(set(said))
        assert len(row["reasons"]) == len(wire["dissent"])
        assert row["record_id"] == wire["evidence"]["record_id"]
        assert row["uncertainty"] == wire["uncertainty"]["overall"]
    assert done[3]["clauses"] and done[3]["reasons"][0].startswith("stranger: ")
    assert left(eleanor) == ["in.parquet", "out.parquet"]


def test_lines_and_tables_go_together_either_way(eleanor, write):
    write("in.jsonl", {"id": "a", "text": "a fine text"}, {"id": 2, "text": "a grave text"})
    assert eleanor("batch", "in.jsonl", "out.parquet").code == 0
    assert [row["id"] for row in rows(eleanor)] == ["a", "2"]
    put(eleanor, id=["a", "b"], text=pa.array(["a fine text"] * 2).dictionary_encode())
    assert eleanor("batch", "in.parquet", "out.jsonl").code == 0
    lines = (eleanor.work / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "b"]


def test_a_row_that_cannot_be_judged_stands_in_its_place(eleanor):
    put(
        eleanor,
        id=["good", None, "no text", "context", "kind", "long"],
        text=["a fine text", "a fine text", None, "a fine text", "a fine text", "x" * 9_000_000],
        context=['{"domain": "general"}', None, None, "{'domain': 'general'}", None, None],
        kind=["prompt", None, None, None, "song", None],
    )
    ran = eleanor("batch", "in.parquet", "out.parquet")
    assert ran.code == 1
    done = rows(eleanor)
    assert [row["id"] for row in done] == ["good", None, "no text", "context", "kind", None]
    said = [row["error_message"] for row in done]
    assert said[0] is None
    for place, words in (
        (1, "id is missing"),
        (2, "text is missing"),
        (3, "context must be an object"),
        (4, "kind"),
        (5, "longer than any case"),
    ):
        assert words in said[place]
        assert done[place]["error_code"] == "invalid_input"
        assert json.loads(done[place]["json"])["line"] == place + 1
    assert 'under "error" in out.parquet' in ran.err


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"text": ["a"]}, "the column 'id' is missing"),
        ({"id": [1]}, "the column 'text' is missing"),
        ({"id": [1], "text": ["a"], "label": ["x"]}, "unknown column 'label'; the columns are id"),
        (
            {"id": [1.5], "text": ["a"]},
            "the column 'id' is double; cast it to string or an integer",
        ),
        ({"id": [1], "text": [b"a"]}, "the column 'text' is binary; cast it to string"),
        ({"id": [1], "text": ["a"], "context": [[1]]}, "the column 'context' is list"),
        ({"id": [1], "text": ["a"], "context": [{"a": b"b"}]}, "the column 'context' is struct"),
        ({"id": [1, 1], "text": ["a", "b"]}, "the id 1 stands in row 1 and in row 2"),
    ],
)
def test_columns_that_do_not_fit_are_named_and_nothing_is_judged(eleanor, columns, said):
    put(eleanor, **columns)
    ran = eleanor("batch", "in.parquet", "out.parquet")
    assert ran.code == 2
    assert f"in.parquet: {said}" in ran.err
    assert left(eleanor) == ["in.parquet"]


def damaged(data):
    """The file with the bytes of its first page overwritten; its end, which is read first, is whole."""
    return data[:40] + b"\xff" * 400 + data[440:]


def no_utf8(data):
    return data.replace(b"text 7 49", b"text \xff 49")


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda _: b"",
        lambda _: b'{"id": 1, "text": "a"}\n',
        lambda data: data[:-9],
        damaged,
        no_utf8,
    ],
)
def test_what_is_no_parquet_is_refused(eleanor, spoilt):
    put(eleanor, id=list(range(99)), text=[f"text {i} {i * i}" for i in range(99)])
    source = eleanor.work / "in.parquet"
    source.write_bytes(spoilt(source.read_bytes()))
    ran = eleanor("batch", "in.parquet", "out.parquet")
    assert ran.code == 2
    assert "in.parquet cannot be read as Parquet" in ran.err
    assert "JSON Lines" in ran.err
    assert left(eleanor) == ["in.parquet"]


def test_a_text_over_the_limit_is_not_made_a_string_for_every_row(tmp_path):
    text = pa.DictionaryArray.from_arrays(
        pa.array([0, 0, 1] * 50), pa.array(["x" * 9_000_000, "a"])
    )
    pq.write_table(pa.table({"id": list(range(150)), "text": text}), tmp_path / "in.parquet")
    tracemalloc.start()
    found = [line.data for line in raw_lines(tmp_path / "in.parquet", JsonLimits(bytes=100))]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [None, None, b'{"id":2,"text":"a"}'] + [
        data for i in range(5, 150, 3) for data in (None, None, b'{"id":%d,"text":"a"}' % i)
    ]
    assert peak < 4_000_000


@pytest.mark.parametrize(
    ("before", "options", "code", "said"),
    [
        ("out.parquet", (), 2, "out.parquet exists"),
        ("out.parquet.jsonl", (), 2, "out.parquet.jsonl exists"),
        ("out.parquet", ("--force",), 0, "1 line: allow 1"),
        ("out.parquet", ("--resume",), 2, "cannot be read as Parquet"),
    ],
)
def test_an_output_that_exists_is_left_alone(eleanor, before, options, code, said):
    put(eleanor, id=[1], text=["a fine text"])
    (eleanor.work / before).write_bytes(b"mine")
    ran = eleanor("batch", "in.parquet", "out.parquet", *options)
    assert (ran.code, said in ran.err) == (code, True), ran.err
    if code:
        assert (eleanor.work / before).read_bytes() == b"mine"


def test_the_journal_is_never_the_input(eleanor, write):
    write("out.parquet.jsonl", {"id": 1, "text": "a fine text"})
    ran = eleanor("batch", "out.parquet.jsonl", "out.parquet", "--force")
    assert ran.code == 2
    assert "name another file for the results" in ran.err


def test_without_pyarrow_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(tables, "find_spec", lambda _: None)
    tables.require_pyarrow(tmp_path / "in.jsonl")
    with pytest.raises(UsageError, match=r'pip install "eleanor-cli\[parquet\]"'):
        tables.require_pyarrow(tmp_path / "in.jsonl", tmp_path / "OUT.Parquet")


def test_a_table_that_cannot_be_written_loses_nothing(eleanor):
    put(eleanor, id=[1, 2], text=["a fine text", "a grave text"])
    (eleanor.work / ".out.parquet.part").mkdir()
    ran = eleanor("batch", "in.parquet", "out.parquet")
    assert ran.code == 1
    assert "--resume makes the table, and" in ran.err
    before = (eleanor.work / "out.parquet.jsonl").read_bytes()
    (eleanor.work / ".out.parquet.part").rmdir()
    assert eleanor("batch", "in.parquet", "out.parquet", "--resume").code == 0
    assert "".join(f"{row['json']}\n" for row in rows(eleanor)).encode() == before
    assert left(eleanor) == ["in.parquet", "out.parquet"]


@pytest.mark.long
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_kill_in_the_middle_loses_and_doubles_nothing(eleanor, workers):
    count, slow = 200, 90
    put(
        eleanor,
        id=[f"n{i}" for i in range(count)],
        text=["a slow text" if i == slow else f"a {WORDS[i % 4]} text" for i in range(count)],
    )
    command = ("--set", "deadlines.request=2", "batch", "--workers", workers)
    files = ("in.parquet", "out.parquet")
    process = eleanor.start(*command, *files)
    journal = eleanor.work / "out.parquet.jsonl"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 10):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=30)
    assert not (eleanor.work / "out.parquet").exists()
    assert (refused := eleanor(*command, *files)).code == 2
    assert "out.parquet.jsonl holds the beginning of a run" in refused.err
    kept = journal.read_bytes().splitlines()[:10]
    assert eleanor(*command, *files, "--resume").code == 0
    done = rows(eleanor)
    assert [row["id"] for row in done] == [f"n{i}" for i in range(count)]
    assert [row["json"].encode() for row in done[:10]] == kept
    assert left(eleanor) == ["in.parquet", "out.parquet"]
    again = eleanor(*command, *files, "--resume")
    assert (again.code, "is complete already" in again.err) == (0, True)
    assert rows(eleanor) == done


def test_a_stop_at_any_step_of_the_end_is_taken_up(eleanor):
    put(eleanor, id=[1, 2], text=["a fine text", "a grave text"])
    (eleanor.work / ".out.parquet.part").mkdir()
    eleanor("batch", "in.parquet", "out.parquet")
    (eleanor.work / ".out.parquet.part").rmdir()
    journal, job = eleanor.work / "out.parquet.jsonl", "out.parquet.jsonl.job.json"
    lines, facts = journal.read_bytes(), (eleanor.work / job).read_bytes()
    # Stopped: before the table; before its side file is taken away; before its journal is.
    assert eleanor("batch", "in.parquet", "out.parquet", "--resume").code == 0
    for file, content in ((job, facts), (None, b"")):
        journal.write_bytes(lines)
        if file:
            (eleanor.work / file).write_bytes(content)
        assert eleanor("batch", "in.parquet", "out.parquet", "--resume").code == 0
        assert "".join(f"{row['json']}\n" for row in rows(eleanor)).encode() == lines
        assert left(eleanor) == ["in.parquet", "out.parquet"]
