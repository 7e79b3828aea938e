"""Whatever a table holds, its rows are the lines that they stand for; and back."""

from __future__ import annotations

import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_cli.lines import CaseLine, read_lines
from eleanor_cli.tables.precedents import lines_of, write_versions
from eleanor_cli.tables.results import WHOLE, write_table
from eleanor_core.api import CLAUSES, JsonLimits, PrecedentCase, precedent_line, precedent_of

texts = st.text(max_size=20)
words = st.text(min_size=1, max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
contexts = st.dictionaries(texts, scalars | st.lists(scalars, max_size=3), max_size=3)
rows = st.fixed_dictionaries(
    {"id": texts, "text": texts, "context": st.none() | contexts, "kind": st.none() | texts}
)


@settings(deadline=None, max_examples=40)
@given(st.lists(rows, max_size=70), st.sampled_from([1, 7, 1000]))
def test_a_row_is_the_line_that_it_stands_for(given, group):
    table = pa.table(
        {
            "id": pa.array([row["id"] for row in given], pa.string()),
            "text": pa.array([row["text"] for row in given], pa.large_string()),
            "context": pa.array(
                [None if row["context"] is None else json.dumps(row["context"]) for row in given],
                pa.string(),
            ),
            "kind": pa.array([row["kind"] for row in given], pa.string()).dictionary_encode(),
        }
    )
    with TemporaryDirectory() as folder:
        file = Path(folder) / "in.parquet"
        pq.write_table(table, file, row_group_size=group)
        found = list(read_lines(file, JsonLimits()))
    assert found == [
        CaseLine(
            number=number,
            id=row["id"],
            text=row["text"],
            context=row["context"],
            kind="answer" if row["kind"] is None else row["kind"],
        )
        for number, row in enumerate(given, start=1)
    ]


@st.composite
def versions(draw):
    in_force = draw(st.booleans())
    return PrecedentCase(
        id=draw(words),
        text=draw(words),
        outcome=draw(st.sampled_from(("allow", "constrain", "review", "deny"))),
        reason=draw(texts),
        clauses=tuple(draw(st.lists(st.sampled_from(sorted(CLAUSES)), max_size=3))),
        domain=draw(words),
        authority=draw(st.sampled_from(("adjudicated", "machine"))),
        version=draw(st.integers(1, 2**31 - 1)),
        decided_by=draw(texts),
        jurisdiction=draw(texts),
        in_force=in_force,
        overruled_by="" if in_force else draw(texts),
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(versions(), max_size=70))
def test_an_export_is_imported_as_it_was(given):
    async def lines():
        for case in given:
            yield precedent_line(case)

    with TemporaryDirectory() as folder:
        file = Path(folder) / "cases.parquet"
        with file.open("wb") as stream:
            assert anyio.run(write_versions, lines(), stream) == len(given)
        assert [precedent_of(line) for line in lines_of(file)] == given


def test_results_are_whole_in_every_row_group(tmp_path, monkeypatch):
    monkeypatch.setattr("eleanor_cli.tables.results._ROWS", 10)
    error = {"code": "invalid_input", "message": "so"}
    lines = [json.dumps({"id": i, "line": i, "error": error}).encode() + b"\n" for i in range(35)]
    write_table(iter(lines), tmp_path / "out.parquet", ["b", "a-c"])
    table = pq.ParquetFile(io.BytesIO((tmp_path / "out.parquet").read_bytes()))
    assert table.num_row_groups == 4
    held = table.read()
    assert [f"{line}\n".encode() for line in held[WHOLE].to_pylist()] == lines
    assert {"b_severity", "a-c_severity", "a-c_score"} < {*held.column_names}
    assert set(held["error_code"].to_pylist()) == {"invalid_input"}
    write_table(iter(()), tmp_path / "none.parquet", [])
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0
