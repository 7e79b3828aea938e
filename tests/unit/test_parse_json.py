"""The one place where JSON is parsed: what is no I-JSON, what is too large, and what only looks so."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import RECORD_LIMITS, InvalidInput, JsonLimits, parse_json
from eleanor_core.api.json_limits import JsonWalk, Refused
from eleanor_core.evidence.canonical import canonical

DEEP = JsonLimits(depth=4)
SMALL = JsonLimits(marks=100, keys=5, items=20, string_bytes=30, key_bytes=10)

NOT_JSON = [
    b"", b" ", b"nul", b"True", b"'a'", b"{a: 1}", b'{"a" 1}', b'{"a": 1,}', b"[1,]", b"[,1]",
    b"[1 2]", b'{"a"}', b'{"a":}', b"{1: 2}", b"[", b"{", b'"', b'["a', b'{"a": [}', b"]", b"}",
    b"[1]]", b"1 2", b"{} x", b"[1]\x00", b"\x00", b"01", b"1.", b".5", b"+1", b"-", b"1e", b"0x1",
    b"1_000", b"--1", b'"\\x"', b'"\\u12"', b'"\\u12g4"', b'"a\nb"', b'"\t"', b"/* */ 1", b"1 // a",
    b"[1]\xc2\xa0", b"\xe2\x80\x9cquoted\xe2\x80\x9d", b"```json\n{}\n```", b"\\", b'\\"[[[[[',
]  # fmt: skip
"""Malformed in the ways that people, programs and models get JSON wrong."""


def refused(data: bytes | str, limits: JsonLimits = JsonLimits()) -> InvalidInput:  # noqa: B008 -- frozen
    with pytest.raises(InvalidInput) as caught:
        parse_json(data, limits)
    return caught.value


@pytest.mark.parametrize("data", NOT_JSON)
def test_what_is_not_json_is_refused_with_the_byte(data: bytes) -> None:
    assert "at byte " in str(refused(data))


@pytest.mark.parametrize(
    ("data", "path", "said"),
    [
        (b"\xef\xbb\xbf{}", "$", "byte order mark"),
        ("\ufeff{}", "$", "byte order mark"),
        ("{}".encode("utf-16"), "$", "not UTF-8 at byte 0"),
        ("{}".encode("utf-16-le"), "$", "not JSON"),
        (b'{"a": "\xff"}', "$", "not UTF-8 at byte 7"),
        (b'"\xed\xa0\x80"', "$", "not UTF-8 at byte 1"),
        (b'"\xc0\x80"', "$", "not UTF-8 at byte 1"),
        ('["\ud800"]', "$", "lone surrogate U+D800 at character 2"),
        (b'{"a": ["\\ud800"]}', "$.a[0]", "lone surrogate U+D800"),
        (b'{"a": {"\\udfff": 1}}', "$.a['?']", "lone surrogate U+DFFF"),
        ('{"é": }'.encode(), "$", "expecting value at byte 7 (line 1, column 7)"),
        (b'{"a": NaN}', "$.a", "NaN is not a JSON value"),
        (b"[1, -Infinity]", "$[1]", "an infinity"),
        (b"[1e999]", "$[0]", "beyond 1.8e308"),
        (b"9007199254740992", "$", "an integer beyond 2^53 - 1"),
        (b'{"n": -9007199254740992}', "$.n", "an integer beyond 2^53 - 1"),
        (b"[%s]" % (b"7" * 900_000), "$[0]", "an integer beyond 2^53 - 1"),
        (b'{"a": 1, "a": 1}', "$", "the key 'a' stands there twice"),
        (b'{"x": [{"a": 1, "\\u0061": 2}]}', "$.x[0]", "the key 'a' stands there twice"),
        (b'{"x: y": 1, "z": {"b": [], "b": "a:b:c"}}', "$.z", "the key 'b' stands there twice"),
        (b'{"it\'s": NaN}', "$['it\\'s']", "NaN"),
    ],
)
def test_what_is_no_interoperable_json_is_refused_with_its_path(
    data: bytes | str, path: str, said: str
) -> None:
    error = refused(data)
    assert (error.path, error.code) == (path, "invalid_input")
    assert said in str(error)
    assert path == "$" or path in str(error)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b" \t\r\n1 ", 1),
        (b"-0", 0),
        (b"1E+2", 100.0),
        (b"0.1e-400", 0.0),
        (b"9007199254740991", 2**53 - 1),
        (b"0.%s" % (b"7" * 9000), 7 / 9),
        (b'"\\u0000\\ud83d\\ude00\xf0\x9f\x98\x80"', "\x00\U0001f600\U0001f600"),
        (b'"\xef\xbb\xbf"', "\ufeff"),
        (b'"[[[[[\\"[[[[[,,,,,::::\\\\"', '[[[[["[[[[[,,,,,::::\\'),
        (b'{"a:b": "c:d", "": {"\\\\": "\\":"}}', {"a:b": "c:d", "": {"\\": '":'}}),
        (b'{"a": {"a": [{"a": null}]}}', {"a": {"a": [{"a": None}]}}),
    ],
)
def test_what_is_json_is_read_as_it_stands(data: bytes, value: object) -> None:
    assert parse_json(data, DEEP) == value


@pytest.mark.parametrize(
    ("data", "path", "said"),
    [
        (b"[" * 100_000, "$", "deeper than 64"),
        (b"[" * 100_000 + b"]" * 100_000, "$", "deeper than 64"),
        (b'{"a":' * 100_000, "$", "deeper than 64"),
        (b"[" + b"[],[" * 20_000 + b"]" * 20_001, "$", "deeper than 64"),
        (b'["]",' * 500 + b"1" + b',"["]' * 500, "$", "deeper than 64"),
        (b"[" + b"[],[[]]," * 5000 + b"[" * 64 + b"]" * 64 + b"]", "$", "deeper than 64"),
        (b"[" + b"[]," * 333_000 + b"[]]", "$", "200001 commas and brackets"),
        (b"[" + b"1," * 500_000 + b"1]", "$", "200001 commas and brackets"),
        (b"[" + b'"",' * 250_000 + b'""]', "$", "200001 commas and brackets"),
        (b"[" + b'",:",' * 250_000 + b'""]', "$", "200001 commas and brackets"),
        (b'["' + b"[" * 900_000 + b'",' + b"[]," * 250_000 + b"1]", "$", "commas and brackets"),
        (b'["' + b"\\\\" * 400_000 + b'",' + b"[]," * 250_000 + b"1]", "$", "commas and brackets"),
        (b"[" + b'",,[",' * 190_000 + b"[" * 70 + b"]" * 70 + b"]", "$", "deeper than 64"),
        (b"[" + b'{"a":1},' * 150_000 + b"1]", "$", "200001 commas and brackets"),
        (b"[" + b'{":":","},' * 150_000 + b"1]", "$", "200001 commas and brackets"),
        (b"[" + b'"\\"",' * 250_000 + b"1]", "$", "200001 commas and brackets"),
        (b"[" + b"1," * 150_000 + b"1]", "$", "a list of 150001 items"),
        (b" " * 8_000_001, "$", "it has 8000001 bytes; the limit is 8000000"),
        ("é" * 4_000_001, "$", "it has 8000002 bytes; the limit is 8000000"),
        ("x" * 8_000_001, "$", "characters; the limit is 8000000 bytes"),
    ],
)
def test_a_bomb_is_refused_with_the_limit(data: bytes | str, path: str, said: str) -> None:
    error = refused(data)
    assert error.path == path
    assert said in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b'["%s"]' % (b"[" * 900_000),
        b'["%s"]' % (b"[]{},:" * 150_000),
        b'["%s"]' % (b'\\"[' * 300_000),
        b'["%s"]' % (b"\\\\" * 400_000),
        b'["%s\\""]' % (b"," * 900_000),
        b'["]", "[", "]", "["]' + b" " * 500_000,
        b"[" + b",".join([b'"[[[[[[", "]]]]:,"'] * 30_000) + b"]",
    ],
)
def test_a_harmless_text_full_of_brackets_is_read(data: bytes) -> None:
    assert parse_json(data) == json.loads(data)


@pytest.mark.parametrize("escape", [b"\\\\", b'\\"', b'\\\\\\"', b"\\n", b"\\\\\\\\", b"\xc3\xa9"])
def test_no_place_in_a_long_text_hides_where_a_string_ends(escape: bytes) -> None:
    """What is counted block by block is the same wherever a block ends."""
    for length in range(2**14 - 10, 2**14 + 2):
        begin = b'["' + b"x" * length + escape
        assert parse_json(begin + b'[[[[[["]', DEEP) == json.loads(begin + b'[[[[[["]')
        assert "deeper than 4" in str(refused(begin + b'",[[[[[[""]]]]]]]', DEEP))


@pytest.mark.parametrize(
    ("data", "path", "said"),
    [
        ({"a": {"b": ["x" * 31]}}, "$.a.b[0]", "a string of 31 characters; the limit is 30 bytes"),
        ({"a": {"b": ["é" * 16]}}, "$.a.b[0]", "a string of 32 bytes; the limit is 30"),
        ({"a": {"x" * 11: 1}}, "$.a.xxxxxxxxxxx", "a key of 11 characters; the limit is 10"),
        ({"a": dict.fromkeys("abcdef")}, "$.a", "an object of 6 keys; the limit is 5"),
        ({"a": [1] * 21}, "$.a", "a list of 21 items; the limit is 20"),
        ({"a": [[1] * 20] * 5}, "$.a[4]", "more than 100 commas"),
    ],
)
def test_each_limit_is_told_with_what_was_found(data: object, path: str, said: str) -> None:
    error = refused(json.dumps(data), SMALL)
    assert error.path == path
    assert said in str(error)


def test_a_path_tells_of_a_long_key_its_length_alone() -> None:
    error = refused(json.dumps({"k" * 900: {"\x1b[31m": float("nan")}}))
    assert error.path == "$['<900 characters>']['\x1b[31m']"


@pytest.mark.parametrize("items", [1, 511, 512, 513, 1024, 5000])
@pytest.mark.parametrize(
    ("item", "marks"),
    [(b"1", 1), (b'"],[{:"', 1), (b"[ ]", 3), (b"{}", 3), (b"[[ ] ]", 5), (b'{"a":[1]}', 5)],
)
def test_commas_and_brackets_are_counted_to_the_last_one(
    items: int, item: bytes, marks: int
) -> None:
    count = 1 + items * marks
    read = b" " * 5000 + b"[%b]" % b",".join([item] * items)
    assert parse_json(read, JsonLimits(marks=count)) == json.loads(read)
    error = refused(read, JsonLimits(marks=count - 1))
    assert f"it holds {count} commas and brackets or more" in str(error)


MARKS = st.text(alphabet='[]{}",:\\ u0d8aeE1-.truefalsn\n\u00e9\U0001f600')
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | MARKS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(MARKS | st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(PLAIN, st.booleans(), st.sampled_from([None, 2]))
def test_what_the_json_module_writes_reads_back(
    value: object, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert parse_json(text) == parse_json(text.encode()) == value


def held(value: object) -> tuple[int, int]:
    """Return how many commas and brackets there are, and how deep containers stand."""
    if not isinstance(value, dict | list):
        return 0, 0
    inner = [held(item) for item in (value.values() if isinstance(value, dict) else value)]
    own = 2 + max(len(value) - 1, 0)
    return own + sum(count for count, _ in inner), 1 + max((deep for _, deep in inner), default=0)


@given(PLAIN, st.booleans(), st.sampled_from([None, 1]), st.integers(0, 16), st.integers(0, 4))
def test_the_count_on_the_bytes_is_that_of_a_parser(
    value: object, ascii_only: bool, indent: int | None, most: int, depth: int
) -> None:
    text = " " * 5000 + json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    count, deep = held(value)
    limits = JsonLimits(marks=most, depth=depth)
    if count > most:
        assert "commas and brackets or more" in str(refused(text, limits))
    elif deep > depth:
        assert f"nested deeper than {depth} levels" in str(refused(text, limits))
    else:
        assert parse_json(text, limits) == value


BROKEN = st.text(alphabet='[]{}",:\\ u1', max_size=60)


@given(BROKEN, st.integers(1, 12), st.integers(0, 4))
def test_what_is_counted_first_is_refused_either_way(text: str, most: int, depth: int) -> None:
    """A count refuses no text that is short enough to go without and is read."""
    limits = JsonLimits(marks=most, depth=depth)
    try:
        value = parse_json(text, limits)
    except InvalidInput:
        refused(" " * 5000 + text, limits)
    else:
        assert parse_json(" " * 5000 + text, limits) == value


ODD = st.recursive(
    st.integers(2**53 - 2, 2**53 + 1)
    | st.floats()
    | st.text(alphabet='\ud83d\ude00\u00e9\\"ud', max_size=35),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet='\ud83d\ude00\u00e9"', max_size=12), inner, max_size=7)
    ),
    max_leaves=12,
)


@given(ODD, st.sampled_from([SMALL, DEEP, JsonLimits(depth=2, marks=8)]))
def test_a_text_is_refused_for_what_a_walk_over_its_values_finds(
    value: object, limits: JsonLimits
) -> None:
    text = json.dumps(value)
    try:
        kept = JsonWalk(limits).check(json.loads(text))
    except Refused as found:
        error = refused(text, limits)
        assert str(error) == str(found.at("$", "JSON"))
    else:
        assert parse_json(text, limits) == kept


@given(st.lists(st.tuples(MARKS.map(lambda key: key[:2]), PLAIN), max_size=6))
def test_an_object_is_refused_where_a_key_stands_there_twice(
    pairs: list[tuple[str, object]],
) -> None:
    inside = ",".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs)
    text = f'[{{{inside}}}, ":"]'
    if len(dict(pairs)) < len(pairs):
        assert "stands there twice" in str(refused(text))
    else:
        assert parse_json(text) == [dict(pairs), ":"]


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\ u0d8aeE1-.truefalsn', max_size=40))
def test_it_reads_no_more_than_the_json_module_does(data: bytes | str) -> None:
    """Whatever it accepts, the json module reads the same from it."""
    try:
        value = parse_json(data)
    except InvalidInput:
        return
    assert json.loads(data) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_a_record_says_of_a_number_reads_back(number: float) -> None:
    """A large double has no exponent there, and stands like an integer that input may not hold."""
    read = parse_json(canonical([number, 1e20, -(2.0**53)]), RECORD_LIMITS)
    assert isinstance(read, list)
    assert [float(str(item)) for item in read] == [number, 1e20, -(2.0**53)]
