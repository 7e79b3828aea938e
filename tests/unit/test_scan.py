"""The shared scan: nothing is lost, nothing is somebody else's, and every span is where it says."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_core.api import Pattern
from eleanor_core.errors import PluginError
from eleanor_core.model import Hit
from eleanor_core.pipeline.scan import MAX_HITS, PatternError, Scan, ScanError, Scanner

REGEXES = (
    "cat",
    r"(?i)c\w+t",
    r"[a-z]+\b",
    r"^a",
    r"b$",
    r"(?m)^-.",
    r"(?s)a.b",
    r"\p{Cyrillic}+",
    r"é",
    r"[^a]{3}",
    r"a|ab|abc",
    r"\x{1F600}",
    r"\bto\b",
)
PATTERNS = tuple(Pattern(id=f"p{number}", regex=regex) for number, regex in enumerate(REGEXES))
TEXTS = st.text(
    st.sampled_from("aAbct-\n to") | st.characters(exclude_categories=["Cs"]), max_size=60
)
SCANNER = Scanner({"critics/all": PATTERNS})


def one(regex: str, *, redact: bool = False) -> Scanner:
    return Scanner({"critics/a": [Pattern(id="p", regex=regex, redact=redact)]})


def spans(scan: Scan, voice: str = "critics/a") -> list[tuple[int, int]]:
    return [hit.span for hit in scan.hits[voice]]


def refused(patterns: Sequence[Pattern]) -> PatternError:
    with pytest.raises(PatternError) as caught:
        Scanner({"detectors/ours": [Pattern(id="fine", regex="fine")], "detectors/x": patterns})
    return caught.value


@given(TEXTS)
def test_the_set_finds_what_each_pattern_finds_alone(text: str) -> None:
    scan = SCANNER.scan(text)
    alone = {
        (view.name, pattern.id, match.span())
        for view in scan.views
        for pattern in PATTERNS
        for match in re2.finditer(pattern.regex, view.text)
    }
    found = {(hit.view, hit.pattern, hit.view_span) for hit in scan.hits["critics/all"]}
    repeated = {(view, pattern, span) for view, pattern, span in alone - found if view == "normal"}
    assert found <= alone
    assert alone - found == repeated
    for _, pattern, span in repeated:
        origin = scan.views[1].origin(*span)
        assert ("text", pattern, origin) in found


@given(TEXTS)
def test_a_hits_text_matches_its_pattern_and_its_span_lies_in_the_text(text: str) -> None:
    scan = SCANNER.scan(text)
    views = {view.name: view for view in scan.views}
    order = {name: place for place, name in enumerate(views)}
    regexes = {pattern.id: pattern.regex for pattern in PATTERNS}
    for hit in scan.hits["critics/all"]:
        view = views[hit.view]
        start, end = hit.view_span
        assert 0 <= start < end <= len(view.text)
        assert hit.span == view.origin(start, end)
        assert 0 <= hit.span[0] <= hit.span[1] <= len(text)
        assert any(
            match.span() == (start, end) for match in re2.finditer(regexes[hit.pattern], view.text)
        )
    keys = [(order[hit.view], hit.view_span[0], hit.pattern) for hit in scan.hits["critics/all"]]
    assert keys == sorted(keys)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_breaks_the_scan(text: str) -> None:
    assert SCANNER.scan(text) == SCANNER.scan(text)


def test_spans_count_code_points_after_wide_characters() -> None:
    text = "é中😀cat"
    assert spans(one("cat").scan(text)) == [(3, 6)]
    assert spans(one("中.").scan(text)) == [(1, 3)]


def test_each_voice_gets_its_own_hits_and_equal_patterns_are_compiled_once() -> None:
    scanner = Scanner(
        {
            "critics/a": [Pattern(id="mine", regex="cat")],
            "critics/b": [Pattern(id="yours", regex="cat"), Pattern(id="dog", regex="dog")],
            "critics/c": [],
        }
    )
    hits = scanner.scan("a cat, a dog").hits
    assert hits["critics/a"] == (Hit(pattern="mine", span=(2, 5), view_span=(2, 5)),)
    assert [hit.pattern for hit in hits["critics/b"]] == ["yours", "dog"]
    assert hits["critics/c"] == ()
    assert list(hits) == ["critics/a", "critics/b", "critics/c"]


def test_without_patterns_there_are_views_and_no_hits() -> None:
    scan = Scanner({"critics/a": ()}).scan("wait…")
    assert [view.name for view in scan.views] == ["text", "normal"]
    assert scan.hits == {"critics/a": ()}
    assert Scanner({}).scan("") == Scan(views=Scanner({}).scan("").views, hits={})


def test_a_hit_in_a_decoded_view_names_it_and_points_at_the_blob() -> None:
    blob = base64.b64encode(b"bring the red umbrella").decode()
    text = f"look: {blob}!"
    (hit,) = one("red umbrella").scan(text).hits["critics/a"]
    assert hit.view == "base64"
    assert text[slice(*hit.span)] == blob
    assert hit.view_span == (10, 22)


def test_the_normal_form_adds_what_was_hidden_and_repeats_nothing() -> None:
    scan = one("umbrella").scan("an umbrella and an um\u200bbrella")
    assert [(hit.view, hit.span) for hit in scan.hits["critics/a"]] == [
        ("text", (3, 11)),
        ("normal", (19, 28)),
    ]


def test_the_same_place_with_other_words_is_told_again() -> None:
    scan = one(r"#\S+").scan("#ab\u200bc")
    assert [hit.view for hit in scan.hits["critics/a"]] == ["text", "normal"]


def test_hits_are_capped_and_the_cap_is_told() -> None:
    scan = one("x").scan("x" * (MAX_HITS + 1))
    assert len(scan.hits["critics/a"]) == MAX_HITS
    assert scan.undecoded == (
        f"critics/a: only the first {MAX_HITS} hits of p in view text are told",
    )
    assert one("x").scan("x" * MAX_HITS).undecoded == ()


def test_redactions_are_merged_and_never_capped() -> None:
    scan = one(r"k[0-9]", redact=True).scan("k1 " * (2 * MAX_HITS))
    assert len(scan.hits["critics/a"]) == MAX_HITS
    assert len(scan.redactions) == 2 * MAX_HITS
    overlapping = Scanner(
        {
            "detectors/a": [
                Pattern(id="1", regex="abc", redact=True),
                Pattern(id="2", regex="cd", redact=True),
                Pattern(id="3", regex="z"),
            ]
        }
    )
    assert overlapping.scan("abcd z abc").redactions == ((0, 4), (7, 10))


def test_a_blob_that_holds_what_is_redacted_is_redacted_whole() -> None:
    blob = base64.b64encode(b"the key is k1234567, keep it").decode()
    text = f"x {blob} y"
    scan = one("k[0-9]+", redact=True).scan(text)
    assert scan.redactions == ((2, 2 + len(blob)),)


def test_one_of_several_voices_asking_for_redaction_is_enough() -> None:
    scanner = Scanner(
        {
            "critics/a": [Pattern(id="p", regex="k1")],
            "detectors/b": [Pattern(id="p", regex="k1", redact=True)],
        }
    )
    assert scanner.scan("k1").redactions == ((0, 2),)


@pytest.mark.parametrize(
    ("regex", "reason"),
    [
        ("(?=a)b", "(?="),
        ("(?<!a)b", "(?<"),
        (r"(a)\1", r"\1"),
        ("a(", "missing )"),
        ("a{2000}", "repetition"),
        ("", "empty string"),
        ("a*", "empty string"),
        (r"\b", "empty string"),
        (r"a|\B", "empty string"),
        (r"[a\n-]+|$", "empty string"),
        ("(?m)^", "empty string"),
        (r"a\Cb", "splits characters"),
        ("\ud800", "lone surrogate"),
    ],
)
def test_a_pattern_that_cannot_be_scanned_is_refused(regex: str, reason: str) -> None:
    error = refused([Pattern(id="bad", regex=regex)])
    assert (error.voice, error.pattern) == ("detectors/x", "bad")
    assert reason in str(error)
    assert "'bad' of detectors/x" in str(error)


def test_an_id_used_twice_is_refused() -> None:
    error = refused([Pattern(id="same", regex="a"), Pattern(id="same", regex="b")])
    assert "twice" in str(error)


def test_too_little_memory_to_compile_is_an_error() -> None:
    patterns = [Pattern(id=str(number), regex=f"word{number} [a-z]{{40}}") for number in range(40)]
    with pytest.raises(PluginError, match="40 patterns of all voices need more than 100000 bytes"):
        Scanner({"critics/a": patterns}, max_mem=100_000)


def test_an_automaton_that_runs_out_of_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = one("cat")
    # What the binding answers then; RE2 itself checks at compile time that it does not come to it.
    monkeypatch.setattr(re2.Set, "Match", lambda _set, _data: None)
    with pytest.raises(ScanError, match="out of memory"):
        scanner.scan("a dog")


@settings(max_examples=30)
@given(st.text("ab", min_size=200, max_size=2000))
def test_an_automaton_that_forgets_all_the_time_loses_nothing(text: str) -> None:
    patterns = [Pattern(id=f"{gap:02}", regex=f"a.{{{gap}}}b") for gap in range(1, 12)]
    tight = Scanner({"critics/a": patterns}, max_mem=50_000)
    found = {hit.pattern for hit in tight.scan(text).hits["critics/a"]}
    assert found == {pattern.id for pattern in patterns if re2.search(pattern.regex, text)}
