"""What is shown of a text, and what is not: escapes, spans, hidden parts. No process is started."""

from __future__ import annotations

import json
import unicodedata

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_cli.escape import dumps, prose, safe
from eleanor_cli.ordered import in_order
from eleanor_cli.quote import Quoter
from eleanor_core.model import (
    Abstention,
    Assessment,
    DetectorResult,
    DetectorSignal,
    Gate,
    PrecedentAlignment,
    UncertaintyAnalysis,
)

DANGEROUS = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@given(ANY_TEXT)
def test_what_is_shown_cannot_drive_a_terminal(text):
    for shown in (safe(text), prose(text)):
        assert not {unicodedata.category(character) for character in shown} & DANGEROUS


@given(st.recursive(ANY_TEXT | st.integers() | st.none(), lambda items: st.lists(items)))
def test_json_reads_back_unchanged_and_is_as_harmless(value):
    line = dumps(value)
    assert json.loads(line) == value
    assert not {unicodedata.category(character) for character in line} & DANGEROUS
    assert json.loads(dumps(value, indent=2)) == value


def test_ordinary_text_stays_readable():
    text = "Grüße, 你好, שלום, 👋: naïve — “quoted”"
    assert safe(text) == text
    assert dumps(text) == f'"{text}"'
    assert safe("a\tb\nc\x1b\u202e\U000e0041") == r"a\tb\nc\x1b\u202e\U000e0041"


def judged(**detectors):
    """An assessment with these detectors' outcomes."""
    return Assessment(
        trace_id="t",
        decision="allow",
        summary="No critic objects.",
        gate=Gate(open=True),
        constraints=(),
        critics={},
        detectors=detectors,
        dissent=(),
        escalations=(),
        precedent=PrecedentAlignment(),
        uncertainty=UncertaintyAnalysis(),
    )


def found(*spans):
    signals = tuple(DetectorSignal(detector="d", category="c", span=span) for span in spans)
    return DetectorResult(detector="d", score=1.0, signals=signals)


def test_a_span_stands_in_its_surroundings():
    text = "word " * 20 + "MARK" + " word" * 20
    quote = Quoter(text, judged()).quote((100, 104))
    assert quote == ("…word word word word word ", "MARK", " word word word word word…")
    assert Quoter("MARK", judged()).quote((0, 4)) == ("", "MARK", "")
    assert Quoter("x" * 500, judged()).quote((0, 500)).marked == "x" * 160 + "…"


@pytest.mark.parametrize("span", [None, (5, 5), (90, 99)])
def test_a_span_that_marks_nothing_is_not_shown(span):
    assert Quoter("short", judged()).quote(span) is None


@pytest.mark.parametrize("name", ["secrets", "personal-data"])
def test_what_a_detector_says_is_secret_is_hidden(name):
    text = "the key is SECRET, keep SECRET safe"
    quoter = Quoter(text, judged(**{name: found((11, 17), (13, 17), (24, 30))}))
    assert quoter.quote((4, 7)) == ("the ", "key", " is [hidden], keep [hidden] safe")
    assert quoter.quote((8, 23)) == ("the key ", "is [hidden], keep", " [hidden] safe")
    assert quoter.quote((12, 15)).marked == "[hidden]"
    assert "SECRET" not in str(quoter.quote((0, len(text))))


def test_nothing_is_quoted_while_nobody_knows_what_is_secret():
    lost = Abstention(voice="detector:secrets", reason="deadline")
    assert Quoter("some text", judged(secrets=lost)).quote((0, 4)) is None


@given(
    st.text("abS", min_size=1, max_size=60),
    st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=5),
    st.tuples(st.integers(0, 70), st.integers(0, 70)),
)
def test_no_hidden_character_is_ever_quoted(text, hidden, span):
    hidden = [(start, end) for start, end in map(sorted, hidden) if start < end <= len(text)]
    marked = "".join(
        "S" if any(start <= index < end for start, end in hidden) else "a"
        for index in range(len(text))
    )
    quote = Quoter(marked, judged(secrets=found(*hidden))).quote(tuple(sorted(span)))
    assert "S" not in "".join(quote or ()).replace("[hidden]", "")


@pytest.mark.anyio
@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_results_come_in_order_and_never_more_than_the_limit_are_held(limit):
    held = most = 0
    done = []

    async def work(item):
        nonlocal held, most
        held += 1
        most = max(most, held)
        await anyio.sleep(0.001 * (item % 3))
        return item

    def finish(item):
        nonlocal held
        held -= 1
        done.append(item)

    await in_order(range(50), work, finish, limit=limit)
    assert done == list(range(50))
    assert most <= limit


@pytest.mark.anyio
async def test_an_error_ends_the_rest():
    async def work(item):
        if item == 3:
            raise LookupError(item)
        await anyio.sleep(5 if item > 3 else 0)
        return item

    done = []
    with anyio.fail_after(2), pytest.raises(BaseExceptionGroup) as caught:
        await in_order(range(10), work, done.append, limit=5)
    assert caught.group_contains(LookupError)
    assert done == list(range(len(done)))
    assert len(done) <= 3
