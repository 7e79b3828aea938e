"""The canonical form is that of RFC 8785, byte for byte, and what has none is refused."""

from __future__ import annotations

import enum
import json
import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.evidence import canonical
from eleanor_core.evidence.canonical import MAX_SAFE_INTEGER
from eleanor_core.model.json import JsonValue, freeze

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
# Where the form of a number changes: whole or not, 1e-4, 1e-6, 2**53, 1e16, 1e21.
EDGES = st.sampled_from([0.0, 1.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e15, 2.0**53, 1e16, 1e17, 1e20, 1e21])
NEAR_EDGES = st.builds(math.nextafter, EDGES, st.sampled_from([math.inf, -math.inf]))
NUMBERS = (
    st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**70), 2**70).map(float)
    | NEAR_EDGES
    | EDGES.map(float.__neg__)
)
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


class Level(enum.IntEnum):
    HIGH = 3


class Word(enum.StrEnum):
    ALLOW = "allow"


@given(JSON)
def test_equals_the_reference(value: JsonValue) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(st.lists(NUMBERS, max_size=50))
def test_every_number_equals_the_reference(value: list[float]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(JSON)
def test_frozen_values_have_the_same_form(value: JsonValue) -> None:
    assert canonical(freeze(value)) == canonical(value)


@given(JSON)
def test_reads_back_as_the_same_value_and_the_same_bytes(value: JsonValue) -> None:
    # As ECMAScript reads it: the float 2**53 is written as an integer, and is none.
    again = json.loads(canonical(value), parse_int=float)
    assert again == value
    assert canonical(again) == canonical(value)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (1.0, b"1"),
        (-0.0, b"0"),
        (0.1, b"0.1"),
        (1e-6, b"0.000001"),
        (1e-7, b"1e-7"),
        (1e16, b"10000000000000000"),
        (1e20, b"100000000000000000000"),
        (1e21, b"1e+21"),
        (5e-324, b"5e-324"),
        (1.7976931348623157e308, b"1.7976931348623157e+308"),
        (MAX_SAFE_INTEGER, b"9007199254740991"),
        ('\x00\x1f\b\f\n\r\t"\\/', rb'"\u0000\u001f\b\f\n\r\t\"\\/"'),
        ("\x7f\u2028\u00e9\U0001f600", '"\x7f\u2028\u00e9\U0001f600"'.encode()),
        (Level.HIGH, b"3"),
        ([Word.ALLOW, {Word.ALLOW: True}], b'["allow",{"allow":true}]'),
        (((), {}, ""), b'[[],{},""]'),
    ],
)
def test_known_forms(value: JsonValue, form: bytes) -> None:
    assert canonical(value) == form


def test_members_stand_in_utf16_order() -> None:
    # The example of RFC 8785, section 3.2.3: by code point, the smiley would come last.
    members = {
        "\u20ac": 5,
        "\r": 1,
        "\ufb33": 7,
        "1": 2,
        "\U0001f600": 6,
        "\u0080": 3,
        "\u00f6": 4,
    }
    assert list(json.loads(canonical(members)).values()) == [1, 2, 3, 4, 5, 6, 7]


def test_keys_too_long_to_be_remembered_are_written_alike() -> None:
    value: JsonValue = {"b" * 600: 1, "\ue000" * 600: 2, "\U0001f600": 3, "a" * 600: 4}
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2**53, r"integer beyond 2\*\*53 - 1 .* at \$$"),
        ({"a": [0, -(2**53)]}, r"at \$\.a\[1\]$"),
        ({"a b": {"it's": 10**5000}}, r"at \$\['a b'\]\['it\\'s'\]$"),
        ([math.nan], r"nan.* at \$\[0\]$"),
        (math.inf, r"inf.* at \$$"),
        ({"x": "\ud800"}, r"a lone surrogate at \$\.x$"),
        ({"x\udc00": 1}, r"a key with a lone surrogate at \$$"),
        ({"y": {1: 2}}, r"a key of type int at \$\.y$"),
        ({"y": {"b": 1, None: 2}}, r"a key of type NoneType at \$\.y$"),
        (b"bytes", r"a value of type bytes at \$$"),
        ({"z": {1, 2}}, r"a value of type set at \$\.z$"),
    ],
)
def test_what_has_no_form_is_refused_with_its_path(value: JsonValue, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        canonical(value)


def test_endless_nesting_is_refused() -> None:
    value: list[JsonValue] = []
    value.append(value)
    with pytest.raises(ValueError, match="nested too deep"):
        canonical(value)
