"""`eleanor batch --resume`: what is taken up again, what is refused, and what is said."""

from __future__ import annotations

import json
import time

import pytest

# A slow text then waits two seconds for its critic, and a run can be stopped meanwhile.
pytestmark = pytest.mark.long

DEADLINE = ("--set", "deadlines.request=2")
COUNT, KEPT = 40, 5


def batch(eleanor, *arguments, settings=DEADLINE, **env):
    return eleanor(*settings, "batch", *arguments, "in.jsonl", "out.jsonl", **env)


def lines_of(eleanor):
    return (eleanor.work / "out.jsonl").read_bytes().splitlines(keepends=True)


def ids(eleanor):
    return [json.loads(line)["id"] for line in lines_of(eleanor)]


def start(eleanor, settings=DEADLINE):
    """Start a run, and return it when its first lines are written and it waits for the next."""
    process = eleanor.start(*settings, "batch", "in.jsonl", "out.jsonl")
    out = eleanor.work / "out.jsonl"
    deadline = time.monotonic() + 30
    while not (out.exists() and out.read_bytes().count(b"\n") == KEPT):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    return process


@pytest.fixture
def at_work(eleanor, write):
    """An input whose second line is bad, and whose sixth takes two seconds."""
    texts = ["a slow text" if i == KEPT else "a fine text" for i in range(COUNT)]
    texts[1] = ""
    write("in.jsonl", *({"id": i, "text": text} for i, text in enumerate(texts)))
    return eleanor


@pytest.fixture
def stopped(at_work):
    """A run of that input, killed when the first five lines were written."""
    process = start(at_work)
    process.kill()
    process.communicate(timeout=30)
    assert ids(at_work) == list(range(KEPT))
    return at_work


def assert_refused(eleanor, ran, *said):
    assert ran.code == 2
    for text in said:
        assert text in ran.err
    assert ids(eleanor) == list(range(KEPT)), "nothing may have changed"
    assert (eleanor.work / "out.jsonl.job.json").exists()


def test_an_output_that_was_begun_is_offered(stopped):
    assert_refused(stopped, batch(stopped), "--resume", "--force")


def test_it_goes_on_where_it_stopped(stopped):
    before = lines_of(stopped)
    ran = batch(stopped, "--resume")
    assert ran.code == 1, "the bad line stands before the stop, and still counts"
    assert f"1 line of {COUNT} not judged" in ran.err
    assert f"allow {COUNT - 2}" in ran.err
    assert ids(stopped) == list(range(COUNT))
    assert lines_of(stopped)[:KEPT] == before
    assert not (stopped.work / "out.jsonl.job.json").exists()


@pytest.mark.parametrize("torn", [b'{"id":5,"trace', b"\0" * 4096, b"\0" * 100 + b"\n", b"{}\n"])
def test_what_is_torn_is_cut(stopped, torn):
    with (stopped.work / "out.jsonl").open("ab") as out:
        out.write(torn)
    ran = batch(stopped, "--resume")
    assert f"the last {len(torn)} bytes are no whole line" in ran.err
    assert ids(stopped) == list(range(COUNT))


def test_force_starts_anew(stopped):
    before = lines_of(stopped)
    assert batch(stopped, "--force").code == 1
    assert ids(stopped) == list(range(COUNT))
    assert lines_of(stopped)[0] != before[0], "it was judged again"


def test_another_input_is_refused(stopped):
    with (stopped.work / "in.jsonl").open("ab") as source:
        source.write(b'{"id": "more", "text": "a fine text"}\n')
    assert_refused(stopped, batch(stopped, "--resume"), "input.bytes", "input.sha256", "--force")


def test_another_setting_is_refused(stopped):
    settings = (*DEADLINE, "--set", "policy.gaps=escalate")
    ran = batch(stopped, "--resume", settings=settings)
    assert_refused(stopped, ran, 'setting policy.gaps: "escalate", and it was "high-impact"')


def test_how_much_is_logged_may_differ(stopped):
    settings = (*DEADLINE, "--set", "logging.level=error")
    batch(stopped, "--resume", settings=settings)
    assert ids(stopped) == list(range(COUNT))


def test_another_set_of_plugins_is_refused(stopped):
    fewer = '["critics/stranger", "evidence/file"]'
    ran = batch(stopped, "--resume", ELEANOR_PLUGINS__EXACT=fewer)
    gone = 'plugin detectors/stranger: not there, and it was "eleanor-stranger 1.2.3"'
    assert_refused(stopped, ran, gone)


def test_another_home_is_refused(stopped, tmp_path):
    ran = batch(stopped, "--resume", ELEANOR_HOME=str(tmp_path / "elsewhere"))
    assert_refused(stopped, ran, "home:")


def test_a_result_of_another_line_is_refused(stopped):
    out = stopped.work / "out.jsonl"
    out.write_bytes(out.read_bytes().replace(b'{"id":3,', b'{"id":33,'))
    ran = batch(stopped, "--resume")
    assert ran.code == 2
    assert "line 4 of out.jsonl has the id 33" in ran.err
    assert len(lines_of(stopped)) == KEPT


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"form": "another"}'])
def test_a_side_file_that_says_nothing_is_refused(stopped, content):
    (stopped.work / "out.jsonl.job.json").write_bytes(content)
    assert_refused(stopped, batch(stopped, "--resume"), "out.jsonl.job.json", "--force")


def test_without_its_side_file_a_part_is_refused(stopped):
    (stopped.work / "out.jsonl.job.json").unlink()
    ran = batch(stopped, "--resume")
    assert ran.code == 2
    assert "is not there" in ran.err
    assert ids(stopped) == list(range(KEPT))


def test_two_runs_never_write_one_output(at_work):
    process = start(at_work, settings=())
    try:
        for option in ("--resume", "--force"):
            ran = batch(at_work, option)
            assert ran.code == 2
            assert "another `eleanor batch` is writing out.jsonl" in ran.err
    finally:
        process.kill()
        process.communicate(timeout=30)
    assert ids(at_work) == list(range(KEPT))


def test_a_complete_output_is_left_alone(at_work):
    assert batch(at_work).code == 1
    before = lines_of(at_work)
    ran = batch(at_work, "--resume")
    assert (ran.code, lines_of(at_work)) == (1, before)
    assert "is complete already" in ran.err


def test_resume_begins_what_was_never_begun(eleanor, write):
    write("in.jsonl", {"id": 1, "text": "a fine text"})
    assert batch(eleanor, "--resume").code == 0
    assert ids(eleanor) == [1]


def test_resume_and_force_exclude_each_other(stopped):
    assert_refused(stopped, batch(stopped, "--resume", "--force"), "one of the two")


def test_the_side_file_holds_no_text_and_no_secret(stopped):
    facts = json.loads((stopped.work / "out.jsonl.job.json").read_text())
    assert facts["form"] == "eleanor-batch-job/1"
    assert facts["plugin critics/stranger"] == "eleanor-stranger 1.2.3"
    assert "fine text" not in json.dumps(facts)
