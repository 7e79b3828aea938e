"""`eleanor batch` with worker processes: kills, poison, hangs, stops; nothing lost or doubled."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

WORDS = ("fine", "unfair", "worrying", "grave")
SLOW = 32
"""All that two workers hold at once: two chunks each, of eight lines at the start."""
DECISIONS = ("allow", "constrain", "review", "deny")


def cases(count, text="a {} text"):
    return [{"id": f"n{i}", "text": text.format(WORDS[i % 4])} for i in range(count)]


def results(chaos):
    return [json.loads(line) for line in (chaos.work / "out.jsonl").read_text().splitlines()]


def log_of(chaos):
    """Return the log's records by id; none is there twice."""
    lines = (chaos.home / "evidence" / "lines" / "log.jsonl").read_text().splitlines()
    records = {record["record_id"]: record for record in map(json.loads, lines)}
    assert len(records) == len(lines)
    return records


def assert_whole(chaos, expected):
    """Every line is there once, in order, decided as the words say, and recorded so."""
    done = results(chaos)
    assert [line["id"] for line in done] == [case["id"] for case in expected]
    log = log_of(chaos)
    for position, line in enumerate(done):
        assert line["decision"] == DECISIONS[position % 4]
        record = log[line["evidence"]["record_id"]]
        assert record["leaf_hash"] == line["evidence"]["leaf_hash"]
        assert record["leaf"]["facts"]["decision"] == line["decision"]
    assert not (chaos.work / "out.jsonl.job.json").exists()


def wait_for_lines(chaos, process, count):
    """Wait until the output has `count` lines. Return whether it came to that."""
    out = chaos.work / "out.jsonl"
    while process.poll() is None:
        if out.exists() and out.read_bytes().count(b"\n") >= count:
            return True
        time.sleep(0.002)
    return False


def wait_for_mark(chaos):
    """Wait until a text has done to a worker what it says."""
    deadline = time.monotonic() + 30
    while not Path(chaos.env["CHAOS_MARK"]).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def workers_of(process):
    """Return the worker processes of a run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
            if int(stat.rpartition(")")[2].split()[1]) == process.pid:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc")


def test_workers_give_what_one_process_gives(chaos, write):
    expected = cases(120)
    write("in.jsonl", *expected)
    ran = chaos("batch", "--workers", "2", "in.jsonl", "out.jsonl")
    assert (ran.code, ran.out) == (0, "")
    assert "120 lines: allow 30  constrain 30  review 30  deny 30" in ran.err
    assert_whole(chaos, expected)
    writers = {record["writer"] for record in log_of(chaos).values()}
    assert len(writers) == 1, "a log has one writer"


def test_bad_lines_stand_in_their_places(chaos, write):
    write(
        "in.jsonl",
        {"id": "first", "text": "a fine text"},
        b"{not json",
        b"\xff\xfe",
        {"id": "surrogate", "text": "\ud800"},
        {"id": "long", "text": "x" * 5_000_000},
        {"id": 6, "text": "a grave text", "context": {"domain": "general"}, "kind": "prompt"},
    )
    limits = ("--set", "limits.text_bytes=100", "--set", "limits.context_bytes=100")
    ran = chaos(*limits, "batch", "--workers", "2", "in.jsonl", "out.jsonl")
    assert ran.code == 1
    assert "4 lines of 6 not judged" in ran.err
    done = results(chaos)
    assert (done[0]["id"], done[0]["decision"]) == ("first", "allow")
    assert [(line["id"], line["line"]) for line in done[1:5]] == [
        (None, 2), (None, 3), (None, 4), (None, 5),
    ]  # fmt: skip
    assert all(line["error"]["code"] == "invalid_input" for line in done[1:5])
    assert (done[5]["id"], done[5]["decision"]) == (6, "deny")


@linux
def test_ten_kills_lose_nothing_and_double_nothing(chaos, write):
    chance = random.Random(4)
    expected = cases(300, "a {} text that takes a moment")
    write("in.jsonl", *expected)
    kills = written = 0
    while kills < 10:
        arguments = ("--resume", "--workers", str(1 + kills % 2), "in.jsonl", "out.jsonl")
        process = chaos.start("batch", *arguments)
        if kills % 5 == 4:
            time.sleep(chance.uniform(0.0, 1.5))
        else:
            assert wait_for_lines(chaos, process, written + chance.randint(1, 12))
        process.kill()
        process.communicate(timeout=30)
        kills += 1
        out = chaos.work / "out.jsonl"
        written = out.read_bytes().count(b"\n") if out.exists() else 0
        assert written < len(expected), "the run ended before the last kill"
    ran = chaos("batch", "--resume", "--workers", "2", "in.jsonl", "out.jsonl")
    assert ran.code == 0, ran.err
    assert_whole(chaos, expected)


@linux
def test_a_killed_worker_is_replaced_and_its_lines_are_judged_again(chaos, write):
    expected = cases(200, "a {} text that takes a moment")
    write("in.jsonl", *expected)
    process = chaos.start("batch", "--workers", "2", "in.jsonl", "out.jsonl")
    assert wait_for_lines(chaos, process, 8)
    for worker in workers_of(process)[:1]:
        os.kill(worker, signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said.decode()
    assert "was ended by SIGKILL" in said.decode()
    assert_whole(chaos, expected)


def test_a_poison_line_is_isolated(chaos, write):
    expected = cases(60)
    expected[29] = {"id": "p", "text": "poison always"}
    expected[30] = {"id": "q", "text": "poison once"}
    write("in.jsonl", *expected)
    ran = chaos("batch", "--workers", "2", "in.jsonl", "out.jsonl")
    assert ran.code == 1
    assert "1 line of 60 not judged" in ran.err
    done = results(chaos)
    assert [line["id"] for line in done] == [case["id"] for case in expected]
    lost = done[29]
    assert (lost["line"], lost["error"]["code"]) == (30, "worker_died")
    assert "ended with exit code 3" in lost["error"]["message"]
    assert done[30]["decision"] == "allow"
    assert all("decision" in line for line in done if line["id"] != "p")
    abandoned = [
        item["leaf"] for item in log_of(chaos).values() if item["leaf"]["kind"] == "abandoned"
    ]
    assert [leaf["facts"]["error"] for leaf in abandoned] == ["worker_died"]


def test_a_line_that_blocks_its_worker_is_isolated(chaos, write):
    expected = cases(20)
    expected[7] = {"id": "b", "text": "block always"}
    write("in.jsonl", *expected)
    deadlines = ("--set", "deadlines.request=0.5", "--set", "deadlines.record=0.5")
    ran = chaos(*deadlines, "batch", "--workers", "2", "in.jsonl", "out.jsonl")
    assert ran.code == 1
    done = results(chaos)
    assert [line["id"] for line in done] == [case["id"] for case in expected]
    assert done[7]["error"]["code"] == "worker_died"
    assert "gave no sign of life for 6 s" in done[7]["error"]["message"]
    assert all("decision" in line for line in done if line["id"] != "b")


def test_workers_that_cannot_start_end_the_run(chaos, write):
    write("in.jsonl", *cases(5))
    ran = chaos("batch", "--workers", "2", "in.jsonl", "out.jsonl", CHAOS_START="1")
    assert ran.code == 1
    assert "ended with exit code 5 before it could judge anything" in ran.err
    assert "--workers 1" in ran.err
    assert not (chaos.work / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("exact", "said"),
    [
        (["evidence/lines"], "no critic is enabled"),
        (["critics/stranger"], "no evidence sink is enabled"),
        (["critics/stranger", "evidence/lines", "evidence/missing"], "evidence/missing"),
        (["critics/stranger", "critics/broken", "evidence/lines"], None),
    ],
)
def test_what_is_missing_is_missed_as_in_one_process(chaos, write, exact, said):
    write("in.jsonl", *cases(4))
    chosen = {"ELEANOR_PLUGINS__EXACT": json.dumps(exact), "ELEANOR_EVIDENCE__REQUIRED": "all"}
    ran = chaos("batch", "--workers", "2", "in.jsonl", "out.jsonl", **chosen)
    if said is None:
        assert ran.code == 0, ran.err
        # A broken critic is a fault in every result: none is an allow.
        assert [line["decision"] for line in results(chaos)] == ["review"] * 3 + ["deny"]
        return
    assert ran.code == 1
    assert said in ran.err
    assert not (chaos.work / "out.jsonl").exists()


def test_a_log_that_refuses_makes_error_lines(chaos, write):
    write("in.jsonl", *cases(4))
    full = '["critics/stranger", "evidence/full"]'
    ran = chaos("batch", "--workers", "2", "in.jsonl", "out.jsonl", ELEANOR_PLUGINS__EXACT=full)
    assert ran.code == 1
    errors = [line["error"] for line in results(chaos)]
    assert [error["code"] for error in errors] == ["evidence_unavailable"] * 4
    assert all("no room for record" in error["message"] for error in errors)


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_record_of_every_case_and_no_process(chaos, write, number):
    write("in.jsonl", *cases(8), *({"id": i, "text": "a slow text"} for i in range(SLOW)))
    process = chaos.start("batch", "--workers", "2", "in.jsonl", "out.jsonl")
    waiting = chaos.home / "critics" / "stranger" / "waiting"
    assert wait_for_lines(chaos, process, 8)
    deadline = time.monotonic() + 30
    while not (waiting.exists() and waiting.read_bytes().count(b"\n") == SLOW):
        assert time.monotonic() < deadline, "the cases were never all under way"
        time.sleep(0.05)
    workers = workers_of(process)
    # As a terminal does: the whole group gets it.
    for receiver in (*workers, process.pid):
        os.kill(receiver, number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert f"8 of {8 + SLOW} lines written" in said.decode()
    assert "--resume" in said.decode()
    assert [line["id"] for line in results(chaos)] == [f"n{i}" for i in range(8)]
    kinds = [record["leaf"]["kind"] for record in log_of(chaos).values()]
    assert kinds.count("abandoned") == SLOW
    assert len(workers) == 2
    assert not any(Path("/proc", str(worker)).exists() for worker in workers)


@linux
def test_a_signal_while_workers_start_ends_at_once(chaos, write):
    write("in.jsonl", *cases(200))
    process = chaos.start("batch", "--workers", "2", "in.jsonl", "out.jsonl")
    deadline = time.monotonic() + 30
    while not workers_of(process):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - started < 10


@linux
def test_workers_end_with_their_parent(chaos, write):
    write("in.jsonl", {"id": 1, "text": "block always"}, {"id": 2, "text": "a slow text"})
    process = chaos.start("batch", "--workers", "2", "in.jsonl", "out.jsonl")
    wait_for_mark(chaos)
    workers = workers_of(process)
    assert workers
    process.kill()
    process.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while any(Path("/proc", str(worker)).exists() for worker in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@linux
@pytest.mark.parametrize("workers", [1, 2])
def test_memory_does_not_grow_with_the_file(chaos, write, workers):
    few, many = (2000, 20_000) if os.environ.get("ELEANOR_LONG_TESTS") else (300, 1500)
    peaks = []
    for count in (few, many):
        write("in.jsonl", *cases(count))
        command = [chaos.command, "batch", "--force", "--workers", str(workers)]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *command, "in.jsonl", "out.jsonl"],
            cwd=chaos.work, env=dict(chaos.env), capture_output=True, check=True, timeout=600,
        )  # fmt: skip
        peaks.append(int(done.stdout) // 1024)
    assert peaks[1] - peaks[0] < 30, f"MiB after {few} and {many} lines: {peaks}"


@linux
def test_a_second_signal_ends_at_once(chaos, write):
    write("in.jsonl", *cases(8), *({"id": i, "text": "block always"} for i in range(8)))
    process = chaos.start("batch", "--workers", "2", "in.jsonl", "out.jsonl")
    assert wait_for_lines(chaos, process, 8)
    wait_for_mark(chaos)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, "a worker is blocked, and gets its time"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    # It reads until the workers, which have the same standard error, are gone as well.
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - started < 5
    assert [line["id"] for line in results(chaos)] == [f"n{i}" for i in range(8)]


@linux
def test_a_terminal_shows_how_far_it_is(chaos, write):
    write("in.jsonl", *cases(100, "a {} text that takes a moment"))
    terminal, side = os.openpty()
    process = subprocess.Popen(
        [chaos.command, "batch", "--workers", "2", "in.jsonl", "out.jsonl"],
        stderr=side, stdin=subprocess.DEVNULL, cwd=chaos.work,
        env={**chaos.env, "TERM": "xterm", "COLUMNS": "150"},
    )  # fmt: skip
    os.close(side)
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    os.close(terminal)
    assert process.wait(30) == 0
    assert b"/100" in shown
    assert b"texts/s" in shown.partition(b"100 lines:")[0]
    assert b"100 lines: allow 25  constrain 25  review 25  deny 25" in shown
