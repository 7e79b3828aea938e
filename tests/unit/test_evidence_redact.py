"""Redaction hides what patterns match, keeps every span right, and twice is once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import Pattern
from eleanor_core.evidence import Redactor
from eleanor_core.model.json import FrozenMap, JsonValue

PATTERNS = (
    Pattern(id="key", regex=r"AKIA[0-9A-Z]{16}", redact=True),
    Pattern(id="email", regex=r"(?i)[a-z]+@[a-z]+\.[a-z]{2,}", redact=True),
    Pattern(id="word", regex=r"\bsecret\b", redact=True),
    Pattern(id="start", regex=r"^top", redact=True),
    Pattern(id="end", regex=r"tail$", redact=True),
    Pattern(id="chain", regex=r"k\*{3}", redact=True),
    Pattern(id="umlaut", regex=r"ü+", redact=True),
    Pattern(id="shown", regex=r"visible", redact=False),
)
REDACTOR = Redactor(PATTERNS)
# Pieces that hit, nearly hit, and become hits once a neighbour is masked.
TEXT = st.lists(
    st.sampled_from(
        [
            "AKIA" + "IOSFODNN7EXAMPLE",
            "a@b.cd",
            "secret",
            "secretly",
            "top",
            "tail",
            "k",
            "küü",
            "ü",
            "\n",
            " ",
            "*",
            "visible",
            "\U0001f600",
            "x",
            "\ud800",
        ]
    ),
    max_size=6,
).map("".join)
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("nothing here", "nothing here"),
        ("", ""),
        ("id AKIA" + "IOSFODNN7EXAMPLE.", "id " + "*" * 20 + "."),
        ("to A@B.CD now", "to ****** now"),
        ("a secret, no secretly", "a ******, no secretly"),
        ("top top", "*** top"),
        ("x\ntop", "x\ntop"),
        ("tail tail", "tail ****"),
        ("\U0001f600üüü\U0001f600", "\U0001f600***\U0001f600"),
        ("visible", "visible"),
        ("küüü", "****"),
        ("lone \ud800 secret", "lone \ud800 ******"),
    ],
)
def test_masks_each_match_with_its_own_length(text: str, masked: str) -> None:
    assert REDACTOR.text(text) == masked


@given(TEXT)
def test_length_stays_and_twice_is_once(text: str) -> None:
    masked = REDACTOR.text(text)
    assert len(masked) == len(text)
    assert REDACTOR.text(masked) == masked
    assert all(now in (before, "*") for before, now in zip(text, masked, strict=True))


@given(JSON)
def test_a_value_is_masked_string_by_string(value: JsonValue) -> None:
    redacted = REDACTOR.value(value)
    assert strings(redacted) == [REDACTOR.text(text) for text in strings(value)] or collides(value)
    assert REDACTOR.value(redacted) == redacted


def strings(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in strings(part)]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


def collides(value: JsonValue) -> bool:
    if isinstance(value, dict):
        keys = {REDACTOR.text(key) for key in value}
        return len(keys) < len(value) or any(map(collides, value.values()))
    return any(map(collides, value)) if isinstance(value, list) else False


def test_keys_that_become_equal_are_kept_apart() -> None:
    redacted = REDACTOR.value({"a@b.cd": 1, "e@f.gh": 2, "******": 3, "******#2": 4})
    assert redacted == {"******": 1, "******#2": 2, "******#3": 3, "******#2#2": 4}
    assert REDACTOR.value(redacted) == redacted


def test_many_keys_that_become_equal_cost_no_more_than_many_keys() -> None:
    redacted = REDACTOR.value({f"x{number}@b.cd": number for number in range(10_000, 30_000)})
    assert isinstance(redacted, dict)
    assert len(redacted) == 20_000


def test_masks_that_go_on_completing_matches_hide_the_whole_text() -> None:
    redactor = Redactor([Pattern(id="row", regex=r"[^0-9][0-9]{16}", redact=True)])
    short = "id 1234567812345678 ."
    assert redactor.text(short) == "id***************** ."
    # Each mask makes the next 16 digits a match: one pass for each would be quadratic.
    assert redactor.text("x" + "4" * 800_000) == "*" * 800_001


def test_a_literal_that_is_never_closed_masks_itself_alone() -> None:
    redactor = Redactor(
        [
            Pattern(id="open", regex=r"\Qa.b", redact=True),
            Pattern(id="next", regex="secret", redact=True),
        ]
    )
    assert redactor.text("a.b axb secret") == "*** axb ******"


def test_a_set_that_runs_out_of_memory_hides_everything() -> None:
    class Exhausted:
        def Match(self, _data: bytes) -> None:
            return None

    redactor = Redactor([Pattern(id="any", regex="secret", redact=True)])
    redactor._any = Exhausted()
    assert redactor.text("so far so good") == "*" * 14
    assert redactor.value({"a": "calm"}) == {"*": "****"}


def test_what_does_not_hit_is_handed_back_itself() -> None:
    value: JsonValue = {"a": ["x", {"b": "y"}], "n": 1}
    assert REDACTOR.value(value) is value
    text = "a long enough text without anything"
    assert REDACTOR.text(text) is text


def test_without_patterns_everything_is_handed_back_itself() -> None:
    empty = Redactor([Pattern(id="shown", regex="visible")])
    value: JsonValue = {"a": "visible"}
    assert empty.value(value) is value
    assert empty.text("visible") == "visible"


def test_read_only_values_stay_read_only() -> None:
    redacted = REDACTOR.value(FrozenMap({"a": ("secret", 1)}))
    assert isinstance(redacted, FrozenMap)
    assert redacted["a"] == ("******", 1)


@pytest.mark.parametrize("places", [(0,), (255, 256), (999,), (3, 300, 700)])
def test_each_of_many_strings_is_masked_as_it_would_be_alone(places: tuple[int, ...]) -> None:
    texts = [f"text {number}" for number in range(1000)]
    for place in places:
        texts[place] = f"secret {place}"
    assert REDACTOR.texts(texts) == [REDACTOR.text(text) for text in texts]
    assert sum("******" in text for text in REDACTOR.texts(texts)) == len(places)


def test_what_has_no_hit_is_kept_beside_what_has() -> None:
    value: JsonValue = FrozenMap({"a": FrozenMap({"b": ("plain", 1)}), "c": ("secret", {"d": "x"})})
    redacted = REDACTOR.value(value)
    assert redacted == FrozenMap({"a": {"b": ("plain", 1)}, "c": ("******", {"d": "x"})})
    assert isinstance(value, FrozenMap)
    assert isinstance(redacted, FrozenMap)
    assert redacted["a"] is value["a"]


@pytest.mark.parametrize("regex", [r"\Asecret", r"secret\z", r"(?-m)^secret$", r"(?m)^secret"])
def test_anchors_see_each_string_alone(regex: str) -> None:
    redactor = Redactor([Pattern(id="anchored", regex=regex, redact=True)])
    value: JsonValue = ["before", "secret", {"secret": "after"}]
    assert redactor.value(value) == ["before", "******", {"******": "after"}]
    assert redactor.text("a secret x") == "a secret x"


def test_a_pattern_for_single_bytes_masks_whole_characters() -> None:
    redactor = Redactor([Pattern(id="byte", regex=r"x\C", redact=True)])
    assert redactor.text("axüb") == "a**b"


def test_a_pattern_that_can_match_nothing_masks_nothing() -> None:
    assert Redactor([Pattern(id="empty", regex="q*", redact=True)]).text("aqb") == "a*b"


def test_many_patterns_compile() -> None:
    many = [
        Pattern(id=str(number), regex=rf"(?i)\bkey{number}[a-z]{{8,40}}\b", redact=True)
        for number in range(600)
    ]
    assert Redactor(many).text("a KEY599abcdefgh b") == "a ************** b"


def test_a_pattern_that_cannot_be_linear_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="pattern 'behind' cannot be used"):
        Redactor([Pattern(id="behind", regex="(?<=a)b", redact=True)])
