"""The sets: what is refused before anything runs, and which records `--limit` chooses."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256

import pytest

from eleanor_cli.faults import UsageError
from eleanor_cli.quality.sets import check_sets
from eleanor_core.settings.model import Limits

LIMITS = Limits(text_bytes=1000)


def record(number=0, **others):
    return {
        "id": f"r{number}",
        "text": f"text {number}",
        "context": None,
        "critic": "rights",
        "label": number % 2,
        "meta": {},
    } | others


@pytest.fixture
def write(tmp_path):
    def write(name, *lines):
        raw = (line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        data = b"".join(line + b"\n" for line in raw)
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return tmp_path / name

    return write


def check(*paths, limit=None):
    return check_sets(paths, kind="answer", limits=LIMITS, limit=limit)


def read(data):
    return list(data.read("answer", LIMITS))


def test_a_set_is_read_as_it_stands_and_blank_lines_are_passed_over(write):
    file = write(
        "one.jsonl",
        record(1, context={"question": "why?"}),
        b"",
        {"id": 7, "text": "no more keys", "critic": "risk", "label": 0},
        record(3, source="somewhere", split="dev", meta={"pair": 4}),
    )
    (data,) = check(file)
    assert (data.name, data.records, data.critics) == ("one", 3, {"rights": 2, "risk": 1})
    assert data.sha256 == sha256(file.read_bytes()).hexdigest()
    first, second, third = read(data)
    assert (first.context, first.label, first.pair) == ({"question": "why?"}, 1, None)
    assert (second.id, second.context) == ("7", None)
    assert third.pair == "4"


def test_a_compressed_set_and_a_folder(write, tmp_path):
    write("b.jsonl.gz", record(1), record(2))
    write("a.jsonl", record(1))
    (tmp_path / "README.md").write_text("not a set")
    assert [(data.name, data.records) for data in check(tmp_path)] == [("a", 1), ("b", 2)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{not json", "not JSON"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"id": "a", "id": "b"}', "'id' stands there twice"),
        (b"[]", "must be an object"),
        (record(label=2), "label must be 0 or 1, got 2"),
        (record(label=True), "label must be 0 or 1, got True"),
        (record(label="1"), "label must be 0 or 1"),
        ({"id": "a", "text": "b", "critic": "rights"}, "label must be 0 or 1, got None"),
        (record(id=None), "id must be a string"),
        (record(id=True), "id must be a string"),
        (record(critic=""), "critic must be a string"),
        (record(critic=3), "critic must be a string"),
        (record(text=""), "text is empty"),
        (record(text=3), "text must be a string"),
        (record(text="x" * 1001), "the limit is 1000"),
        (record(context=[1]), "context"),
        (record(meta=[]), "meta must be an object or null"),
        (record(1), "the id 'r1' stands in line 1 too"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_line(write, line, problem):
    write("good.jsonl", record(1))
    file = write("bad.jsonl", record(1), line)
    with pytest.raises(UsageError) as refused:
        check(file.parent / "good.jsonl", file)
    assert str(refused.value).startswith(f"{file}, line 2: ")
    assert problem in str(refused.value)


def test_files_that_cannot_be_used(write, tmp_path):
    with pytest.raises(UsageError, match="no file in this folder"):
        check(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        check(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="no record in it"):
        check(write("empty.jsonl", b""))
    with pytest.raises(UsageError, match="are called 'x'"):
        check(write("x.jsonl", record()), write("x.jsonl.gz", record()))


def test_a_damaged_archive_is_refused(write, tmp_path):
    whole = write("whole.jsonl.gz", *(record(number) for number in range(50))).read_bytes()
    for name, data in (("cut", whole[:-20]), ("plain", b"not gzip")):
        file = tmp_path / f"{name}.jsonl.gz"
        file.write_bytes(data)
        with pytest.raises(UsageError, match=f"cannot read .*{name}"):
            check(file)


def test_the_limit_chooses_the_same_texts_whatever_their_order(write):
    records = [record(number) for number in range(200)]
    (straight,) = check(write("a.jsonl", *records), limit=50)
    (turned,) = check(write("b.jsonl", *reversed(records)), limit=50)
    (larger,) = check(write("c.jsonl", *records), limit=80)
    chosen = {one.id for one in read(straight)}
    assert len(chosen) == 50
    assert chosen == {one.id for one in read(turned)}
    assert chosen < {one.id for one in read(larger)}
    assert 10 < sum(one.label for one in read(straight)) < 40
    assert sum(straight.critics.values()) == 50


def test_the_limit_keeps_pairs_together(write):
    records = [record(number, meta={"pair": f"p{number // 2}"}) for number in range(100)]
    (data,) = check(write("pairs.jsonl", *records), limit=20)
    pairs = [one.pair for one in read(data)]
    assert len(pairs) == 20
    assert all(pairs.count(pair) == 2 for pair in pairs)
